// SPDX-License-Identifier: Apache-2.0
#include "phantom/trunk.h"

#include "phantom/spine.h"
#include "phantom/thorax.h"

#define OUTLINE_KNOTS 24
#define OUTLINE_STEP 30.0f

// The skin from the thighs to the neck: half-width, front, back.
static const float outline[OUTLINE_KNOTS][3] = {
    {180, 92, 108},  {182, 96, 116},  {182, 100, 122}, {180, 104, 124}, {175, 107, 118},
    {168, 109, 108}, {160, 110, 101}, {154, 110, 99},  {151, 110, 100}, {151, 109, 102},
    {153, 108, 104}, {156, 109, 106}, {158, 110, 108}, {160, 111, 112}, {162, 111, 116},
    {164, 109, 119}, {166, 104, 120}, {166, 96, 119},  {164, 86, 112},  {150, 74, 100},
    {98, 62, 84},    {66, 56, 74},    {60, 54, 70},    {60, 54, 70}};

const struct ph_loft *ph_trunk_outline(struct ph_body *b, float less) {
    struct ph_loft *l = ph_loft_new(b->scene, OUTLINE_KNOTS, OUTLINE_STEP, 0.38f);
    float fat = b->person->fat - 16.0f;
    for (int i = 0; i < OUTLINE_KNOTS; i++) {
        float low = i < 14 ? 1.0f : 0.5f; // fat gathers below the chest
        float grow = fat * low - less;
        ph_knot(l, i, 0, 0, outline[i][0] + grow, outline[i][1] + grow,
                outline[i][2] + 0.6f * fat * low - less);
    }
    return l;
}

static struct ph_v3 elbow_of(const struct ph_body *b, float side) {
    switch (b->person->arms) {
    case PH_ARMS_UP:
        return V3(side * 168, 0, 430);
    case PH_ARMS_FORWARD:
        return V3(side * 264, -40, -80);
    case PH_ARMS_DOWN:
        break;
    }
    return V3(side * 210, 24, -110);
}

// One layer: trunk, arms, breasts. Apart rather than blended, so that each is settled by itself.
static void build_layer(struct ph_body *b, enum ph_tissue t, float inset) {
    struct ph_scene *s = b->scene;
    (void)ph_begin(s, t);
    (void)ph_loft_part(s, ph_trunk_outline(b, 0.0f), V3(0, 0, PH_OUTLINE_BASE));
    ph_end(s);
    ph_inset(s, inset);
    for (int i = 0; i < 2; i++) {
        float side = i == 0 ? -1.0f : 1.0f;
        (void)ph_add_cone(s, t, V3(side * (b->person->arms == PH_ARMS_UP ? 156 : 168), 18, 162),
                          elbow_of(b, side), 54 - inset, 46 - inset);
        if (b->person->female) {
            (void)ph_begin(s, t);
            (void)ph_ellipsoid(s, V3(side * 74, -92, 52), V3(56 - inset, 46 - inset, 54 - inset));
            (void)ph_ellipsoid(s, V3(side * 66, -70, 92), V3(58 - inset, 44 - inset, 84 - inset));
            ph_union(s, 40.0f);
            ph_end(s);
        }
    }
}

static void build_skin(struct ph_body *b) {
    build_layer(b, PH_SKIN, 0.0f);
    build_layer(b, PH_FAT, 2.0f);
    for (int i = 0; i < 2 && b->person->female; i++) {
        float side = i == 0 ? -1.0f : 1.0f;
        (void)ph_add_ellipsoid(b->scene, PH_GLAND, V3(side * 76, -108, 54), V3(34, 20, 34));
        ph_rough(b->scene, 5.0f, 24.0f);
        ph_soften(b->scene, 7.0f);
    }
}

static void muscle_pair(struct ph_body *b, struct ph_v3 a, struct ph_v3 c, float ra, float rb,
                        struct ph_v3 flat, float thin) {
    for (int i = 0; i < 2; i++) {
        float side = i == 0 ? -1.0f : 1.0f;
        (void)ph_begin(b->scene, PH_MUSCLE);
        (void)ph_flat_cone(b->scene, V3(side * a.x, a.y, a.z), V3(side * c.x, c.y, c.z), ra, rb,
                           V3(side * flat.x, flat.y, flat.z), thin);
        ph_end(b->scene);
        ph_rough(b->scene, 0.8f, 30.0f);
    }
}

