// SPDX-License-Identifier: Apache-2.0
// A coarse copy of a volume, its axes turned into the patient's: x to the left, y to the back, z to
// the top, whatever way the slices lie. Heads are found and cuts are planned on it; masks are made
// on the samples themselves (face_cut.c). And its parts that hang together.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct gate_volume;

#define GATE_GRID_CELLS_MAX ((size_t)8 << 20)
#define GATE_GRID_MM 2.0         // of a cell, or more where that would be too many
#define GATE_GRID_NONE INT16_MIN // nothing was scanned there
#define GATE_GRID_BODY_HU (-300)
#define GATE_GRID_BONE_HU 200

struct gate_grid {
    int nx, ny, nz;
    double mm;
    double origin[3]; // LPS of the middle of cell 0, from the middle of sample 0, mm
    int16_t *values;  // owned
    uint8_t *body;    // owned; NULL until gate_grid_find_body: 1 where the body is
};

// E_ARGUMENT for spacings and axes that make no space. The slice axis may be oblique to the planes
// (gantry tilt).
int gate_grid_make(const struct gate_volume *v, struct gate_grid *ret_grid, struct err *e);
void gate_grid_done(struct gate_grid *g);
static inline void cleanup_gate_grid(struct gate_grid *g) { gate_grid_done(g); }

static inline size_t gate_grid_at(const struct gate_grid *g, int x, int y, int z) {
    return ((size_t)z * (size_t)g->ny + (size_t)y) * (size_t)g->nx + (size_t)x;
}

// g->body: the largest part of values over `threshold` that hangs together by more than a film:
// without table, head rest, tubes.
int gate_grid_find_body(struct gate_grid *g, int16_t threshold, struct err *e);

// From samples to LPS (mm from sample 0) and back. false: the axes lie in a plane.
struct gate_affine {
    double to_lps[3][3];    // columns: a step along columns, rows, slices
    double to_sample[3][3]; // its inverse
};
bool gate_affine_of(const struct gate_volume *v, struct gate_affine *ret);
