// SPDX-License-Identifier: Apache-2.0
// Building the scene of a case: the person, the anatomy, and the finding at a known place.
#pragma once

#include <stdbool.h>

#include "phantom/body.h"
#include "phantom/case.h"

struct ph_build {
    struct ph_person person;
    struct rng rng;
    struct ph_v3 centre; // of the finding, reference mm
    struct ph_v3 extent; // half-sizes
};

// Fills `scene` (already initialised) for the case. `arms` and `upright` say how the person is
// placed. The same case gives the same anatomy for every placement.
void ph_build_case(struct ph_build *b, const struct ph_case *c, struct ph_scene *scene,
                   enum ph_arms arms, bool upright);
