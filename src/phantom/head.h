// SPDX-License-Identifier: Apache-2.0
// A head without a face: scalp, skull and brain; below the brow the front is cut away as a defaced
// volume's is. z = 0 at the roof of the orbits, x = 0 the middle.
#pragma once

#include "phantom/body.h"

enum ph_bleed {
    PH_BLEED_NONE,
    PH_BLEED_EXTRADURAL,
    PH_BLEED_SUBDURAL,
    PH_BLEED_BRAIN,
    PH_BLEED_SUBARACHNOID
};

struct ph_head_options {
    enum ph_bleed bleed;
    float side;      // -1 right, 1 left
    float size;      // mm: thickness outside of the brain, radius in it
    bool old;        // dark, not fresh
    bool tumour;     // ring with oedema
    bool infarct;    // wedge of a middle cerebral artery
    bool plaques;    // white matter lesions beside the ventricles
    struct ph_v3 at; // centre of what is in the brain
};

void ph_build_head(struct ph_body *b, const struct ph_head_options *o);
