// SPDX-License-Identifier: Apache-2.0
// The organs of the abdomen, under the domes of the diaphragm.
#include "phantom/spine.h"
#include "phantom/thorax.h"
#include "phantom/trunk.h"

static void build_domes(struct ph_body *b) {
    struct ph_scene *s = b->scene;
    for (int i = 0; i < 2; i++) {
        float side = i == 0 ? -1.0f : 1.0f;
        for (int pass = 0; pass < 2; pass++) {
            (void)ph_begin(s, pass == 0 ? PH_MUSCLE : PH_FAT);
            ph_push_dome(b, side, pass == 0 ? 0.0f : -2.6f);
            (void)ph_loft_part(s, ph_lung_loft(s, side), V3(0, 0, PH_LUNG_BASE));
            ph_clip(s);
            ph_end(s);
        }
    }
}

static void build_liver(struct ph_body *b) {
    struct ph_scene *s = b->scene;
    float down = b->person->breath;
    (void)ph_begin(s, PH_LIVER);
    (void)ph_ellipsoid(s, V3(-64, -6, -52 - down), V3(69, 84, 68));
    (void)ph_ellipsoid(s, V3(-88, 8, -100 - down), V3(36, 58, 62));
    ph_union(s, 30.0f);
    (void)ph_ellipsoid(s, V3(4, -52, -34 - down), V3(66, 34, 30));
    ph_union(s, 34.0f);
    ph_turn(ph_ellipsoid(s, V3(-36, 34, -112 - down), V3(48, 62, 44)), V3(0.5f, 0, 1), V3(1, 0, 0));
    ph_cut(s);
    ph_end(s);
    ph_rough(s, 0.6f, 45.0f);
    struct ph_v3 porta[3] = {{-6, -2, -82 - down}, {-34, -14, -66 - down}, {-62, -10, -54 - down}};
    ph_add_curve(s, PH_BLOOD, porta, 3, 6, 6.5f, 5.0f);
    static const struct ph_v3 twigs[8] = {{-98, 20, -40},  {-100, -30, -46}, {-84, 38, -78},
                                          {-90, -20, -88}, {-60, -44, -40},  {-20, -56, -40},
                                          {20, -58, -36},  {-70, 20, -20}};
    for (int i = 0; i < 8; i++) {
        struct ph_v3 tip = V3(twigs[i].x, twigs[i].y, twigs[i].z - down);
        struct ph_v3 root = i == 5 || i == 6 ? porta[1] : porta[2];
        struct ph_v3 mid = v3_add(v3_mix(root, tip, 0.5f), V3(0, 4, 3));
        struct ph_v3 p[3] = {root, mid, tip};
        ph_add_curve(s, PH_BLOOD, p, 3, 5, 4.2f, 1.2f);
        struct ph_v3 fork = v3_add(tip, V3(-8, 16, 12));
        ph_add_cone(s, PH_BLOOD, mid, fork, 2.6f, 0.9f);
    }
    static const struct ph_v3 veins[3] = {{-84, 30, -34}, {-66, -36, -28}, {-10, -50, -26}};
    for (int i = 0; i < 3; i++) { // hepatic veins
        struct ph_v3 p[3] = {{-24, 8, 2 - down},
                             v3_add(v3_mix(V3(-24, 8, 2 - down), veins[i], 0.5f), V3(0, 0, 8)),
                             v3_add(veins[i], V3(0, 0, -down))};
        ph_add_curve(s, PH_BLOOD, p, 3, 6, 4.6f, 1.4f);
    }
    (void)ph_begin(s, PH_BOWEL_WALL);
    ph_turn(ph_ellipsoid(s, V3(-44, -46, -108 - down), V3(16, 16, 30)), V3(-0.2f, 0.5f, 1),
            V3(1, 0, 0));
    ph_end(s);
    (void)ph_begin(s, PH_BILE);
    ph_turn(ph_ellipsoid(s, V3(-44, -46, -108 - down), V3(14.4f, 14.4f, 28.4f)), V3(-0.2f, 0.5f, 1),
            V3(1, 0, 0));
    ph_end(s);
}

