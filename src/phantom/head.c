// SPDX-License-Identifier: Apache-2.0
#include "phantom/head.h"

#define SKULL_MM 6.0f  // tables and diploe together
#define SPACE_MM 1.9f  // fluid over the brain
#define RIBBON_MM 3.0f // grey matter
#define SULCUS_DEEP 16.5f
#define GYRUS_CELL 2.35f // mm a cell of the coarse field: its waves are gyri

// The outside of the skull, `in` mm further in: pushes one distance.
static void push_vault(struct ph_scene *s, float in) {
    (void)ph_ellipsoid(s, V3(0, 16, 20), V3(75 - in, 77 - in, 86 - in));
    (void)ph_ellipsoid(s, V3(0, -24, 16), V3(66 - in, 70 - in, 80 - in));
    ph_union(s, 24.0f);
}

static void build_scalp(struct ph_body *b) {
    static const enum ph_tissue layer[3] = {PH_SKIN, PH_FAT, PH_MUSCLE};
    static const float out[3] = {-6.5f, -4.0f, -1.6f};
    for (int i = 0; i < 3; i++) {
        (void)ph_begin(b->scene, layer[i]);
        push_vault(b->scene, out[i]);
        (void)ph_cone(b->scene, V3(0, 28, -30), V3(0, 34, -120), 62 - out[i], 56 - out[i]);
        ph_union(b->scene, 30.0f);
        ph_end(b->scene);
    }
    for (int i = 0; i < 2; i++) { // the temporal muscle
        float side = i == 0 ? -1.0f : 1.0f;
        (void)ph_add_ellipsoid(b->scene, PH_MUSCLE, V3(side * 65, -26, 8), V3(11, 34, 34));
    }
}

static void build_skull(struct ph_body *b) {
    static const enum ph_tissue layer[3] = {PH_CORTEX, PH_DIPLOE, PH_CORTEX};
    static const float in[3] = {0.0f, 1.5f, 4.5f};
    for (int i = 0; i < 3; i++) {
        (void)ph_begin(b->scene, layer[i]);
        push_vault(b->scene, in[i]);
        ph_end(b->scene);
    }
    (void)ph_add_ellipsoid(b->scene, PH_CORTEX, V3(0, 84, 4),
                           V3(9, 7, 8)); // occipital protuberance
}

static void push_lobes(struct ph_scene *s, float in) { push_vault(s, SKULL_MM + in); }

static void build_cerebrum(struct ph_body *b, const struct ph_head_options *o, float atrophy) {
    struct ph_scene *s = b->scene;
    (void)ph_begin(s, PH_CSF);
    push_lobes(s, 0.0f);
    ph_end(s);
    if (o->bleed == PH_BLEED_SUBARACHNOID) { // blood in the sulci near the base
        (void)ph_begin(s, PH_CSF_BLOOD);
        push_lobes(s, 0.0f);
        (void)ph_ellipsoid(s, V3(o->side * 10, -12, 6), V3(72, 58, 34));
        ph_clip(s);
        ph_end(s);
    }
    float gap = 0.45f + 0.55f * atrophy;
    for (int i = 0; i < 2; i++) {
        float grey = i == 0 ? 0.0f : RIBBON_MM;
        (void)ph_begin(s, i == 0 ? PH_GREY : PH_WHITE);
        push_lobes(s, SPACE_MM + 0.8f * atrophy + grey);
        (void)ph_sheets(s, gap + 0.85f * grey, GYRUS_CELL, 3.3f);
        push_lobes(s, SULCUS_DEEP + grey);
        ph_cut(s);
        ph_cut(s);
        ph_end(s);
    }
}

