// SPDX-License-Identifier: Apache-2.0
// What hides around and beneath the pixels: metadata segments of compressed streams (JPEG APPn and
// COM, JPEG 2000 and JPEG-LS comments and boxes, EXIF, ICC descriptions), bytes behind a stream's
// end, fragments that no frame uses, gaps of offset tables, bits above Bits Stored, bytes behind
// the last frame. Icons, overlays, curves, signatures go with header.c; preamble, meta information
// and trailing bytes because every file is written anew.
#pragma once

#include <stdbool.h>

#include "base/slice.h"
#include "gate/context.h"
#include "pixel/frames.h"
#include "pixel/image.h"

struct buf;
struct err;

// One frame's coded stream without anything that is not needed to decode it, its entropy-coded
// bytes unchanged: it decodes to the same samples. `out` is appended to (also when it fails: the
// caller drops it); *ret_changed says whether it differs by more than a padding byte of zero behind
// its end, which is never in `out`. E_CORRUPT, E_TRUNCATED with the offset when it is no such
// stream; E_UNSUPPORTED for syntaxes that nobody here cleans (video, JPEG XL).
int gate_stream_clean(const char *syntax_uid, struct slice stream, struct gate_notes *notes,
                      uint32_t frame, struct buf *out, bool *ret_changed, struct err *e);

// The same for a frame of which the image is known: an RLE frame of a single segment, too, is cut
// where its pixels end. Who has the image calls this one.
int gate_frame_clean(const struct px_image *im, struct slice stream, struct gate_notes *notes,
                     uint32_t frame, struct buf *out, bool *ret_changed, struct err *e);

// Native pixels: whether any bit outside of Bits Stored is set but for the sign's copies (and
// padding values that need them).
bool gate_hidden_bits(const struct px_image *im, struct slice frame);
// Clears them in place: zeros, or copies of the sign where some were set above a negative value.
void gate_hidden_bits_clear(const struct px_image *im, uint8_t *frame, size_t len);
