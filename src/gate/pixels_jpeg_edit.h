// SPDX-License-Identifier: Apache-2.0
// Rectangles of a JPEG frame blacked in its coefficients (ISO/IEC 10918-1, processes 1, 2 and the
// progressive ones, 8 bits): only blocks that a rectangle touches change, all others keep every
// coefficient, so they decode to the same samples. Where chroma is shared by several pixels the
// blocks of whole MCUs change, and the interpolation of chroma by decoders carries the change one
// pixel further. Private to pixels_*.c.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "gate/pixels_cells.h"
#include "pixel/image.h"

struct buf;
struct err;

// Whether this stream can be edited so and remain what the transfer syntax says.
bool gate_jpeg_editable(const struct px_image *im, struct slice stream);

// Appends the edited stream, with Huffman tables of its own and no segment that a decoder does not
// need beside JFIF and Adobe ones where they were. E_CORRUPT with what libjpeg says, E_MEMORY.
int gate_jpeg_black(const struct px_image *im, struct slice stream, const struct gate_rect *rects,
                    uint32_t count, struct buf *out, struct err *e);

// The pixels that may change when `r` is blacked in this stream.
struct gate_rect gate_jpeg_reach(const struct px_image *im, struct slice stream,
                                 const struct gate_rect *r);

// What of `r` the stream itself holds: tiles at the right and lower edge of a larger picture may be
// narrower or lower than their data set says. Empty (0 × 0) when nothing; all of it for streams
// that are no JPEG.
struct gate_rect gate_jpeg_inside(const struct px_image *im, struct slice stream,
                                  const struct gate_rect *r);
