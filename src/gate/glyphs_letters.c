// SPDX-License-Identifier: Apache-2.0
#include "gate/glyphs_letters.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "gate/lettering.h"

#define CELL ((uint32_t)LETTERING_CELL)
#define EVEN 128       // even odds
#define UNIT 16        // of the logarithm
#define SEEN EVEN      // cells above belong to writing
#define LEAST_CELLS 5u // of a patch that nobody else found
#define LEAST_PEAK (EVEN + UNIT * 3 / 2)
#define PLAIN_PEAK (EVEN + 5 * UNIT)
#define SECOND_PEAK (EVEN + 2 * UNIT)
#define LEAST_SIDE 64u // samples of a plane that was halved
#define PARTS_MAX 64u
#define PART_CELLS 12u
#define LONE_CELLS                                                                                 \
    28u // a patch no larger, as wide as high, in which nothing small is written,
        // has room for a single letter
#define FINE_PEAK (EVEN + UNIT)
#define SCALE_SCORE 0.9F
#define PLAIN_SCORE 4.5F
#define ROUNDS 4 // from log odds to the scores of lines

int glyph_letters_open(struct glyph_letters *l, uint32_t columns, uint32_t rows, uint32_t block,
                       struct err *e) {
    uint32_t width = columns < block ? columns : block;
    uint32_t height = rows < block ? rows : block;
    l->across = lettering_cells(columns);
    l->down = lettering_cells(rows);
    size_t cells = (size_t)l->across * l->down;
    l->map = mem_array(cells, 1);
    l->fine = mem_array(cells, 1);
    l->stack = mem_array(cells, sizeof *l->stack);
    l->block = mem_array((size_t)lettering_cells(width) * lettering_cells(height), 1);
    if (l->map == NULL || l->fine == NULL || l->stack == NULL || l->block == NULL) {
        return err_set(e, E_MEMORY, "the map of writing");
    }
    return lettering_new(width, height, &l->network, e);
}

void glyph_letters_done(struct glyph_letters *l) {
    lettering_free(l->network);
    mem_free(l->map);
    mem_free(l->fine);
    mem_free(l->stack);
    mem_free(l->block);
    *l = (struct glyph_letters){0};
}

void glyph_letters_clear(struct glyph_letters *l) {
    memset(l->map, 0, (size_t)l->across * l->down);
}

// One cell of a plane covers `step` × `step` cells of the map.
static void spread(struct glyph_letters *l, uint32_t x, uint32_t y, uint32_t step, uint8_t value) {
    for (uint32_t v = y; v < y + step && v < l->down; v++) {
        for (uint32_t u = x; u < x + step && u < l->across; u++) {
            uint8_t *cell = &l->map[(size_t)v * l->across + u];
            *cell = value > *cell ? value : *cell;
            if (step == 1 && value > l->fine[(size_t)v * l->across + u]) {
                l->fine[(size_t)v * l->across + u] = value;
            }
        }
    }
}

static bool varies(const struct glyph_plane *plane) {
    const uint16_t *first = plane->px;
    for (uint32_t y = 0; y < plane->height; y++) {
        const uint16_t *row = plane->px + (size_t)y * plane->stride;
        for (uint32_t x = 0; x < plane->width; x++) {
            if (row[x] != *first) {
                return true;
            }
        }
    }
    return false;
}

void glyph_letters_look(struct glyph_letters *l, const struct glyph_plane *plane, uint32_t x,
                        uint32_t y, uint32_t step) {
    bool small = step > 1 && (plane->width < LEAST_SIDE || plane->height < LEAST_SIDE);
    if (small || plane->width < CELL || plane->height < CELL || !varies(plane)) {
        return;
    }
    uint32_t across = lettering_cells(plane->width), down = lettering_cells(plane->height);
    lettering_run(l->network, plane->px, plane->width, plane->height, plane->stride, l->block);
    for (uint32_t v = 0; v < down; v++) {
        for (uint32_t u = 0; u < across; u++) {
            uint8_t value = l->block[(size_t)v * across + u];
            if (value > 0) {
                spread(l, x / CELL + u * step, y / CELL + v * step, step, value);
            }
        }
    }
}

