// SPDX-License-Identifier: Apache-2.0
// A tubular bone: thick cortex round marrow in the shaft, thin cortex over spongy bone at flared
// ends; whole, or broken in two with the far piece moved and tipped.
#pragma once

#include "phantom/body.h"

struct ph_long_bone {
    struct ph_v3 from, to; // ends, joint surfaces included
    struct ph_v3 flat;     // direction in which it is `thin` times as thick
    float r_from, r_mid, r_to;
    float thin;
    float cortex;       // of the shaft's radius
    float flare;        // where the far end begins to widen, 0 … 1; 0: 0.8
    float broken_at;    // 0: whole; else the share of the length where it breaks
    struct ph_v3 tilt;  // of the far piece: its axis plus this
    struct ph_v3 shift; // of the far piece, mm
};

void ph_long_bone_add(struct ph_body *b, const struct ph_long_bone *bone);
