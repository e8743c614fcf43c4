// SPDX-License-Identifier: Apache-2.0
#include "gate/lettering.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "gate/lettering_weights.h"

// The widest vectors that the machine has; no contraction, so that every machine sums alike.
#if defined(__clang__)
#define FAST
#pragma clang fp contract(off)
#else
#define FAST                                                                                       \
    __attribute__((optimize("O3", "fp-contract=off"), target_clones("avx512f", "avx2", "default")))
#endif

#define HALF 7 // of the window in which contrast is made even
#define FLOOR 0.5F
#define CUT 4.0F
#define RIM 3 // cells of nothing around the maps: the widest reach of a 3 × 3 with gaps
#define C1 8
#define C2 16
#define C3 24

struct lettering {
    uint32_t columns, rows;
    float *even;    // (rows + 5) × (columns + 5), a rim of 2 and more
    float *first;   // half the size, a rim of 1, C1 channels
    float *map[2];  // cells with a rim of RIM, C3 channels
    uint32_t *sums; // of columns over the window
    uint64_t *squares;
};

static size_t even_size(uint32_t columns, uint32_t rows) {
    return ((size_t)columns + 12) * (rows + 12);
}

static size_t first_size(uint32_t columns, uint32_t rows) {
    return ((size_t)columns / 2 + 6) * (rows / 2 + 6) * C1;
}

static size_t map_size(uint32_t columns, uint32_t rows) {
    return ((size_t)lettering_cells(columns) + 2 * RIM) * (lettering_cells(rows) + 2 * RIM) * C3;
}

int lettering_new(uint32_t columns, uint32_t rows, struct lettering **ret_lettering,
                  struct err *e) {
    struct lettering *l = mem_zalloc(sizeof *l);
    if (l == NULL) {
        return err_set(e, E_MEMORY, "the detector of writing");
    }
    l->columns = columns;
    l->rows = rows;
    l->even = mem_array(even_size(columns, rows), sizeof(float));
    l->first = mem_array(first_size(columns, rows), sizeof(float));
    l->map[0] = mem_array(map_size(columns, rows), sizeof(float));
    l->map[1] = mem_array(map_size(columns, rows), sizeof(float));
    l->sums = mem_array(columns, sizeof *l->sums);
    l->squares = mem_array(columns, sizeof *l->squares);
    if (l->even == NULL || l->first == NULL || l->map[0] == NULL || l->map[1] == NULL ||
        l->sums == NULL || l->squares == NULL) {
        lettering_free(l);
        return err_set(e, E_MEMORY, "the detector of writing");
    }
    *ret_lettering = l;
    return E_OK;
}

void lettering_free(struct lettering *l) {
    if (l != NULL) {
        mem_free(l->even);
        mem_free(l->first);
        mem_free(l->map[0]);
        mem_free(l->map[1]);
        mem_free(l->sums);
        mem_free(l->squares);
        mem_free(l);
    }
}

// --- contrast made even
struct plane {
    const uint16_t *samples;
    uint32_t columns, rows, stride;
};

static void add_row(struct lettering *l, const struct plane *p, uint32_t y) {
    const uint16_t *row = p->samples + (size_t)y * p->stride;
    for (uint32_t x = 0; x < p->columns; x++) {
        l->sums[x] += row[x];
        l->squares[x] += (uint32_t)row[x] * row[x];
    }
}

static void take_row(struct lettering *l, const struct plane *p, uint32_t y) {
    const uint16_t *row = p->samples + (size_t)y * p->stride;
    for (uint32_t x = 0; x < p->columns; x++) {
        l->sums[x] -= row[x];
        l->squares[x] -= (uint32_t)row[x] * row[x];
    }
}

// One row: sums of the window move along it. Exact in integers, so that a step of one level counts.
static void even_row(const struct lettering *l, const struct plane *p, uint32_t y, uint32_t high,
                     float *out) {
    const uint16_t *row = p->samples + (size_t)y * p->stride;
    uint64_t sum = 0, square = 0;
    for (uint32_t x = 0; x < HALF && x < p->columns; x++) {
        sum += l->sums[x];
        square += l->squares[x];
    }
    for (uint32_t x = 0; x < p->columns; x++) {
        if (x + HALF < p->columns) {
            sum += l->sums[x + HALF];
            square += l->squares[x + HALF];
        }
        if (x > HALF) {
            sum -= l->sums[x - HALF - 1];
            square -= l->squares[x - HALF - 1];
        }
        uint32_t left = x > HALF ? x - HALF : 0;
        uint32_t right = x + HALF < p->columns ? x + HALF : p->columns - 1;
        uint64_t n = (uint64_t)(right - left + 1) * high;
        double mean = (double)sum / (double)n;
        double variance = (double)square / (double)n - mean * mean;
        float deviation = sqrtf((float)(variance > 0 ? variance : 0) + FLOOR * FLOOR);
        float value = (float)(row[x] - mean) / deviation;
        out[x] = value > CUT ? CUT : value < -CUT ? -CUT : value;
    }
}

