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
// bytes unchanged: it decodes to the same samples. `out` is appended to; *ret_changed says whether
// it differs. Streams of syntaxes without metadata (RLE) come back with what lies behind their end
// cut. E_CORRUPT when it is no such stream.
int gate_stream_clean(const char *syntax_uid, struct slice stream, struct gate_notes *notes,
                      uint32_t frame, struct buf *out, bool *ret_changed, struct err *e);

// Native pixels: whether any bit outside of Bits Stored is set but for the sign's copies (and
// padding values that need them).
bool gate_hidden_bits(const struct px_image *im, struct slice frame);
// Clears them in place (sign extension kept).
void gate_hidden_bits_clear(const struct px_image *im, uint8_t *frame, size_t len);
