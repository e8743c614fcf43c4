// SPDX-License-Identifier: Apache-2.0
#include "gate/face_relief.h"

#include <math.h>
#include <string.h>

#define HALF_WIDTH_MM 46.0
#define TOP_MM 14.0   // below the brow, where the brain no longer sets how deep a cut may go
#define BEFORE_MM 5.0 // what does not lie before the axis by so much is no face
#define TERMS 11
#define POINTS_MIN 60

static void terms_of(int row, int column, double out[TERMS]) {
    double x = 2.0 * column / (GATE_RELIEF_WIDE - 1) - 1,
           z = 2.0 * row / (GATE_RELIEF_HIGH - 1) - 1;
    const double t[TERMS] = {1,         x,         z,         x * x,         x * z,        z * z,
                             x * x * z, x * z * z, z * z * z, x * x * z * z, z * z * z * z};
    memcpy(out, t, sizeof t);
}

// Gauss with pivots; false where the system has no one solution.
static bool solve(double m[TERMS][TERMS + 1], double out[TERMS]) {
    for (int c = 0; c < TERMS; c++) {
        int pivot = c;
        for (int r = c + 1; r < TERMS; r++) {
            pivot = fabs(m[r][c]) > fabs(m[pivot][c]) ? r : pivot;
        }
        if (fabs(m[pivot][c]) < 1e-9) {
            return false;
        }
        for (int k = 0; k <= TERMS; k++) {
            double keep = m[c][k];
            m[c][k] = m[pivot][k];
            m[pivot][k] = keep;
        }
        for (int r = 0; r < TERMS; r++) {
            double share = r == c ? 0 : m[r][c] / m[c][c];
            for (int k = c; k <= TERMS; k++) {
                m[r][k] -= share * m[c][k];
            }
        }
    }
    for (int c = 0; c < TERMS; c++) {
        out[c] = m[c][TERMS] / m[c][c];
    }
    return true;
}

static void take_depths(const struct gate_front *f, const struct gate_head *h,
                        struct gate_relief *r) {
    const struct gate_grid *g = f->grid;
    double top = TOP_MM, bottom = (h->brow - h->low) * g->mm / h->scale;
    double limit = h->cy - BEFORE_MM / g->mm;
    for (int row = 0; row < GATE_RELIEF_HIGH; row++) {
        double down = -top - (bottom - top) * row / (GATE_RELIEF_HIGH - 1);
        for (int column = 0; column < GATE_RELIEF_WIDE; column++) {
            double aside = HALF_WIDTH_MM * (2.0 * column / (GATE_RELIEF_WIDE - 1) - 1);
            int x = (int)lrint(h->cx + aside * h->scale / g->mm);
            int y = gate_front_y(f, x, h->brow + (int)lrint(down * h->scale / g->mm));
            bool hit = y >= 0 && y < limit;
            r->depth[row][column] = hit ? y * g->mm : NAN;
            r->points += hit;
        }
    }
}

static void take_off_fit(struct gate_relief *r) {
    double m[TERMS][TERMS + 1] = {{0}}, t[TERMS], fit[TERMS];
    for (int i = 0; i < GATE_RELIEF_HIGH * GATE_RELIEF_WIDE; i++) {
        double d = r->depth[i / GATE_RELIEF_WIDE][i % GATE_RELIEF_WIDE];
        terms_of(i / GATE_RELIEF_WIDE, i % GATE_RELIEF_WIDE, t);
        for (int a = 0; a < TERMS && !isnan(d); a++) {
            for (int b = 0; b < TERMS; b++) {
                m[a][b] += t[a] * t[b];
            }
            m[a][TERMS] += t[a] * d;
        }
    }
    if (!solve(m, fit)) {
        memset(fit, 0, sizeof fit);
    }
    double sum = 0;
    for (int i = 0; i < GATE_RELIEF_HIGH * GATE_RELIEF_WIDE; i++) {
        double *d = &r->depth[i / GATE_RELIEF_WIDE][i % GATE_RELIEF_WIDE];
        terms_of(i / GATE_RELIEF_WIDE, i % GATE_RELIEF_WIDE, t);
        for (int a = 0; a < TERMS; a++) {
            *d -= fit[a] * t[a];
        }
        sum += isnan(*d) ? 0 : *d * *d;
    }
    r->variance = sum / r->points;
}

void gate_relief_measure(const struct gate_front *f, const struct gate_head *h,
                         struct gate_relief *ret_relief) {
    *ret_relief = (struct gate_relief){.variance = 0};
    take_depths(f, h, ret_relief);
    if (ret_relief->points >= POINTS_MIN) {
        take_off_fit(ret_relief);
    }
}

double gate_relief_likeness(const struct gate_relief *a, const struct gate_relief *b) {
    double ab = 0, aa = 0, bb = 0;
    int n = 0;
    for (int i = 0; i < GATE_RELIEF_HIGH * GATE_RELIEF_WIDE; i++) {
        double x = a->depth[i / GATE_RELIEF_WIDE][i % GATE_RELIEF_WIDE];
        double y = b->depth[i / GATE_RELIEF_WIDE][i % GATE_RELIEF_WIDE];
        if (!isnan(x) && !isnan(y)) {
            ab += x * y;
            aa += x * x;
            bb += y * y;
            n++;
        }
    }
    return n < POINTS_MIN || aa <= 0 || bb <= 0 ? 0 : ab / sqrt(aa * bb);
}