static void build_shoulder_muscles(struct ph_body *b) {
    float side_out[2] = {-1.0f, 1.0f};
    for (int i = 0; i < 2; i++) {
        float side = side_out[i];
        (void)ph_begin(b->scene, PH_MUSCLE);
        (void)ph_cone(b->scene, V3(side * (b->person->arms == PH_ARMS_UP ? 154 : 166), 18, 166),
                      elbow_of(b, side), 40, 32);
        (void)ph_ellipsoid(b->scene, V3(side * 120, 62, 150), V3(44, 34, 60));
        ph_union(b->scene, 16.0f);
        ph_end(b->scene);
        ph_rough(b->scene, 1.2f, 30.0f);
    }
    muscle_pair(b, V3(62, -84, 120), V3(140, -30, 152), 46, 20, V3(0.25f, 1, 0), 0.3f); // pectoral
    muscle_pair(b, V3(58, -82, 90), V3(120, -50, 140), 36, 18, V3(0.4f, 1, 0), 0.28f);
    muscle_pair(b, V3(130, 60, 40), V3(150, 40, 130), 40, 26, V3(1, 0.5f, 0),
                0.34f); // latissimus, serratus
    muscle_pair(b, V3(30, 96, 110), V3(20, 78, 200), 40, 30, V3(0, 1, 0.2f), 0.26f); // trapezius
    muscle_pair(b, V3(70, 70, 200), V3(30, 40, 240), 30, 28, V3(0, 1, 0.5f), 0.6f);
    muscle_pair(b, V3(34, 14, 250), V3(40, 0, 205), 22, 20, V3(1, 0, 0), 0.8f);
}

static void build_back_muscles(struct ph_body *b) {
    for (int i = 0; i < 2; i++) {
        float side = i == 0 ? -1.0f : 1.0f;
        struct ph_v3 p[] = {{side * 20, 44, 250}, {side * 26, 74, 190}, {side * 30, 92, 100},
                            {side * 34, 86, 0},   {side * 38, 70, -90}, {side * 40, 62, -170},
                            {side * 28, 84, -250}};
        for (int k = 0; k < 14; k++) {
            struct ph_v3 from = ph_curve(p, 7, (float)k / 14.0f);
            struct ph_v3 to = ph_curve(p, 7, (float)(k + 1) / 14.0f);
            float r = ph_mix(15.0f, 27.0f, ph_smooth(0.0f, 0.75f, (float)k / 14.0f)) -
                      (k > 11 ? 8.0f : 0.0f);
            (void)ph_begin(b->scene, PH_MUSCLE);
            (void)ph_flat_cone(b->scene, from, to, r, r, V3(0, 1, 0), 0.8f);
            ph_end(b->scene);
            ph_rough(b->scene, 0.8f, 20.0f);
        }
    }
}

// The muscles that close the chest wall lie on the lungs' lofts; those of the abdomen form a
// barrel.
static void build_wall(struct ph_body *b) {
    struct ph_scene *s = b->scene;
    for (int i = 0; i < 4; i++) {
        ph_begin(s, i < 2 ? PH_MUSCLE : PH_FAT)->minor = i >= 2;
        (void)ph_loft_part(s, ph_lung_loft(s, i % 2 == 0 ? -1.0f : 1.0f), V3(0, 0, PH_LUNG_BASE));
        ph_end(s);
        ph_inset(s, i < 2 ? -13.0f : -1.6f);
        if (i < 2) {
            ph_rough(s, 0.7f, 40.0f);
        }
    }
}

