// SPDX-License-Identifier: Apache-2.0
#include "phantom/spine.h"

static const struct {
    float z, y, rx, ry;
} levels[PH_SPINE_COUNT] = {
    {258, 2, 12, 8},          {242, 5, 12.5f, 8},        {226, 10, 13.5f, 8.5f},
    {208.5f, 18, 14.5f, 9},   {189, 27, 14, 10},         {168.5f, 36, 13.5f, 11},
    {147.5f, 44, 13.5f, 12},  {126, 50, 14, 12.8f},      {104, 54, 14.5f, 13.5f},
    {81.5f, 56, 15, 14},      {58.5f, 56, 15.7f, 14.5f}, {35, 53, 16.5f, 15},
    {11, 49, 17.5f, 15.3f},   {-14, 44, 18.8f, 15.5f},   {-40, 38, 20, 15.7f},
    {-69, 31, 21, 16},        {-102, 23, 22, 16.5f},     {-137, 16, 23.3f, 17},
    {-172, 14, 24.5f, 17.3f}, {-207, 20, 26, 17.5f}};

static struct ph_v3 level_centre(int i) { return V3(0, levels[i].y, levels[i].z); }

struct ph_vertebra ph_vertebra_at(int i) {
    int above = i > 0 ? i - 1 : 0;
    int below = i + 1 < PH_SPINE_COUNT ? i + 1 : PH_SPINE_COUNT - 1;
    struct ph_v3 span = v3_sub(level_centre(above), level_centre(below));
    float spacing = v3_len(span) / (float)(below - above);
    float body_share = i < PH_T1 ? 0.74f : i <= PH_T12 ? 0.82f : 0.74f;
    return (struct ph_vertebra){level_centre(i), v3_unit(span), levels[i].rx, levels[i].ry,
                                spacing * body_share};
}

// A point of the vertebra: right to left, front to back, down to up, in its own tilted axes.
static struct ph_v3 on(const struct ph_vertebra *v, float x, float y, float z) {
    struct ph_v3 back = v3_cross(v->up, V3(1, 0, 0));
    return v3_at(v3_at(v3_add(v->centre, V3(x, 0, 0)), y, back), z, v->up);
}

static void build_body(const struct ph_bone *pen, const struct ph_vertebra *v) {
    static const float waist[5] = {1.0f, 0.93f, 0.9f, 0.93f, 1.0f};
    struct ph_loft *l = ph_loft_new(pen->scene, 5, v->height / 4.0f, 0.3f);
    for (int i = 0; i < 5; i++) {
        ph_knot(l, i, 0, 0, v->rx * waist[i], v->ry * (0.5f + 0.5f * waist[i]), v->ry * 0.86f);
    }
    ph_bone_loft(pen, l, on(v, 0, 0, -0.5f * v->height), v->up, V3(1, 0, 0));
}

static void build_arch(const struct ph_bone *pen, const struct ph_vertebra *v, int level,
                       float side) {
    bool lumbar = level >= PH_L1;
    float deep = v->ry;
    struct ph_v3 root = on(v, side * v->rx * 0.6f, deep * 0.6f, v->height * 0.22f);
    struct ph_v3 knee = on(v, side * (lumbar ? 15.5f : 12.5f), deep + 11.0f, v->height * 0.1f);
    struct ph_v3 mid = on(v, 0, deep + (lumbar ? 25.0f : 19.0f), -v->height * 0.2f);
    float thick = lumbar ? 5.2f : 3.9f;
    struct ph_v3 x = V3(1, 0, 0);
    ph_bone_cone(pen, root, knee, thick, thick, x, 0.8f);
    ph_bone_cone(pen, knee, mid, 6.5f, 7.5f, v3_sub(mid, V3(0, 30.0f, 0)), 0.5f);
    float reach = lumbar ? 41.0f : level < PH_T1 ? 22.0f : 34.0f - 0.9f * (float)(level - PH_T1);
    float back = lumbar ? deep + 11.0f : level < PH_T1 ? deep + 2.0f : deep + 22.0f;
    struct ph_v3 tip = on(v, side * reach, back, v->height * (lumbar ? 0.1f : 0.25f));
    ph_bone_cone(pen, knee, tip, lumbar ? 5.0f : 4.4f, lumbar ? 3.6f : 4.2f, v->up, 0.8f);
    struct ph_v3 facet_up = on(v, side * (lumbar ? 17.0f : 13.0f), deep + 14.0f, v->height * 0.62f);
    struct ph_v3 facet_down =
        on(v, side * (lumbar ? 13.5f : 12.0f), deep + 18.0f, -v->height * 0.72f);
    ph_bone_cone(pen, knee, facet_up, 4.6f, 4.6f, x, 0.9f);
    ph_bone_cone(pen, knee, facet_down, 4.6f, 5.0f, x, 0.9f);
}

