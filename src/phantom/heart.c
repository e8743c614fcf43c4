// SPDX-License-Identifier: Apache-2.0
#include "phantom/thorax.h"

#include "phantom/spine.h"

static const struct ph_v3 aorta[] = {{2, -22, 74}, {-12, -34, 92}, {-19, -36, 112}, {-14, -26, 134},
                                     {2, -4, 146}, {16, 18, 142},  {24, 36, 126},   {27, 46, 100},
                                     {26, 47, 70}, {22, 45, 40},   {14, 36, 5},     {7, 26, -30},
                                     {4, 13, -70}, {4, 2, -110},   {4, -6, -150},   {3, -8, -186}};
#define AORTA_POINTS ((int)(sizeof aorta / sizeof aorta[0]))

static void chamber(struct ph_body *b, enum ph_tissue t, struct ph_v3 c, struct ph_v3 r,
                    struct ph_v3 axis) {
    (void)ph_begin(b->scene, t);
    ph_turn(ph_ellipsoid(b->scene, c, r), axis, V3(1, 0, 0));
    ph_end(b->scene);
}

// The outline that fat, muscle and chambers share: `grow` mm outside of the heart.
static void heart_outline(struct ph_body *b, enum ph_tissue t, float grow) {
    float k = b->person->heart;
    struct ph_v3 apex = V3(0.78f, -0.45f, -0.44f);
    struct ph_scene *s = b->scene;
    (void)ph_begin(s, t);
    ph_turn(ph_ellipsoid(s, V3(30, -36, 44), V3(38 * k + grow, 36 * k + grow, 56 * k + grow)), apex,
            V3(0, 1, 0));
    (void)ph_ellipsoid(s, V3(-18, -32, 54), V3(29 * k + grow, 33 + grow, 40 + grow));
    ph_union(s, 16.0f);
    (void)ph_ellipsoid(s, V3(6, 6, 72), V3(34 * k + grow, 24 + grow, 24 + grow));
    ph_union(s, 14.0f);
    (void)ph_ellipsoid(s, V3(4, -30, 80), V3(28 + grow, 26 + grow, 26 + grow));
    ph_union(s, 14.0f);
    ph_end(s);
    ph_rough(s, 0.7f, 40.0f);
}

static void build_chambers(struct ph_body *b) {
    struct ph_v3 apex = V3(0.78f, -0.45f, -0.44f);
    heart_outline(b, PH_FAT, 5.0f);
    heart_outline(b, PH_HEART, 0.0f);
    chamber(b, PH_BLOOD, V3(36, -28, 46), V3(21, 20, 40), apex);         // left ventricle
    chamber(b, PH_BLOOD, V3(12, -54, 46), V3(16, 19, 40), apex);         // right ventricle
    chamber(b, PH_BLOOD, V3(-22, -32, 56), V3(21, 26, 33), V3(0, 0, 1)); // right atrium
    chamber(b, PH_BLOOD, V3(6, 8, 72), V3(28, 17, 19), V3(0, 0, 1));     // left atrium
}

static void branch(struct ph_body *b, enum ph_tissue t, struct ph_v3 p, struct ph_v3 q,
                   struct ph_v3 r, float ra, float rb) {
    struct ph_v3 points[3] = {p, q, r};
    ph_add_curve(b->scene, t, points, 3, 6, ra, rb);
}

static void build_arteries(struct ph_body *b) {
    float wide = b->person->age > 60 ? 1.1f : 1.0f;
    ph_add_curve(b->scene, PH_ARTERY, aorta, AORTA_POINTS, 36, 15.0f * wide, 8.5f * wide);
    branch(b, PH_ARTERY, V3(-10, -20, 140), V3(-18, -14, 170), V3(-34, -8, 200), 6.5f,
           5.0f); // brachiocephalic
    branch(b, PH_ARTERY, V3(0, -8, 147), V3(8, -4, 180), V3(22, 2, 240), 4.2f,
           3.6f); // left carotid
    branch(b, PH_ARTERY, V3(10, 6, 147), V3(24, 14, 180), V3(60, 0, 208), 5.0f,
           4.5f); // left subclavian
    branch(b, PH_ARTERY, V3(-34, -8, 200), V3(-60, -6, 208), V3(-100, -8, 196), 4.6f, 4.2f);
    branch(b, PH_ARTERY, V3(-26, -8, 196), V3(-26, 0, 215), V3(-24, 2, 245), 4.0f, 3.6f);
    branch(b, PH_BLOOD, V3(14, -48, 72), V3(20, -40, 98), V3(18, -16, 110), 13.0f,
           13.0f); // pulmonary trunk
    branch(b, PH_BLOOD, V3(16, -18, 110), V3(-10, -6, 108), V3(-46, 4, 102), 11.0f, 8.0f);
    branch(b, PH_BLOOD, V3(20, -16, 112), V3(34, 4, 116), V3(48, 16, 104), 11.0f, 8.0f);
    branch(b, PH_BLOOD, V3(-46, 4, 102), V3(-52, 12, 84), V3(-56, 20, 62), 8.0f,
           6.0f); // interlobar
    branch(b, PH_BLOOD, V3(48, 16, 104), V3(54, 24, 84), V3(58, 28, 60), 8.0f, 6.0f);
}

