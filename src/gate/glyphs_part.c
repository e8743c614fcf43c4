// SPDX-License-Identifier: Apache-2.0
// Labelling by runs: a row's runs are joined with those of the row above that
// they touch.
#include "gate/glyphs_part.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"

struct run {
    uint16_t x0, x1;
    uint16_t level;
    uint32_t label;
};

struct row {
    struct run *runs;
    uint32_t count;
};

struct glyph_labels {
    struct row rows[2];
    struct glyph_part *parts;
    uint32_t *parent;
    uint32_t count;
    uint32_t most; // parts
};

struct glyph_labels *glyph_labels_new(uint32_t width_max, uint32_t height_max) {
    struct glyph_labels *l = mem_zalloc(sizeof *l);
    if (l == NULL) {
        return NULL;
    }
    uint64_t samples = (uint64_t)width_max * height_max;
    l->most = samples < GLYPH_PARTS_MAX ? (uint32_t)samples : GLYPH_PARTS_MAX;
    l->rows[0].runs = mem_array((size_t)width_max + 1, sizeof(struct run));
    l->rows[1].runs = mem_array((size_t)width_max + 1, sizeof(struct run));
    l->parts = mem_array(l->most, sizeof *l->parts);
    l->parent = mem_array(l->most, sizeof *l->parent);
    if (l->rows[0].runs == NULL || l->rows[1].runs == NULL || l->parts == NULL ||
        l->parent == NULL) {
        glyph_labels_free(l);
        return NULL;
    }
    return l;
}

void glyph_labels_free(struct glyph_labels *l) {
    if (l != NULL) {
        mem_free(l->rows[0].runs);
        mem_free(l->rows[1].runs);
        mem_free(l->parts);
        mem_free(l->parent);
        mem_free(l);
    }
}

