// SPDX-License-Identifier: Apache-2.0
// Heads that never were, for tests of faces: a skull with brain, jaws, sinuses, a throat, and over
// it a face whose features are drawn from a seed; and trunks and limbs, which have none. In LPS,
// mm, the origin between the brows and the back of the head at the height of the brow; HU.
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/rng.h"
#include "gate/face.h"

struct face_person {
    double skull[3]; // half-axes of the scalp's ellipsoid
    double size;     // 1: a grown-up
    double nose_length, nose_width,
        nose_z; // how far it stands out, half its width, its tip's height
    double bridge;
    double eye_apart, eye_deep;
    double cheek_out, cheek_z, cheek_apart;
    double lips, mouth_z;
    double chin_out, chin_z, chin_wide, jaw_wide;
    double brow_out;
    double ear;
};

static inline double face_vary(struct rng *r, double middle, double share) {
    return middle * (1 + share * (2 * rng_unit(r) - 1));
}

static inline struct face_person face_person_of(uint64_t seed) {
    struct rng r = rng_seeded(seed * 7919 + 1);
    struct face_person p;
    p.skull[0] = face_vary(&r, 76, 0.05);
    p.skull[1] = face_vary(&r, 95, 0.05);
    p.skull[2] = face_vary(&r, 84, 0.05);
    p.size = 1;
    p.nose_length = face_vary(&r, 22, 0.3);
    p.nose_width = face_vary(&r, 13, 0.25);
    p.nose_z = face_vary(&r, -42, 0.15);
    p.bridge = face_vary(&r, 8, 0.5);
    p.eye_apart = face_vary(&r, 32, 0.1);
    p.eye_deep = face_vary(&r, 12, 0.4);
    p.cheek_out = face_vary(&r, 9, 0.6);
    p.cheek_z = face_vary(&r, -38, 0.2);
    p.cheek_apart = face_vary(&r, 40, 0.12);
    p.lips = face_vary(&r, 8, 0.5);
    p.mouth_z = face_vary(&r, -72, 0.08);
    p.chin_out = face_vary(&r, 13, 0.6);
    p.chin_z = face_vary(&r, -102, 0.08);
    p.chin_wide = face_vary(&r, 20, 0.3);
    p.jaw_wide = face_vary(&r, 54, 0.1);
    p.brow_out = face_vary(&r, 5, 0.8);
    p.ear = face_vary(&r, 30, 0.2);
    return p;
}

// Negative inside; about mm near the surface.
static inline double face_ball(const double at[3], double x, double y, double z, double rx,
                               double ry, double rz) {
    double u = (at[0] - x) / rx, v = (at[1] - y) / ry, w = (at[2] - z) / rz;
    double least = fmin(rx, fmin(ry, rz));
    return (sqrt(u * u + v * v + w * w) - 1) * least;
}

// Both, with a soft seam.
static inline double face_join(double a, double b, double seam) {
    double h = fmax(seam - fabs(a - b), 0) / seam;
    return fmin(a, b) - h * h * seam / 4;
}

static inline double face_carve(double a, double b, double seam) { return -face_join(-a, b, seam); }

static inline double face_skin(const struct face_person *p, const double q[3]) {
    const double side = fabs(q[0]);
    const double m[3] = {side, q[1], q[2]};
    double front = -p->skull[1];
    double d = face_ball(q, 0, 0, 25, p->skull[0], p->skull[1], p->skull[2]);
    double lower = face_ball(q, 0, -28, -48, p->jaw_wide + 6, 62, 70);
    double neck = fmax(hypot(q[0], q[1] - 15) - 52, q[2] + 40);
    d = face_join(d, lower, 18);
    d = face_join(d, neck, 15);
    d = face_join(d, face_ball(m, 18, front + 8, 4, 24, 6 + p->brow_out, 9), 8);
    d = face_join(d, face_ball(m, p->cheek_apart, -62, p->cheek_z, 18, 12 + p->cheek_out, 15), 10);
    d = face_carve(d, face_ball(m, p->eye_apart, front + 2, -12, 17, p->eye_deep, 11), 6);
    d = face_join(d, face_ball(m, p->eye_apart, front + 14, -12, 12, 12, 12), 3);
    d = face_join(d, face_ball(q, 0, front + 8, p->nose_z / 2, 8, 6 + p->bridge, 24), 6);
    d = face_join(d, face_ball(q, 0, front + 10, p->nose_z, p->nose_width, 8 + p->nose_length, 12),
                  6);
    d = face_join(d, face_ball(q, 0, front + 14, p->mouth_z + 6, 22, 8 + p->lips, 6), 5);
    d = face_join(d, face_ball(q, 0, front + 14, p->mouth_z - 6, 19, 7 + p->lips, 6), 5);
    d = face_join(d, face_ball(q, 0, front + 22, p->chin_z, p->chin_wide, 12 + p->chin_out, 13),
                  10);
    return face_join(d, face_ball(m, p->skull[0] + 4, 12, -22, 9, 17, p->ear), 4);
}

