// SPDX-License-Identifier: Apache-2.0
// The bony pelvis, hips, buttocks and bladder.
#include "phantom/trunk.h"

static struct ph_v3 mirror(float side, float x, float y, float z) { return V3(side * x, y, z); }

#define FANS 11

// The wing of the ilium: fans of flat cones from the joint with the sacrum and the crest to the
// socket.
static void build_wing(const struct ph_bone *pen, float side) {
    static const struct ph_v3 crest[] = {{46, 70, -228}, {66, 62, -206},   {96, 34, -196},
                                         {120, 2, -204}, {128, -30, -226}, {124, -48, -244}};
    struct ph_v3 socket = mirror(side, 90, 2, -318);
    struct ph_v3 neck = mirror(side, 84, 10, -290);
    (void)ph_begin(pen->scene, pen->core ? pen->inside : pen->outline);
    for (int i = 0; i < FANS; i++) { // one blended solid, so that no fan shows by itself
        struct ph_v3 p = ph_curve(crest, 6, (float)i / (FANS - 1));
        struct ph_v3 q = ph_curve(crest, 6, ph_min(1.0f, (float)(i + 1) / (FANS - 1)));
        p.x *= side;
        q.x *= side;
        struct ph_v3 face = v3_cross(v3_sub(q, p), v3_sub(neck, p));
        (void)ph_flat_cone(pen->scene, p, neck, 12.0f, 15.0f, face, i < 3 ? 0.5f : 0.36f);
        if (i > 0) {
            ph_union(pen->scene, 7.0f);
        }
    }
    ph_end(pen->scene);
    if (pen->core) {
        ph_inset(pen->scene, pen->cortex_mm);
    }
    ph_bone_cone(pen, neck, socket, 20, 30, V3(1, 0, 0), 0.75f);
}

static void build_pubis(const struct ph_bone *pen, float side) {
    struct ph_v3 x = V3(1, 0, 0);
    struct ph_v3 socket = mirror(side, 88, -8, -320);
    struct ph_v3 body = mirror(side, 15, -58, -344);
    struct ph_v3 low = mirror(side, 20, -48, -366);
    struct ph_v3 seat = mirror(side, 56, 22, -376);
    ph_bone_cone(pen, socket, body, 13, 10, x, 0.9f);
    ph_bone_cone(pen, body, low, 11, 9, x, 0.9f);
    ph_bone_cone(pen, low, seat, 7.5f, 13, x, 0.7f);
    ph_bone_cone(pen, seat, mirror(side, 84, 22, -334), 16, 19, x, 0.8f);
}

static void build_femur(const struct ph_bone *pen, float side) {
    struct ph_v3 head = mirror(side, 92, -2, -322);
    struct ph_v3 trochanter = mirror(side, 140, 14, -346);
    ph_bone_ellipsoid(pen, head, V3(23, 23, 23));
    ph_bone_cone(pen, head, mirror(side, 126, 6, -350), 16, 18, V3(0, 1, 0), 0.85f);
    ph_bone_cone(pen, mirror(side, 142, 16, -334), trochanter, 13, 18, V3(1, 0, 0), 0.9f);
    ph_bone_cone(pen, mirror(side, 132, 10, -356), mirror(side, 126, 6, -470), 20, 14.5f,
                 V3(1, 0, 0), 1.0f);
}

static void build_soft(struct ph_body *b) {
    struct ph_scene *s = b->scene;
    for (int i = 0; i < 2; i++) {
        float side = i == 0 ? -1.0f : 1.0f;
        (void)ph_begin(s, PH_MUSCLE); // buttock
        (void)ph_ellipsoid(s, mirror(side, 80, 76, -318), V3(66, 38, 82));
        (void)ph_ellipsoid(s, mirror(side, 122, 30, -270), V3(32, 58, 62));
        ph_union(s, 20.0f);
        (void)ph_loft_part(s, ph_trunk_outline(b, 11.0f), V3(0, 0, PH_OUTLINE_BASE));
        ph_clip(s);
        ph_end(s);
        ph_rough(s, 0.9f, 30.0f);
        (void)ph_begin(s, PH_MUSCLE); // thigh
        (void)ph_ellipsoid(s, mirror(side, 104, -22, -410), V3(66, 68, 110));
        (void)ph_loft_part(s, ph_trunk_outline(b, 11.0f), V3(0, 0, PH_OUTLINE_BASE));
        ph_clip(s);
        ph_end(s);
        ph_rough(s, 0.9f, 30.0f);
        (void)ph_begin(s, PH_MUSCLE); // iliacus, on the wing
        (void)ph_flat_cone(s, mirror(side, 96, 14, -226), mirror(side, 88, -16, -300), 34, 20,
                           V3(1, 0.4f, 0), 0.4f);
        ph_end(s);
    }
    (void)ph_add_ellipsoid(s, PH_MUSCLE, V3(0, -26, -330), V3(39, 34, 28)); // bladder
    (void)ph_add_ellipsoid(s, PH_URINE, V3(0, -26, -330), V3(36, 31, 25));
    if (b->person->female) {
        (void)ph_add_ellipsoid(s, PH_HEART, V3(3, 12, -316), V3(24, 22, 32));
    } else {
        (void)ph_add_ellipsoid(s, PH_PANCREAS, V3(0, -10, -370), V3(22, 18, 18));
    }
}

void ph_build_pelvis(struct ph_body *b) {
    build_soft(b);
    for (int pass = 0; pass < 2; pass++) {
        struct ph_bone pen = {b->scene, pass == 1, PH_CORTEX, PH_SPONGY, 1.2f * b->person->density};
        for (int i = 0; i < 2; i++) {
            float side = i == 0 ? -1.0f : 1.0f;
            build_wing(&pen, side);
            build_pubis(&pen, side);
            build_femur(&pen, side);
        }
    }
}