static void build_veins(struct ph_body *b) {
    branch(b, PH_BLOOD, V3(-24, -20, 160), V3(-28, -20, 120), V3(-25, -26, 72), 9.5f,
           10.0f); // superior cava
    branch(b, PH_BLOOD, V3(-24, -20, 160), V3(-32, -26, 178), V3(-70, -20, 196), 7.5f, 6.0f);
    branch(b, PH_BLOOD, V3(-24, -20, 158), V3(10, -34, 166), V3(60, -24, 196), 6.5f, 6.0f);
    branch(b, PH_BLOOD, V3(-26, -12, 50), V3(-24, 6, 10), V3(-22, 8, -90), 12.0f,
           11.0f); // inferior cava
    branch(b, PH_BLOOD, V3(-22, 8, -90), V3(-20, 0, -140), V3(-16, -2, -190), 10.5f, 9.5f);
    branch(b, PH_BLOOD, V3(-26, -6, 128), V3(-16, 26, 132), V3(-8, 44, 110), 4.0f, 3.5f); // azygos
    branch(b, PH_BLOOD, V3(-8, 44, 110), V3(-7, 42, 40), V3(-5, 30, -30), 3.4f, 2.4f);
    branch(b, PH_BLOOD, V3(-20, 14, 66), V3(-38, 20, 62), V3(-58, 28, 54), 8.0f, 5.0f); // pulmonary
    branch(b, PH_BLOOD, V3(32, 12, 66), V3(44, 22, 62), V3(58, 30, 54), 8.0f, 5.0f);
    branch(b, PH_BLOOD, V3(-22, 2, 80), V3(-38, -12, 88), V3(-54, -24, 100), 7.0f, 4.5f);
    branch(b, PH_BLOOD, V3(32, 2, 82), V3(42, -14, 92), V3(54, -28, 106), 7.0f, 4.5f);
}

static void airway(struct ph_body *b, const struct ph_v3 *p, int n, float ra, float rb) {
    ph_add_curve(b->scene, PH_MUCOSA, p, n, 3 * (n - 1), ra + 1.4f, rb + 1.2f);
}

static void lumen(struct ph_body *b, const struct ph_v3 *p, int n, float ra, float rb) {
    ph_add_curve(b->scene, PH_GAS, p, n, 3 * (n - 1), ra, rb);
}

static void build_airways(struct ph_body *b) {
    static const struct ph_v3 windpipe[] = {
        {0, -6, 262}, {0, 0, 226}, {1, 8, 190}, {0, 16, 155}, {-1, 22, 122}};
    static const struct ph_v3 right[] = {
        {-1, 22, 122}, {-20, 22, 108}, {-36, 20, 96}, {-44, 22, 76}};
    static const struct ph_v3 left[] = {{-1, 22, 122}, {16, 24, 110}, {38, 26, 94}, {48, 30, 74}};
    static const struct ph_v3 upper_right[] = {{-30, 20, 102}, {-46, 18, 110}, {-60, 16, 122}};
    static const struct ph_v3 upper_left[] = {{38, 26, 95}, {50, 16, 102}, {58, 8, 116}};
    struct {
        const struct ph_v3 *p;
        int n;
        float ra, rb;
    } tubes[] = {{windpipe, 5, 8.6f, 8.2f},
                 {right, 4, 7.0f, 4.2f},
                 {left, 4, 6.2f, 4.0f},
                 {upper_right, 3, 4.0f, 2.6f},
                 {upper_left, 3, 4.0f, 2.6f}};
    for (size_t i = 0; i < sizeof tubes / sizeof tubes[0]; i++) {
        airway(b, tubes[i].p, tubes[i].n, tubes[i].ra, tubes[i].rb);
    }
    for (size_t i = 0; i < sizeof tubes / sizeof tubes[0]; i++) {
        lumen(b, tubes[i].p, tubes[i].n, tubes[i].ra, tubes[i].rb);
    }
    static const struct ph_v3 gullet[] = {
        {3, 8, 262}, {3, 20, 190}, {4, 32, 120}, {8, 34, 60}, {16, 14, 12}};
    ph_add_curve(b->scene, PH_MUSCLE, gullet, 5, 14, 7.0f, 8.0f);
    ph_add_curve(b->scene, PH_MUCOSA, gullet, 5, 14, 3.6f, 4.0f);
    (void)ph_add_ellipsoid(b->scene, PH_GAS, V3(4, 30, 138), V3(3.2f, 1.8f, 16));
}

// What lies between the lungs: fat to begin with.
void ph_build_mediastinum(struct ph_body *b) {
    struct ph_scene *s = b->scene;
    struct ph_loft *l = ph_loft_new(s, 13, 24.0f, 0.25f);
    static const float rows[13][5] = {
        // from z = -40 up, 24 apart
        {2, 0, 24, 40, 56},  {6, -6, 30, 56, 62}, {8, -6, 32, 60, 64},  {6, -6, 30, 62, 66},
        {3, -6, 28, 62, 66}, {0, -6, 25, 60, 66}, {-2, -6, 25, 54, 64}, {-2, -4, 27, 48, 58},
        {-1, 0, 27, 42, 50}, {0, 2, 28, 38, 42},  {0, 4, 32, 34, 36},   {0, 6, 38, 34, 30},
        {0, 6, 42, 34, 28}};
    for (int i = 0; i < 13; i++) {
        ph_knot(l, i, rows[i][0], rows[i][1], rows[i][2], rows[i][3], rows[i][4]);
    }
    (void)ph_begin(s, PH_FAT);
    (void)ph_loft_part(s, l, V3(0, 0, -40));
    ph_end(s);
    for (int i = 0; i < 9; i++) { // soft tissue beside the vertebrae
        struct ph_vertebra v = ph_vertebra_at(PH_T1 + i);
        (void)ph_add_ellipsoid(s, PH_FAT, v3_add(v.centre, V3(0, 6, 0)),
                               V3(v.rx + 6.0f, v.ry + 7.0f, 18));
    }
}

void ph_build_heart(struct ph_body *b) {
    build_chambers(b);
    build_veins(b);
    build_arteries(b);
    build_airways(b);
}
