// SPDX-License-Identifier: Apache-2.0
#include "gate/pixels_edits.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"

static int by_frame(const void *left, const void *right) {
    const struct gate_edit *a = left;
    const struct gate_edit *b = right;
    return a->frame < b->frame ? -1 : a->frame > b->frame;
}

// false: nothing of it is inside.
static bool clip(const struct px_image *im, struct gate_edit *e) {
    if (e->x >= im->columns || e->y >= im->rows || e->width == 0 || e->height == 0 ||
        (e->frame != GATE_ALL_FRAMES && e->frame >= im->frames)) {
        return false;
    }
    uint32_t right = e->x + (uint32_t)e->width;
    uint32_t bottom = e->y + (uint32_t)e->height;
    if (im->photometric == PX_YBR_FULL_422 || im->photometric == PX_YBR_PARTIAL_422) {
        e->x &= (uint16_t)~1u;
        right = (right + 1) & ~1u;
    }
    e->width = (uint16_t)((right < im->columns ? right : im->columns) - e->x);
    e->height = (uint16_t)((bottom < im->rows ? bottom : im->rows) - e->y);
    return true;
}

int gate_edit_set_make(struct arena *a, const struct px_image *im, const struct gate_edit *edits,
                       uint32_t count, struct gate_edit_set *ret_set, struct err *e) {
    struct gate_edit_set set = {0};
    set.all = arena_array(a, count + 1u, sizeof *set.all);
    set.each = arena_array(a, count + 1u, sizeof *set.each);
    if (set.all == NULL || set.each == NULL) {
        return err_set(e, E_MEMORY, "a table of %u boxes", count);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct gate_edit edit = edits[i];
        if (edit.kind == GATE_EDIT_KEEP || !clip(im, &edit)) {
            continue;
        }
        set.has_masks |= edit.kind == GATE_EDIT_MASK;
        if (edit.frame == GATE_ALL_FRAMES) {
            set.all[set.all_count++] = edit;
        } else {
            set.each[set.each_count++] = edit;
        }
    }
    qsort(set.each, set.each_count, sizeof *set.each, by_frame);
    *ret_set = set;
    return E_OK;
}

// Index of the first edit of a frame at or after `frame`.
static uint32_t lower(const struct gate_edit_set *set, uint32_t frame) {
    uint32_t low = 0;
    uint32_t high = set->each_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (set->each[middle].frame < frame) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct gate_edit_walk gate_edits_of(const struct gate_edit_set *set, uint32_t frame) {
    return (struct gate_edit_walk){set, frame, 0, lower(set, frame)};
}

const struct gate_edit *gate_edit_next(struct gate_edit_walk *w) {
    if (w->all < w->set->all_count) {
        return &w->set->all[w->all++];
    }
    if (w->each < w->set->each_count && w->set->each[w->each].frame == w->frame) {
        return &w->set->each[w->each++];
    }
    return NULL;
}

bool gate_edits_touch(const struct gate_edit_set *set, uint32_t frame) {
    return gate_edits_touched_from(set, frame) == frame;
}

uint32_t gate_edits_touched_from(const struct gate_edit_set *set, uint32_t frame) {
    if (set->all_count > 0) {
        return frame;
    }
    uint32_t at = lower(set, frame);
    return at < set->each_count ? set->each[at].frame : UINT32_MAX;
}

bool gate_edits_mask(const struct gate_edit_set *set, uint32_t frame) {
    if (!set->has_masks) {
        return false;
    }
    struct gate_edit_walk w = gate_edits_of(set, frame);
    for (const struct gate_edit *e = gate_edit_next(&w); e != NULL; e = gate_edit_next(&w)) {
        if (e->kind == GATE_EDIT_MASK) {
            return true;
        }
    }
    return false;
}

// --- rectangles ---

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }
static uint32_t most(uint32_t a, uint32_t b) { return a > b ? a : b; }

static bool meet(const struct gate_rect *a, const struct gate_rect *b, struct gate_rect *ret_both) {
    uint32_t left = most(a->x, b->x);
    uint32_t top = most(a->y, b->y);
    uint32_t right = least(a->x + a->width, b->x + b->width);
    uint32_t bottom = least(a->y + a->height, b->y + b->height);
    if (left >= right || top >= bottom) {
        return false;
    }
    *ret_both = (struct gate_rect){left, top, right - left, bottom - top};
    return true;
}

uint64_t gate_rect_shared(const struct gate_rect *a, const struct gate_rect *b) {
    struct gate_rect both;
    return meet(a, b, &both) ? gate_rect_area(&both) : 0;
}

struct gate_rect gate_rect_join(const struct gate_rect *a, const struct gate_rect *b) {
    uint32_t left = least(a->x, b->x);
    uint32_t top = least(a->y, b->y);
    uint32_t right = most(a->x + a->width, b->x + b->width);
    uint32_t bottom = most(a->y + a->height, b->y + b->height);
    return (struct gate_rect){left, top, right - left, bottom - top};
}

struct gate_rect gate_rect_grow(const struct gate_rect *r, uint32_t margin, uint32_t columns,
                                uint32_t rows) {
    uint32_t left = r->x > margin ? r->x - margin : 0;
    uint32_t top = r->y > margin ? r->y - margin : 0;
    uint32_t right = least(r->x + r->width + margin, columns);
    uint32_t bottom = least(r->y + r->height + margin, rows);
    return (struct gate_rect){left, top, right - left, bottom - top};
}

unsigned gate_rect_cut(const struct gate_rect *a, const struct gate_rect *b,
                       struct gate_rect ret_parts[4]) {
    struct gate_rect both;
    unsigned count = 0;
    if (!meet(a, b, &both)) {
        ret_parts[count++] = *a;
        return count;
    }
    uint32_t right = both.x + both.width;
    uint32_t bottom = both.y + both.height;
    if (both.y > a->y) {
        ret_parts[count++] = (struct gate_rect){a->x, a->y, a->width, both.y - a->y};
    }
    if (bottom < a->y + a->height) {
        ret_parts[count++] = (struct gate_rect){a->x, bottom, a->width, a->y + a->height - bottom};
    }
    if (both.x > a->x) {
        ret_parts[count++] = (struct gate_rect){a->x, both.y, both.x - a->x, both.height};
    }
    if (right < a->x + a->width) {
        ret_parts[count++] =
            (struct gate_rect){right, both.y, a->x + a->width - right, both.height};
    }
    return count;
}
