// SPDX-License-Identifier: Apache-2.0
#include "gate/face_cut.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/rng.h"

#define BONE_HU 250
#define DEPTH_MM 25.0
#define DEEPEST_MM 45.0   // where the next bone is the spine
#define TEMPLE_DEGREES 62 // from here to the side the brain lies close under the skin
#define FRONT_REACH_DEGREES 100
#define TEMPLE_BELOW_MM 48.0 // the brain's floor below the brow
#define EAR_BELOW_MM 85.0
#define ERODE_DEGREES 12
#define ERODE_MM 9.0
#define SMOOTH_DEGREES 10
#define SMOOTH_MM 9.0
#define PASSES 3
#define NOISE_MM 3.0
#define KNOT_DEGREES 20
#define KNOT_MM 22.0
#define GUARD_MM 3.0       // of bone that stay in front of the brain
#define POLE_MM 30.0       // from the front of the brain to the front of its temporal lobes
#define FLOOR_MM 12.0      // the floor of the frontal lobes below the brow
#define RADIUS_MIN_MM 18.0 // the spine's side of the throat
#define NEVER 1e9F
#define UNKNOWN (-1.0F)
#define RADIANS (M_PI / 180)

struct plan {
    const struct gate_grid *g;
    const struct gate_head *h;
    int rows;
    float *skin, *bone, *guard, *cut, *room;
};

static double degrees_of(int angle) {
    return (double)angle * GATE_CUT_STEP_DEGREES - GATE_CUT_REACH_DEGREES;
}

static size_t at(int row, int angle) { return (size_t)row * GATE_CUT_ANGLES + (size_t)angle; }

// --- what lies on a ray from the outside to the axis

static double longest(const struct gate_grid *g) { return hypot(g->nx, g->ny); }

// Writes the radius of the first cell of the body and of the first of bone from outside, and of the
// last of the brain; UNKNOWN where there is none. Where the ray comes out of what was not scanned
// straight into the body, its skin is not in the picture.
static void trace(struct plan *p, int row, int angle) {
    const struct gate_grid *g = p->g;
    double theta = degrees_of(angle) * RADIANS, dx = sin(theta), dy = -cos(theta);
    int z = p->h->low + row;
    bool scanned = false;
    float *skin = &p->skin[at(row, angle)], *bone = &p->bone[at(row, angle)];
    float *guard = &p->guard[at(row, angle)];
    *skin = *bone = *guard = UNKNOWN;
    for (double r = longest(g); r >= 0 && z >= 0 && z < g->nz; r -= 0.5) {
        int x = (int)lrint(p->h->cx + r * dx), y = (int)lrint(p->h->cy + r * dy);
        bool in = x >= 0 && x < g->nx && y >= 0 && y < g->ny;
        size_t i = in ? gate_grid_at(g, x, y, z) : 0;
        if (!in || g->body[i] == 0) {
            scanned = in && g->values[i] != GATE_GRID_NONE;
            continue;
        }
        if (*skin < 0 && !scanned) {
            return;
        }
        *skin = *skin < 0 ? (float)r : *skin;
        *bone = *bone < 0 && g->values[i] > BONE_HU ? (float)r : *bone;
        if (g->body[i] == 2) {
            *guard = (float)r;
            return;
        }
    }
}

static float least(float a, float b) { return a < 0 ? b : b < 0 ? a : a < b ? a : b; }

static float most(float a, float b) { return a > b ? a : b; }

// What `fold` (or the mean) makes of all known values around each.
static void each_window(struct plan *p, const float *from, float *to, int angles, int rows,
                        float (*fold)(float, float), bool mean) {
    for (int row = 0; row < p->rows; row++) {
        for (int angle = 0; angle < GATE_CUT_ANGLES; angle++) {
            float folded = UNKNOWN, sum = 0;
            int n = 0;
            for (int i = row - rows; i <= row + rows; i++) {
                for (int k = angle - angles; k <= angle + angles; k++) {
                    bool in = i >= 0 && i < p->rows && k >= 0 && k < GATE_CUT_ANGLES;
                    float v = in ? from[at(i, k)] : UNKNOWN;
                    folded = v < 0 ? folded : fold(folded, v);
                    sum += v < 0 ? 0 : v;
                    n += v >= 0;
                }
            }
            to[at(row, angle)] = n == 0 ? UNKNOWN : mean ? sum / (float)n : folded;
        }
    }
}

