// SPDX-License-Identifier: Apache-2.0
// Whether a volume can be rendered to a face.
#include <math.h>

#include "base/arena.h"
#include "base/err.h"
#include "gate/face.h"
#include "gate/face_grid.h"
#include "gate/face_head.h"
#include "gate/face_otsu.h"

#define SPACING_MM_MAX 5.25 // coarser, and no features are left
#define EXTENT_MM_MIN 12.0
#define FIND_MEMORY ((size_t)64 << 20)
#define MR_SIDE_MIN 80.0 // mm, of a head
#define MR_WIDTH_MAX 240.0
#define MR_DEPTH_MAX 290.0
#define MR_DOME_MM 12.0 // the uppermost part of the body
#define MR_DOME_SHARE 0.75
#define MR_FILLED 0.45

static bool is_coarse(const struct gate_volume *v) {
    for (int i = 0; i < 3; i++) {
        if (v->spacing[i] > SPACING_MM_MAX) {
            return true;
        }
    }
    return v->slices * v->spacing[2] < EXTENT_MM_MIN;
}

// --- MR: no units, so only shape: one body that ends in a dome, of the width and depth of a head

struct level {
    double area; // cells
    int x0, x1, y0, y1;
};

static struct level level_of(const struct gate_grid *g, int z) {
    struct level l = {0, g->nx, -1, g->ny, -1};
    for (int y = 0; y < g->ny; y++) {
        for (int x = 0; x < g->nx; x++) {
            if (g->body[gate_grid_at(g, x, y, z)] != 0) {
                l.area++;
                l.x0 = x < l.x0 ? x : l.x0;
                l.x1 = x > l.x1 ? x : l.x1;
                l.y0 = y < l.y0 ? y : l.y0;
                l.y1 = y > l.y1 ? y : l.y1;
            }
        }
    }
    return l;
}

static bool is_head_level(const struct gate_grid *g, const struct level *l) {
    double w = (l->x1 - l->x0 + 1) * g->mm, d = (l->y1 - l->y0 + 1) * g->mm;
    return w >= MR_SIDE_MIN && w <= MR_WIDTH_MAX && d >= MR_SIDE_MIN && d <= MR_DEPTH_MAX &&
           l->area * g->mm * g->mm >= MR_FILLED * w * d;
}

static bool has_dome(const struct gate_grid *g) {
    int top = g->nz - 1;
    while (top >= 0 && level_of(g, top).area <= 0) {
        top--;
    }
    int below = top - (int)lrint(5 * MR_DOME_MM / g->mm);
    if (below < 0) {
        return false;
    }
    struct level lower = level_of(g, below);
    struct level upper = level_of(g, top - (int)lrint(MR_DOME_MM / g->mm));
    struct level last = level_of(g, top);
    bool closes = last.area < MR_DOME_SHARE * upper.area && upper.area < lower.area;
    return closes && is_head_level(g, &lower);
}

static enum gate_face_finding find_mr(const struct gate_volume *v, const struct gate_grid *g) {
    return v->head_words || has_dome(g) ? GATE_FACE_PRESENT : GATE_FACE_NONE;
}

static int find(const struct gate_volume *v, struct gate_grid *g, struct err *e) {
    struct arena a;
    struct gate_head head;
    int16_t threshold = GATE_GRID_BODY_HU;
    if (!v->is_ct) {
        threshold = gate_otsu_body(g->values, (size_t)g->nx * (size_t)g->ny * (size_t)g->nz);
    }
    if (gate_grid_find_body(g, threshold, e) != E_OK) {
        return e->code;
    }
    if (!v->is_ct) {
        return (int)find_mr(v, g);
    }
    arena_init(&a, FIND_MEMORY);
    int rc = gate_head_find(&a, g, &head, e);
    arena_done(&a);
    return rc == E_OK ? (int)head.finding : rc;
}

enum gate_face_finding gate_face_find(const struct gate_volume *v, struct err *e) {
    struct gate_grid g = {0};
    if (is_coarse(v)) {
        return GATE_FACE_NONE;
    }
    int rc = gate_grid_make(v, &g, e);
    rc = rc == E_OK ? find(v, &g, e) : rc;
    gate_grid_done(&g);
    return (enum gate_face_finding)rc;
}
