// SPDX-License-Identifier: Apache-2.0
// Knee and ankle (limb.h).
#include "phantom/limb.h"
#include "phantom/longbone.h"

static struct ph_v3 at(const struct ph_limb_options *o, float x, float y, float z) {
    return V3(o->side * x, y, z);
}

static void soft_leg(struct ph_body *b, const float rows[][4], int n, float step, float base,
                     float side) {
    struct ph_scene *s = b->scene;
    struct ph_loft *l = ph_loft_new(s, n, step, 0.1f);
    for (int i = 0; i < n; i++) {
        ph_knot(l, i, side * rows[i][0], 0, rows[i][1], rows[i][2], rows[i][3]);
    }
    static const enum ph_tissue layer[3] = {PH_SKIN, PH_FAT, PH_MUSCLE};
    static const float in[3] = {0.0f, 1.8f, 9.0f};
    for (int i = 0; i < 3; i++) {
        (void)ph_begin(s, layer[i]);
        (void)ph_loft_part(s, l, V3(0, 0, base));
        ph_end(s);
        ph_inset(s, in[i]);
    }
}

// The wall of a shaft thickens away from the joint; `core` layers are narrower by it.
static float wall_at(const struct ph_bone *pen, int knot) {
    static const float wall[10] = {0, 0, 0, 0.5f, 1.4f, 2.8f, 4.0f, 4.8f, 5.2f, 5.2f};
    return pen->core ? wall[knot] : 0.0f;
}

static void build_femur_end(const struct ph_bone *pen, const struct ph_limb_options *o) {
    static const float rows[9][3] = {// half-width, front, back from z = 12 up, 23 apart
                                     {33, 19, 12}, {38, 24, 20}, {33, 22, 20},
                                     {24, 18, 18}, {18, 15, 16}, {16, 14, 15},
                                     {15, 14, 15}, {15, 14, 15}, {15, 14, 15}};
    struct ph_loft *l = ph_loft_new(pen->scene, 9, 23.0f, 0.25f);
    for (int i = 0; i < 9; i++) {
        float w = wall_at(pen, i);
        ph_knot(l, i, 0, 0, rows[i][0] - w, rows[i][1] - w, rows[i][2] - w);
    }
    ph_bone_loft(pen, l, V3(0, -4, 18), V3(0, 0, 1), V3(1, 0, 0));
    ph_bone_ellipsoid(pen, at(o, 21, 4, 20), V3(20, 31, 18.5f));
    ph_bone_ellipsoid(pen, at(o, -21, 4, 19), V3(20.5f, 31, 19));
    ph_bone_ellipsoid(pen, at(o, 0, -14, 24), V3(34, 15, 17)); // the groove for the patella
}

static void build_tibia_top(const struct ph_bone *pen, const struct ph_limb_options *o) {
    static const float rows[10][3] = {{36, 22, 22},    {39, 25, 25},   {35, 25, 23}, {27, 24, 19},
                                      {21, 22, 16},    {17, 19, 14},   {15, 17, 13}, {14, 16, 13},
                                      {13.5f, 15, 13}, {13.5f, 15, 13}};
    struct ph_loft *l = ph_loft_new(pen->scene, 10, 21.0f, 0.25f);
    for (int i = 0; i < 10; i++) {
        float w = wall_at(pen, i);
        ph_knot(l, i, 0, 0, rows[i][0] - w, rows[i][1] - w, rows[i][2] - w);
    }
    ph_bone_loft(pen, l, V3(0, 0, -4), V3(0, 0.02f, -1), V3(1, 0, 0));
    ph_bone_ellipsoid(pen, at(o, 20, 0, -5), V3(19, 23, 2.6f)); // the two plateaus, a little domed
    ph_bone_ellipsoid(pen, at(o, -20, 0, -5), V3(19, 24, 2.4f));
    ph_bone_cone(pen, at(o, 5, 2, -5), at(o, 5, 2, 4), 4.5f, 1.6f, V3(1, 0, 0), 1.0f);
    ph_bone_cone(pen, at(o, -6, 0, -5), at(o, -6, 0, 5), 4.5f, 1.6f, V3(1, 0, 0), 1.0f);
    ph_bone_cone(pen, V3(0, -20, -30), V3(0, -22, -48), 9, 7, V3(1, 0, 0), 1.0f);
}

static void canal(struct ph_body *b, struct ph_v3 from, struct ph_v3 to, float r) {
    (void)ph_add_cone(b->scene, PH_MARROW, from, to, r, r);
}