// The cleft between the hemispheres, grey on both banks, the falx within.
static void build_cleft(struct ph_body *b, float atrophy) {
    struct ph_scene *s = b->scene;
    static const enum ph_tissue layer[3] = {PH_GREY, PH_CSF, PH_DURA};
    float half[3] = {4.4f + 0.5f * atrophy, 1.0f + 0.6f * atrophy, 0.65f};
    for (int i = 0; i < 3; i++) {
        (void)ph_begin(s, layer[i]);
        (void)ph_box(s, V3(0, 0, 50), V3(half[i], 95, 60), 0.3f);
        push_lobes(s, i == 0 ? SPACE_MM : 0.0f);
        ph_clip(s);
        (void)ph_ellipsoid(s, V3(0, 2, 18), V3(40, i == 2 ? 56 : 46, i == 2 ? 40 : 31));
        ph_cut(s);
        ph_end(s);
        ph_rough(s, i == 2 ? 0.25f : 0.5f, 30.0f);
    }
    (void)ph_begin(s, PH_SINUS_BLOOD); // superior sagittal sinus
    (void)ph_ellipsoid(s, V3(0, 8, 20), V3(5, 76, 84));
    (void)ph_ellipsoid(s, V3(0, 8, 18), V3(60, 67, 75));
    ph_cut(s);
    push_vault(s, SKULL_MM - 1.0f);
    ph_clip(s);
    ph_end(s);
}

static void pair_ellipsoid(struct ph_body *b, enum ph_tissue t, float x, float y, float z, float rx,
                           float ry, float rz, float lean) {
    for (int i = 0; i < 2; i++) {
        float side = i == 0 ? -1.0f : 1.0f;
        (void)ph_begin(b->scene, t);
        ph_turn(ph_ellipsoid(b->scene, V3(side * x, y, z), V3(rx, ry, rz)), V3(0, 0, 1),
                V3(1, side * lean, 0));
        ph_end(b->scene);
        ph_rough(b->scene, 0.35f, 14.0f);
    }
}

static void build_deep(struct ph_body *b, float atrophy) {
    float wide = 1.0f + 0.5f * atrophy;
    pair_ellipsoid(b, PH_DEEP_GREY, 11.5f, 7, 23, 8.5f, 15, 10, 0.45f); // thalamus
    pair_ellipsoid(b, PH_DEEP_GREY, 25, -8, 19, 6.5f, 17, 10, 0.35f);   // lentiform
    pair_ellipsoid(b, PH_GREY, 36, -4, 17, 2.2f, 19, 13, 0.2f);         // insula
    pair_ellipsoid(b, PH_DEEP_GREY, 13.5f, -25, 25, 5.5f, 9, 11, 0.3f); // head of the caudate
    struct ph_scene *s = b->scene;
    for (int i = 0; i < 2; i++) {
        float side = i == 0 ? -1.0f : 1.0f;
        float less = ph_vary(b->rng, 0.96f, 0.06f);
        struct ph_v3 body[6] = {{side * 7.5f, -36, 25}, {side * 9, -22, 33}, {side * 12, 2, 40},
                                {side * 20, 26, 34},    {side * 24, 38, 26}, {side * 22, 54, 22}};
        static const float r[6] = {4.2f, 5.2f, 5.0f, 6.6f, 6.2f, 2.4f};
        for (int k = 0; k < 5; k++) {
            (void)ph_begin(s, PH_CSF);
            (void)ph_flat_cone(s, body[k], body[k + 1], r[k] * wide * less, r[k + 1] * wide * less,
                               V3(0.8f * side, 0, 0.6f), 0.72f);
            ph_end(s);
        }
        struct ph_v3 temporal[4] = {
            {side * 25, 30, 26}, {side * 33, 18, 8}, {side * 33, 0, -1}, {side * 29, -14, -3}};
        ph_add_curve(s, PH_CSF, temporal, 4, 8, 3.4f * wide, 1.2f * wide);
        (void)ph_add_ellipsoid(s, PH_CHOROID, V3(side * 22, 33, 28), V3(3, 5.5f, 3.5f));
    }
    (void)ph_add_ellipsoid(s, PH_CSF, V3(0, -2, 19), V3(1.9f * wide, 14, 11)); // third ventricle
    (void)ph_add_ellipsoid(s, PH_CALCIUM, V3(0.4f, 24, 21), V3(2.2f, 2.8f, 2.2f)); // pineal
    for (int i = 0; i < 2; i++) { // septum: the horns keep a wall between them
        (void)ph_begin(s, PH_WHITE);
        (void)ph_box(s, V3(0, -18, 33), V3(0.8f, 18, 7), 0.5f);
        ph_end(s);
    }
}

