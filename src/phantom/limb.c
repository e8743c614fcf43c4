// SPDX-License-Identifier: Apache-2.0
#include "phantom/limb.h"

#include "phantom/longbone.h"

static struct ph_v3 at(const struct ph_limb_options *o, float x, float y, float z) {
    return V3(o->side * x, y, z);
}

static const float carpals[8][7] = { // x, y, z, radii, lean
    {12, -1, 12, 5.6f, 6, 10, 0.55f},        {0.5f, 0, 9, 7, 8.5f, 6.8f, 0},
    {-11, 1, 12.5f, 5.8f, 6.5f, 7.5f, 0.3f}, {-12.5f, -10, 12.5f, 5, 4.6f, 6, 0},
    {19, -6, 27.5f, 7, 7, 7, 0.3f},          {9.5f, 0, 28, 5.6f, 7, 5.4f, 0},
    {1, 0, 24, 6.8f, 8, 10.5f, -0.1f},       {-9.5f, -1, 25, 6.4f, 8, 9, 0.35f}};

struct digit {
    float y, base, shaft, head;
    float joint[5][2]; // x, z: metacarpal base and head, then the ends of the phalanges
    int bones;
};

static const struct digit digits[5] = {
    {-9, 6.8f, 4.6f, 6.6f, {{22, 35}, {38, 65}, {49, 97}, {56, 120}, {0, 0}}, 3},
    {0, 7.4f, 4.2f, 7.2f, {{11, 36}, {18, 101}, {23, 142}, {25, 167}, {26, 186}}, 4},
    {1, 7.2f, 4.2f, 7.4f, {{1, 38}, {3, 100}, {4.5f, 146}, {5, 176}, {5.5f, 196}}, 4},
    {0, 6.2f, 3.6f, 6.6f, {{-7.5f, 37}, {-11, 92}, {-16, 134}, {-18, 162}, {-19, 181}}, 4},
    {-2, 6.4f, 3.7f, 6.2f, {{-14.5f, 35}, {-22, 84}, {-31, 117}, {-35, 137}, {-38, 154}}, 4}};

static struct ph_v3 joint(const struct ph_limb_options *o, const struct digit *d, int i) {
    return at(o, d->joint[i][0], d->y - (d->bones == 3 ? 1.5f * (float)i : 0.0f), d->joint[i][1]);
}

static void build_digit(struct ph_body *b, const struct ph_limb_options *o, int number,
                        struct ph_v3 *broken) {
    const struct digit *d = &digits[number];
    for (int i = 0; i < d->bones; i++) {
        struct ph_v3 p = joint(o, d, i);
        struct ph_v3 q = joint(o, d, i + 1);
        float gap = 1.3f / v3_len(v3_sub(q, p));
        float less = i == 0 ? 1.0f : 0.88f - 0.12f * (float)i;
        bool tip = i == d->bones - 1;
        struct ph_long_bone bone = {.from = v3_mix(p, q, gap),
                                    .to = v3_mix(p, q, 1.0f - gap),
                                    .flat = V3(1, 0, 0),
                                    .r_from = (i == 0 ? d->base : d->head * 0.95f) * less,
                                    .r_mid = d->shaft * (i == 0 ? 1.0f : less),
                                    .r_to = d->head * less *
                                            (tip      ? 0.62f
                                             : i == 0 ? 1.0f
                                                      : 0.84f),
                                    .thin = 0.86f,
                                    .cortex = 0.44f};
        if (o->fracture == PH_BREAK_METACARPAL && number == 4 && i == 0) {
            bone.broken_at = 0.76f;
            bone.tilt = V3(0.24f * o->side, -0.62f, 0); // the head tips towards the palm
            bone.shift = V3(-o->side * 1.0f, -1.5f, -1.5f);
            *broken = v3_mix(p, q, 0.76f);
        }
        ph_long_bone_add(b, &bone);
    }
}

static void soft_hand(struct ph_body *b, const struct ph_limb_options *o, enum ph_tissue t,
                      float in) {
    struct ph_scene *s = b->scene;
    struct ph_v3 flat = V3(0, 1, 0);
    for (int n = 0; n < 5; n++) {
        const struct digit *d = &digits[n];
        for (int i = 0; i < d->bones; i++) {
            float r = (i == 0 ? 15.0f : 10.2f - 0.8f * (float)i) - in;
            (void)ph_begin(s, t);
            (void)ph_flat_cone(
                s, joint(o, d, i),
                v3_add(joint(o, d, i + 1), V3(0, 0, i == d->bones - 1 ? 3.0f : 0.0f)), r,
                i == 0 ? 11.0f - in : r - 0.6f, flat, i == 0 ? 0.85f : 0.92f);
            ph_end(s);
        }
    }
    (void)ph_begin(s, t);
    (void)ph_flat_cone(s, at(o, -2, -1, 62), at(o, 1, 0, 20), 33 - in, 31 - in, flat, 0.5f);
    ph_end(s);
    (void)ph_begin(s, t);
    (void)ph_flat_cone(s, at(o, 1, 0, 30), at(o, 0, 0, -30), 31 - in, 30 - in, flat, 0.66f);
    ph_end(s);
    (void)ph_begin(s, t);
    (void)ph_flat_cone(s, at(o, 0, 0, -25), at(o, -2, 0, -240), 29 - in, 46 - in, flat, 0.78f);
    ph_end(s);
}

