// SPDX-License-Identifier: Apache-2.0
// Pictures of the surface for a person who decides: rays through the coarse copy, shaded by how the
// surface turns from the light and a little by depth. No more than is needed to see whether there
// is a face.
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "gate/face.h"
#include "gate/face_grid.h"
#include "gate/face_head.h"
#include "gate/face_otsu.h"
#include "pixel/png_write.h"

#define VIEWS 3
#define VIEW_DEGREES 45.0
#define FIELD_MM 270.0 // that a view shows
#define CENTRE_MM 45.0 // below the brow
#define TOP_MM 110.0   // below the top of the body, where no brow is known
#define STEP 0.4       // cells
#define SIDE_MAX 1024
#define ROOM ((size_t)64 << 20)
#define AMBIENT 0.18

struct scene {
    const struct gate_grid *g;
    double threshold, centre[3]; // cells
};

struct ray {
    double at[3], way[3];
};

// The value between cells; outside there is nothing.
static double value_at(const struct gate_grid *g, const double at[3]) {
    int i = (int)floor(at[0]), j = (int)floor(at[1]), k = (int)floor(at[2]);
    if (i < 0 || j < 0 || k < 0 || i + 1 >= g->nx || j + 1 >= g->ny || k + 1 >= g->nz) {
        return -HUGE_VAL;
    }
    double u = at[0] - i, v = at[1] - j, w = at[2] - k, sum = 0;
    for (int c = 0; c < 8; c++) {
        int x = c & 1, y = c >> 1 & 1, z = c >> 2;
        double share = (x ? u : 1 - u) * (y ? v : 1 - v) * (z ? w : 1 - w);
        sum += share * g->values[gate_grid_at(g, i + x, j + y, k + z)];
    }
    return sum;
}

static double shade(const struct scene *s, const struct ray *r) {
    double slope[3], len = 0;
    for (int i = 0; i < 3; i++) {
        double low[3], high[3];
        memcpy(low, r->at, sizeof low);
        memcpy(high, r->at, sizeof high);
        low[i] -= 1;
        high[i] += 1;
        double d = value_at(s->g, high) - value_at(s->g, low);
        slope[i] = isfinite(d) ? d : 0;
        len += slope[i] * slope[i];
    }
    len = sqrt(len);
    // The light stands beside the eye, a little above it.
    double lit = 0;
    for (int i = 0; i < 3 && len > 0; i++) {
        double light = r->way[i] - (i == 2 ? 0.35 : 0);
        lit += slope[i] / len * light / 1.06;
    }
    return AMBIENT + (1 - AMBIENT) * fmax(lit, 0);
}

// 0 where the ray meets nothing.
static uint8_t follow(const struct scene *s, struct ray r, double far) {
    for (double t = 0; t < far; t += STEP) {
        if (value_at(s->g, r.at) > s->threshold) {
            return (uint8_t)lrint(fmin(255, 20 + 235 * shade(s, &r) * (1.1 - 0.5 * t / far)));
        }
        for (int i = 0; i < 3; i++) {
            r.at[i] += STEP * r.way[i];
        }
    }
    return 0;
}

static void draw_view(const struct scene *s, double degrees, uint32_t side, uint32_t x0,
                      uint8_t *picture) {
    double turn = degrees * M_PI / 180, wide = FIELD_MM / s->g->mm;
    const double way[3] = {-sin(turn), cos(turn), 0}, right[3] = {cos(turn), sin(turn), 0};
    for (uint32_t row = 0; row < side; row++) {
        for (uint32_t column = 0; column < side; column++) {
            double u = (column + 0.5) / side - 0.5, v = 0.5 - (row + 0.5) / side;
            struct ray r;
            for (int i = 0; i < 3; i++) {
                r.way[i] = way[i];
                r.at[i] =
                    s->centre[i] + wide * (u * right[i] - 0.5 * way[i]) + (i == 2 ? wide * v : 0);
            }
            picture[(size_t)row * side * VIEWS + x0 + column] = follow(s, r, wide);
        }
    }
}

