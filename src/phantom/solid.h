// SPDX-License-Identifier: Apache-2.0
// Solids: parts with a signed distance (negative inside), put together by a small stack program of
// unions, cuts and clips. Distances are close to millimetres near the surface, where they set how a
// boundary is blended; ph_part_bound never claims more room than there is, so that whole blocks of
// samples can be settled with one look.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "phantom/maths.h"

struct ph_field;

#define PH_KNOTS_MAX 28

// A body that is swept along its local z: at knot i (local z = i * step) it is an oval around
// (cx, cy) with half-width rx, and half-depths `front` (towards -y) and `back`.
struct ph_loft {
    int count;
    float step;
    float squareness; // 0 an ellipse … 1 the fourth-power oval
    struct {
        float cx, cy, rx, front, back;
        float slope; // the steepest change of outline beside this knot, mm a mm along z
    } knot[PH_KNOTS_MAX];
};

enum ph_part_kind {
    PH_ELLIPSOID, // a = radii
    PH_BOX,       // a = half-sides, a[3] = radius of the edges (inside the half-sides)
    PH_CONE, // along local z from 0 to a[4]: radii a[0],a[1] (x,y) there and a[2],a[3] at the end
    PH_LOFT,
    PH_PLANE, // inside where local z < 0
    PH_SHEETS // folds: where the random field (one cell = a[1] mm) is near zero; half-width a[0],
              // a[2] = mm a unit of the field's value is worth
};

struct ph_part {
    enum ph_part_kind kind;
    float a[5];
    float shell;         // > 0: only a skin of this half-thickness
    struct ph_v3 origin; // local = axes * (p - origin)
    struct ph_v3 axis[3];
    const struct ph_loft *loft;
    const struct ph_field *field;
};

struct ph_box3 {
    struct ph_v3 low, high;
};

// out[i] = distance at p + i * step.
#define PH_ROW_MAX 32
void ph_part_row(const struct ph_part *part, struct ph_v3 p, struct ph_v3 step, int n, float *out);

// A number b with the sign of the distance and |b| <= the true distance to the part's surface, or
// more than `reach` when that is so: callers ask whether a ball of that radius is clear of the
// surface.
float ph_part_bound(const struct ph_part *part, struct ph_v3 p, float reach);

// A box around everything inside; false when the part has no end (planes, sheets).
bool ph_part_box(const struct ph_part *part, struct ph_box3 *ret_box);
