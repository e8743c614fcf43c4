// SPDX-License-Identifier: Apache-2.0
#include "phantom/longbone.h"

#define KNOTS 21
#define END_CORTEX 0.85f // mm
#define DOME 0.42f       // height of a joint end over its radius

static float profile(const struct ph_long_bone *bone, float t) {
    float flare = bone->flare > 0.0f ? bone->flare : 0.78f;
    float near = ph_smooth(1.0f - flare, 0.02f, t);
    float far = ph_smooth(flare, 0.985f, t);
    float r = bone->r_mid + near * (bone->r_from - bone->r_mid) + far * (bone->r_to - bone->r_mid);
    return r;
}

// Wall thickness: thick in the shaft, a shell at the ends.
static float wall(const struct ph_long_bone *bone, float t) {
    float flare = bone->flare > 0.0f ? bone->flare : 0.78f;
    float shaft = ph_smooth(0.06f, 0.3f, t) * ph_smooth(0.98f, flare - 0.08f, t);
    return END_CORTEX + shaft * (bone->cortex * bone->r_mid - END_CORTEX);
}

struct layer {
    enum ph_tissue tissue;
    bool wall_off;   // inside the wall
    float low, high; // share of the length
};

static const struct ph_loft *layer_loft(struct ph_body *b, const struct ph_long_bone *bone,
                                        const struct layer *layer, float length) {
    float from = layer->low;
    float span = layer->high - layer->low;
    struct ph_loft *l = ph_loft_new(b->scene, KNOTS, length * span / (KNOTS - 1), 0.12f);
    for (int i = 0; i < KNOTS; i++) {
        float t = from + span * (float)i / (KNOTS - 1);
        float r = profile(bone, t) - (layer->wall_off ? wall(bone, t) : 0.0f);
        r = ph_max(r, 0.25f);
        ph_knot(l, i, 0, 0, r * bone->thin, r, r);
    }
    return l;
}

struct piece {
    bool far;
    struct ph_v3 origin, axis;
    struct ph_v3 break_at, break_normal;
};

// A joint end is a flat dome over the tube.
static void add_dome(struct ph_scene *s, const struct ph_long_bone *bone, const struct piece *piece,
                     float z, float r) {
    ph_turn(ph_ellipsoid(s, v3_at(piece->origin, z, piece->axis), V3(r * bone->thin, r, DOME * r)),
            piece->axis, bone->flat);
    ph_union(s, 0.0f);
}

static void add_layer(struct ph_body *b, const struct ph_long_bone *bone, const struct layer *layer,
                      const struct piece *piece, float length) {
    struct ph_scene *s = b->scene;
    (void)ph_begin(s, layer->tissue);
    ph_turn(ph_loft_part(s, layer_loft(b, bone, layer, length),
                         v3_at(piece->origin, layer->low * length, piece->axis)),
            piece->axis, bone->flat);
    if (layer->low < 0.1f) {
        float thinner = layer->wall_off ? END_CORTEX : 0.0f;
        add_dome(s, bone, piece, layer->low * length, bone->r_from - thinner);
        add_dome(s, bone, piece, layer->high * length, bone->r_to - thinner);
    }
    if (bone->broken_at > 0.0f) {
        (void)ph_plane(s, piece->break_at, piece->break_normal);
        ph_clip(s);
    }
    ph_end(s);
    if (bone->broken_at > 0.0f) {
        ph_rough(s, 0.4f, 5.0f); // a jagged edge
    }
}

static void add_piece(struct ph_body *b, const struct ph_long_bone *bone, const struct piece *piece,
                      float length) {
    static const struct layer layers[3] = {{PH_CORTEX, false, 0.0f, 1.0f},
                                           {PH_SPONGY, true, 0.012f, 0.988f},
                                           {PH_MARROW, true, 0.26f, 0.68f}};
    for (int i = 0; i < 3; i++) {
        add_layer(b, bone, &layers[i], piece, length);
    }
}

void ph_long_bone_add(struct ph_body *b, const struct ph_long_bone *bone) {
    struct ph_v3 axis = v3_unit(v3_sub(bone->to, bone->from));
    struct ph_long_bone tube = *bone; // the domes take their share of the length
    tube.from = v3_at(bone->from, DOME * bone->r_from, axis);
    tube.to = v3_at(bone->to, -DOME * bone->r_to, axis);
    bone = &tube;
    float length = v3_len(v3_sub(bone->to, bone->from));
    struct ph_v3 slant = v3_unit(v3_add(axis, V3(0.22f, -0.18f, 0)));
    struct ph_v3 gap = v3_at(bone->from, bone->broken_at * length, axis);
    struct piece near = {false, bone->from, axis, gap, slant};
    add_piece(b, bone, &near, length);
    if (bone->broken_at <= 0.0f) {
        return;
    }
    struct ph_v3 tipped = v3_unit(v3_add(axis, bone->tilt));
    struct ph_v3 moved = v3_add(gap, bone->shift);
    struct ph_v3 origin = v3_at(moved, -bone->broken_at * length, tipped);
    struct piece far = {true, origin, tipped, v3_at(moved, 0.9f, tipped), v3_scale(slant, -1.0f)};
    add_piece(b, bone, &far, length);
}
