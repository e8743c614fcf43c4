// SPDX-License-Identifier: Apache-2.0
// Sampling a scene on planes of points: slices of a volume, or planes of a diverging beam whose
// samples are summed along the rays. Blocks of samples that lie wholly in or out of a solid are
// settled at once; only those that a surface crosses are evaluated point by point.
#pragma once

#include <stdbool.h>

#include "phantom/maths.h"
#include "phantom/scene.h"
#include "phantom/tissue.h"

struct err;

// Sample (i, j) lies at origin + i * du + j * dv.
struct ph_plane {
    struct ph_v3 origin, du, dv;
};

struct ph_painter {
    const struct ph_scene *scene;
    const struct ph_palette *palette;
    float edge_mm;    // a boundary blends over this much (points)
    float gradient_y; // added to LUNG a mm towards the back: blood follows gravity
    bool textured;    // evaluate texture fields
    bool skip_slight; // leave out solids marked thin or minor
};

// Values at the points of `planes`: out[(k * ny + j) * nx + i].
int ph_paint_points(const struct ph_painter *painter, const struct ph_plane *planes, int nx, int ny,
                    int nz, float *out, struct err *e);

// The beam between planes k and k+1 (k = 0 … nz-1, so nz+1 planes) is a cell of path length 1: adds
// value * covered part of the cell to sum[j * nx + i]. Covered parts come from where surfaces cross
// the ray, so chords are exact for flat surfaces and of second order for curved ones.
int ph_paint_sums(const struct ph_painter *painter, const struct ph_plane *planes, int nx, int ny,
                  int nz, float *sum, struct err *e);