// Everything but the body, and what the mask takes, is air.
static void clear_rest(const struct gate_volume *v, const struct gate_face_mask *mask,
                       const struct gate_affine *a, struct gate_grid *g, int16_t air) {
    size_t i = 0;
    for (int z = 0; z < g->nz; z++) {
        for (int y = 0; y < g->ny; y++) {
            for (int x = 0; x < g->nx; x++, i++) {
                const double lps[3] = {g->origin[0] + x * g->mm, g->origin[1] + y * g->mm,
                                       g->origin[2] + z * g->mm};
                const int64_t n[3] = {v->columns, v->rows, v->slices};
                int64_t at[3];
                bool in = g->values[i] != GATE_GRID_NONE && mask != NULL;
                for (int r = 0; r < 3; r++) {
                    at[r] = llrint(a->to_sample[r][0] * lps[0] + a->to_sample[r][1] * lps[1] +
                                   a->to_sample[r][2] * lps[2]);
                    in = in && at[r] >= 0 && at[r] < n[r];
                }
                size_t bit = in ? (size_t)((at[2] * n[1] + at[1]) * n[0] + at[0]) : 0;
                bool gone = in && (mask->bits[bit / 8] >> bit % 8 & 1) != 0;
                if (gone || g->body[i] == 0) {
                    g->values[i] = gone || g->values[i] > air ? air : g->values[i];
                    g->body[i] = 0;
                }
            }
        }
    }
}

static void centre_on_top(const struct gate_grid *g, double centre[3]) {
    int top = g->nz;
    double n = 0, sx = 0, sy = 0;
    while (--top > 0 && n < 40) {
        n = sx = sy = 0;
        for (int y = 0; y < g->ny; y++) {
            for (int x = 0; x < g->nx; x++) {
                bool in = g->body[gate_grid_at(g, x, y, top)] != 0;
                n += in;
                sx += in ? x : 0;
                sy += in ? y : 0;
            }
        }
    }
    centre[0] = n > 0 ? sx / n : g->nx / 2.0;
    centre[1] = n > 0 ? sy / n : g->ny / 2.0;
    centre[2] = top - TOP_MM / g->mm;
}

// The head as it was before anything was taken, so that before and after show the same.
static int aim(struct gate_grid *g, bool is_ct, double centre[3], struct err *e) {
    struct arena a;
    struct gate_head h = {.finding = GATE_FACE_NONE};
    arena_init(&a, ROOM);
    int rc = is_ct ? gate_head_find(&a, g, &h, e) : E_OK;
    if (rc == E_OK && (h.brain || h.finding != GATE_FACE_NONE)) {
        centre[0] = h.cx;
        centre[1] = h.cy;
        centre[2] = h.brow - (h.brain ? CENTRE_MM * h.scale / g->mm : 0);
    } else if (rc == E_OK) {
        centre_on_top(g, centre);
    }
    arena_done(&a);
    return rc;
}

static int draw(const struct gate_volume *v, const struct gate_face_mask *mask, uint32_t side,
                struct gate_grid *g, struct buf *ret_png, struct err *e) {
    struct scene s = {.g = g};
    struct gate_affine a;
    int16_t threshold = GATE_GRID_BODY_HU, air = -1000;
    if (!v->is_ct) {
        threshold = gate_otsu_body(g->values, (size_t)g->nx * (size_t)g->ny * (size_t)g->nz);
        air = 0 < threshold ? 0 : INT16_MIN + 1;
    }
    if (!gate_affine_of(v, &a) || gate_grid_find_body(g, threshold, e) != E_OK ||
        aim(g, v->is_ct, s.centre, e) != E_OK) {
        return e->code != E_OK ? e->code : err_set(e, E_ARGUMENT, "a volume without space");
    }
    clear_rest(v, mask, &a, g, air);
    s.threshold = threshold;
    uint8_t *picture = mem_array((size_t)side * side, VIEWS);
    if (picture == NULL) {
        return err_set(e, E_MEMORY, "picture of a surface");
    }
    for (int view = 0; view < VIEWS; view++) {
        draw_view(&s, (view - 1) * VIEW_DEGREES, side, side * (uint32_t)view, picture);
    }
    int rc = px_png_write(picture, side * VIEWS, side, 1, ret_png, e);
    mem_free(picture);
    return rc;
}

int gate_face_render(const struct gate_volume *v, const struct gate_face_mask *mask, uint32_t side,
                     struct buf *ret_png, struct err *e) {
    struct gate_grid g = {0};
    if (side == 0 || side > SIDE_MAX) {
        return err_set(e, E_ARGUMENT, "a picture %u high", (unsigned)side);
    }
    int rc = gate_grid_make(v, &g, e);
    rc = rc == E_OK ? draw(v, mask, side, &g, ret_png, e) : rc;
    gate_grid_done(&g);
    return rc;
}
