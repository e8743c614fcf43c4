// SPDX-License-Identifier: Apache-2.0
#include "phantom/thorax.h"

#include "phantom/spine.h"

#define LUNG_KNOTS 15
#define LUNG_STEP 20.5f

const struct ph_loft *ph_lung_loft(struct ph_scene *s, float side) {
    // from z = -62 up: centre x, centre y, half-width, front, back
    static const float rows[LUNG_KNOTS][5] = {
        {60, 8, 61, 70, 70},  {61, 6, 65, 76, 76},  {62, 4, 68, 81, 80}, {63, 2, 70, 84, 83},
        {64, 1, 70, 86, 84},  {64, 0, 69, 86, 84},  {64, 0, 68, 85, 83}, {63, 0, 67, 82, 81},
        {62, 1, 65, 77, 79},  {60, 3, 62, 70, 74},  {57, 7, 57, 60, 66}, {52, 12, 50, 49, 55},
        {46, 16, 40, 36, 42}, {41, 19, 27, 23, 27}, {38, 21, 8, 7, 8}};
    struct ph_loft *l = ph_loft_new(s, LUNG_KNOTS, LUNG_STEP, 0.3f);
    for (int i = 0; i < LUNG_KNOTS; i++) {
        ph_knot(l, i, side * rows[i][0], rows[i][1], rows[i][2], rows[i][3], rows[i][4]);
    }
    return l;
}

struct ph_v3 ph_lung_surface(const struct ph_loft *l, float side, float angle, float z, float out) {
    float u = ph_clamp((z - PH_LUNG_BASE) / l->step, 0.0f, (float)(l->count - 1));
    int i = (int)u;
    i = i >= l->count - 1 ? l->count - 2 : i;
    float t = u - (float)i;
#define AT(name) ph_mix(l->knot[i].name, l->knot[i + 1].name, t)
    float sx = ph_sin(angle) * side;
    float cy = ph_cos(angle);
    float rx = AT(rx);
    float ry = cy < 0.0f ? AT(front) : AT(back);
    float round = ph_sqrt(sx * sx + cy * cy);
    float square = ph_sqrt(ph_sqrt(sx * sx * sx * sx + cy * cy * cy * cy));
    float k = round + l->squareness * (square - round);
    struct ph_v3 p = V3(AT(cx) + sx * (rx / k + out), AT(cy) + cy * (ry / k + out), z);
#undef AT
    return p;
}

#define RIB_PIECES 22

// Where a rib ends at the front (radians) and how far it drops on its way.
static const struct {
    float end, drop, half_width;
} ribs[12] = {{3.0f, 34, 6.5f}, {3.05f, 56, 5.8f}, {3.1f, 72, 6.2f},  {3.1f, 84, 6.4f},
              {3.1f, 92, 6.6f}, {3.05f, 98, 6.8f}, {3.0f, 102, 7.0f}, {2.8f, 98, 6.8f},
              {2.6f, 90, 6.6f}, {2.35f, 80, 6.2f}, {1.7f, 58, 5.6f},  {1.0f, 34, 5.0f}};

struct ph_v3 ph_rib_point(const struct ph_loft *lung, int number, float side, float t) {
    struct ph_vertebra v = ph_vertebra_at(PH_T1 + number - 1);
    const float start = -0.42f;
    float angle = ph_mix(start, ribs[number - 1].end, t);
    float along = (1.0f - ph_cos(ph_max(angle, 0.0f) * 0.93f)) * 0.5f;
    float z = v.centre.z + 7.0f - 3.0f * ph_smooth(0.0f, 0.15f, t) - ribs[number - 1].drop * along;
    float out = number == 1 ? 4.0f : 5.5f;
    struct ph_v3 p = ph_lung_surface(lung, side, angle, z, out);
    struct ph_v3 joint = v3_add(v.centre, V3(side * (v.rx + 1.5f), v.ry * 0.7f, 6.0f));
    return v3_mix(joint, p, ph_smooth(0.0f, 0.16f, t));
}

