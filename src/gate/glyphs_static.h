// SPDX-License-Identifier: Apache-2.0
// What stands still in a loop while its surroundings move: writing over moving
// anatomy. Private to the detector (glyphs.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/glyphs_part.h"

#define GLYPH_STILL_FRAMES 3u              // of fewer, nothing can be said
#define GLYPH_STILL_PIXELS_MAX (12u << 20) // of a frame: four bytes a pixel are kept

struct glyph_still {
    uint16_t *low, *high; // owned; of all frames yet
    uint32_t columns, rows;
    uint32_t seen;
};

struct glyph_source;

// false: no memory.
bool glyph_still_open(struct glyph_still *s, uint32_t columns, uint32_t rows);
void glyph_still_done(struct glyph_still *s);
void glyph_still_add(struct glyph_still *s, const struct glyph_source *source);

// 255 where the block from (x, y) stood still within `tolerance` levels in a
// tile that moved, else 0. Returns whether any did.
bool glyph_still_block(const struct glyph_still *s, uint32_t tolerance, uint32_t x, uint32_t y,
                       struct glyph_plane *block);

// Levels between the darkest and the brightest sample.
uint32_t glyph_still_range(const struct glyph_still *s);