static void build_spinous(const struct ph_bone *pen, const struct ph_vertebra *v, int level) {
    float deep = v->ry;
    bool lumbar = level >= PH_L1;
    float drop = lumbar ? 0.35f : level < PH_T1 ? 0.3f : 0.9f;
    struct ph_v3 root = on(v, 0, deep + (lumbar ? 24.0f : 18.0f), -v->height * 0.2f);
    struct ph_v3 tip =
        on(v, 0, deep + (lumbar ? 48.0f : 42.0f), -v->height * drop - (lumbar ? 0.0f : 6.0f));
    ph_bone_cone(pen, root, tip, lumbar ? 9.0f : 5.5f, lumbar ? 10.5f : 5.0f, V3(1, 0, 0),
                 lumbar ? 0.36f : 0.55f);
}

static void build_discs(struct ph_body *b) {
    for (int i = PH_C5; i + 1 < PH_SPINE_COUNT; i++) {
        struct ph_vertebra up = ph_vertebra_at(i);
        struct ph_vertebra low = ph_vertebra_at(i + 1);
        struct ph_v3 middle = v3_mix(up.centre, low.centre, 0.5f);
        struct ph_v3 axis = v3_sub(up.centre, low.centre);
        struct ph_loft *l = ph_loft_new(b->scene, 2, v3_len(axis) * 0.5f, 0.3f);
        ph_knot(l, 0, 0, 0, low.rx + 0.6f, low.ry + 0.8f, low.ry * 0.87f);
        ph_knot(l, 1, 0, 0, up.rx + 0.6f, up.ry + 0.8f, up.ry * 0.87f);
        (void)ph_begin(b->scene, PH_DISC);
        ph_turn(ph_loft_part(b->scene, l, v3_at(middle, -0.25f, axis)), axis, V3(1, 0, 0));
        ph_end(b->scene);
        (void)ph_begin(b->scene, PH_NUCLEUS);
        ph_turn(
            ph_ellipsoid(b->scene, middle, V3(up.rx * 0.62f, up.ry * 0.55f, v3_len(axis) * 0.13f)),
            axis, V3(1, 0, 0));
        ph_end(b->scene);
    }
}

static void build_canal(struct ph_body *b) {
    struct ph_v3 p[PH_SPINE_COUNT];
    for (int i = 0; i < PH_SPINE_COUNT; i++) {
        struct ph_vertebra v = ph_vertebra_at(i);
        p[i] = on(&v, 0, v.ry * 0.87f + 8.5f, 0);
    }
    ph_add_curve(b->scene, PH_FAT, p, PH_SPINE_COUNT, 24, 10.0f, 11.5f);
    ph_add_curve(b->scene, PH_CSF, p, PH_SPINE_COUNT, 24, 7.6f, 7.4f);
    ph_add_curve(b->scene, PH_WHITE, p, PH_L1 + 1, 20, 4.6f, 4.0f);
    for (int i = 0; i < 4; i++) { // roots of the cauda equina
        float side = i % 2 == 0 ? -1.0f : 1.0f;
        struct ph_v3 q[3] = {p[PH_L1], v3_add(p[PH_L1 + 2], V3(side * 2.0f, 2.5f, 0)),
                             v3_add(p[PH_L5], V3(side * 4.0f, i < 2 ? 3.5f : 1.0f, 0))};
        ph_add_curve(b->scene, PH_WHITE, q, 3, 6, 1.0f, 0.8f);
    }
}

static void build_sacrum(const struct ph_bone *pen) {
    struct ph_loft *l = ph_loft_new(pen->scene, 7, 18.0f, 0.25f);
    static const float wide[7] = {54, 53, 45, 35, 26, 18, 7};
    static const float deep[7] = {16, 15, 12, 10, 8, 7, 5};
    static const float bend[7] = {0, -2, -6, -8, -7, -2, 9};
    for (int i = 0; i < 7; i++) {
        ph_knot(l, i, 0, bend[i], wide[i], deep[i], deep[i] * 0.9f);
    }
    ph_bone_loft(pen, l, V3(0, 34, -229), V3(0, 0.55f, -0.83f), V3(1, 0, 0));
    ph_bone_cone(pen, V3(0, 60, -240), V3(0, 96, -292), 8, 5, V3(1, 0, 0), 0.5f);
}

void ph_build_spine(struct ph_body *b) {
    build_canal(b);
    build_discs(b);
    for (int pass = 0; pass < 2; pass++) {
        struct ph_bone pen = {b->scene, pass == 1, PH_CORTEX_THIN, PH_SPONGY, 0.9f};
        for (int i = 0; i < PH_SPINE_COUNT; i++) {
            struct ph_vertebra v = ph_vertebra_at(i);
            build_body(&pen, &v);
            build_arch(&pen, &v, i, -1.0f);
            build_arch(&pen, &v, i, 1.0f);
            build_spinous(&pen, &v, i);
        }
        build_sacrum(&pen);
    }
}
