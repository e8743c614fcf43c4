// SPDX-License-Identifier: Apache-2.0
// What a face is to a machine that matches faces: the depth of the surface as seen from the front,
// freed from place and from how the head as a whole is bent.
#pragma once

#include <stdbool.h>

#include "gate/face_head.h"

#define GATE_RELIEF_WIDE 31 // points across and down
#define GATE_RELIEF_HIGH 31

struct gate_relief {
    double depth[GATE_RELIEF_HIGH][GATE_RELIEF_WIDE]; // mm behind the fitted surface; NAN: nothing
    double variance;                                  // mm²
    int points;
};

// A surface of fourth order (a plane, and how a head or a cut bends) is fitted to the depths and
// taken off.
void gate_relief_measure(const struct gate_front *f, const struct gate_head *h,
                         struct gate_relief *ret_relief);

// How alike two are: the correlation of their depths, -1 to 1; 0 where there is nothing to compare.
double gate_relief_likeness(const struct gate_relief *a, const struct gate_relief *b);