static void build_carpals(struct ph_body *b, const struct ph_limb_options *o,
                          struct ph_v3 *broken) {
    for (int pass = 0; pass < 2; pass++) {
        struct ph_bone pen = {b->scene, pass == 1, PH_CORTEX, PH_SPONGY_DENSE, 0.75f};
        for (int i = 0; i < 8; i++) {
            const float *c = carpals[i];
            (void)ph_begin(pen.scene, pass == 1 ? pen.inside : pen.outline);
            float least = ph_min(c[3], ph_min(c[4], c[5]));
            ph_turn(ph_box(pen.scene, at(o, c[0], c[1], c[2]),
                           V3(0.95f * c[3], 0.95f * c[4], 0.95f * c[5]), 0.66f * least),
                    V3(o->side * c[6], 0, 1), V3(1, 0, 0));
            ph_end(pen.scene);
            ph_rough(pen.scene, 0.3f, 7.0f);
            if (pass == 1) {
                ph_inset(pen.scene, pen.cortex_mm);
            }
        }
    }
    if (o->fracture == PH_BREAK_SCAPHOID) { // a dark line across the waist
        *broken = at(o, 12, -1, 12);
        (void)ph_begin(b->scene, PH_MARROW);
        ph_plane(b->scene, *broken, V3(o->side * 0.35f, 0.1f, 1))->shell = 0.45f;
        (void)ph_ellipsoid(b->scene, *broken, V3(9, 9, 6));
        ph_clip(b->scene);
        ph_end(b->scene);
    }
}

static void build_forearm(struct ph_body *b, const struct ph_limb_options *o,
                          struct ph_v3 *broken) {
    struct ph_long_bone radius = {.from = at(o, 6, 0, -235),
                                  .to = at(o, 7, 0, -1),
                                  .flat = V3(0, 1, 0),
                                  .r_from = 7.2f,
                                  .r_mid = 7.0f,
                                  .r_to = 15.5f,
                                  .thin = 0.72f,
                                  .cortex = 0.45f,
                                  .flare = 0.86f};
    struct ph_long_bone ulna = {.from = at(o, -15, 1, -235),
                                .to = at(o, -15, 2, -6),
                                .flat = V3(0, 1, 0),
                                .r_from = 8.5f,
                                .r_mid = 6.0f,
                                .r_to = 8.2f,
                                .thin = 0.95f,
                                .cortex = 0.45f,
                                .flare = 0.9f};
    if (o->fracture == PH_BREAK_RADIUS) { // tipped backwards and driven in, a step in the cortex
        radius.broken_at = 0.905f;
        radius.tilt = V3(0.1f * o->side, 0.42f, 0);
        radius.shift = V3(o->side * 2.0f, 4.0f, -3.5f);
        *broken = v3_mix(radius.from, radius.to, radius.broken_at);
    }
    if (o->fracture == PH_BREAK_FOREARM) {
        radius.broken_at = 0.58f;
        radius.tilt = V3(0.12f * o->side, 0.16f, 0);
        radius.shift = V3(o->side * -3.0f, 3.5f, -1.0f);
        *broken = v3_mix(radius.from, radius.to, radius.broken_at);
    }
    struct ph_v3 styloid = at(o, 17, 0, -4);
    struct ph_v3 point = at(o, 20, 0, 6);
    if (o->fracture == PH_BREAK_RADIUS) {
        styloid = v3_add(styloid, V3(o->side * 3.0f, 9.0f, -4.0f));
        point = v3_add(point, V3(o->side * 3.5f, 13.0f, -5.0f));
    }
    ph_long_bone_add(b, &radius);
    ph_long_bone_add(b, &ulna);
    for (int pass = 0; pass < 2; pass++) {
        struct ph_bone pen = {b->scene, pass == 1, PH_CORTEX, PH_SPONGY, 0.8f};
        ph_bone_cone(&pen, styloid, point, 6.5f, 3.0f, V3(0, 1, 0), 0.9f);
        ph_bone_cone(&pen, at(o, -19, 4, -7), at(o, -21, 4, 2), 3.0f, 1.8f, V3(1, 0, 0), 1.0f);
    }
}

struct ph_v3 ph_build_hand(struct ph_body *b, const struct ph_limb_options *o) {
    struct ph_v3 broken = V3(0, 0, 0);
    soft_hand(b, o, PH_SKIN, 0.0f);
    soft_hand(b, o, PH_FAT, 1.4f);
    for (int i = 0; i < 6; i++) { // muscles of the forearm, of the thumb and of the small finger
        static const float m[6][8] = {
            {10, -9, -40, 9, 14, -12, -240, 18}, {-8, -10, -40, 9, -12, -12, -240, 18},
            {8, 9, -50, 6, 8, 14, -240, 15},     {-12, 9, -50, 6, -10, 13, -240, 14},
            {22, -8, 28, 9, 34, -11, 58, 9},     {-16, -6, 28, 8, -22, -6, 70, 8}};
        (void)ph_add_cone(b->scene, PH_MUSCLE, at(o, m[i][0], m[i][1], m[i][2]),
                          at(o, m[i][4], m[i][5], m[i][6]), m[i][3], m[i][7]);
    }
    build_forearm(b, o, &broken);
    build_carpals(b, o, &broken);
    for (int n = 0; n < 5; n++) {
        build_digit(b, o, n, &broken);
    }
    return broken;
}