static void build_spleen(struct ph_body *b) {
    struct ph_scene *s = b->scene;
    float down = b->person->breath;
    (void)ph_begin(s, PH_SPLEEN);
    ph_turn(ph_ellipsoid(s, V3(94, 38, -48 - down), V3(29, 46, 52)), V3(-0.25f, -0.5f, 1),
            V3(1, 0, 0));
    ph_turn(ph_ellipsoid(s, V3(66, 22, -50 - down), V3(22, 40, 50)), V3(-0.2f, -0.4f, 1),
            V3(1, 0, 0));
    ph_cut(s);
    ph_end(s);
    ph_rough(s, 0.8f, 30.0f);
}

static void build_kidney(struct ph_body *b, float side) {
    struct ph_scene *s = b->scene;
    struct ph_v3 c = V3(side * 58, 40, side < 0.0f ? -112.0f : -98.0f);
    struct ph_v3 axis = V3(side * -0.22f, -0.2f, 1);
    (void)ph_begin(s, PH_KIDNEY);
    ph_turn(ph_ellipsoid(s, c, V3(27, 25, 54)), axis, V3(1, 0.5f * side, 0));
    ph_ellipsoid(s, v3_add(c, V3(side * -29, -12, 0)), V3(17, 17, 22));
    ph_cut(s);
    ph_end(s);
    ph_rough(s, 0.5f, 22.0f);
    for (int i = 0; i < 8; i++) { // pyramids
        float a = 2.0f * PH_PI * (float)(i % 4) / 4.0f + 0.6f;
        struct ph_v3 p =
            v3_add(c, V3(side * (6 + 5 * ph_cos(a)), 12 * ph_sin(a), i < 4 ? 20.0f : -18.0f));
        (void)ph_add_ellipsoid(s, PH_MEDULLA, p, V3(6, 6, 8));
    }
    (void)ph_begin(s, PH_FAT); // the sinus
    ph_turn(ph_ellipsoid(s, v3_add(c, V3(side * -9, -5, 0)), V3(15, 11, 30)), axis,
            V3(1, 0.5f * side, 0));
    ph_end(s);
    ph_rough(s, 2.0f, 16.0f);
    (void)ph_add_ellipsoid(s, PH_URINE, v3_add(c, V3(side * -13, -7, -2)), V3(9, 5, 9));
    struct ph_v3 ureter[4] = {v3_add(c, V3(side * -20, -8, -8)), V3(side * 34, 22, -150),
                              V3(side * 36, 14, -215), V3(side * 22, 10, -300)};
    ph_add_curve(s, PH_URINE, ureter, 4, 14, 2.2f, 1.8f);
    struct ph_v3 hilum = v3_add(c, V3(side * -16, -8, 4));
    ph_add_cone(s, PH_BLOOD, hilum, V3(side < 0.0f ? -20.0f : -8.0f, 0, c.z + 6), 4.0f, 5.5f);
    ph_add_cone(s, PH_ARTERY, v3_add(hilum, V3(0, 3, 5)), V3(4, 10, -84), 2.4f, 3.0f);
}

static void build_stomach(struct ph_body *b, bool upright) {
    struct ph_scene *s = b->scene;
    float down = b->person->breath;
    float full = ph_vary(b->rng, 0.0f, 12.0f);
    for (int pass = 0; pass < 2; pass++) {
        (void)ph_begin(s, pass == 0 ? PH_BOWEL_WALL : PH_MEAL);
        (void)ph_ellipsoid(s, V3(58, 2, -42 - down), V3(38, 46, 46));
        ph_turn(ph_ellipsoid(s, V3(40, -42, -80 - down), V3(30, 28, 52)), V3(0.5f, 0.4f, 1),
                V3(1, 0, 0));
        ph_union(s, 24.0f);
        (void)ph_cone(s, V3(34, -52, -112 - down), V3(-14, -44, -108 - down), 22, 14);
        ph_union(s, 20.0f);
        ph_end(s);
        ph_inset(s, pass == 0 ? 0.0f : 4.0f);
        ph_rough(s, 1.2f, 18.0f);
    }
    (void)ph_begin(s, PH_GAS);
    (void)ph_ellipsoid(s, V3(56, 2, -44 - down), V3(30, 36, 40));
    if (upright) {
        (void)ph_ellipsoid(s, V3(44, -8, -52 - down), V3(18, 24, 34));
        ph_union(s, 18.0f);
        (void)ph_plane(s, V3(0, 0, -32 + full - down), V3(0, 0, -1));
    } else {
        ph_turn(ph_ellipsoid(s, V3(40, -42, -80 - down), V3(24, 22, 46)), V3(0.5f, 0.4f, 1),
                V3(1, 0, 0));
        ph_union(s, 20.0f);
        (void)ph_plane(s, V3(0, -36, 0), V3(0, 1, 0));
    }
    ph_clip(s);
    ph_end(s);
    if (!upright) {
        ph_rough(s, 0.8f, 26.0f);
    }
}