// Below the lowest closed ring the brain goes on in its temporal lobes and behind: the lowest
// rings' outline, without what lies before the lobes' poles.
static void guard_below(struct plan *p) {
    const struct gate_grid *g = p->g;
    const struct gate_head *h = p->h;
    double front = h->ring[h->brow].y0;
    int lowest = h->brow - (int)lrint(TEMPLE_BELOW_MM * h->scale / g->mm);
    for (int angle = 0; angle < GATE_CUT_ANGLES; angle++) {
        double theta = degrees_of(angle) * RADIANS, forward = cos(theta);
        float widest = UNKNOWN;
        for (int row = p->rows - 1; row >= 0; row--) {
            int z = h->low + row;
            double below = (h->brow - z) * g->mm / h->scale;
            float *guard = &p->guard[at(row, angle)];
            widest = z >= h->ring_low && *guard > widest ? *guard : widest;
            if (*guard >= 0 || z < lowest || z >= h->ring_low || widest < 0) {
                continue;
            }
            double behind = below < FLOOR_MM ? 0 : POLE_MM * h->scale / g->mm;
            double reach = forward > 0 ? (h->cy - front - behind) / forward : NEVER;
            *guard = (float)(reach < 0 ? 0 : reach < widest ? reach : widest);
        }
    }
}

// Between rows and angles the cut is interpolated: each one respects its neighbours' brain.
static void widen_guard(struct plan *p) {
    each_window(p, p->guard, p->room, 1, 1, most, false);
    memcpy(p->guard, p->room, (size_t)p->rows * GATE_CUT_ANGLES * sizeof *p->guard);
}

// --- how deep

static float wanted(const struct plan *p, int row, int angle) {
    const struct gate_head *h = p->h;
    double degrees = fabs(degrees_of(angle)), mm = p->g->mm;
    double below = (h->brow - (h->low + row)) * mm / h->scale;
    float skin = p->skin[at(row, angle)], bone = p->bone[at(row, angle)];
    float deep = (float)(DEPTH_MM * h->scale / mm), deepest = (float)(DEEPEST_MM * h->scale / mm);
    bool brain_beside = h->brain && below < TEMPLE_BELOW_MM;
    if (skin < 0) {
        return UNKNOWN;
    }
    if (degrees > FRONT_REACH_DEGREES && below > EAR_BELOW_MM) {
        return UNKNOWN; // the neck
    }
    if (degrees > FRONT_REACH_DEGREES || (brain_beside && degrees > TEMPLE_DEGREES)) {
        return fmaxf(skin - deep, bone); // ears and temples: down to the bone
    }
    return bone >= skin - deepest ? least(skin - deep, bone) : skin - deep;
}

static void make_smooth(struct plan *p) {
    int rows = (int)lrint(ERODE_MM / p->g->mm), angles = ERODE_DEGREES / GATE_CUT_STEP_DEGREES;
    each_window(p, p->cut, p->room, angles, rows, least, false);
    rows = (int)lrint(SMOOTH_MM / p->g->mm);
    angles = SMOOTH_DEGREES / GATE_CUT_STEP_DEGREES;
    for (int pass = 0; pass < PASSES; pass++) {
        each_window(p, p->room, p->cut, angles, rows, least, true);
        memcpy(p->room, p->cut, (size_t)p->rows * GATE_CUT_ANGLES * sizeof *p->cut);
    }
}

// --- the random field: knots some way apart, cosines between them

struct field {
    int across, down;
    float *knots;
};

static int make_field(struct arena *a, const struct plan *p, uint64_t seed, struct field *f) {
    struct rng r = rng_seeded(seed);
    f->across = 2 * GATE_CUT_REACH_DEGREES / KNOT_DEGREES + 2;
    f->down = (int)(p->rows * p->g->mm / KNOT_MM) + 2;
    f->knots = arena_array(a, (size_t)f->across * (size_t)f->down, sizeof *f->knots);
    for (int i = 0; f->knots != NULL && i < f->across * f->down; i++) {
        f->knots[i] = (float)(rng_unit(&r) * NOISE_MM / p->g->mm);
    }
    return f->knots != NULL;
}

