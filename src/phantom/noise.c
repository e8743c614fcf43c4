// SPDX-License-Identifier: Apache-2.0
#include "phantom/noise.h"

#include "base/mem.h"
#include "base/rng.h"

uint64_t ph_hash(uint64_t v) {
    v += 0x9E3779B97F4A7C15u;
    v = (v ^ (v >> 30)) * 0xBF58476D1CE4E5B9u;
    v = (v ^ (v >> 27)) * 0x94D049BB133111EBu;
    return v ^ (v >> 31);
}

float ph_hash_normal(uint64_t key) {
    uint64_t h = ph_hash(key);
    // Four 16-bit uniforms: variance 4/12 after scaling to [0, 1).
    uint64_t sum = (h & 0xFFFF) + (h >> 16 & 0xFFFF) + (h >> 32 & 0xFFFF) + (h >> 48);
    return ((float)sum * (1.0f / 65536.0f) - 2.0f) * 1.7320508f;
}

static void fill_white(float *cell, int count, struct rng *rng) {
    uint64_t key = rng_u64(rng);
    for (int i = 0; i < count; i++) {
        cell[i] = ph_hash_normal(key + (uint64_t)i);
    }
}

static void normalise(float *cell, int count) {
    double sum = 0.0;
    double squares = 0.0;
    for (int i = 0; i < count; i++) {
        sum += (double)cell[i];
        squares += (double)cell[i] * (double)cell[i];
    }
    double mean = sum / count;
    double variance = squares / count - mean * mean;
    float scale = 1.0f / ph_sqrt((float)variance);
    for (int i = 0; i < count; i++) {
        cell[i] = (cell[i] - (float)mean) * scale;
    }
}

#define LINE_MAX_CELLS 512
#define BLUR_RADIUS_MAX 40

// One periodic line, read and written with a stride.
static void blur_line(float *cell, int n, int stride, const float *weight, int radius) {
    float padded[LINE_MAX_CELLS + 2 * BLUR_RADIUS_MAX];
    for (int i = 0; i < n + 2 * radius; i++) {
        padded[i] = cell[((i - radius + 4 * n) % n) * stride];
    }
    float line[LINE_MAX_CELLS] = {0};
    for (int k = 0; k <= 2 * radius; k++) {
        for (int i = 0; i < n; i++) {
            line[i] += weight[k] * padded[i + k];
        }
    }
    for (int i = 0; i < n; i++) {
        cell[i * stride] = line[i];
    }
}

static int gauss_weights(float sigma, float *weight) {
    int radius = (int)(3.0f * sigma + 1.0f);
    radius = radius > BLUR_RADIUS_MAX ? BLUR_RADIUS_MAX : radius;
    float sum = 0.0f;
    for (int k = -radius; k <= radius; k++) {
        float w = ph_exp(-0.5f * (float)(k * k) / (sigma * sigma));
        weight[k + radius] = w;
        sum += w;
    }
    for (int k = 0; k <= 2 * radius; k++) {
        weight[k] /= sum;
    }
    return radius;
}

static void blur_cube(float *cell, float sigma) {
    float weight[2 * BLUR_RADIUS_MAX + 1];
    int radius = gauss_weights(sigma, weight);
    const int s = PH_FIELD_SIDE;
    for (int a = 0; a < s * s; a++) {
        blur_line(cell + a * s, s, 1, weight, radius);
    }
    for (int a = 0; a < s * s; a++) {
        blur_line(cell + a / s * s * s + a % s, s, s, weight, radius);
    }
    for (int a = 0; a < s * s; a++) {
        blur_line(cell + a, s, s * s, weight, radius);
    }
}

bool ph_field_band(struct ph_field *f, struct rng *rng, float cells) {
    struct ph_field *wide = mem_alloc(sizeof *wide);
    if (wide == NULL) {
        return false;
    }
    fill_white(f->cell, PH_FIELD_CELLS, rng);
    blur_cube(f->cell, cells * 0.16f);
    memcpy(wide->cell, f->cell, sizeof wide->cell);
    blur_cube(wide->cell, cells * 0.2f);
    for (int i = 0; i < PH_FIELD_CELLS; i++) {
        f->cell[i] -= wide->cell[i];
    }
    mem_free(wide);
    normalise(f->cell, PH_FIELD_CELLS);
    return true;
}