// --- judging
struct cells { // inclusive
    uint32_t x0, y0, x1, y1;
};

static struct cells cells_of(const struct glyph_letters *l, const struct glyph_find *f) {
    struct cells c = {
        (uint32_t)(f->x0 < 0 ? 0 : f->x0) / CELL, (uint32_t)(f->y0 < 0 ? 0 : f->y0) / CELL,
        (uint32_t)(f->x1 < 0 ? 0 : f->x1) / CELL, (uint32_t)(f->y1 < 0 ? 0 : f->y1) / CELL};
    c.x1 = c.x1 >= l->across ? l->across - 1 : c.x1;
    c.y1 = c.y1 >= l->down ? l->down - 1 : c.y1;
    return c;
}

static float score_of(uint8_t peak) { return (float)(peak - EVEN) / UNIT * SCALE_SCORE; }

// Cells of codes and their surroundings are done with.
static void cover(struct glyph_letters *l, const struct glyph_find *f) {
    struct cells c = cells_of(l, f);
    uint32_t x0 = c.x0 > 2 ? c.x0 - 2 : 0, y0 = c.y0 > 2 ? c.y0 - 2 : 0;
    for (uint32_t y = y0; y <= c.y1 + 2 && y < l->down; y++) {
        for (uint32_t x = x0; x <= c.x1 + 2 && x < l->across; x++) {
            l->map[(size_t)y * l->across + x] = 0;
        }
    }
}

struct patch {
    struct cells bounds;
    uint32_t count;     // its cells are the first of `stack`
    uint8_t peak, fine; // of all scales, of the finest
};

// Takes a patch of seen cells that touch, corners too, out of the map.
static struct patch take_patch(struct glyph_letters *l, uint32_t x, uint32_t y) {
    uint32_t first = y * l->across + x;
    struct patch p = {
        .bounds = {x, y, x, y}, .count = 1, .peak = l->map[first], .fine = l->fine[first]};
    l->stack[0] = first;
    l->map[first] = 0;
    for (uint32_t i = 0; i < p.count; i++) {
        uint32_t u = l->stack[i] % l->across, v = l->stack[i] / l->across;
        p.bounds.x0 = u < p.bounds.x0 ? u : p.bounds.x0;
        p.bounds.x1 = u > p.bounds.x1 ? u : p.bounds.x1;
        p.bounds.y0 = v < p.bounds.y0 ? v : p.bounds.y0;
        p.bounds.y1 = v > p.bounds.y1 ? v : p.bounds.y1;
        for (uint32_t n = 0; n < 9; n++) {
            uint32_t a = u + n % 3 - 1, b = v + n / 3 - 1;
            if (a < l->across && b < l->down && l->map[(size_t)b * l->across + a] > SEEN) {
                uint8_t *cell = &l->map[(size_t)b * l->across + a];
                p.peak = *cell > p.peak ? *cell : p.peak;
                *cell = 0;
                uint8_t fine = l->fine[(size_t)b * l->across + a];
                p.fine = fine > p.fine ? fine : p.fine;
                l->stack[p.count++] = b * l->across + a;
            }
        }
    }
    return p;
}

static struct glyph_find find_of(const struct patch *p, const struct cells *c, uint8_t shape) {
    uint32_t wide = p->bounds.x1 - p->bounds.x0 + 1, high = p->bounds.y1 - p->bounds.y0 + 1;
    uint32_t narrow = wide < high ? wide : high, along = wide < high ? high : wide;
    bool lone = along < LONE_CELLS && along * 2 < narrow * 3 && p->fine < FINE_PEAK;
    uint32_t glyphs = lone ? 1 : 2 * along / narrow + 2;
    return (struct glyph_find){.x0 = (int)(c->x0 * CELL),
                               .y0 = (int)(c->y0 * CELL),
                               .x1 = (int)((c->x1 + 1) * CELL) - 1,
                               .y1 = (int)((c->y1 + 1) * CELL) - 1,
                               .score = score_of(p->peak),
                               .shape = shape,
                               .vertical = high > 2 * wide,
                               .letter = (uint16_t)(narrow * CELL / 2),
                               .glyphs = (uint16_t)glyphs};
}

