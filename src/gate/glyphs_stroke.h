// SPDX-License-Identifier: Apache-2.0
// Which samples belong to strokes: brighter than all that a square wider than a
// stroke finds around them (top-hat), by more than the noise at their place.
// Private to the detector (glyphs.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/glyphs_part.h"

// Widest stroke that a top-hat of this size leaves standing: GLYPH_HAT - 1.
#define GLYPH_HAT 7u
#define GLYPH_TILE 32u

// Rows of scratch that glyph_stroke_hat needs.
#define GLYPH_HAT_ROWS 4u

// hat[i] = plane[i] - opening(plane)[i]. `scratch` has the size of the plane;
// `rows` GLYPH_HAT_ROWS strides. `hat` must not be the plane.
void glyph_stroke_hat(const struct glyph_plane *plane, uint16_t *hat, uint16_t *scratch,
                      uint16_t *rows);

// What is known of a tile of a hat.
struct glyph_tile {
    uint16_t middle; // median
    uint16_t high;   // largest
};

// One a GLYPH_TILE × GLYPH_TILE samples, row by row; (width + 31) / 32 a row.
void glyph_stroke_tiles(const struct glyph_plane *plane, const uint16_t *hat,
                        struct glyph_tile *tiles);

// The thresholds of all tiles at a step: `noise` medians above nothing and at
// least `part` 256ths of the tile's largest. Returns how many tiles have one
// that is clearly above the one `before`, which is kept up to date; tiles far
// from all of these are not looked at again (UINT16_MAX). `changed` is scratch.
struct glyph_cut {
    uint16_t noise; // in quarters of the median
    uint16_t part;  // in 256ths of the largest
    uint16_t least; // no smaller threshold, at least 1
};
uint32_t glyph_stroke_thresholds(const struct glyph_tile *tiles, uint32_t across, uint32_t down,
                                 const struct glyph_cut *cut, uint8_t *changed, uint16_t *before,
                                 uint16_t *thresholds);

// mask = hat >= threshold of its tile ? 255 : 0
void glyph_stroke_mask(const struct glyph_plane *plane, const uint16_t *hat,
                       const uint16_t *thresholds, uint8_t *mask);

// mask = at least two neighbours have exactly this value ? 255 : 0
void glyph_level_mask(const struct glyph_plane *plane, uint8_t *mask);
