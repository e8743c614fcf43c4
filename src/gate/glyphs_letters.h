// SPDX-License-Identifier: Apache-2.0
// What the network (lettering.h) sees in a frame: a map of cells, and the patches of writing in it.
// Private to the detector (glyphs.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/glyphs_box.h"
#include "gate/glyphs_plane.h"

struct err;
struct lettering;

struct glyph_letters {
    struct lettering *network;
    uint8_t *map;  // log odds, 16 a unit over 128; cells of LETTERING_CELL pixels of the frame
    uint8_t *fine; // the same of the finest scale alone
    uint32_t across, down;
    uint8_t *block; // of one plane
    uint32_t *stack;
};

// For frames of that size that are looked at in blocks of at most `block` a side. E_MEMORY.
int glyph_letters_open(struct glyph_letters *l, uint32_t columns, uint32_t rows, uint32_t block,
                       struct err *e);
void glyph_letters_done(struct glyph_letters *l);

void glyph_letters_clear(struct glyph_letters *l);

// Adds what is seen in a plane that begins at pixel (x, y) of the frame with `step` pixels a
// sample.
void glyph_letters_look(struct glyph_letters *l, const struct glyph_plane *plane, uint32_t x,
                        uint32_t y, uint32_t step);

// Adds what the map has and no find; the map is used up. `shape` is what the boxes are. `second`:
// only what is plain.
void glyph_letters_add(struct glyph_letters *l, struct glyph_finds *finds, uint8_t shape,
                       bool second);