static uint32_t even_stride(const struct plane *p) { return p->columns + 12; }

static void make_even(struct lettering *l, const struct plane *p) {
    uint32_t stride = even_stride(p);
    memset(l->sums, 0, p->columns * sizeof *l->sums);
    memset(l->squares, 0, p->columns * sizeof *l->squares);
    memset(l->even, 0, even_size(p->columns, p->rows) * sizeof(float));
    for (uint32_t y = 0; y < HALF && y < p->rows; y++) {
        add_row(l, p, y);
    }
    for (uint32_t y = 0; y < p->rows; y++) {
        if (y + HALF < p->rows) {
            add_row(l, p, y + HALF);
        }
        if (y > HALF) {
            take_row(l, p, y - HALF - 1);
        }
        uint32_t top = y > HALF ? y - HALF : 0;
        uint32_t bottom = y + HALF < p->rows ? y + HALF : p->rows - 1;
        even_row(l, p, y, bottom - top + 1, l->even + (size_t)(y + 2) * stride + 2);
    }
}

// --- the layers
static uint32_t half(uint32_t n) { return (n + 1) / 2; }

// Each layer works on RUN cells at once, so that the sums stay in registers and none waits for the
// one before it; what is left of a row goes one by one.
#define RUN 4
#define INLINE static inline __attribute__((always_inline))

INLINE void first_cells(const float *even, uint32_t stride, uint32_t count, float *out) {
    float sums[2 * RUN][C1];
    for (uint32_t u = 0; u < count; u++) {
        memcpy(sums[u], weights_first_bias, sizeof sums[u]);
    }
    for (uint32_t k = 0; k < 25; k++) {
        const float *in = even + (size_t)(k / 5) * stride + k % 5;
        for (uint32_t u = 0; u < count; u++) {
            for (uint32_t c = 0; c < C1; c++) {
                sums[u][c] += in[2 * u] * weights_first[k * C1 + c];
            }
        }
    }
    for (uint32_t u = 0; u < count; u++) {
        for (uint32_t c = 0; c < C1; c++) {
            out[u * C1 + c] = sums[u][c] > 0 ? sums[u][c] : 0;
        }
    }
}

FAST static void layer_first(const float *even, uint32_t stride, uint32_t columns, float *out) {
    uint32_t x = 0;
    for (; x + 2 * RUN <= columns; x += 2 * RUN) {
        first_cells(even + 2 * x, stride, 2 * RUN, out + (size_t)x * C1);
    }
    for (; x < columns; x++) {
        first_cells(even + 2 * x, stride, 1, out + (size_t)x * C1);
    }
}

INLINE void second_cells(const float *first, uint32_t stride, uint32_t count, float *out) {
    float sums[RUN][C2];
    for (uint32_t u = 0; u < count; u++) {
        memcpy(sums[u], weights_second_bias, sizeof sums[u]);
    }
    for (uint32_t k = 0; k < 9; k++) {
        const float *in = first + ((size_t)(k / 3) * stride + k % 3) * C1;
        for (uint32_t i = 0; i < C1; i++) {
            const float *w = weights_second + (k * C1 + i) * C2;
            for (uint32_t u = 0; u < count; u++) {
                for (uint32_t c = 0; c < C2; c++) {
                    sums[u][c] += in[u * 2 * C1 + i] * w[c];
                }
            }
        }
    }
    for (uint32_t u = 0; u < count; u++) {
        for (uint32_t c = 0; c < C2; c++) {
            out[u * C3 + c] = sums[u][c] > 0 ? sums[u][c] : 0;
        }
    }
}

FAST static void layer_second(const float *first, uint32_t stride, uint32_t columns, float *out) {
    uint32_t x = 0;
    for (; x + RUN <= columns; x += RUN) {
        second_cells(first + (size_t)2 * x * C1, stride, RUN, out + (size_t)x * C3);
    }
    for (; x < columns; x++) {
        second_cells(first + (size_t)2 * x * C1, stride, 1, out + (size_t)x * C3);
    }
}

// 3 × 3 within a channel at distance `gap`, then 1 × 1 into C3.
struct block {
    const float *depth, *depth_bias, *point, *point_bias;
    uint32_t channels, gap;
    bool adds;
};

INLINE void depth_cells(const struct block *b, const float *in, uint32_t stride, uint32_t channels,
                        uint32_t count, float near[RUN][C3]) {
    const int64_t gap = b->gap;
    for (uint32_t u = 0; u < count; u++) {
        memcpy(near[u], b->depth_bias, channels * sizeof(float));
    }
    for (int64_t k = 0; k < 9; k++) {
        const float *from = in + ((k / 3 - 1) * gap * (int64_t)stride + (k % 3 - 1) * gap) * C3;
        const float *w = b->depth + (uint32_t)k * channels;
        for (uint32_t u = 0; u < count; u++) {
            for (uint32_t c = 0; c < channels; c++) {
                near[u][c] += from[u * C3 + c] * w[c];
            }
        }
    }
}