struct ph_v3 ph_build_knee(struct ph_body *b, const struct ph_limb_options *o) {
    static const float outline[13][4] = {
        {0, 50, 44, 58}, {0, 54, 46, 64}, {0, 58, 48, 66}, {0, 58, 48, 62}, {0, 57, 50, 56},
        {0, 57, 55, 54}, {0, 60, 60, 55}, {0, 62, 62, 57}, {0, 62, 60, 60}, {0, 64, 60, 64},
        {0, 68, 64, 68}, {0, 72, 68, 72}, {0, 76, 72, 76}};
    soft_leg(b, outline, 13, 32.0f, -195.0f, o->side);
    (void)ph_add_ellipsoid(b->scene, PH_FAT, V3(0, -32, -6),
                           V3(20, 14, 18)); // the pad below the patella
    (void)ph_add_cone(b->scene, PH_LIGAMENT, V3(0, -44, 12), V3(0, -30, -38), 5, 5);
    (void)ph_add_cone(b->scene, PH_LIGAMENT, V3(0, -44, 40), V3(0, -30, 100), 6, 9);
    struct ph_long_bone fibula = {.from = at(o, 36, 18, -205),
                                  .to = at(o, 37, 18, -16),
                                  .flat = V3(1, 0, 0),
                                  .r_from = 6.5f,
                                  .r_mid = 6.2f,
                                  .r_to = 9.5f,
                                  .thin = 0.9f,
                                  .cortex = 0.5f,
                                  .flare = 0.84f};
    ph_long_bone_add(b, &fibula);
    for (int pass = 0; pass < 2; pass++) {
        struct ph_bone pen = {b->scene, pass == 1, PH_CORTEX, PH_SPONGY, 1.1f * b->person->density};
        build_femur_end(&pen, o);
        build_tibia_top(&pen, o);
        ph_bone_ellipsoid(&pen, V3(0, -40, 26), V3(22, 9.5f, 21));
    }
    (void)ph_begin(b->scene, PH_MUSCLE); // the notch between the condyles
    (void)ph_ellipsoid(b->scene, V3(0, 22, 12), V3(7.5f, 24, 17));
    ph_end(b->scene);
    canal(b, V3(0, -3.5f, 120), V3(0, -3.5f, 240), 7.5f);
    canal(b, V3(0, 2, -130), V3(0, 4, -240), 6.5f);
    struct ph_v3 broken = V3(0, 0, 0);
    if (o->fracture ==
        PH_BREAK_PLATEAU) { // a split of the outer plateau, and its edge pressed down
        broken = at(o, 22, 0, -18);
        (void)ph_begin(b->scene, PH_MUSCLE);
        ph_plane(b->scene, broken, v3_unit(at(o, 1, 0.15f, 0.5f)))->shell = 0.9f;
        (void)ph_box(b->scene, at(o, 24, 0, -24), V3(18, 30, 26), 1.0f);
        ph_clip(b->scene);
        ph_end(b->scene);
        ph_rough(b->scene, 0.5f, 7.0f);
        (void)ph_begin(b->scene, PH_MUSCLE);
        ph_turn(ph_box(b->scene, at(o, 27, 0, -2), V3(13, 30, 4.5f), 1.0f),
                v3_unit(at(o, 0.2f, 0, 1)), V3(1, 0, 0));
        ph_end(b->scene);
    }
    return broken;
}

static void build_foot(const struct ph_bone *pen, const struct ph_limb_options *o) {
    struct ph_v3 x = V3(1, 0, 0);
    ph_bone_ellipsoid(pen, at(o, 0, -3, -13), V3(15, 21, 11.5f)); // talus
    ph_bone_cone(pen, at(o, -2, -14, -16), at(o, -6, -31, -19), 12, 12, V3(0, 0, 1), 0.85f);
    ph_bone_cone(pen, at(o, 4, -4, -33), at(o, 6, 44, -40), 13, 17, x, 0.8f); // calcaneus
    ph_bone_cone(pen, at(o, 6, 2, -32), at(o, 12, -30, -34), 11, 10, x, 0.9f);
    ph_bone_cone(pen, at(o, -14, -6, -24), at(o, -6, 2, -26), 6, 7, x, 1.0f);
    ph_bone_ellipsoid(pen, at(o, -9, -43, -22), V3(16, 7, 11));  // navicular
    ph_bone_ellipsoid(pen, at(o, 15, -46, -34), V3(11, 14, 10)); // cuboid
    for (int i = 0; i < 3; i++) {                                // cuneiforms
        ph_bone_ellipsoid(pen, at(o, -20 + 12 * (float)i, -60, -27 - 2 * (float)i),
                          V3(6.5f, 10, 9));
    }
}