static void build_cisterns(struct ph_body *b, enum ph_tissue fluid) {
    struct ph_scene *s = b->scene;
    (void)ph_begin(s, fluid); // the star over the sella
    (void)ph_ellipsoid(s, V3(0, -13, 2), V3(13, 11, 9));
    (void)ph_ellipsoid(s, V3(0, -26, 4), V3(5, 16, 7));
    ph_union(s, 6.0f);
    (void)ph_ellipsoid(s, V3(0, 2, -2), V3(20, 5, 6));
    ph_union(s, 6.0f);
    ph_end(s);
    for (int i = 0; i < 2; i++) {
        float side = i == 0 ? -1.0f : 1.0f;
        struct ph_v3 sylvian[4] = {
            {side * 11, -14, 3}, {side * 30, -20, 6}, {side * 44, -16, 14}, {side * 62, 6, 28}};
        for (int k = 0; k < 9; k++) {
            (void)ph_begin(s, fluid);
            (void)ph_flat_cone(s, ph_curve(sylvian, 4, (float)k / 9.0f),
                               ph_curve(sylvian, 4, (float)(k + 1) / 9.0f), k < 3 ? 4.0f : 8.0f,
                               k < 2 ? 4.0f : 8.0f, V3(0, 1, 0.4f), k < 3 ? 0.6f : 0.24f);
            ph_end(s);
        }
        struct ph_v3 ambient[4] = {
            {side * 13, -2, 0}, {side * 18, 10, 2}, {side * 14, 22, 6}, {0, 27, 9}};
        ph_add_curve(s, fluid, ambient, 4, 8, 2.6f, 3.4f);
    }
}

static void build_hindbrain(struct ph_body *b) {
    struct ph_scene *s = b->scene;
    (void)ph_begin(s, PH_CSF); // the posterior fossa
    (void)ph_ellipsoid(s, V3(0, 38, -20), V3(60, 42, 33));
    push_vault(s, SKULL_MM + 0.8f);
    ph_clip(s);
    ph_end(s);
    for (int i = 0; i < 2; i++) {
        (void)ph_begin(s, i == 0 ? PH_GREY : PH_WHITE);
        float in = i == 0 ? 0.0f : 2.0f;
        (void)ph_ellipsoid(s, V3(-26, 40, -18), V3(31 - in, 36 - in, 28 - in));
        (void)ph_ellipsoid(s, V3(26, 40, -18), V3(31 - in, 36 - in, 28 - in));
        ph_union(s, 12.0f);
        (void)ph_ellipsoid(s, V3(0, 38, -8), V3(20 - in, 24 - in, 18 - in));
        ph_union(s, 8.0f);
        (void)ph_sheets(s, i == 0 ? 0.2f : 0.9f, 0.8f, 1.1f); // folia
        (void)ph_ellipsoid(s, V3(0, 36, -18),
                           V3(i == 0 ? 50 : 40, i == 0 ? 30 : 24, i == 0 ? 24 : 17));
        ph_cut(s);
        ph_cut(s);
        ph_end(s);
    }
    (void)ph_begin(s, PH_WHITE);
    (void)ph_cone(s, V3(0, 6, 12), V3(0, 18, -60), 15, 8);
    (void)ph_ellipsoid(s, V3(0, 3, -10), V3(17, 13, 14));
    ph_union(s, 6.0f);
    ph_end(s);
    (void)ph_add_ellipsoid(s, PH_CSF, V3(0, 20.5f, -14), V3(7, 4.5f, 9));
    (void)ph_add_ellipsoid(s, PH_CSF, V3(0, 15, 3), V3(1.4f, 1.6f, 9));
    (void)ph_begin(s, PH_DURA); // tentorium: a tent's two slopes
    ph_ellipsoid(s, V3(0, 44, -30), V3(70, 54, 42))->shell = 0.7f;
    push_vault(s, SKULL_MM);
    ph_clip(s);
    (void)ph_ellipsoid(s, V3(0, 4, 2), V3(26, 32, 40));
    ph_cut(s);
    (void)ph_plane(s, V3(0, 0, -8), V3(0, 0, -1));
    ph_clip(s);
    ph_end(s);
}

