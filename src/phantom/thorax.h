// SPDX-License-Identifier: Apache-2.0
// The chest: wall, ribs, shoulder girdle, lungs with their airways and vessels, heart and great
// vessels.
#pragma once

#include "phantom/body.h"

// The lung of a side (-1 right, 1 left) as a loft from z = PH_LUNG_BASE upwards; also what ribs lie
// on.
#define PH_LUNG_BASE (-62.0f)
const struct ph_loft *ph_lung_loft(struct ph_scene *s, float side);

// A point on that loft's surface, `out` mm outside of it: `angle` 0 towards the back, a quarter
// turn to the flank, half a turn to the front (radians).
struct ph_v3 ph_lung_surface(const struct ph_loft *lung, float side, float angle, float z,
                             float out);

// The dome of the diaphragm of a side, as a part pushed on the solid being built.
void ph_push_dome(struct ph_body *b, float side, float lift);

void ph_build_lungs(struct ph_body *b); // air spaces, under everything in the chest
void ph_build_lung_vessels(struct ph_body *b);
void ph_build_mediastinum(struct ph_body *b); // the fat in which the next lies
void ph_build_heart(struct ph_body *b);       // pericardial fat, chambers, great vessels, airways
void ph_build_cage(struct ph_body *b);        // ribs, cartilage, sternum
void ph_build_shoulders(struct ph_body *b);   // scapulae, clavicles, humeri

// One rib, for fractures: `number` 1 … 12, `t` 0 at the spine … 1 at the front end.
struct ph_v3 ph_rib_point(const struct ph_loft *lung, int number, float side, float t);
