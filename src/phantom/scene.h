// SPDX-License-Identifier: Apache-2.0
// A scene: solids in painting order. Where solids overlap the later one is seen, as in a painting;
// so a heart is painted over the lungs and a ventricle over the heart. Building never fails in the
// middle: shortage of memory is remembered, and asked once at the end (as base/buf.h does).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "phantom/solid.h"
#include "phantom/tissue.h"

struct arena;
struct ph_field;

enum ph_op_code { PH_PUSH, PH_UNION, PH_CUT, PH_CLIP };

struct ph_op {
    uint8_t code;
    uint32_t part; // PUSH
    float k;       // UNION: radius of the smooth blend
};

#define PH_STACK_MAX 4

struct ph_solid {
    enum ph_tissue tissue;
    uint32_t first_op;
    uint32_t op_count;
    float inset;       // the surface moved inwards by this many mm (outwards when negative)
    float wobble;      // mm by which a random field moves the surface (one standard deviation)
    float wobble_size; // mm a cell of the field
    float soft;        // mm over which the boundary blends; 0: the sampler's own
    float strength;    // how much of what is below it covers; 1 unless a haze
    bool minor;        // too slight for radiographs, which leave it out
    bool thin;         // a tube in lung that ray sums add by itself (xray.c)
    struct ph_box3 box;
};

struct ph_scene {
    struct arena *arena;
    struct ph_part *parts;
    uint32_t part_count, part_cap;
    struct ph_op *ops;
    uint32_t op_count, op_cap;
    struct ph_solid *solids;
    uint32_t solid_count, solid_cap;
    const struct ph_field *coarse; // for outlines and folds
    const struct ph_field *fine;   // for texture
    bool failed;
};

void ph_scene_init(struct ph_scene *s, struct arena *arena, const struct ph_field *coarse,
                   const struct ph_field *fine);

// A solid begins; the parts and operations that follow are its program. Returns it for the settings
// (valid until the next begin).
struct ph_solid *ph_begin(struct ph_scene *s, enum ph_tissue tissue);
void ph_end(struct ph_scene *s); // computes the box; after the settings

// Settings of the solid just ended; its box follows. A rough surface moves by `wobble_mm` (one
// standard deviation) with bumps `size_mm` apart.
void ph_rough(struct ph_scene *s, float wobble_mm, float size_mm);
void ph_soften(struct ph_scene *s, float soft_mm);
void ph_inset(struct ph_scene *s, float inset_mm);

void ph_union(struct ph_scene *s, float blend_mm); // of the two on top of the stack
void ph_cut(struct ph_scene *s);                   // the top taken out of the one below
void ph_clip(struct ph_scene *s);                  // what is in both

// Parts. Each pushes one distance. Without turn the local axes are the patient's.
struct ph_part *ph_ellipsoid(struct ph_scene *s, struct ph_v3 centre, struct ph_v3 radii);
struct ph_part *ph_box(struct ph_scene *s, struct ph_v3 centre, struct ph_v3 half, float round);
struct ph_part *ph_cone(struct ph_scene *s, struct ph_v3 a, struct ph_v3 b, float ra, float rb);
// Radii `thin` times r along `flat` (a direction across the axis), r across it.
struct ph_part *ph_flat_cone(struct ph_scene *s, struct ph_v3 a, struct ph_v3 b, float ra, float rb,
                             struct ph_v3 flat, float thin);
// Below the plane through p with the normal given.
struct ph_part *ph_plane(struct ph_scene *s, struct ph_v3 p, struct ph_v3 normal);
struct ph_part *ph_loft_part(struct ph_scene *s, const struct ph_loft *loft, struct ph_v3 origin);
struct ph_part *ph_sheets(struct ph_scene *s, float half_width, float cell_mm, float mm_a_unit);

// A loft in the arena, to be filled; NULL when memory is short (the scene remembers).
struct ph_loft *ph_loft_new(struct ph_scene *s, int count, float step, float squareness);
void ph_knot(struct ph_loft *l, int i, float cx, float cy, float rx, float front, float back);

// Turn a part's local axes: z along `z`, x as near to `x` as it can be.
void ph_turn(struct ph_part *part, struct ph_v3 z, struct ph_v3 x);

// Whole solids in one call.
struct ph_solid *ph_add_ellipsoid(struct ph_scene *s, enum ph_tissue t, struct ph_v3 c,
                                  struct ph_v3 r);
struct ph_solid *ph_add_cone(struct ph_scene *s, enum ph_tissue t, struct ph_v3 a, struct ph_v3 b,
                             float ra, float rb);
// A tube through points, radii from one end to the other; one solid a piece.
void ph_add_tube(struct ph_scene *s, enum ph_tissue t, const struct ph_v3 *p, int n, float ra,
                 float rb);

// A point on the smooth curve through n control points, t in 0 … 1.
struct ph_v3 ph_curve(const struct ph_v3 *p, int n, float t);
// A tube along that curve in `pieces` pieces.
void ph_add_curve(struct ph_scene *s, enum ph_tissue t, const struct ph_v3 *p, int n, int pieces,
                  float ra, float rb);

// A lower bound of |distance| to the solid's surface with its sign, as ph_part_bound.
float ph_solid_bound(const struct ph_scene *s, const struct ph_solid *solid, struct ph_v3 p,
                     float reach, float least_wobble);
// Distances along a row. Here and above wobbles of at most `least_wobble` mm are left out.
void ph_solid_row(const struct ph_scene *s, const struct ph_solid *solid, struct ph_v3 p,
                  struct ph_v3 step, int n, float least_wobble, float *out);
