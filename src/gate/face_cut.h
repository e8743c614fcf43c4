// SPDX-License-Identifier: Apache-2.0
// How deep a face is cut (deid.md 4): for each direction around the head's axis and each height,
// the distance from the axis beyond which everything goes. In front 25 mm behind the skin or at the
// front of the bone, whichever is deeper; at the temples and ears down to the bone; nowhere into
// the brain. The depth is taken from the deepest around, smoothed over centimetres and bent by a
// seeded random field, so that it does not follow the features that it takes.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/face_grid.h"
#include "gate/face_head.h"

struct arena;
struct err;

#define GATE_CUT_STEP_DEGREES 2
#define GATE_CUT_REACH_DEGREES 130 // to each side of the front: ears lie behind the middle
#define GATE_CUT_ANGLES (2 * GATE_CUT_REACH_DEGREES / GATE_CUT_STEP_DEGREES + 1)

struct gate_cut {
    double cx, cy; // of the axis, cells
    int low, high; // z of the first and the last row
    float *radius; // by (z - low) and angle: cells; huge where nothing goes
};

int gate_cut_plan(struct arena *a, const struct gate_grid *g, const struct gate_head *h,
                  uint64_t seed, struct gate_cut *ret_cut, struct err *e);

// Whether what lies there (cells of the grid, broken ones too) goes.
bool gate_cut_takes(const struct gate_cut *c, double x, double y, double z);
