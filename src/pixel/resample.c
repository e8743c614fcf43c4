// SPDX-License-Identifier: Apache-2.0
#include "pixel/resample.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"

// What one output pixel is made of: `count` source pixels from `first`, weights that sum to 1.
struct mix {
    uint32_t first;
    uint32_t count;
    size_t weight; // index of its first weight
};

struct axis {
    struct mix *mixes;
    float *weights;
};

static void axis_done(struct axis *a) {
    mem_free(a->mixes);
    mem_free(a->weights);
}

static void free_floats(float *p) { mem_free(p); }
CLEANUP_DEFINE(floats, float, free_floats);

// Area average: each source pixel by the part of it under the output pixel's span.
static uint32_t mix_area(double from, double to, uint32_t size, float *w, uint32_t *ret_first) {
    double low = floor(from);
    uint32_t first = low < 0 ? 0 : low >= size ? size - 1 : (uint32_t)low;
    double sum = 0;
    uint32_t count = 0;
    for (uint32_t i = first; i < size && (i < to || count == 0); i++) {
        double part = fmin(to, i + 1.0) - fmax(from, i);
        w[count] = (float)(part > 0 ? part : 0);
        sum += (double)w[count++];
    }
    for (uint32_t i = 0; i < count; i++) {
        w[i] = sum > 0 ? (float)((double)w[i] / sum) : 1.0F / (float)count;
    }
    *ret_first = first;
    return count;
}

// Linear between the two nearest pixel centres, edges held.
static uint32_t mix_linear(double centre, uint32_t size, float *w, uint32_t *ret_first) {
    double at = fmin(fmax(centre - 0.5, 0), size - 1.0);
    uint32_t first = (uint32_t)at;
    double part = at - first;
    w[0] = (float)(1 - part);
    w[1] = (float)part;
    *ret_first = first;
    return first + 1 < size ? 2 : 1;
}

static int axis_make(double start, double length, bool flip, uint32_t size, uint32_t out,
                     struct axis *ret_axis, struct err *e) {
    double scale = length / out;
    size_t most = scale > 1 ? (size_t)ceil(scale) + 2 : 2;
    ret_axis->mixes = mem_array(out, sizeof(struct mix));
    ret_axis->weights = mem_array(out * most, sizeof(float));
    if (ret_axis->mixes == NULL || ret_axis->weights == NULL) {
        return err_set(e, E_MEMORY, "resampling to %u pixels", out);
    }
    for (uint32_t i = 0; i < out; i++) {
        uint32_t place = flip ? out - 1 - i : i;
        struct mix *m = &ret_axis->mixes[place];
        m->weight = place * most;
        float *w = ret_axis->weights + m->weight;
        double from = start + i * scale;
        m->count = scale > 1 ? mix_area(from, from + scale, size, w, &m->first)
                             : mix_linear(from + scale / 2, size, w, &m->first);
    }
    return E_OK;
}

static void add_row(float *restrict sum, const uint8_t *restrict row, float weight, size_t len) {
    for (size_t i = 0; i < len; i++) {
        sum[i] += weight * (float)row[i];
    }
}

static uint8_t to_byte(float v) { return (uint8_t)(v + 0.5F); }

static void across_grey(const struct axis *a, const float *row, uint32_t out_width, uint8_t *out) {
    for (uint32_t x = 0; x < out_width; x++) {
        const struct mix *m = &a->mixes[x];
        const float *w = a->weights + m->weight;
        const float *from = row + m->first;
        float sum = 0;
        for (uint32_t i = 0; i < m->count; i++) {
            sum += w[i] * from[i];
        }
        out[x] = to_byte(sum);
    }
}

static void across_colour(const struct axis *a, const float *row, uint32_t out_width,
                          uint8_t *out) {
    for (uint32_t x = 0; x < out_width; x++) {
        const struct mix *m = &a->mixes[x];
        const float *w = a->weights + m->weight;
        const float *from = row + (size_t)m->first * 3;
        float sum[3] = {0, 0, 0};
        for (uint32_t i = 0; i < m->count; i++) {
            sum[0] += w[i] * from[3 * i];
            sum[1] += w[i] * from[3 * i + 1];
            sum[2] += w[i] * from[3 * i + 2];
        }
        out[3 * x] = to_byte(sum[0]);
        out[3 * x + 1] = to_byte(sum[1]);
        out[3 * x + 2] = to_byte(sum[2]);
    }
}

int px_resample(const struct px_resample *from, uint32_t out_width, uint32_t out_height,
                uint8_t *out, struct err *e) {
    size_t row_len = (size_t)from->width * from->channels;
    size_t out_len = (size_t)out_width * from->channels;
    CLEANUP(axis_done) struct axis across = {0};
    CLEANUP(axis_done) struct axis down = {0};
    CLEANUP(cleanup_floats) float *row = mem_array(row_len, sizeof(float));
    int code = row == NULL ? err_set(e, E_MEMORY, "a row of %zu samples", row_len) : E_OK;
    if (code == E_OK) {
        code = axis_make(from->x, from->region_width, from->flip_x, from->width, out_width, &across,
                         e);
    }
    if (code == E_OK) {
        code = axis_make(from->y, from->region_height, from->flip_y, from->height, out_height,
                         &down, e);
    }
    for (uint32_t y = 0; code == E_OK && y < out_height; y++) {
        const struct mix *m = &down.mixes[y];
        memset(row, 0, row_len * sizeof(float));
        for (uint32_t i = 0; i < m->count; i++) {
            add_row(row, from->row(from->context, m->first + i), down.weights[m->weight + i],
                    row_len);
        }
        (from->channels == 1 ? across_grey : across_colour)(&across, row, out_width,
                                                            out + y * out_len);
    }
    return code;
}