static void build_base(struct ph_body *b) {
    struct ph_scene *s = b->scene;
    (void)ph_begin(s, PH_MUSCLE); // below the fossae at the front: no face, plain soft tissue
    push_vault(s, 1.0f);
    (void)ph_plane(s, V3(0, -40, -1), V3(0, -0.08f, 1));
    ph_clip(s);
    (void)ph_plane(s, V3(0, -32, 0), V3(0, 1, 0.0f));
    ph_clip(s);
    ph_end(s);
    struct ph_bone pen = {s, false, PH_CORTEX, PH_SPONGY_DENSE, 1.4f};
    for (int pass = 0; pass < 2; pass++) {
        pen.core = pass == 1;
        ph_bone_cone(&pen, V3(0, -60, -8), V3(0, -30, -4), 9, 12, V3(0, 0, 1), 0.9f);
        ph_bone_ellipsoid(&pen, V3(0, -14, -14), V3(20, 14, 12));                  // sphenoid
        ph_bone_cone(&pen, V3(0, 0, -8), V3(0, 14, -44), 8, 8, V3(0, 1, 0), 0.6f); // clivus
        for (int i = 0; i < 2; i++) {
            float side = i == 0 ? -1.0f : 1.0f;
            ph_bone_cone(&pen, V3(side * 12, -30, -1), V3(side * 62, -44, 10), 5, 5, V3(0, 1, 0),
                         0.6f); // wings
            ph_bone_cone(&pen, V3(side * 14, 0, -15), V3(side * 66, 22, -19), 8, 15, V3(0, 0.3f, 1),
                         0.9f);
            ph_bone_box(&pen, V3(side * 40, -20, -27), V3(28, 22, 2.5f), 2.0f, V3(0, 0, 1),
                        V3(1, 0, 0)); // floor
            if (pass == 0) {          // the roof of the orbit is a thin dome over fat
                (void)ph_add_ellipsoid(s, PH_CORTEX, V3(side * 31, -58, -22), V3(28, 31, 24));
                (void)ph_add_ellipsoid(s, PH_FAT, V3(side * 31, -58, -22), V3(25.8f, 28.8f, 21.8f));
            }
        }
    }
    (void)ph_add_ellipsoid(s, PH_GAS, V3(-7, -16, -15), V3(7.5f, 9, 7.5f));
    (void)ph_add_ellipsoid(s, PH_GAS, V3(8, -15, -15), V3(7, 9.5f, 7.5f));
    (void)ph_add_ellipsoid(s, PH_GAS, V3(-6, -84, 6), V3(10, 4.2f, 9));
    (void)ph_add_ellipsoid(s, PH_GAS, V3(9, -84, 5), V3(9, 4, 8));
    for (int i = 0; i < 90; i++) { // mastoid cells, ear canals
        float side = i % 2 == 0 ? -1.0f : 1.0f;
        struct ph_v3 c =
            V3(side * ph_vary(b->rng, 59, 8), ph_vary(b->rng, 24, 11), ph_vary(b->rng, -19, 9));
        float r = ph_vary(b->rng, 2.0f, 0.9f);
        (void)ph_add_ellipsoid(s, PH_GAS, c, V3(r, r * 1.2f, r));
    }
    for (int i = 0; i < 2; i++) {
        float side = i == 0 ? -1.0f : 1.0f;
        (void)ph_add_cone(s, PH_GAS, V3(side * 84, 8, -17), V3(side * 50, 6, -16), 3.6f, 3.0f);
        (void)ph_add_ellipsoid(s, PH_GAS, V3(side * 45, 7, -15), V3(4, 3, 5));
    }
}

// Where a defacing program cuts.
static void cut_face(struct ph_body *b) {
    struct ph_scene *s = b->scene;
    (void)ph_begin(s, PH_AIR);
    (void)ph_box(s, V3(0, -130, -80), V3(130, 74, 74), 4.0f);
    ph_end(s);
}

