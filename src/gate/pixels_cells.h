// SPDX-License-Identifier: Apache-2.0
// Where the samples of a rectangle lie in a frame's bytes: cells (one sample each) that follow each
// other without gaps, of 1 to 64 bits, interleaved or in planes, shared chroma, either byte order.
// One way for decoded frames and for uncompressed pixel data as they stand in a file, whole or in
// pieces. Private to pixels_*.c.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "pixel/frame.h"
#include "pixel/image.h"

struct gate_rect {
    uint32_t x, y, width, height;
};

struct gate_cells {
    uint32_t rows, columns;
    uint32_t samples;
    uint32_t bits;      // of a cell: 1, 8, 12, 16, 32, 64
    uint32_t unit;      // bytes that stand in reversed order: 1, 2, 4 or 8
    bool planar;        // whole planes one behind the other
    bool pairs;         // YBR_FULL_422: Y Y Cb Cr of two pixels
    uint64_t per_frame; // cells
};
struct gate_cells gate_cells_of_image(const struct px_image *im); // as they stand in the file
struct gate_cells gate_cells_of_frame(const struct px_frame *f);  // as decoded

// What a rectangle is filled with: raw cells of the samples of one pixel (of a pair: Y, Cb, Cr).
struct gate_ground {
    uint64_t raw[3];
};
// Black for this frame: the smallest value in it (the largest of MONOCHROME1), the darkest colour
// of a palette, no light of RGB and YBR. Always within bits stored, the sign extended above.
struct gate_ground gate_ground_of(const struct px_image *im, const struct px_frame *f);

// Fills `r` of frame `frame` in `bytes`, which hold the cells from `first` on (counted over all
// frames from the beginning of the pixel data; its bits begin on a byte); what lies outside of
// `bytes` is left out. Chroma of pairs goes for both pixels.
void gate_cells_fill(const struct gate_cells *cells, const struct gate_ground *ground,
                     uint64_t frame, const struct gate_rect *r, uint64_t first, uint8_t *bytes,
                     size_t len);

// Whether all pixels of `r` have the same value in a decoded frame.
bool gate_cells_even(const struct px_frame *f, const struct gate_rect *r);