// HU of what lies there.
static inline double face_hu(const struct face_person *p, const double at[3]) {
    const double q[3] = {at[0] / p->size, at[1] / p->size, at[2] / p->size};
    const double m[3] = {fabs(q[0]), q[1], q[2]};
    double front = -p->skull[1];
    double inner = face_ball(q, 0, 3, 28, p->skull[0] - 13, p->skull[1] - 16, p->skull[2] - 13);
    bool below = q[2] < -14 + 0.25 * q[1]; // the base of the skull
    if (inner < 0 && !below) {
        bool ventricle = face_ball(m, 10, 0, 30, 6, 28, 10) < 0;
        return ventricle ? 8 : 34 + 4 * sin(q[0] / 5) * sin(q[1] / 6) * sin(q[2] / 4);
    }
    if ((q[2] > 30 && inner > 25) || hypot(q[0], q[1] + 10) > 130) {
        return -1000; // far from everything: saves the look at the skin
    }
    double skin = face_skin(p, q);
    if (skin > 0) {
        return skin < 0.6 ? -1000 + (0.6 - skin) * 800 : -1000;
    }
    double outer = face_ball(q, 0, 2, 27, p->skull[0] - 6, p->skull[1] - 8, p->skull[2] - 7);
    if (hypot(q[0], q[1] + 40) < 9 && q[2] < -45 && q[1] < 0) {
        return -1000; // throat
    }
    if (face_ball(q, 0, front + 30, -38, 11, 24, 18) < 0 ||
        face_ball(m, 28, front + 34, -42, 12, 15, 15) < 0) {
        return -990; // nose and maxillary sinuses
    }
    if (outer < 0 && (q[2] > -18 + 0.25 * q[1] || (inner > 0 && q[2] > -30))) {
        return 950;
    }
    bool maxilla = face_ball(q, 0, front + 36, -44, 46, 26, 24) < 0;
    bool jaw = face_ball(q, 0, front + 48, -88, 46, 40, 14) < 0 &&
               face_ball(q, 0, front + 58, -88, 36, 38, 30) > 0;
    bool spine = hypot(q[0], q[1] - 12) < 14 && q[2] < -30;
    return maxilla && skin < -8 ? 500 : jaw && skin < -7 ? 850 : spine ? 450 : skin > -5 ? -60 : 45;
}

// --- what is no head

enum face_other { FACE_TRUNK, FACE_PELVIS, FACE_THIGHS, FACE_KNEE, FACE_SPINE_ONLY, FACE_OTHERS };

static inline double face_trunk_hu(const double q[3], bool pelvis) {
    double skin = face_ball(q, 0, 0, 0, 165, 115, 4000);
    if (skin > 0) {
        return -1000;
    }
    double wall = face_ball(q, 0, 0, 0, 140, 92, 4000);
    const double m[3] = {fabs(q[0]), q[1], q[2]};
    bool spine = hypot(q[0], q[1] - 70) < 20;
    if (pelvis) {
        bool wing = fabs(face_ball(q, 0, 10, 0, 115, 75, 4000)) < 6 && m[0] > 45;
        return skin > -20 ? -100 : spine || wing ? 600 : wall < -20 ? 40 : -90;
    }
    bool rib = fabs(wall) < 5 && fmod(q[2] + 4000 + 0.4 * q[1], 26) < 11;
    bool lung = face_ball(m, 65, 0, 0, 55, 75, 4000) < 0;
    return spine || rib ? 500 : lung ? -850 : skin > -18 ? -100 : 45;
}