static void build_abdominal_wall(struct ph_body *b) {
    struct ph_scene *s = b->scene;
    static const float barrel[9][3] = {// half-width, front, back from z = -340 up, 40 apart
                                       {128, 62, 78}, {134, 74, 88}, {136, 84, 88},
                                       {134, 90, 80}, {131, 92, 78}, {130, 92, 80},
                                       {130, 92, 84}, {130, 90, 88}, {126, 84, 90}};
    struct ph_loft *l = ph_loft_new(s, 9, 40.0f, 0.35f);
    for (int i = 0; i < 9; i++) {
        ph_knot(l, i, 0, 0, barrel[i][0], barrel[i][1], barrel[i][2]);
    }
    // two muscle sheets with fat between
    static const enum ph_tissue layers[4] = {PH_MUSCLE, PH_FAT, PH_MUSCLE, PH_FAT};
    static const float depth[4] = {0.0f, 5.0f, 5.9f, 11.5f};
    for (int i = 0; i < 4; i++) {
        ph_begin(s, layers[i])->minor = i == 1 || i == 2;
        (void)ph_loft_part(s, l, V3(0, 0, -340));
        ph_end(s);
        ph_inset(s, depth[i]);
        ph_rough(s, 0.5f, 40.0f);
    }
    for (int i = 0; i < 2; i++) { // the straight muscles at the front
        float side = i == 0 ? -1.0f : 1.0f;
        struct ph_v3 p[4] = {{side * 40, -92, 10},
                             {side * 36, -91, -90},
                             {side * 32, -89, -190},
                             {side * 22, -70, -310}};
        for (int k = 0; k < 10; k++) {
            (void)ph_begin(s, PH_MUSCLE);
            (void)ph_flat_cone(s, ph_curve(p, 4, (float)k / 10.0f),
                               ph_curve(p, 4, (float)(k + 1) / 10.0f), 29, 29, V3(0, 1, 0), 0.2f);
            ph_end(s);
        }
    }
}

// Pleural air or fluid, painted over the lung before ribs, heart and vessels.
static void build_pleura(struct ph_body *b, const struct ph_trunk_options *o) {
    struct ph_scene *s = b->scene;
    if (o->effusion != 0) {
        float side = (float)o->effusion;
        (void)ph_begin(s, PH_EFFUSION);
        (void)ph_loft_part(s, ph_lung_loft(s, side), V3(0, 0, PH_LUNG_BASE));
        ph_push_dome(b, side, 0.0f);
        ph_cut(s);
        if (o->upright) { // the fluid climbs the flank: what a ball of lung leaves free
            (void)ph_ellipsoid(s, V3(side * 52, -14, 290 + o->effusion_mm), V3(128, 150, 300));
        } else {
            (void)ph_ellipsoid(s, V3(side * 52, -70, 60), V3(130, 152 - o->effusion_mm, 240));
        }
        ph_cut(s);
        ph_end(s);
    }
    if (o->pneumothorax != 0) {
        float side = (float)o->pneumothorax;
        for (int i = 0; i < 2; i++) { // air, then the pleura that covers the lung
            struct ph_solid *solid = ph_begin(s, i == 0 ? PH_GAS : PH_MUSCLE);
            if (i == 1 &&
                o->upright) { // as wide as the planes of a beam lie apart, and as much thinner
                solid->soft = 3.4f;
                solid->strength = 0.36f;
            }
            (void)ph_loft_part(s, ph_lung_loft(s, side), V3(0, 0, PH_LUNG_BASE));
            ph_push_dome(b, side, 0.0f);
            ph_cut(s);
            ph_ellipsoid(s, b->shrunk_centre, b->shrunk_radii)->shell = i == 0 ? 0.0f : 0.55f;
            if (i == 0) {
                ph_cut(s);
            } else {
                ph_clip(s);
            }
            ph_end(s);
        }
    }
}

// What pleural air leaves of a lung: drawn to the hilum, away from where air gathers.
static void shrink_lung(struct ph_body *b, const struct ph_trunk_options *o) {
    float side = (float)o->pneumothorax;
    float in = o->collapse;
    b->shrunk_side = side;
    if (o->upright) {
        b->shrunk_centre = V3(side * (52 - 10 * in), 0, 66 - 26 * in);
        b->shrunk_radii = V3(72 - 30 * in, 92 - 12 * in, 138 - 34 * in);
    } else {
        b->shrunk_centre = V3(side * 54, 26 + 10 * in, 70);
        b->shrunk_radii = V3(84 - 14 * in, 108 - 26 * in, 170);
    }
}

void ph_build_trunk(struct ph_body *b, const struct ph_trunk_options *o) {
    if (o->pneumothorax != 0) {
        shrink_lung(b, o);
    }
    build_skin(b);
    build_shoulder_muscles(b);
    build_abdominal_wall(b);
    build_wall(b);
    build_back_muscles(b);
    ph_build_lungs(b);
    ph_build_lung_vessels(b);
    build_pleura(b, o);
    ph_build_mediastinum(b);
    ph_build_belly(b, o);
    ph_build_heart(b);
    ph_build_pelvis(b);
    ph_build_spine(b);
    ph_build_cage(b);
    ph_build_shoulders(b);
}
