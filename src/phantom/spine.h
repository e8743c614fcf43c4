// SPDX-License-Identifier: Apache-2.0
// The spine from the fifth cervical vertebra to the sacrum: bodies, discs, arches and processes.
#pragma once

#include "phantom/body.h"

// Levels of the table: C5 C6 C7, T1 … T12, L1 … L5.
enum { PH_C5, PH_C6, PH_C7, PH_T1, PH_T12 = PH_T1 + 11, PH_L1, PH_L5 = PH_L1 + 4, PH_SPINE_COUNT };

struct ph_vertebra {
    struct ph_v3 centre; // of the body
    struct ph_v3 up;     // unit, along the spine
    float rx, ry;        // half-width and half-depth of the body
    float height;        // of the body
};

struct ph_vertebra ph_vertebra_at(int level);

// Canal, cord, discs, then bones.
void ph_build_spine(struct ph_body *b);