static uint32_t find(uint32_t *parent, uint32_t i) {
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

static void absorb(struct glyph_part *into, const struct glyph_part *from) {
    into->x0 = from->x0 < into->x0 ? from->x0 : into->x0;
    into->y0 = from->y0 < into->y0 ? from->y0 : into->y0;
    into->x1 = from->x1 > into->x1 ? from->x1 : into->x1;
    into->y1 = from->y1 > into->y1 ? from->y1 : into->y1;
    into->area += from->area;
    into->runs += from->runs;
    into->links += from->links;
    into->shared += from->shared;
    into->longest = from->longest > into->longest ? from->longest : into->longest;
    into->contrast += from->contrast;
    into->steps += from->steps;
    into->rises += from->rises;
    into->spans += from->spans;
    into->peaks += from->peaks;
    into->squares += from->squares;
}

// The part that two touching runs belong to; the smaller label lives on, so
// that parts stay in the order of their first rows.
static uint32_t join(struct glyph_labels *l, uint32_t a, uint32_t b) {
    a = find(l->parent, a);
    b = find(l->parent, b);
    if (a == b) {
        return a;
    }
    uint32_t low = a < b ? a : b;
    uint32_t high = a < b ? b : a;
    l->parent[high] = low;
    absorb(&l->parts[low], &l->parts[high]);
    return low;
}

// Joins the run with all that it touches in the row above, from `*from` on.
// false: no label left.
static bool place(struct glyph_labels *l, const struct row *above, uint32_t *from, struct run *run,
                  uint32_t y, bool exact) {
    struct glyph_part add = {.x0 = run->x0,
                             .y0 = (uint16_t)y,
                             .x1 = run->x1,
                             .y1 = (uint16_t)y,
                             .area = (uint32_t)(run->x1 - run->x0 + 1),
                             .runs = 1,
                             .longest = (uint32_t)(run->x1 - run->x0 + 1),
                             .level = run->level};
    uint32_t label = UINT32_MAX;
    while (*from < above->count && above->runs[*from].x1 + 1 < run->x0) {
        (*from)++;
    }
    for (uint32_t i = *from; i < above->count && above->runs[i].x0 <= run->x1 + 1; i++) {
        const struct run *o = &above->runs[i];
        if (exact && o->level != run->level) {
            continue;
        }
        int left = o->x0 > run->x0 ? o->x0 : run->x0;
        int right = o->x1 < run->x1 ? o->x1 : run->x1;
        add.links++;
        add.shared += right >= left ? (uint32_t)(right - left + 1) : 0;
        label = label == UINT32_MAX ? find(l->parent, o->label) : join(l, label, o->label);
    }
    if (label == UINT32_MAX) {
        if (l->count == l->most) {
            return false;
        }
        label = l->count++;
        l->parent[label] = label;
        l->parts[label] = add;
    } else {
        absorb(&l->parts[label], &add);
    }
    run->label = label;
    return true;
}

// Runs of mask != 0 (and of one value, where `exact`).
static void extract(struct row *row, const uint8_t *mask, const uint16_t *px, uint32_t width,
                    bool exact) {
    uint32_t x = 0;
    row->count = 0;
    while (x < width) {
        uint64_t eight;
        if (x + 8 <= width && (memcpy(&eight, mask + x, 8), eight == 0)) {
            x += 8;
            continue;
        }
        if (mask[x] == 0) {
            x++;
            continue;
        }
        uint32_t start = x;
        if (exact) {
            do {
                x++;
            } while (x < width && mask[x] != 0 && px[x] == px[start]);
        } else {
            do {
                x++;
            } while (x < width && mask[x] != 0);
        }
        row->runs[row->count++] =
            (struct run){.x0 = (uint16_t)start, .x1 = (uint16_t)(x - 1), .level = px[start]};
    }
}

static uint32_t apart(uint16_t a, uint16_t b) {
    return a > b ? (uint32_t)(a - b) : (uint32_t)(b - a);
}

struct ends {
    uint32_t step; // steepest step within two samples
    uint32_t rise; // steepest step from one sample to the next
    uint32_t span; // range of the four samples around the end
};

// Adds what a run's end at x is like, `out` being the direction outwards.
static void add_end(struct ends *e, const uint16_t *px, uint32_t width, uint32_t x, int out) {
    uint16_t v[4]; // from two outside of the run to one inside of its end
    if (x >= 2 && x + 2 < width) {
        const uint16_t *at = px + x + 2 * out;
        v[0] = at[0];
        v[1] = at[-out];
        v[2] = at[-2 * out];
        v[3] = at[-3 * out];
    } else {
        for (int i = 0; i < 4; i++) {
            int64_t at = (int64_t)x + out * (2 - i);
            v[i] = px[at < 0 ? 0 : at >= width ? width - 1 : at];
        }
    }
    uint32_t near = apart(v[1], v[2]);
    uint32_t wide = apart(v[1], v[3]);
    uint32_t rise = near;
    uint16_t low = v[0];
    uint16_t high = v[0];
    for (int i = 1; i < 4; i++) {
        uint32_t r = apart(v[i], v[i - 1]);
        rise = r > rise ? r : rise;
        low = v[i] < low ? v[i] : low;
        high = v[i] > high ? v[i] : high;
    }
    e->step += near > wide ? near : wide;
    e->rise += rise;
    e->span += (uint32_t)(high - low);
}

static void measure(struct glyph_part *p, const struct run *run, const uint16_t *px,
                    const uint16_t *contrast, uint32_t width) {
    uint32_t sum = 0;
    uint16_t peak = 0;
    for (uint32_t x = run->x0; x <= run->x1; x++) {
        peak = px[x] > peak ? px[x] : peak;
    }
    if (contrast != NULL) {
        for (uint32_t x = run->x0; x <= run->x1; x++) {
            sum += contrast[x];
        }
    }
    struct ends ends = {0};
    add_end(&ends, px, width, run->x0, -1);
    add_end(&ends, px, width, run->x1, 1);
    p->contrast += (float)sum;
    p->steps += (float)ends.step;
    p->rises += (float)ends.rise;
    p->spans += (float)ends.span;
    p->peaks += (float)peak;
    p->squares += (float)peak * (float)peak;
}

// Drops the labels that were joined to others.
static struct glyph_parts gather(struct glyph_labels *l, bool full) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->parent[i] == i) {
            l->parts[count++] = l->parts[i];
        }
    }
    return (struct glyph_parts){.list = l->parts, .count = count, .full = full};
}

static struct glyph_parts label(struct glyph_labels *l, const struct glyph_plane *plane,
                                const uint16_t *contrast, const uint8_t *mask, bool exact) {
    l->count = 0;
    l->rows[1].count = 0;
    for (uint32_t y = 0; y < plane->height; y++) {
        struct row *row = &l->rows[y & 1];
        const struct row *above = &l->rows[(y & 1) ^ 1];
        size_t at = (size_t)y * plane->stride;
        uint32_t from = 0;
        extract(row, mask + at, plane->px + at, plane->width, exact);
        for (uint32_t i = 0; i < row->count; i++) {
            if (!place(l, above, &from, &row->runs[i], y, exact)) {
                return gather(l, true);
            }
            measure(&l->parts[row->runs[i].label], &row->runs[i], plane->px + at,
                    contrast == NULL ? NULL : contrast + at, plane->width);
        }
    }
    return gather(l, false);
}

struct glyph_parts glyph_parts_of_mask(struct glyph_labels *l, const struct glyph_plane *plane,
                                       const uint16_t *contrast, const uint8_t *mask) {
    return label(l, plane, contrast, mask, false);
}

struct glyph_parts glyph_parts_of_levels(struct glyph_labels *l, const struct glyph_plane *plane,
                                         const uint8_t *mask) {
    return label(l, plane, NULL, mask, true);
}
