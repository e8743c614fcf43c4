// SPDX-License-Identifier: Apache-2.0
// Vectors and elementary functions for the phantom. The functions are polynomials in plain IEEE
// operations, so that a seed gives the same bytes whatever compiler and C library are used, and so
// that loops over them vectorise. Accurate to a few units in the last place of a float over the
// ranges that the phantom uses; not a general libm.
#pragma once

#include <stdint.h>
#include <string.h>

#define PH_PI 3.14159265f

struct ph_v3 {
    float x, y,
        z; // mm, patient axes: x to the left, y to the back, z to the head (PS3.3 C.7.6.2.1.1)
};

#define V3(x, y, z) ((struct ph_v3){(x), (y), (z)})

static inline struct ph_v3 v3_add(struct ph_v3 a, struct ph_v3 b) {
    return V3(a.x + b.x, a.y + b.y, a.z + b.z);
}

static inline struct ph_v3 v3_sub(struct ph_v3 a, struct ph_v3 b) {
    return V3(a.x - b.x, a.y - b.y, a.z - b.z);
}

static inline struct ph_v3 v3_scale(struct ph_v3 a, float s) {
    return V3(a.x * s, a.y * s, a.z * s);
}

// a + s b
static inline struct ph_v3 v3_at(struct ph_v3 a, float s, struct ph_v3 b) {
    return V3(a.x + s * b.x, a.y + s * b.y, a.z + s * b.z);
}

static inline struct ph_v3 v3_mix(struct ph_v3 a, struct ph_v3 b, float t) {
    return v3_at(a, t, v3_sub(b, a));
}

static inline float v3_dot(struct ph_v3 a, struct ph_v3 b) {
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static inline struct ph_v3 v3_cross(struct ph_v3 a, struct ph_v3 b) {
    return V3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x);
}

static inline float ph_sqrt(float v) { return __builtin_sqrtf(v); }
static inline float ph_abs(float v) { return __builtin_fabsf(v); }
static inline float ph_min(float a, float b) { return a < b ? a : b; }
static inline float ph_max(float a, float b) { return a > b ? a : b; }
static inline float ph_clamp(float v, float low, float high) {
    return ph_min(ph_max(v, low), high);
}
static inline float ph_mix(float a, float b, float t) { return a + t * (b - a); }

static inline float ph_smooth(float low, float high, float v) {
    float t = ph_clamp((v - low) / (high - low), 0.0f, 1.0f);
    return t * t * (3.0f - 2.0f * t);
}

static inline float v3_len(struct ph_v3 a) { return ph_sqrt(v3_dot(a, a)); }

// A unit vector; the x axis for a vector of no length.
static inline struct ph_v3 v3_unit(struct ph_v3 a) {
    float len = v3_len(a);
    return len > 1e-9f ? v3_scale(a, 1.0f / len) : V3(1.0f, 0.0f, 0.0f);
}

// Floor to an integer without the C library (|v| < 2^30).
static inline int32_t ph_ifloor(float v) {
    int32_t i = (int32_t)v;
    return i - (int32_t)((float)i > v);
}

static inline float ph_exp(float x) {
    x = ph_clamp(x, -80.0f, 80.0f);
    float whole = (float)ph_ifloor(x * 1.44269504f + 0.5f);
    float r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    int32_t bits = ((int32_t)whole + 127) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

// v > 0
static inline float ph_log(float v) {
    int32_t bits;
    memcpy(&bits, &v, sizeof bits);
    int32_t exponent = ((bits - 0x3F3504F3) >> 23);
    bits -= (int32_t)((uint32_t)exponent << 23);
    float m;
    memcpy(&m, &bits, sizeof m); // sqrt(1/2) … sqrt(2)
    float s = (m - 1.0f) / (m + 1.0f);
    float s2 = s * s;
    float p = 2.0f * s *
              (1.0f + s2 * (0.33333333f + s2 * (0.2f + s2 * (0.14285714f + s2 * 0.11111111f))));
    return p + (float)exponent * 0.69314718f;
}

static inline float ph_pow(float base, float power) {
    return base <= 0.0f ? 0.0f : ph_exp(power * ph_log(base));
}

static inline float ph_sin(float x) {
    float turns = x * 0.159154943f;
    turns -= (float)ph_ifloor(turns + 0.5f); // -1/2 … 1/2
    float folded = turns;
    folded = turns > 0.25f ? 0.5f - turns : folded;
    folded = turns < -0.25f ? -0.5f - turns : folded;
    float t = folded * 6.28318531f;
    float t2 = t * t;
    return t * (1.0f + t2 * (-1.6666667e-1f +
                             t2 * (8.3333310e-3f + t2 * (-1.9840874e-4f + t2 * 2.7525562e-6f))));
}

static inline float ph_cos(float x) { return ph_sin(x + 0.5f * PH_PI); }
