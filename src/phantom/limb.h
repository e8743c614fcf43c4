// SPDX-License-Identifier: Apache-2.0
// Limbs: the hand with wrist and forearm, the knee, the ankle. The long axis is z, fingers up, foot
// down; x points to the thumb or the outer side, times `side`.
#pragma once

#include "phantom/body.h"

enum ph_break {
    PH_BREAK_NONE,
    PH_BREAK_RADIUS,
    PH_BREAK_METACARPAL,
    PH_BREAK_FOREARM,
    PH_BREAK_FIBULA,
    PH_BREAK_PLATEAU,
    PH_BREAK_SCAPHOID
};

struct ph_limb_options {
    float side; // -1 right, 1 left
    enum ph_break fracture;
};

// Each answers where the break is (origin when there is none).
struct ph_v3 ph_build_hand(struct ph_body *b, const struct ph_limb_options *o);
struct ph_v3 ph_build_knee(struct ph_body *b, const struct ph_limb_options *o);
struct ph_v3 ph_build_ankle(struct ph_body *b, const struct ph_limb_options *o);
