// SPDX-License-Identifier: Apache-2.0
// From a volume to what is to be removed from it, sample by sample, and the proof that this took
// the face and left the brain.
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "gate/face.h"
#include "gate/face_cut.h"
#include "gate/face_grid.h"
#include "gate/face_head.h"
#include "gate/face_relief.h"

#define PLAN_MEMORY ((size_t)64 << 20)
#define BRAIN_LOW_HU 0
#define BRAIN_HIGH_HU 80
#define RELIEF_SAFE 40.0  // mm²: what the cut itself bends
#define LIKENESS_SAFE 0.5 // of what is left to what was there
#define CAVITY_MM 8.0     // sinuses, nose and mouth that the cut opens

// From sample indices to cells of the grid: at(i, j, k) = base + i * across + j * down + k * deep.
struct steps {
    double base[3], step[3][3];
};

static void make_steps(const struct gate_affine *a, const struct gate_grid *g, struct steps *s) {
    for (int i = 0; i < 3; i++) {
        s->base[i] = -g->origin[i] / g->mm;
        for (int axis = 0; axis < 3; axis++) {
            s->step[axis][i] = a->to_lps[i][axis] / g->mm;
        }
    }
}

struct removal {
    const struct gate_volume *v;
    const struct gate_grid *g;
    const struct gate_cut *cut;
    struct steps steps;
    double nearest; // cells: nothing nearer to the axis goes
    struct gate_face_mask *mask;
};

static bool is_brain(const struct removal *r, const double at[3], int16_t hu) {
    const struct gate_grid *g = r->g;
    int x = (int)lrint(at[0]), y = (int)lrint(at[1]), z = (int)lrint(at[2]);
    return hu >= BRAIN_LOW_HU && hu <= BRAIN_HIGH_HU && x >= 0 && x < g->nx && y >= 0 &&
           y < g->ny && z >= 0 && z < g->nz && g->body[gate_grid_at(g, x, y, z)] == 2;
}

static void remove_row(struct removal *r, size_t first, const double start[3]) {
    const double *step = r->steps.step[0];
    for (uint32_t i = 0; i < r->v->columns; i++) {
        const double at[3] = {start[0] + i * step[0], start[1] + i * step[1],
                              start[2] + i * step[2]};
        double dx = at[0] - r->cut->cx, dy = at[1] - r->cut->cy;
        if (dx * dx + dy * dy > r->nearest * r->nearest &&
            gate_cut_takes(r->cut, at[0], at[1], at[2])) {
            size_t bit = first + i;
            r->mask->bits[bit / 8] |= (uint8_t)(1U << bit % 8);
            r->mask->samples++;
            r->mask->brain_lost += is_brain(r, at, r->v->samples[bit]);
        }
    }
}

static bool row_is_clear(const struct removal *r, const double start[3]) {
    double end = start[2] + (r->v->columns - 1.0) * r->steps.step[0][2];
    double low = fmin(start[2], end), high = fmax(start[2], end);
    return high < r->cut->low - 1 || low > r->cut->high + 1;
}

static void remove_samples(struct removal *r) {
    size_t first = 0;
    for (uint32_t k = 0; k < r->v->slices; k++) {
        for (uint32_t j = 0; j < r->v->rows; j++, first += r->v->columns) {
            double start[3];
            for (int i = 0; i < 3; i++) {
                start[i] = r->steps.base[i] + j * r->steps.step[1][i] + k * r->steps.step[2][i];
            }
            if (!row_is_clear(r, start)) {
                remove_row(r, first, start);
            }
        }
    }
}

static double nearest_of(const struct gate_cut *c) {
    float least = INFINITY;
    for (int i = 0; i < (c->high - c->low + 1) * GATE_CUT_ANGLES; i++) {
        least = c->radius[i] < least ? c->radius[i] : least;
    }
    return least - 1 > 0 ? least - 1 : 0;
}

// --- the proof

static bool is_gone(const void *context, int x, int y, int z) {
    return gate_cut_takes(context, x, y, z);
}

static void prove(const struct gate_grid *g, const struct gate_head *h, const struct gate_cut *cut,
                  struct gate_face_mask *mask) {
    struct gate_relief before, after;
    int cavity = (int)lrint(CAVITY_MM / g->mm);
    gate_relief_measure(&(struct gate_front){.grid = g}, h, &before);
    gate_relief_measure(&(struct gate_front){g, is_gone, cut, cavity}, h, &after);
    mask->relief_before = before.variance;
    mask->relief_after = after.variance;
    mask->likeness = gate_relief_likeness(&before, &after);
    mask->safe = h->brain && h->finding == GATE_FACE_PRESENT && mask->brain_lost == 0 &&
                 mask->samples > 0 && after.points > 0 && mask->relief_after <= RELIEF_SAFE &&
                 mask->likeness <= LIKENESS_SAFE;
}

static int make(struct arena *room, const struct gate_volume *v, struct gate_grid *g, uint64_t seed,
                struct gate_face_mask *mask, struct err *e) {
    struct gate_head head;
    struct gate_cut cut;
    struct gate_affine affine;
    if (gate_grid_make(v, g, e) != E_OK || gate_grid_find_body(g, GATE_GRID_BODY_HU, e) != E_OK ||
        gate_head_find(room, g, &head, e) != E_OK) {
        return e->code;
    }
    if (head.finding == GATE_FACE_NONE || !gate_affine_of(v, &affine)) {
        return err_set(e, E_NOT_FOUND, "no face in this volume");
    }
    if (gate_cut_plan(room, g, &head, seed, &cut, e) != E_OK) {
        return e->code;
    }
    struct removal r = {.v = v, .g = g, .cut = &cut, .nearest = nearest_of(&cut), .mask = mask};
    make_steps(&affine, g, &r.steps);
    remove_samples(&r);
    prove(g, &head, &cut, mask);
    return E_OK;
}

int gate_face_mask_make(struct arena *a, const struct gate_volume *v, uint64_t seed,
                        struct gate_face_mask *ret_mask, struct err *e) {
    struct gate_grid g = {0};
    struct gate_face_mask mask = {0};
    struct arena room;
    if (!v->is_ct) {
        return err_set(e, E_UNSUPPORTED, "faces are removed from CT only");
    }
    size_t bytes = ((size_t)v->columns * v->rows * v->slices + 7) / 8;
    mask.bits = arena_alloc(a, bytes);
    if (mask.bits == NULL) {
        return err_set(e, E_MEMORY, "mask of a volume");
    }
    memset(mask.bits, 0, bytes);
    arena_init(&room, PLAN_MEMORY);
    int rc = make(&room, v, &g, seed, &mask, e);
    arena_done(&room);
    gate_grid_done(&g);
    if (rc == E_OK) {
        *ret_mask = mask;
    }
    return rc;
}
