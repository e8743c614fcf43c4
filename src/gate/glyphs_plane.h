// SPDX-License-Identifier: Apache-2.0
// A block of a frame as planes of 16-bit samples, whatever the frame's depth
// and photometric. Exact as far as 16 bits go: equal samples stay equal and a
// step of one level stays a step. Private to the detector (glyphs.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/glyphs_part.h"
#include "pixel/frame.h"

struct err;
struct px_palette;

// What a plane shows.
enum glyph_view {
    GLYPH_VIEW_LIGHT,  // grey value, index of a palette, or a weighted sum of the
                       // colour samples
    GLYPH_VIEW_CHROMA, // how far from grey a colour is
    GLYPH_VIEW_PALETTE // light of a palette's colours
};

// How a frame's samples become plane samples; made once a frame.
struct glyph_source {
    const struct px_frame *frame;
    const struct px_palette *palette; // may be NULL
    double low, scale;                // of samples wider than 16 bits and of floats
};

// E_UNSUPPORTED: a description that no decoder here gives out; E_MISMATCH:
// fewer bytes than it says.
int glyph_source_open(const struct px_frame *f, const struct px_palette *palette,
                      struct glyph_source *ret_source, struct err *e);

// Whether a view exists in this frame.
bool glyph_source_has(const struct glyph_source *s, enum glyph_view view);

// Fills width × height samples from (x, y) of the frame; the rest of the stride
// repeats the last column.
void glyph_source_block(const struct glyph_source *s, enum glyph_view view, uint32_t x, uint32_t y,
                        struct glyph_plane *block);

// `count` samples of one row from (x, y) on.
void glyph_source_row(const struct glyph_source *s, enum glyph_view view, uint32_t x, uint32_t y,
                      uint32_t count, uint16_t *out);

// Four samples into one: summed where the sum fits (`bits` of the samples in
// use are known by the largest one), else their mean.
void glyph_plane_halve(const struct glyph_plane *from, struct glyph_plane *to);
void glyph_plane_invert(const struct glyph_plane *from, struct glyph_plane *to);
