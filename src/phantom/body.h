// SPDX-License-Identifier: Apache-2.0
// The person a phantom shows: proportions drawn from the seed, and the builders that put anatomy
// into a scene. Builders work in the coordinates of a reference adult (mm; x left, y back, z up;
// trunk: z = 0 at the tenth thoracic vertebra); samplers stretch them by `size`.
#pragma once

#include <stdbool.h>

#include "base/rng.h"
#include "phantom/maths.h"
#include "phantom/scene.h"

enum ph_arms { PH_ARMS_UP, PH_ARMS_FORWARD, PH_ARMS_DOWN }; // CT, PA radiograph, AP radiograph

struct ph_person {
    bool female;
    int age;
    struct ph_v3 size; // stretch of the reference adult
    float fat;         // mm of fat under the skin at the flank
    float heart;       // 1 usual … 1.35 enlarged
    float breath;      // mm by which the diaphragm stands lower (deeper breath)
    float density;     // bone mineral, 1 usual
    enum ph_arms arms;
    struct ph_v3 wander; // small random differences of position, mm
};

struct ph_body {
    struct ph_scene *scene;
    struct rng *rng;
    const struct ph_person *person;
    // A lung that has shrunk: what is left of it, on this side (0: none).
    float shrunk_side;
    struct ph_v3 shrunk_centre, shrunk_radii;
};

// A number around `middle`, within one `spread` either side.
float ph_vary(struct rng *rng, float middle, float spread);

// A seeded person of that sex and age.
struct ph_person ph_person_make(struct rng *rng, bool female, int age);

// A bone is painted twice, cortex first, so that joints between its pieces have no cortex inside.
struct ph_bone {
    struct ph_scene *scene;
    bool core; // false: outline, true: spongy inside
    enum ph_tissue outline;
    enum ph_tissue inside;
    float cortex_mm;
};

void ph_bone_cone(const struct ph_bone *pen, struct ph_v3 a, struct ph_v3 b, float ra, float rb,
                  struct ph_v3 flat, float thin);
void ph_bone_ellipsoid(const struct ph_bone *pen, struct ph_v3 c, struct ph_v3 r);
void ph_bone_loft(const struct ph_bone *pen, const struct ph_loft *loft, struct ph_v3 origin,
                  struct ph_v3 z, struct ph_v3 x);
void ph_bone_box(const struct ph_bone *pen, struct ph_v3 c, struct ph_v3 half, float round,
                 struct ph_v3 z, struct ph_v3 x);