static inline double face_leg_hu(const double q[3], double x, double radius, double bone) {
    double r = hypot(q[0] - x, q[1]);
    return r > radius ? -1000 : r < bone - 5 ? -40 : r < bone ? 1100 : r > radius - 8 ? -100 : 55;
}

static inline double face_other_hu(enum face_other what, const double q[3]) {
    switch (what) {
    case FACE_TRUNK:
    case FACE_PELVIS:
        return face_trunk_hu(q, what == FACE_PELVIS);
    case FACE_THIGHS:
        return fmax(face_leg_hu(q, -85, 75, 15), face_leg_hu(q, 85, 75, 15));
    case FACE_KNEE:
        return face_leg_hu(q, 0, 62, 38);
    default: // a spine in a small field: the body fills it all
        return hypot(q[0], q[1]) < 20 ? 400 : hypot(q[0], q[1] + 45) < 9 ? -1000 : 50;
    }
}

// --- scans

struct face_scan {
    const struct face_person *person; // NULL: `other`
    enum face_other other;
    int size[3]; // columns, rows, slices
    double spacing[3];
    double axes[3][3];
    double middle[3]; // LPS of the middle of the volume
    double noise;
    bool rest;  // a head rest behind
    bool trunk; // shoulders and chest below the neck
    bool mr;    // signal instead of HU
    uint64_t seed;
};

// Axial, feet to head, 2.4 mm by 2.4 mm by 3.1 mm, from the neck to over the vertex.
static inline struct face_scan face_scan_axial(const struct face_person *p) {
    return (struct face_scan){.person = p,
                              .size = {104, 104, 84},
                              .spacing = {2.4, 2.4, 3.1},
                              .axes = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
                              .middle = {3, -4, -10},
                              .noise = 12,
                              .rest = true,
                              .seed = 5};
}

static inline double face_scan_hu(const struct face_scan *s, const double at[3]) {
    if (s->rest && at[1] > 103 && at[1] < 106 && fabs(at[0]) < 90) {
        return 60;
    }
    if (s->trunk && at[2] < -165) {
        return face_trunk_hu(at, false);
    }
    return s->person != NULL ? face_hu(s->person, at) : face_other_hu(s->other, at);
}

static inline double face_mr_of(double hu) {
    return hu < -300 ? 12 : hu > 300 ? 60 : hu < -20 ? 700 : 300 + 5 * hu;
}

// Samples are malloc's: free(volume.samples).
static inline struct gate_volume face_scan_make(const struct face_scan *s) {
    struct gate_volume v = {.columns = (uint32_t)s->size[0],
                            .rows = (uint32_t)s->size[1],
                            .slices = (uint32_t)s->size[2],
                            .is_ct = !s->mr};
    size_t count = (size_t)s->size[0] * (size_t)s->size[1] * (size_t)s->size[2], i = 0;
    int16_t *samples = malloc(count * sizeof *samples);
    struct rng r = rng_seeded(s->seed);
    for (int k = 0; samples != NULL && k < s->size[2]; k++) {
        for (int j = 0; j < s->size[1]; j++) {
            for (int c = 0; c < s->size[0]; c++, i++) {
                const double n[3] = {c - (s->size[0] - 1) / 2.0, j - (s->size[1] - 1) / 2.0,
                                     k - (s->size[2] - 1) / 2.0};
                double at[3];
                for (int d = 0; d < 3; d++) {
                    at[d] = s->middle[d];
                    for (int axis = 0; axis < 3; axis++) {
                        at[d] += n[axis] * s->spacing[axis] * s->axes[axis][d];
                    }
                }
                double hu = face_scan_hu(s, at);
                hu = (s->mr ? face_mr_of(hu) : hu) + s->noise * rng_normal(&r);
                samples[i] = (int16_t)lrint(fmax(hu, s->mr ? 0 : -1024));
            }
        }
    }
    for (int axis = 0; axis < 3; axis++) {
        v.spacing[axis] = s->spacing[axis];
        for (int d = 0; d < 3; d++) {
            v.axes[axis][d] = s->axes[axis][d];
        }
    }
    v.samples = samples;
    return v;
}