float ph_field_at(const struct ph_field *f, float x, float y, float z) {
    int32_t ix = ph_ifloor(x);
    int32_t iy = ph_ifloor(y);
    int32_t iz = ph_ifloor(z);
    float fx = x - (float)ix;
    float fy = y - (float)iy;
    float fz = z - (float)iz;
    const uint32_t mask = PH_FIELD_SIDE - 1;
    uint32_t x0 = (uint32_t)ix & mask;
    uint32_t x1 = (x0 + 1) & mask;
    uint32_t y0 = ((uint32_t)iy & mask) * PH_FIELD_SIDE;
    uint32_t y1 = ((uint32_t)(iy + 1) & mask) * PH_FIELD_SIDE;
    uint32_t z0 = ((uint32_t)iz & mask) * PH_FIELD_SIDE * PH_FIELD_SIDE;
    uint32_t z1 = ((uint32_t)(iz + 1) & mask) * PH_FIELD_SIDE * PH_FIELD_SIDE;
    const float *c = f->cell;
    float a = ph_mix(c[z0 + y0 + x0], c[z0 + y0 + x1], fx);
    float b = ph_mix(c[z0 + y1 + x0], c[z0 + y1 + x1], fx);
    float d = ph_mix(c[z1 + y0 + x0], c[z1 + y0 + x1], fx);
    float e = ph_mix(c[z1 + y1 + x0], c[z1 + y1 + x1], fx);
    return ph_mix(ph_mix(a, b, fy), ph_mix(d, e, fy), fz);
}

void ph_field_row(const struct ph_field *f, struct ph_v3 p, struct ph_v3 step, int n, float *out) {
    for (int i = 0; i < n; i++) {
        struct ph_v3 q = v3_at(p, (float)i, step);
        out[i] = ph_field_at(f, q.x, q.y, q.z);
    }
}

static void blur_tile(float *cell, float sigma) {
    float weight[2 * BLUR_RADIUS_MAX + 1];
    int radius = gauss_weights(sigma, weight);
    for (int a = 0; a < PH_TILE_SIDE; a++) {
        blur_line(cell + a * PH_TILE_SIDE, PH_TILE_SIDE, 1, weight, radius);
    }
    for (int a = 0; a < PH_TILE_SIDE; a++) {
        blur_line(cell + a, PH_TILE_SIDE, PH_TILE_SIDE, weight, radius);
    }
}

bool ph_tile_make(struct ph_tile *t, struct rng *rng, float sharp, float wide, float share) {
    const int count = PH_TILE_SIDE * PH_TILE_SIDE;
    struct ph_tile *low = mem_alloc(sizeof *low);
    if (low == NULL) {
        return false;
    }
    fill_white(t->cell, count, rng);
    memcpy(low->cell, t->cell, sizeof low->cell);
    if (share > 0.0f) {
        blur_tile(low->cell, wide);
    }
    if (sharp > 0.0f) {
        blur_tile(t->cell, sharp);
    }
    for (int i = 0; i < count; i++) {
        t->cell[i] -= share * low->cell[i];
    }
    mem_free(low);
    normalise(t->cell, count);
    return true;
}

void ph_tile_row(const struct ph_tile *t, uint64_t key, int row, int n, float *out) {
    const uint32_t mask = PH_TILE_SIDE - 1;
    uint64_t h = ph_hash(key);
    uint32_t ax = (uint32_t)h & mask;
    uint32_t ay = (uint32_t)(h >> 9) + (uint32_t)row;
    uint32_t bx = (uint32_t)(h >> 32) & mask;
    uint32_t by = (uint32_t)(h >> 41) - (uint32_t)row; // runs the other way: the pair never repeats
    const float *a = t->cell + (ay & mask) * PH_TILE_SIDE;
    const float *b = t->cell + (by & mask) * PH_TILE_SIDE;
    for (int i = 0; i < n; i++) {
        out[i] = 0.70710678f * (a[(ax + (uint32_t)i) & mask] + b[(bx - (uint32_t)i) & mask]);
    }
}