static void build_rib(const struct ph_bone *pen, const struct ph_loft *lung, int number,
                      float side) {
    struct ph_v3 last = ph_rib_point(lung, number, side, 0.0f);
    float w = ribs[number - 1].half_width;
    for (int i = 1; i <= RIB_PIECES; i++) {
        float t = (float)i / RIB_PIECES;
        struct ph_v3 next = ph_rib_point(lung, number, side, t);
        struct ph_v3 outward = number == 1 ? V3(0, 0, 1) : V3(next.x - side * 40.0f, next.y, 0.0f);
        float swell = 1.0f + 0.16f * ph_smooth(0.85f, 1.0f, t) - 0.2f * ph_smooth(0.2f, 0.0f, t);
        ph_bone_cone(pen, last, next, w * swell, w * swell, outward, 0.52f);
        last = next;
    }
}

// From the front end of a rib to the sternum, or to the cartilage above it.
static void build_cartilage(struct ph_body *b, const struct ph_loft *lung, int number, float side) {
    struct ph_v3 from = ph_rib_point(lung, number, side, 1.0f);
    float z = number <= 7 ? 172.0f - 22.0f * (float)(number - 1) : 40.0f;
    struct ph_v3 to = V3(side * (number <= 7 ? 17.0f : 34.0f), -62.0f - 0.33f * (172.0f - z), z);
    struct ph_v3 bend = v3_add(v3_mix(from, to, 0.4f), V3(0, -3.0f, number >= 5 ? -10.0f : 0.0f));
    struct ph_v3 p[3] = {from, bend, to};
    bool old = b->person->age > 50;
    ph_add_curve(b->scene, PH_CARTILAGE, p, 3, 6, 5.8f, 5.2f);
    if (old && (number == 1 || rng_below(b->rng, 3) == 0)) { // calcified with age
        ph_add_curve(b->scene, PH_SPONGY, p, 3, 6, 4.8f, 2.0f);
    }
}

static void build_sternum(const struct ph_bone *pen) {
    struct ph_v3 x = V3(1, 0, 0);
    struct ph_v3 up = V3(0, 0.3f, 1.0f);
    ph_bone_box(pen, V3(0, -58, 158), V3(27, 6.5f, 21), 6.0f, up, x);
    ph_bone_box(pen, V3(0, -82, 86), V3(17, 5.5f, 52), 5.0f, up, x);
    ph_bone_cone(pen, V3(0, -95, 36), V3(0, -99, 12), 7, 4, V3(0, 1, 0), 0.6f);
}

void ph_build_cage(struct ph_body *b) {
    for (int pass = 0; pass < 2; pass++) {
        struct ph_bone pen = {b->scene, pass == 1, PH_CORTEX, PH_SPONGY,
                              0.95f * b->person->density};
        for (int s = 0; s < 2; s++) {
            float side = s == 0 ? -1.0f : 1.0f;
            const struct ph_loft *lung = ph_lung_loft(b->scene, side);
            for (int number = 1; number <= 12; number++) {
                if (pass == 0 && number <= 10) {
                    build_cartilage(b, lung, number, side);
                }
                build_rib(&pen, lung, number, side);
            }
        }
        pen.outline = PH_CORTEX_THIN;
        build_sternum(&pen);
    }
}

static void build_clavicle(const struct ph_bone *pen, float side, float lift) {
    struct ph_v3 p[5] = {V3(side * 20, -62, 172), V3(side * 50, -58, 180 + lift * 0.2f),
                         V3(side * 85, -36, 192 + lift * 0.5f),
                         V3(side * 118, -10, 198 + lift * 0.8f), V3(side * 146, 2, 196 + lift)};
    struct ph_v3 last = p[0];
    for (int i = 1; i <= 14; i++) {
        float t = (float)i / 14.0f;
        struct ph_v3 next = ph_curve(p, 5, t);
        float r = 6.2f + 3.0f * ph_smooth(0.25f, 0.0f, t) + 1.5f * ph_smooth(0.75f, 1.0f, t);
        ph_bone_cone(pen, last, next, r, r, V3(0, 0, 1), ph_mix(1.0f, 0.7f, t));
        last = next;
    }
}