static void build_bleed(struct ph_body *b, const struct ph_head_options *o) {
    struct ph_scene *s = b->scene;
    enum ph_tissue clot = o->old ? PH_CLOT_OLD : PH_CLOT;
    struct ph_v3 c = o->at;
    switch (o->bleed) {
    case PH_BLEED_EXTRADURAL: // a lens under the bone
        (void)ph_begin(s, clot);
        ph_turn(ph_ellipsoid(s, c, V3(o->size * 1.05f, 34, 30)), V3(0, 0, 1),
                V3(c.x, c.y * 0.6f, 0));
        push_vault(s, SKULL_MM - 0.4f);
        ph_clip(s);
        ph_end(s);
        break;
    case PH_BLEED_SUBDURAL: // a crescent over the hemisphere
        (void)ph_begin(s, clot);
        push_vault(s, SKULL_MM - 0.3f);
        (void)ph_ellipsoid(s, V3(-o->side * o->size * 0.75f, 1, 18), V3(69, 87, 78));
        ph_cut(s);
        (void)ph_plane(s, V3(o->side * 12.0f, 0, 0), V3(-o->side, 0, 0));
        ph_clip(s);
        (void)ph_plane(s, V3(0, 0, 8), V3(0, 0, -1));
        ph_clip(s);
        ph_end(s);
        break;
    case PH_BLEED_BRAIN:
        (void)ph_add_ellipsoid(s, PH_OEDEMA, c,
                               V3(o->size * 1.35f, o->size * 1.6f, o->size * 1.3f));
        ph_rough(s, 1.2f, 16.0f);
        ph_soften(s, 4.0f);
        (void)ph_add_ellipsoid(s, clot, c, V3(o->size, o->size * 1.3f, o->size));
        ph_rough(s, 1.3f, 18.0f);
        break;
    case PH_BLEED_SUBARACHNOID:
    case PH_BLEED_NONE:
        break;
    }
}

static void build_other(struct ph_body *b, const struct ph_head_options *o) {
    struct ph_scene *s = b->scene;
    struct ph_v3 c = o->at;
    float r = o->size;
    if (o->tumour) {
        (void)ph_add_ellipsoid(s, PH_OEDEMA, c, V3(r * 1.9f, r * 2.1f, r * 1.8f));
        ph_rough(s, 2.4f, 22.0f);
        ph_soften(s, 5.0f);
        (void)ph_add_ellipsoid(s, PH_TUMOUR, c, V3(r, r * 1.1f, r));
        ph_rough(s, 1.0f, 14.0f);
        (void)ph_add_ellipsoid(s, PH_NECROSIS, c, V3(0.6f * r, 0.65f * r, 0.6f * r));
        ph_rough(s, 1.2f, 12.0f);
    }
    if (o->infarct) {
        ph_begin(s, PH_OEDEMA)->strength = 0.8f;
        (void)ph_ellipsoid(s, V3(o->side * 62, 0, 26), V3(40, 36, 32));
        push_lobes(s, SPACE_MM);
        ph_clip(s);
        ph_end(s);
        ph_rough(s, 1.6f, 24.0f);
        ph_soften(s, 5.0f);
    }
    for (int i = 0; o->plaques && i < 16; i++) {
        float side = i % 2 == 0 ? -1.0f : 1.0f;
        struct ph_v3 p =
            V3(side * ph_vary(b->rng, 21, 7), ph_vary(b->rng, 6, 34), ph_vary(b->rng, 42, 7));
        (void)ph_begin(s, PH_OEDEMA);
        ph_turn(
            ph_ellipsoid(s, p, V3(ph_vary(b->rng, 4.2f, 1.6f), ph_vary(b->rng, 2.3f, 0.7f), 2.6f)),
            V3(0, 0, 1), V3(1, ph_vary(b->rng, 0, 0.4f), 0));
        ph_end(s);
        ph_soften(s, 1.6f);
    }
}

void ph_build_head(struct ph_body *b, const struct ph_head_options *o) {
    float atrophy = ph_clamp(((float)b->person->age - 45.0f) / 40.0f, 0.0f, 1.1f);
    enum ph_tissue fluid = o->bleed == PH_BLEED_SUBARACHNOID ? PH_CSF_BLOOD : PH_CSF;
    build_scalp(b);
    build_skull(b);
    build_cerebrum(b, o, atrophy);
    build_cleft(b, atrophy);
    build_other(b, o);
    build_deep(b, atrophy);
    build_hindbrain(b);
    build_cisterns(b, fluid);
    build_base(b);
    build_bleed(b, o);
    cut_face(b);
}