static enum ph_tissue colon_content(struct ph_body *b) {
    uint64_t roll = rng_below(b->rng, 10);
    return roll < 5 ? PH_FAECES : roll < 9 ? PH_GAS : PH_BOWEL_CONTENT;
}

#define COLON_BAGS 58

// Haustra: a chain of bags, all walls painted before all contents.
static void build_colon(struct ph_body *b) {
    static const struct ph_v3 frame[] = {
        {-88, -18, -222}, {-98, -4, -180}, {-100, 6, -140}, {-88, -36, -112}, {-40, -66, -128},
        {10, -70, -132},  {60, -52, -104}, {96, 0, -70},    {104, 22, -110},  {104, 16, -160},
        {98, 6, -205},    {78, 6, -246},   {40, 10, -262},  {8, 18, -240},    {-4, 46, -262},
        {0, 62, -300},    {0, 52, -340}};
    const int n = (int)(sizeof frame / sizeof frame[0]);
    struct {
        struct ph_v3 c;
        float r;
        enum ph_tissue content;
    } bag[COLON_BAGS];
    for (int i = 0; i < COLON_BAGS; i++) {
        float t = ((float)i + 0.5f) / COLON_BAGS;
        float wide = t < 0.25f ? 26.0f : t < 0.65f ? 21.0f : 16.0f;
        bag[i].c = v3_add(ph_curve(frame, n, t),
                          V3(ph_vary(b->rng, 0, 2), ph_vary(b->rng, 0, 3), ph_vary(b->rng, 0, 3)));
        bag[i].r = wide * ph_vary(b->rng, 1.0f, 0.12f);
        bag[i].content = i % 3 != 0 && i > 0 ? bag[i - 1].content : colon_content(b);
        (void)ph_add_ellipsoid(b->scene, PH_BOWEL_WALL, bag[i].c, V3(bag[i].r, bag[i].r, bag[i].r));
    }
    for (int i = 0; i < COLON_BAGS; i++) {
        float r = bag[i].r - 1.9f;
        (void)ph_add_ellipsoid(b->scene, bag[i].content, bag[i].c, V3(r, r, r));
        if (i > 0) {
            (void)ph_add_cone(b->scene, bag[i].content, bag[i - 1].c, bag[i].c, 0.6f * r, 0.6f * r);
        }
    }
}

#define LOOP_PIECES 9

// A run of bowel: wall first, then content, then the folds of a dilated one.
static void gut_run(struct ph_body *b, const struct ph_v3 *p, int n, float r, float wall,
                    bool obstructed) {
    for (int i = 0; i + 1 < n; i++) {
        (void)ph_add_cone(b->scene, PH_BOWEL_WALL, p[i], p[i + 1], r, r);
    }
    enum ph_tissue content = rng_below(b->rng, 10) < (obstructed ? 8u : 1u) ? PH_GAS
                             : rng_below(b->rng, 3) == 0                    ? PH_BOWEL_WALL
                                                                            : PH_BOWEL_CONTENT;
    for (int i = 0; i + 1 < n; i++) {
        (void)ph_add_cone(b->scene, content, p[i], p[i + 1], r - wall, r - wall);
    }
    for (int i = 1; obstructed && i < 3 * (n - 1); i++) {
        struct ph_v3 q = ph_curve(p, n, (float)i / (float)(3 * (n - 1)));
        struct ph_v3 way =
            v3_unit(v3_sub(ph_curve(p, n, (float)i / (float)(3 * (n - 1)) + 0.02f), q));
        (void)ph_begin(b->scene, PH_BOWEL_WALL);
        ph_turn(ph_ellipsoid(b->scene, q, V3(r * 0.97f, r * 0.97f, 1.2f)), way, V3(1, 0, 0));
        (void)ph_cone(b->scene, v3_at(q, -4.0f, way), v3_at(q, 4.0f, way), r * 0.74f, r * 0.74f);
        ph_cut(b->scene);
        ph_end(b->scene);
    }
}

