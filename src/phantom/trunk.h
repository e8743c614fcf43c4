// SPDX-License-Identifier: Apache-2.0
// Chest and abdomen together: the wall, the organs of the abdomen, the pelvis. Builds the whole
// trunk.
#pragma once

#include "phantom/body.h"

// What may differ from the usual before painting; lesions.c fills it.
struct ph_trunk_options {
    bool obstructed;   // small bowel full of gas and fluid
    float aneurysm_mm; // widest radius of the abdominal aorta; 0: usual
    int pneumothorax;  // -1 right, 1 left, 0 none
    float collapse;    // share of the lung's width that the pleural air takes
    int effusion;      // as pneumothorax
    float effusion_mm; // height of the fluid at the back of the chest
    bool upright;      // gas rises and fluid sinks towards the feet, not the back
};

void ph_build_trunk(struct ph_body *b, const struct ph_trunk_options *o);

// The skin, `less` mm further in, as a loft from z = PH_OUTLINE_BASE.
#define PH_OUTLINE_BASE (-400.0f)
const struct ph_loft *ph_trunk_outline(struct ph_body *b, float less);

// Pieces of it (belly.c, pelvis.c).
void ph_build_belly(struct ph_body *b, const struct ph_trunk_options *o);
void ph_build_pelvis(struct ph_body *b);