// The bounds of the patch's cells within `c`; how many there are.
static uint32_t tighten(const struct glyph_letters *l, const struct patch *p, struct cells *c) {
    struct cells t = {UINT32_MAX, UINT32_MAX, 0, 0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t u = l->stack[i] % l->across, v = l->stack[i] / l->across;
        if (u >= c->x0 && u <= c->x1 && v >= c->y0 && v <= c->y1) {
            t.x0 = u < t.x0 ? u : t.x0;
            t.x1 = u > t.x1 ? u : t.x1;
            t.y0 = v < t.y0 ? v : t.y0;
            t.y1 = v > t.y1 ? v : t.y1;
            count++;
        }
    }
    *c = t;
    return count;
}

// A patch that fills its bounds badly (lines of different lengths, a line aslant) becomes several
// boxes: halved along the longer side until they are filled.
static void give_patch(const struct glyph_letters *l, const struct patch *p, uint8_t shape,
                       struct glyph_finds *finds) {
    struct cells parts[PARTS_MAX] = {p->bounds};
    uint32_t count = 1;
    while (count > 0) {
        struct cells c = parts[--count];
        uint32_t filled = tighten(l, p, &c);
        if (filled == 0) {
            continue;
        }
        uint32_t wide = c.x1 - c.x0 + 1, high = c.y1 - c.y0 + 1;
        bool done =
            filled * 3 >= wide * high * 2 || wide * high <= PART_CELLS || count + 2 > PARTS_MAX;
        if (done) {
            struct glyph_find find = find_of(p, &c, shape);
            glyph_finds_add(finds, &find);
            continue;
        }
        struct cells first = c, rest = c;
        if (wide > high) {
            first.x1 = c.x0 + wide / 2 - 1;
            rest.x0 = first.x1 + 1;
        } else {
            first.y1 = c.y0 + high / 2 - 1;
            rest.y0 = first.y1 + 1;
        }
        parts[count++] = rest;
        parts[count++] = first;
    }
}

// What stands in one row with plain writing, no further than a letter is wide, belongs to it.
static bool continues(const struct glyph_find *plain, const struct glyph_find *f) {
    int gap_x = (plain->x0 > f->x0 ? plain->x0 : f->x0) - (plain->x1 < f->x1 ? plain->x1 : f->x1);
    int gap_y = (plain->y0 > f->y0 ? plain->y0 : f->y0) - (plain->y1 < f->y1 ? plain->y1 : f->y1);
    int near = plain->letter * 3;
    return gap_x < near && gap_y < near && (gap_x < 0 || gap_y < 0);
}

static void strengthen(struct glyph_finds *finds, uint32_t first) {
    bool changed = true;
    for (int round = 0; round < ROUNDS && changed; round++) {
        changed = false;
        for (uint32_t i = first; i < finds->count; i++) {
            const struct glyph_find *plain = &finds->list[i];
            for (uint32_t k = first; k < finds->count && plain->score >= PLAIN_SCORE; k++) {
                struct glyph_find *f = &finds->list[k];
                if (f->score < PLAIN_SCORE && continues(plain, f)) {
                    f->score = plain->score;
                    f->glyphs = plain->glyphs;
                    changed = true;
                }
            }
        }
    }
}

void glyph_letters_add(struct glyph_letters *l, struct glyph_finds *finds, uint8_t shape,
                       bool second) {
    uint8_t least = shape == GATE_SHAPE_STATIC ? PLAIN_PEAK : second ? SECOND_PEAK : LEAST_PEAK;
    uint32_t first = finds->count;
    for (uint32_t i = 0; i < first; i++) {
        cover(l, &finds->list[i]);
    }
    for (uint32_t y = 0; y < l->down; y++) {
        for (uint32_t x = 0; x < l->across; x++) {
            if (l->map[(size_t)y * l->across + x] > SEEN) {
                struct patch p = take_patch(l, x, y);
                if (p.count >= LEAST_CELLS && p.peak >= least) {
                    give_patch(l, &p, shape, finds);
                }
            }
        }
    }
    strengthen(finds, first);
}