// Loops of small bowel: a wandering walk that stays in the middle of the abdomen.
static void build_small_bowel(struct ph_body *b, const struct ph_trunk_options *o) {
    float r = o->obstructed ? 17.5f : 11.0f;
    int runs = o->obstructed ? 17 : 64;
    struct ph_v3 p[LOOP_PIECES] = {V3(30, -30, -128)};
    struct ph_v3 way = V3(1, 0, -0.2f);
    for (int run = 0; run < runs; run++) {
        for (int i = 1; i < LOOP_PIECES; i++) {
            struct ph_v3 home =
                V3(ph_vary(b->rng, 0, 70), ph_vary(b->rng, -36, 40), ph_vary(b->rng, -200, 85));
            struct ph_v3 pull = v3_scale(v3_sub(home, p[i - 1]), o->obstructed ? 0.007f : 0.014f);
            struct ph_v3 turn =
                V3(ph_vary(b->rng, 0, 0.6f), ph_vary(b->rng, 0, 0.35f), ph_vary(b->rng, 0, 0.6f));
            way = v3_unit(v3_add(v3_add(way, turn), pull));
            struct ph_v3 q = v3_at(p[i - 1], r * 1.1f, way);
            p[i] = V3(ph_clamp(q.x, -92.0f, 86.0f), ph_clamp(q.y, -72.0f, 4.0f),
                      ph_clamp(q.z, -292.0f, -116.0f));
        }
        gut_run(b, p, LOOP_PIECES, r * ph_vary(b->rng, 1.0f, 0.12f), o->obstructed ? 1.6f : 2.4f,
                o->obstructed);
        p[0] = p[LOOP_PIECES - 1];
        if (!o->obstructed && run % 3 == 2) { // another part of the abdomen
            p[0] = V3(ph_vary(b->rng, 0, 78), ph_vary(b->rng, -40, 28), ph_vary(b->rng, -195, 80));
        }
    }
}

static void build_retroperitoneum(struct ph_body *b) {
    struct ph_scene *s = b->scene;
    struct ph_v3 pancreas[4] = {{-36, -16, -112}, {-6, -24, -98}, {30, -8, -86}, {68, 22, -70}};
    for (int i = 0; i < 10; i++) {
        (void)ph_begin(s, PH_PANCREAS);
        (void)ph_flat_cone(s, ph_curve(pancreas, 4, (float)i / 10.0f),
                           ph_curve(pancreas, 4, (float)(i + 1) / 10.0f), i < 2 ? 15.0f : 12.0f, 12,
                           V3(0, 1, 0), 0.72f);
        ph_end(s);
        ph_rough(s, 1.8f, 9.0f);
    }
    struct ph_v3 duodenum[5] = {
        {-24, -40, -108}, {-50, -22, -104}, {-48, -8, -142}, {-10, -8, -152}, {28, -14, -130}};
    ph_add_curve(s, PH_BOWEL_WALL, duodenum, 5, 14, 13, 12);
    ph_add_curve(s, PH_BOWEL_CONTENT, duodenum, 5, 14, 9.5f, 8.5f);
    struct ph_v3 splenic[4] = {{-6, -12, -86}, {24, 0, -78}, {54, 20, -66}, {78, 32, -56}};
    ph_add_curve(s, PH_BLOOD, splenic, 4, 9, 4.8f, 3.6f);
    struct ph_v3 mesenteric[4] = {{4, 2, -94}, {2, -22, -112}, {0, -32, -150}, {-20, -34, -210}};
    ph_add_curve(s, PH_ARTERY, mesenteric, 4, 8, 3.8f, 2.2f);
    struct ph_v3 vein[4] = {{-6, -12, -88}, {-10, -26, -116}, {-12, -34, -150}, {-34, -36, -205}};
    ph_add_curve(s, PH_BLOOD, vein, 4, 8, 5.6f, 2.6f);
    for (int i = 0; i < 26; i++) { // branches in the mesentery
        struct ph_v3 root = ph_curve(mesenteric, 4, ph_vary(b->rng, 0.65f, 0.33f));
        struct ph_v3 tip = v3_add(
            root, V3(ph_vary(b->rng, 0, 60), ph_vary(b->rng, -14, 14), ph_vary(b->rng, -24, 40)));
        (void)ph_add_cone(s, PH_BLOOD, root, tip, 1.9f, 0.8f);
    }
    for (int i = 0; i < 2; i++) { // adrenals
        float side = i == 0 ? -1.0f : 1.0f;
        struct ph_v3 at = V3(side * 36, 30, -54);
        (void)ph_add_cone(s, PH_PANCREAS, at, v3_add(at, V3(side * 4, 14, -6)), 2.6f, 1.8f);
        (void)ph_add_cone(s, PH_PANCREAS, at, v3_add(at, V3(side * -7, 12, -6)), 2.6f, 1.8f);
    }
}

