// SPDX-License-Identifier: Apache-2.0
#include "gate/face_grid.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "gate/face.h"

#define PADDING_HU (-1200) // scanners write less where nothing was measured
#define SPACING_MIN 0.05
#define SPACING_MAX 50.0
#define SAMPLES 4 // that a cell is the mean of
#define SHARE_MIN 0.01

bool gate_affine_of(const struct gate_volume *v, struct gate_affine *ret) {
    double(*m)[3] = ret->to_lps;
    for (int axis = 0; axis < 3; axis++) {
        if (!(v->spacing[axis] >= SPACING_MIN && v->spacing[axis] <= SPACING_MAX)) {
            return false;
        }
        for (int i = 0; i < 3; i++) {
            m[i][axis] = v->axes[axis][i] * v->spacing[axis];
        }
    }
    double cell = v->spacing[0] * v->spacing[1] * v->spacing[2], det = 0;
    for (int i = 0; i < 3; i++) {
        int j = (i + 1) % 3, k = (i + 2) % 3;
        det += m[0][i] * (m[1][j] * m[2][k] - m[1][k] * m[2][j]);
    }
    if (!(fabs(det) >= SHARE_MIN * cell)) {
        return false;
    }
    for (int i = 0; i < 3; i++) {
        int j = (i + 1) % 3, k = (i + 2) % 3;
        for (int l = 0; l < 3; l++) {
            int p = (l + 1) % 3, q = (l + 2) % 3;
            ret->to_sample[l][i] = (m[j][p] * m[k][q] - m[j][q] * m[k][p]) / det;
        }
    }
    return true;
}

// The box around all samples in LPS.
static void bounds(const struct gate_volume *v, const struct gate_affine *a, double low[3],
                   double high[3]) {
    const double n[3] = {v->columns - 1.0, v->rows - 1.0, v->slices - 1.0};
    for (int i = 0; i < 3; i++) {
        low[i] = high[i] = 0;
        for (int axis = 0; axis < 3; axis++) {
            double reach = a->to_lps[i][axis] * n[axis];
            *(reach < 0 ? &low[i] : &high[i]) += reach;
        }
    }
}

static bool size_up(struct gate_grid *g, const double low[3], const double high[3]) {
    for (g->mm = GATE_GRID_MM; g->mm < 100; g->mm *= 1.1) {
        int n[3];
        double cells = 1;
        for (int i = 0; i < 3; i++) {
            double wide = ceil((high[i] - low[i]) / g->mm) + 1;
            n[i] = wide < 1e6 ? (int)wide : 1000000;
            cells *= n[i];
        }
        if (cells <= (double)GATE_GRID_CELLS_MAX) {
            g->nx = n[0];
            g->ny = n[1];
            g->nz = n[2];
            memcpy(g->origin, low, sizeof g->origin);
            return true;
        }
    }
    return false;
}

// Where a cell's samples are taken, as steps in sample space.
struct probe {
    const struct gate_volume *v;
    double offset[SAMPLES][3];
};

static void make_probe(const struct gate_volume *v, const struct gate_affine *a, double mm,
                       struct probe *p) {
    static const double corner[SAMPLES][3] = {{1, 1, 1}, {1, -1, -1}, {-1, 1, -1}, {-1, -1, 1}};
    p->v = v;
    for (int s = 0; s < SAMPLES; s++) {
        for (int i = 0; i < 3; i++) {
            p->offset[s][i] = 0;
            for (int j = 0; j < 3; j++) {
                p->offset[s][i] += a->to_sample[i][j] * corner[s][j] * mm / 4;
            }
        }
    }
}

static int clamp_index(double at, uint32_t count) {
    int i = (int)lrint(at);
    return i < 0 ? 0 : i >= (int)count ? (int)count - 1 : i;
}

// Nearest within a plane, linear between planes.
static double take(const struct gate_volume *v, double column, double row, double slice) {
    size_t x = (size_t)clamp_index(column, v->columns), y = (size_t)clamp_index(row, v->rows);
    double below = floor(slice), part = slice - below;
    size_t z0 = (size_t)clamp_index(below, v->slices);
    size_t z1 = (size_t)clamp_index(below + 1, v->slices);
    size_t plane = (size_t)v->columns * v->rows, in = y * v->columns + x;
    return (1 - part) * v->samples[z0 * plane + in] + part * v->samples[z1 * plane + in];
}

static int16_t cell_value(const struct probe *p, const double at[3]) {
    const struct gate_volume *v = p->v;
    const double n[3] = {v->columns - 0.5, v->rows - 0.5, v->slices - 0.5};
    for (int i = 0; i < 3; i++) {
        if (at[i] < -0.5 || at[i] > n[i]) {
            return GATE_GRID_NONE;
        }
    }
    double sum = 0;
    for (int s = 0; s < SAMPLES; s++) {
        sum += take(v, at[0] + p->offset[s][0], at[1] + p->offset[s][1], at[2] + p->offset[s][2]);
    }
    double mean = sum / SAMPLES;
    return v->is_ct && mean < PADDING_HU ? GATE_GRID_NONE : (int16_t)lrint(mean);
}

static void fill(const struct gate_volume *v, const struct gate_affine *a, struct gate_grid *g) {
    struct probe p;
    make_probe(v, a, g->mm, &p);
    size_t i = 0;
    for (int z = 0; z < g->nz; z++) {
        for (int y = 0; y < g->ny; y++) {
            for (int x = 0; x < g->nx; x++, i++) {
                const double lps[3] = {g->origin[0] + x * g->mm, g->origin[1] + y * g->mm,
                                       g->origin[2] + z * g->mm};
                double at[3] = {0, 0, 0};
                for (int r = 0; r < 3; r++) {
                    for (int c = 0; c < 3; c++) {
                        at[r] += a->to_sample[r][c] * lps[c];
                    }
                }
                g->values[i] = cell_value(&p, at);
            }
        }
    }
}