static void build_metatarsals(struct ph_body *b, const struct ph_limb_options *o) {
    for (int i = 0; i < 5; i++) {
        float x = -22 + 11 * (float)i;
        struct ph_long_bone m = {.from = at(o, x, -70 + 3 * (float)i, -31 - 3 * (float)i),
                                 .to = at(o, x * 1.35f, -128 + 5 * (float)i, -48),
                                 .flat = V3(1, 0, 0),
                                 .r_from = i == 0 ? 9 : 7,
                                 .r_mid = i == 0 ? 6 : 4,
                                 .r_to = i == 0 ? 9 : 6,
                                 .thin = 0.9f,
                                 .cortex = 0.4f};
        ph_long_bone_add(b, &m);
    }
}

struct ph_v3 ph_build_ankle(struct ph_body *b, const struct ph_limb_options *o) {
    static const float outline[10][4] = {
        {0, 33, 50, 62}, {0, 37, 48, 58}, {1, 39, 42, 44}, {1, 38, 40, 42}, {1, 37, 38, 46},
        {0, 37, 38, 50}, {0, 40, 40, 55}, {0, 44, 42, 60}, {0, 48, 44, 64}, {0, 52, 46, 68}};
    soft_leg(b, outline, 10, 28.0f, -58.0f, o->side);
    static const enum ph_tissue layer[3] = {PH_SKIN, PH_FAT, PH_MUSCLE};
    for (int i = 0; i < 3; i++) { // the foot
        float in = i == 0 ? 0.0f : i == 1 ? 1.8f : 7.0f;
        (void)ph_begin(b->scene, layer[i]);
        (void)ph_flat_cone(b->scene, at(o, 0, -10, -30), at(o, 0, -140, -46), 40 - in, 34 - in,
                           V3(0, 0, 1), 0.62f);
        ph_end(b->scene);
        (void)ph_add_ellipsoid(b->scene, layer[i], at(o, 5, 40, -42),
                               V3(29 - in, 30 - in, 27 - in));
    }
    (void)ph_add_cone(b->scene, PH_LIGAMENT, V3(0, 50, -34), V3(0, 46, 70), 5,
                      6); // the heel's tendon
    (void)ph_add_ellipsoid(b->scene, PH_FAT, V3(0, 32, 10), V3(14, 9, 40));
    struct ph_long_bone tibia = {.from = at(o, -2, 0, 235),
                                 .to = at(o, -3, 1, 0),
                                 .flat = V3(0, 1, 0),
                                 .r_from = 13,
                                 .r_mid = 12.0f,
                                 .r_to = 20,
                                 .thin = 0.92f,
                                 .cortex = 0.42f,
                                 .flare = 0.76f};
    struct ph_long_bone fibula = {.from = at(o, 23, 10, 235),
                                  .to = at(o, 21, 8, -22),
                                  .flat = V3(1, 0, 0),
                                  .r_from = 6.5f,
                                  .r_mid = 6.2f,
                                  .r_to = 8.8f,
                                  .thin = 0.85f,
                                  .cortex = 0.46f,
                                  .flare = 0.8f};
    struct ph_v3 broken = V3(0, 0, 0);
    if (o->fracture == PH_BREAK_FIBULA) { // oblique, at the joint's level, moved out and back
        fibula.broken_at = 0.87f;
        fibula.tilt = V3(o->side * 0.1f, 0.12f, 0);
        fibula.shift = V3(o->side * 2.6f, 2.6f, 0.5f);
        broken = v3_mix(fibula.from, fibula.to, fibula.broken_at);
        (void)ph_add_ellipsoid(b->scene, PH_MUSCLE, at(o, 34, 4, -6), V3(12, 26, 26)); // swelling
    }
    ph_long_bone_add(b, &tibia);
    ph_long_bone_add(b, &fibula);
    build_metatarsals(b, o);
    for (int pass = 0; pass < 2; pass++) {
        struct ph_bone pen = {b->scene, pass == 1, PH_CORTEX, PH_SPONGY,
                              0.95f * b->person->density};
        ph_bone_cone(&pen, at(o, -17, -1, 8), at(o, -20, -2, -12), 9, 5.5f, V3(1, 0, 0), 0.65f);
        build_foot(&pen, o);
    }
    return broken;
}