static void build_psoas(struct ph_body *b) {
    for (int i = 0; i < 2; i++) {
        float side = i == 0 ? -1.0f : 1.0f;
        struct ph_v3 p[5] = {{side * 24, 36, -60},
                             {side * 34, 28, -120},
                             {side * 44, 18, -185},
                             {side * 62, 0, -260},
                             {side * 82, -22, -335}};
        ph_add_curve(b->scene, PH_MUSCLE, p, 2, 2, 8, 16);
        ph_add_curve(b->scene, PH_MUSCLE, p + 1, 4, 9, 17, 22);
        struct ph_v3 q[2] = {{side * 66, 50, -74}, {side * 78, 48, -200}};
        (void)ph_begin(b->scene, PH_MUSCLE);
        (void)ph_flat_cone(b->scene, q[0], q[1], 20, 24, V3(0.3f, 1, 0), 0.4f);
        ph_end(b->scene);
        struct ph_v3 iliac[3] = {
            {side * 4, -8, -188}, {side * 32, 4, -240}, {side * 62, -18, -310}};
        ph_add_curve(b->scene, PH_ARTERY, iliac, 3, 8, 6.2f, 5.0f);
        struct ph_v3 vein[3] = {
            {side * 4 - 14, 0, -192}, {side * 30, 14, -245}, {side * 56, -8, -312}};
        ph_add_curve(b->scene, PH_BLOOD, vein, 3, 8, 8.0f, 6.0f);
    }
}

void ph_build_belly(struct ph_body *b, const struct ph_trunk_options *o) {
    build_domes(b);
    build_psoas(b);
    build_retroperitoneum(b);
    build_small_bowel(b, o);
    build_kidney(b, -1.0f);
    build_kidney(b, 1.0f);
    build_colon(b);
    build_liver(b);
    build_spleen(b);
    build_stomach(b, o->upright);
    if (o->aneurysm_mm > 0.0f) {
        struct ph_v3 p[5] = {
            {4, 8, -104}, {6, -2, -128}, {8, -10, -150}, {6, -10, -170}, {4, -8, -190}};
        static const float swell[9] = {0.45f, 0.62f, 0.84f, 0.97f, 1.0f, 0.96f, 0.8f, 0.58f, 0.4f};
        for (int pass = 0; pass < 3; pass++) {
            for (int i = 0; i < 8; i++) {
                float ra = o->aneurysm_mm * swell[i] - (pass == 0   ? 0.0f
                                                        : pass == 1 ? 1.2f
                                                                    : 11.0f);
                float rb = o->aneurysm_mm * swell[i + 1] - (pass == 0   ? 0.0f
                                                            : pass == 1 ? 1.2f
                                                                        : 11.0f);
                struct ph_v3 off = pass == 2 ? V3(-2, 3, 0) : V3(0, 0, 0);
                (void)ph_add_cone(b->scene,
                                  pass == 0   ? PH_DURA
                                  : pass == 1 ? PH_THROMBUS
                                              : PH_ARTERY,
                                  v3_add(ph_curve(p, 5, (float)i / 8.0f), off),
                                  v3_add(ph_curve(p, 5, (float)(i + 1) / 8.0f), off),
                                  ph_max(ra, 6.5f), ph_max(rb, 6.5f));
            }
        }
        for (int i = 0; i < 9; i++) { // flecks of calcium in the wall
            float a = ph_vary(b->rng, 0, PH_PI);
            int k = 2 + (int)rng_below(b->rng, 4);
            struct ph_v3 c = ph_curve(p, 5, (float)k / 8.0f);
            float r = o->aneurysm_mm * swell[k] - 0.4f;
            (void)ph_add_ellipsoid(b->scene, PH_CALCIUM,
                                   v3_add(c, V3(r * ph_cos(a), r * ph_sin(a), 0)), V3(2, 2, 4));
        }
    }
}
