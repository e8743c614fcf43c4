// SPDX-License-Identifier: Apache-2.0
// The codecs: one static const table a codec (codec_native.c, codec_rle.c, codec_jpeg.c), listed in
// codec.c by transfer syntax. Adding one is adding a file and a line.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "pixel/frame.h"
#include "pixel/frames.h"
#include "pixel/image.h"

struct err;

struct px_codec {
    const char *name;            // "RLE Lossless"
    const char *const *syntaxes; // transfer syntax UIDs, NULL at the end
    // Why this image cannot be decoded although the syntax can ("with more than 8 bits …"), or
    // NULL. The member itself may be NULL: nothing to refuse.
    const char *(*refuse)(const struct px_image *im);
    // Decodes the bytes of one frame into `frame` (reserve, describe, fill). Must fail and never
    // read past `bytes` when they do not hold the image described; must not trust the stream's own
    // sizes where they differ from `im`. `bit_offset`: where the frame begins in `bytes`
    // (px_frames_bit_offset), 0 but for unaligned native frames. Offsets in errors count from the
    // start of `bytes`.
    int (*decode)(const struct px_image *im, struct slice bytes, unsigned bit_offset,
                  struct px_frame *frame, struct err *e);
    // What the frames of this image will look like by its data set alone (frame->data stays). NULL:
    // as px_frame_describe says.
    void (*describe)(const struct px_image *im, struct px_frame *frame);
};

// NULL when no codec here decodes this transfer syntax.
const struct px_codec *px_codec_find(const char *syntax_uid);

// Whether px_decode will try: for catalogues ("readable") and Accept negotiation. *ret_reason (may
// be NULL) gets a sentence in the buffer when not, such as "JPEG 2000 … is not decoded by this
// server".
#define PX_REASON_MAX 200
bool px_can_decode(const struct px_image *im, char ret_reason[PX_REASON_MAX]);

// The description that px_decode gives to the frames of this image, for who must know it before
// (the data set of a transcoded file, Accept negotiation). Colour of JPEG is RGB then, that of JPEG
// 2000 when the label says YBR_ICT or YBR_RCT; packed 12-bit samples are words; YBR_FULL_422 of a
// lossless coding is YBR_FULL. A code stream may contradict its data set (JPEG 2000 that says RGB
// and transforms, or the reverse): the description of the decoded frame itself is what counts, and
// who patches a data set by this one compares it with each frame (px_frame_same). E_NOT_ACCEPTABLE
// as px_decode.
int px_decode_describe(const struct px_image *im, struct px_frame *ret_frame, struct err *e);

// Frame `frame` (from 0) out of `file` (see frames.h). E_NOT_ACCEPTABLE with a sentence that names
// the transfer syntax when no codec is there; E_CORRUPT, E_TRUNCATED, E_MISMATCH for this frame
// only when its bytes are bad, with the offset in `file` where the codec knows it. With
// frame->may_borrow an uncompressed frame is not copied. On failure *frame keeps memory but holds
// no picture.
int px_decode(const struct px_image *im, const struct px_frames *frames, struct slice file,
              uint32_t number, struct px_frame *frame, struct err *e);