INLINE void block_cells(const struct block *b, const float *in, uint32_t stride, uint32_t channels,
                        uint32_t count, float *out) {
    float near[RUN][C3], sums[RUN][C3];
    depth_cells(b, in, stride, channels, count, near);
    for (uint32_t u = 0; u < count; u++) {
        memcpy(sums[u], b->point_bias, sizeof sums[u]);
    }
    for (uint32_t i = 0; i < channels; i++) {
        const float *w = b->point + (size_t)i * C3;
        for (uint32_t u = 0; u < count; u++) {
            for (uint32_t c = 0; c < C3; c++) {
                sums[u][c] += near[u][i] * w[c];
            }
        }
    }
    for (uint32_t u = 0; u < count; u++) {
        for (uint32_t c = 0; c < C3; c++) {
            float value = sums[u][c] > 0 ? sums[u][c] : 0;
            out[u * C3 + c] = b->adds ? in[u * C3 + c] + value : value;
        }
    }
}

INLINE void block_row(const struct block *b, const float *in, uint32_t stride, uint32_t channels,
                      uint32_t columns, float *out) {
    uint32_t x = 0;
    for (; x + RUN <= columns; x += RUN) {
        block_cells(b, in + (size_t)x * C3, stride, channels, RUN, out + (size_t)x * C3);
    }
    for (; x < columns; x++) {
        block_cells(b, in + (size_t)x * C3, stride, channels, 1, out + (size_t)x * C3);
    }
}

// `stride` in cells; `in` and `out` at the first cell of a row.
FAST static void layer_block(const struct block *b, const float *in, uint32_t stride,
                             uint32_t columns, float *out) {
    if (b->channels == C2) {
        block_row(b, in, stride, C2, columns, out);
    } else {
        block_row(b, in, stride, C3, columns, out);
    }
}

static const struct block blocks[] = {
    {weights_depth_0, weights_depth_0_bias, weights_point_0, weights_point_0_bias, C2, 1, false},
    {weights_depth_1, weights_depth_1_bias, weights_point_1, weights_point_1_bias, C3, 2, true},
    {weights_depth_2, weights_depth_2_bias, weights_point_2, weights_point_2_bias, C3, 2, true},
    {weights_depth_3, weights_depth_3_bias, weights_point_3, weights_point_3_bias, C3, 3, true},
};

static uint8_t odds(const float *cell) {
    float sum = weights_last_bias[0];
    for (uint32_t c = 0; c < C3; c++) {
        sum += cell[c] * weights_last[c];
    }
    float scaled = sum * 16 + 128;
    return scaled < 0 ? 0 : scaled > 255 ? 255 : (uint8_t)scaled;
}

void lettering_run(struct lettering *l, const uint16_t *plane, uint32_t columns, uint32_t rows,
                   uint32_t stride, uint8_t *ret_cells) {
    const struct plane p = {plane, columns, rows, stride};
    uint32_t across = lettering_cells(columns), down = lettering_cells(rows);
    uint32_t first_columns = half(columns), first_rows = half(rows);
    uint32_t first_stride = first_columns + 3, cells = across + 2 * RIM;
    make_even(l, &p);
    memset(l->first, 0, first_size(columns, rows) * sizeof(float));
    for (uint32_t y = 0; y < first_rows; y++) {
        layer_first(l->even + (size_t)2 * y * even_stride(&p), even_stride(&p), first_columns,
                    l->first + ((size_t)(y + 1) * first_stride + 1) * C1);
    }
    memset(l->map[0], 0, map_size(columns, rows) * sizeof(float));
    memset(l->map[1], 0, map_size(columns, rows) * sizeof(float));
    for (uint32_t y = 0; y < down; y++) {
        layer_second(l->first + (size_t)2 * y * first_stride * C1, first_stride, across,
                     l->map[0] + ((size_t)(y + RIM) * cells + RIM) * C3);
    }
    for (uint32_t i = 0; i < 4; i++) {
        for (uint32_t y = 0; y < down; y++) {
            size_t at = ((size_t)(y + RIM) * cells + RIM) * C3;
            layer_block(&blocks[i], l->map[i % 2] + at, cells, across, l->map[1 - i % 2] + at);
        }
    }
    for (uint32_t y = 0; y < down; y++) {
        for (uint32_t x = 0; x < across; x++) {
            ret_cells[(size_t)y * across + x] =
                odds(l->map[0] + ((size_t)(y + RIM) * cells + RIM + x) * C3);
        }
    }
}