int gate_grid_make(const struct gate_volume *v, struct gate_grid *ret_grid, struct err *e) {
    struct gate_affine a;
    struct gate_grid g = {0};
    double low[3], high[3];
    if (v->columns == 0 || v->rows == 0 || v->slices == 0 || !gate_affine_of(v, &a)) {
        return err_set(e, E_ARGUMENT, "a volume of %u by %u by %u without space",
                       (unsigned)v->columns, (unsigned)v->rows, (unsigned)v->slices);
    }
    bounds(v, &a, low, high);
    if (!size_up(&g, low, high)) {
        return err_set(e, E_LIMIT, "a volume of metres");
    }
    g.values = mem_array((size_t)g.nx * (size_t)g.ny * (size_t)g.nz, sizeof *g.values);
    if (g.values == NULL) {
        return err_set(e, E_MEMORY, "coarse copy of a volume");
    }
    fill(v, &a, &g);
    *ret_grid = g;
    return E_OK;
}

void gate_grid_done(struct gate_grid *g) {
    mem_free(g->values);
    mem_free(g->body);
    *g = (struct gate_grid){0};
}

// --- the body

enum { EMPTY, FILM, CORE, SEEN, BODY };

struct walk {
    const struct gate_grid *g;
    uint8_t *marks;
    uint32_t *queue; // as many as cells
};

// Calls for the six neighbours of cell i that lie inside.
static int neighbours(const struct gate_grid *g, size_t i, size_t out[6]) {
    size_t nx = (size_t)g->nx, plane = nx * (size_t)g->ny;
    size_t x = i % nx, y = i % plane / nx, z = i / plane;
    int n = 0;
    if (x > 0) {
        out[n++] = i - 1;
    }
    if (x + 1 < nx) {
        out[n++] = i + 1;
    }
    if (y > 0) {
        out[n++] = i - nx;
    }
    if (y + 1 < (size_t)g->ny) {
        out[n++] = i + nx;
    }
    if (z > 0) {
        out[n++] = i - plane;
    }
    if (z + 1 < (size_t)g->nz) {
        out[n++] = i + plane;
    }
    return n;
}

// All cells marked `from` that hang together with `start` become `to`; how many.
static size_t spread(struct walk *w, size_t start, uint8_t from, uint8_t to) {
    size_t count = 0, next = 0, around[6];
    w->marks[start] = to;
    w->queue[count++] = (uint32_t)start;
    while (next < count) {
        int n = neighbours(w->g, w->queue[next++], around);
        for (int i = 0; i < n; i++) {
            if (w->marks[around[i]] == from) {
                w->marks[around[i]] = to;
                w->queue[count++] = (uint32_t)around[i];
            }
        }
    }
    return count;
}

// What all neighbours of have is core; what is beside air is film. At the edge of what was scanned
// the body goes on.
static void mark(struct walk *w, int16_t threshold) {
    const struct gate_grid *g = w->g;
    size_t cells = (size_t)g->nx * (size_t)g->ny * (size_t)g->nz, around[6];
    for (size_t i = 0; i < cells; i++) {
        w->marks[i] = g->values[i] > threshold ? FILM : EMPTY;
    }
    for (size_t i = 0; i < cells; i++) {
        bool core = w->marks[i] != EMPTY;
        int n = core ? neighbours(g, i, around) : 0;
        for (int k = 0; k < n && core; k++) {
            core = w->marks[around[k]] != EMPTY || g->values[around[k]] == GATE_GRID_NONE;
        }
        w->marks[i] = core ? CORE : w->marks[i];
    }
}

// The film around the body belongs to it.
static void grow_back(struct walk *w, size_t cells) {
    size_t around[6];
    for (size_t i = 0; i < cells; i++) {
        int n = w->marks[i] == FILM ? neighbours(w->g, i, around) : 0;
        for (int k = 0; k < n; k++) {
            if (w->marks[around[k]] == BODY) {
                w->marks[i] = SEEN;
                break;
            }
        }
    }
    for (size_t i = 0; i < cells; i++) {
        w->marks[i] = w->marks[i] == BODY || w->marks[i] == SEEN;
    }
}

int gate_grid_find_body(struct gate_grid *g, int16_t threshold, struct err *e) {
    size_t cells = (size_t)g->nx * (size_t)g->ny * (size_t)g->nz, most = 0, start = 0;
    struct walk w = {g, mem_alloc(cells), mem_array(cells, sizeof *w.queue)};
    if (w.marks == NULL || w.queue == NULL) {
        mem_free(w.marks);
        mem_free(w.queue);
        return err_set(e, E_MEMORY, "parts of a volume");
    }
    mark(&w, threshold);
    for (size_t i = 0; i < cells; i++) {
        size_t count = w.marks[i] == CORE ? spread(&w, i, CORE, SEEN) : 0;
        start = count > most ? i : start;
        most = count > most ? count : most;
    }
    for (size_t i = 0; i < cells; i++) {
        w.marks[i] = w.marks[i] == SEEN ? CORE : w.marks[i];
    }
    if (most > 0) {
        (void)spread(&w, start, CORE, BODY);
    }
    for (size_t i = 0; i < cells; i++) { // other parts are no film either
        w.marks[i] = w.marks[i] == CORE ? EMPTY : w.marks[i];
    }
    grow_back(&w, cells);
    mem_free(w.queue);
    mem_free(g->body);
    g->body = w.marks;
    return E_OK;
}