// The blade hangs from spine and borders; turned outwards when the arms go forward.
static void build_scapula(const struct ph_bone *pen, float side, enum ph_arms arms) {
    float out = arms == PH_ARMS_FORWARD ? 30.0f : arms == PH_ARMS_UP ? 22.0f : 0.0f;
    struct ph_v3 glenoid = V3(side * 143, 26, 170);
    struct ph_v3 foot = V3(side * (92 + out * 1.5f), 96 - out * 0.6f, 56 + out * 0.4f);
    struct ph_v3 horn = V3(side * (76 + out), 78, 190);
    struct ph_v3 root = V3(side * (72 + out * 1.1f), 88, 160);
    struct ph_v3 acromion = V3(side * 163, 22, 196);
    struct ph_v3 face = v3_unit(v3_cross(v3_sub(foot, glenoid), v3_sub(horn, glenoid)));
    if (!pen->core) { // the blade: thin fans from the medial border to the lateral one, blended
        (void)ph_begin(pen->scene, PH_CORTEX_THIN);
        for (int i = 0; i < 7; i++) {
            float t = (float)i / 6.0f;
            struct ph_v3 a = v3_mix(foot, horn, t);
            struct ph_v3 c = v3_mix(foot, glenoid, ph_min(1.0f, t * 1.15f));
            (void)ph_flat_cone(pen->scene, a, c, 12.0f, 12.0f, face, 0.13f);
            if (i > 0) {
                ph_union(pen->scene, 2.0f);
            }
        }
        ph_end(pen->scene);
    }
    ph_bone_cone(pen, foot, glenoid, 4.5f, 6.5f, face, 0.8f);
    ph_bone_cone(pen, foot, root, 3.2f, 2.6f, face, 0.7f);
    ph_bone_cone(pen, root, horn, 2.6f, 2.6f, face, 0.7f);
    ph_bone_cone(pen, root, v3_add(acromion, V3(-side * 14, 26, -4)), 3.5f, 7.0f, face, 0.6f);
    ph_bone_cone(pen, v3_add(acromion, V3(-side * 14, 26, -4)), acromion, 9.0f, 9.5f, V3(0, 0, 1),
                 0.42f);
    ph_bone_cone(pen, glenoid, v3_add(glenoid, V3(-side * 22, 6, 2)), 14.0f, 9.0f, V3(0, 1, 0),
                 0.75f);
    ph_bone_cone(pen, v3_add(glenoid, V3(-side * 12, -4, 18)),
                 v3_add(glenoid, V3(side * 2, -26, 20)), 6.5f, 5.5f, V3(0, 0, 1), 0.8f);
}

static struct ph_v3 elbow_of(float side, enum ph_arms arms) {
    if (arms == PH_ARMS_UP) {
        return V3(side * 164, 0, 430);
    }
    return arms == PH_ARMS_FORWARD ? V3(side * 262, -40, -80) : V3(side * 206, 24, -110);
}

static void build_humerus(const struct ph_bone *pen, float side, enum ph_arms arms) {
    bool up = arms == PH_ARMS_UP;
    struct ph_v3 head = V3(side * (up ? 158 : 166), 24, up ? 178 : 170);
    struct ph_v3 neck = V3(side * (up ? 164 : 180), 22, up ? 190 : 160);
    ph_bone_ellipsoid(pen, head, V3(23, 23, 24));
    ph_bone_cone(pen, neck, v3_mix(neck, elbow_of(side, arms), 0.2f), 20, 12.5f, V3(1, 0, 0), 1.0f);
    struct ph_bone shaft = *pen;
    shaft.cortex_mm = 3.6f;
    shaft.inside = PH_MARROW;
    ph_bone_cone(&shaft, v3_mix(neck, elbow_of(side, arms), 0.18f), elbow_of(side, arms), 12, 11,
                 V3(1, 0, 0), 1.0f);
}

void ph_build_shoulders(struct ph_body *b) {
    enum ph_arms arms = b->person->arms;
    float lift = arms == PH_ARMS_UP ? 16.0f : arms == PH_ARMS_FORWARD ? -6.0f : 0.0f;
    for (int pass = 0; pass < 2; pass++) {
        struct ph_bone pen = {b->scene, pass == 1, PH_CORTEX, PH_SPONGY, 1.3f * b->person->density};
        for (int s = 0; s < 2; s++) {
            float side = s == 0 ? -1.0f : 1.0f;
            pen.cortex_mm = 1.8f * b->person->density;
            build_clavicle(&pen, side, lift);
            pen.cortex_mm = 1.0f * b->person->density;
            build_scapula(&pen, side, arms);
            build_humerus(&pen, side, arms);
        }
    }
}
