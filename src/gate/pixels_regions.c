// SPDX-License-Identifier: Apache-2.0
#include "gate/pixels_regions.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "gate/pixels_light.h"

#define EDGES_MAX (2u * GATE_REGIONS_MAX + 2u)
// Regions that cover less of the frame, or hold less of what is in it, are not believed.
#define AREA_PERCENT 12u
#define CONTENT_PERCENT 50u

static int by_number(const void *left, const void *right) {
    const uint32_t *a = left;
    const uint32_t *b = right;
    return *a < *b ? -1 : *a > *b;
}

static unsigned unique(uint32_t *edges, unsigned count) {
    unsigned kept = 0;
    qsort(edges, count, sizeof *edges, by_number);
    for (unsigned i = 0; i < count; i++) {
        if (kept == 0 || edges[kept - 1] != edges[i]) {
            edges[kept++] = edges[i];
        }
    }
    return kept;
}

static bool inside(const struct gate_pixel_hints *h, uint32_t x, uint32_t y) {
    for (uint32_t i = 0; i < h->region_count; i++) {
        const struct gate_rect *r = &h->regions[i];
        if (x >= r->x && x < r->x + r->width && y >= r->y && y < r->y + r->height) {
            return true;
        }
    }
    return false;
}

// The grid of all edges has at most (2n + 1)² fields; those outside join along a row.
static void divide(const struct gate_pixel_hints *h, uint32_t columns, uint32_t rows,
                   struct gate_outside *o) {
    uint32_t xs[EDGES_MAX] = {0, columns};
    uint32_t ys[EDGES_MAX] = {0, rows};
    unsigned nx = 2;
    unsigned ny = 2;
    for (uint32_t i = 0; i < h->region_count; i++) {
        xs[nx++] = h->regions[i].x;
        xs[nx++] = h->regions[i].x + h->regions[i].width;
        ys[ny++] = h->regions[i].y;
        ys[ny++] = h->regions[i].y + h->regions[i].height;
    }
    nx = unique(xs, nx);
    ny = unique(ys, ny);
    for (unsigned j = 0; j + 1 < ny; j++) {
        struct gate_rect *open = NULL;
        for (unsigned i = 0; i + 1 < nx; i++) {
            if (inside(h, xs[i], ys[j])) {
                open = NULL;
            } else if (open != NULL) {
                open->width += xs[i + 1] - xs[i];
            } else {
                open = &o->list[o->count++];
                *open = (struct gate_rect){xs[i], ys[j], xs[i + 1] - xs[i], ys[j + 1] - ys[j]};
            }
        }
    }
}

// Pixels that are not as the frame's first corner, inside and in all.
static bool believable(const struct gate_pixel_hints *h, const struct px_image *im,
                       const struct px_frame *f, uint16_t *row) {
    uint64_t area = 0;
    uint64_t content = 0;
    uint64_t all = 0;
    uint16_t ripple = gate_light_ripple(im, f);
    uint16_t ground = 0;
    for (uint32_t y = 0; y < f->rows; y += 2) {
        gate_light_row(f, y, row);
        ground = y == 0 ? row[0] : ground;
        for (uint32_t x = 0; x < f->columns; x += 2) {
            bool in = inside(h, x, y);
            bool differs = abs((int)row[x] - ground) > ripple;
            area += in;
            all += differs;
            content += in && differs;
        }
    }
    uint64_t pixels = ((uint64_t)(f->rows + 1u) / 2) * ((f->columns + 1u) / 2);
    return area * 100 >= pixels * AREA_PERCENT && content * 100 >= all * CONTENT_PERCENT;
}

int gate_outside_make(struct arena *a, const struct gate_pixel_hints *h, const struct px_image *im,
                      const struct px_frame *first, struct gate_outside *ret_outside,
                      bool *ret_believed, struct err *e) {
    struct gate_outside o = {0};
    *ret_believed = false;
    uint32_t most = EDGES_MAX * EDGES_MAX;
    o.row = arena_array(a, first->columns, sizeof *o.row);
    o.list = arena_array(a, most, sizeof *o.list);
    o.filled = arena_array(a, most, sizeof *o.filled);
    if (o.row == NULL || o.list == NULL || o.filled == NULL) {
        return err_set(e, E_MEMORY, "the places outside of %u regions", h->region_count);
    }
    if (h->region_count > 0 && believable(h, im, first, o.row)) {
        divide(h, first->columns, first->rows, &o);
        *ret_believed = true;
    }
    *ret_outside = o;
    return E_OK;
}

void gate_outside_look(struct gate_outside *o, const struct px_image *im,
                       const struct px_frame *f) {
    uint16_t ripple = gate_light_ripple(im, f);
    for (uint32_t i = 0; i < o->count; i++) {
        if (!o->filled[i]) {
            o->filled[i] = gate_light_differs(f, &o->list[i], ripple, o->row);
        }
    }
}
