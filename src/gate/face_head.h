// SPDX-License-Identifier: Apache-2.0
// A head in a CT, by its bones: a run of sections in which bone closes brain in, and below it where
// the face must be. Measures are those of an adult, scaled by the length of the inside of the
// skull, whose greatest is at the level of the brow (glabella to occiput).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/face.h"
#include "gate/face_grid.h"
#include "gate/face_plane.h"

struct arena;

#define GATE_FACE_BELOW_BROW_MM 130.0 // chin and a little more
#define GATE_FACE_ABOVE_BROW_MM 15.0

struct gate_head {
    enum gate_face_finding finding;
    bool brain;                   // false: a part of a face without one
    double scale;                 // 1: a grown-up's
    double cx, cy;                // of the axis, cells
    int brow, low, high;          // z of the brow, lowest and highest of the face
    int ring_low, ring_high;      // sections with brain
    const struct gate_ring *ring; // by z, in the arena
};

// Needs g->body. Cells of the brain are marked with 2 there.
int gate_head_find(struct arena *a, struct gate_grid *g, struct gate_head *ret_head, struct err *e);

// The first cell of the body on the way from the front, -1 where there is none or where the body
// was cut off by the edge of what was scanned.
struct gate_front {
    const struct gate_grid *grid;
    bool (*gone)(const void *context, int x, int y, int z); // NULL: nothing is gone
    const void *context;
    int cavity; // cells behind what is gone after which the ray has fallen into a cavity: -1 too
};
int gate_front_y(const struct gate_front *f, int x, int z);