static double ease(double t) { return (1 - cos(t * M_PI)) / 2; }

static double field_at(const struct field *f, double across, double down) {
    int i = (int)across, k = (int)down;
    double u = ease(across - i), v = ease(down - k);
    const float *row = f->knots + k * f->across + i, *next = row + f->across;
    return (1 - v) * ((1 - u) * row[0] + u * row[1]) + v * ((1 - u) * next[0] + u * next[1]);
}

static void finish(struct plan *p, const struct field *f) {
    double mm = p->g->mm;
    float lowest = (float)(RADIUS_MIN_MM * p->h->scale / mm);
    for (int row = 0; row < p->rows; row++) {
        for (int angle = 0; angle < GATE_CUT_ANGLES; angle++) {
            float *cut = &p->cut[at(row, angle)], guard = p->guard[at(row, angle)];
            if (*cut < 0) {
                *cut = NEVER;
                continue;
            }
            double bend = field_at(f, (degrees_of(angle) + GATE_CUT_REACH_DEGREES) / KNOT_DEGREES,
                                   row * mm / KNOT_MM);
            float depth = *cut - (float)bend, floor = guard + (float)(GUARD_MM / mm) + 1;
            depth = depth < lowest ? lowest : depth;
            *cut = guard >= 0 && depth < floor ? floor : depth;
        }
    }
}

static int allocate(struct arena *a, struct plan *p, struct err *e) {
    float **const tables[] = {&p->skin, &p->bone, &p->guard, &p->cut, &p->room};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        *tables[i] = arena_array(a, (size_t)p->rows * GATE_CUT_ANGLES, sizeof(float));
        if (*tables[i] == NULL) {
            return err_set(e, E_MEMORY, "plan of a cut");
        }
    }
    return E_OK;
}

int gate_cut_plan(struct arena *a, const struct gate_grid *g, const struct gate_head *h,
                  uint64_t seed, struct gate_cut *ret_cut, struct err *e) {
    struct plan p = {.g = g, .h = h, .rows = h->high - h->low + 1};
    struct field f;
    if (allocate(a, &p, e) != E_OK || !make_field(a, &p, seed, &f)) {
        return err_set(e, E_MEMORY, "plan of a cut");
    }
    for (int row = 0; row < p.rows; row++) {
        for (int angle = 0; angle < GATE_CUT_ANGLES; angle++) {
            trace(&p, row, angle);
        }
    }
    if (h->brain) {
        guard_below(&p);
        widen_guard(&p);
    }
    for (int row = 0; row < p.rows; row++) {
        for (int angle = 0; angle < GATE_CUT_ANGLES; angle++) {
            p.cut[at(row, angle)] = wanted(&p, row, angle);
        }
    }
    make_smooth(&p);
    finish(&p, &f);
    *ret_cut = (struct gate_cut){h->cx, h->cy, h->low, h->high, p.cut};
    return E_OK;
}

bool gate_cut_takes(const struct gate_cut *c, double x, double y, double z) {
    double row = z - c->low;
    if (row < -0.5 || row > c->high - c->low + 0.5) {
        return false;
    }
    double dx = x - c->cx, dy = y - c->cy;
    double degrees = atan2(dx, -dy) / RADIANS;
    double angle = (degrees + GATE_CUT_REACH_DEGREES) / GATE_CUT_STEP_DEGREES;
    if (angle < 0 || angle > GATE_CUT_ANGLES - 1) {
        return false;
    }
    int i = row < 0 ? 0 : (int)row, k = (int)angle;
    int i1 = i < c->high - c->low ? i + 1 : i, k1 = k < GATE_CUT_ANGLES - 1 ? k + 1 : k;
    double u = angle - k, v = row < i ? 0 : row - i;
    double upper = (1 - u) * c->radius[at(i, k)] + u * c->radius[at(i, k1)];
    double lower = (1 - u) * c->radius[at(i1, k)] + u * c->radius[at(i1, k1)];
    double radius = (1 - v) * upper + v * lower;
    return dx * dx + dy * dy > radius * radius;
}
