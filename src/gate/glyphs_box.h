// SPDX-License-Identifier: Apache-2.0
// Boxes found in different stretches, scales and directions become one list:
// overlapping ones are joined or the weaker dropped, neighbours on one line are
// joined. Private to the detector (glyphs.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/glyphs.h"

// A box before it is one: inclusive bounds in pixels of the frame.
struct glyph_find {
    int x0, y0, x1, y1;
    float score;
    uint8_t shape;
    uint8_t view; // enum glyph_view of the plane that it was found in
    bool vertical, hanging, dark, exact;
    bool certain; // by a rule of its own, whatever the score
    uint16_t letter;
    uint16_t glyphs;
};

struct glyph_finds {
    struct glyph_find *list; // owned
    uint32_t count, cap;
    bool failed; // no memory
    bool full;   // over GLYPH_FINDS_MAX
};
#define GLYPH_FINDS_MAX 65536u

void glyph_finds_add(struct glyph_finds *f, const struct glyph_find *find);
void glyph_finds_done(struct glyph_finds *f);

// Joins in place.
void glyph_finds_settle(struct glyph_finds *f);

// Padded, cut to the frame, judged, appended. More than GATE_BOXES_MAX: one box
// of the whole frame.
int glyph_finds_give(const struct glyph_finds *f, uint32_t columns, uint32_t rows, uint32_t frame,
                     struct gate_boxes *out, struct err *e);

// Makes room. E_MEMORY.
int glyph_boxes_append(struct gate_boxes *out, const struct gate_box *box, struct err *e);
