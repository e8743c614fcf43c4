// SPDX-License-Identifier: Apache-2.0
// Edits by frame, and rectangles with rectangles. Private to pixels_*.c.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/pixels.h"
#include "gate/pixels_cells.h"

struct arena;
struct err;

// BLACK and MASK edits that are inside of the frames, those of one frame together, in a copy.
struct gate_edit_set {
    struct gate_edit *all; // of every frame
    uint32_t all_count;
    struct gate_edit *each; // of one, by frame
    uint32_t each_count;
    bool has_masks;
};
// Clips to rows, columns and frames; pairs: to whole pairs of columns (YBR_FULL_422).
int gate_edit_set_make(struct arena *a, const struct px_image *im, const struct gate_edit *edits,
                       uint32_t count, struct gate_edit_set *ret_set, struct err *e);

// The edits of one frame in turn: those of all frames, then its own.
struct gate_edit_walk {
    const struct gate_edit_set *set;
    uint32_t frame;
    uint32_t all, each;
};
struct gate_edit_walk gate_edits_of(const struct gate_edit_set *set, uint32_t frame);
const struct gate_edit *gate_edit_next(struct gate_edit_walk *w); // NULL at the end
bool gate_edits_touch(const struct gate_edit_set *set, uint32_t frame);
// The first frame at or after `frame` that is touched; UINT32_MAX: none.
uint32_t gate_edits_touched_from(const struct gate_edit_set *set, uint32_t frame);
bool gate_edits_mask(const struct gate_edit_set *set, uint32_t frame);

static inline struct gate_rect gate_rect_of_edit(const struct gate_edit *e) {
    return (struct gate_rect){e->x, e->y, e->width, e->height};
}
static inline struct gate_rect gate_rect_of_box(const struct gate_box *b) {
    return (struct gate_rect){b->x, b->y, b->width, b->height};
}
static inline uint64_t gate_rect_area(const struct gate_rect *r) {
    return (uint64_t)r->width * r->height;
}
uint64_t gate_rect_shared(const struct gate_rect *a, const struct gate_rect *b); // pixels in both
struct gate_rect gate_rect_join(const struct gate_rect *a, const struct gate_rect *b);
// `margin` pixels more on each side, inside of columns × rows.
struct gate_rect gate_rect_grow(const struct gate_rect *r, uint32_t margin, uint32_t columns,
                                uint32_t rows);
// What of `a` lies outside of `b`: up to four rectangles; how many.
unsigned gate_rect_cut(const struct gate_rect *a, const struct gate_rect *b,
                       struct gate_rect ret_parts[4]);
