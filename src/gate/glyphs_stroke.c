// SPDX-License-Identifier: Apache-2.0
#include "gate/glyphs_stroke.h"

#include <string.h>

#define REACH ((GLYPH_HAT - 1) / 2)

_Static_assert(GLYPH_HAT == 7, "the filters below double a window: 2, 4, 7");

// All filters run over whole strides in steps of GLYPH_LANES, so that the
// compiler can use vectors.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) &&                             \
    !defined(__SANITIZE_ADDRESS__)
#define GLYPH_FAST __attribute__((optimize("O3"), target_clones("avx2", "sse4.1", "default")))
#else
#define GLYPH_FAST
#endif

GLYPH_FAST static void least(const uint16_t *restrict a, const uint16_t *restrict b,
                             uint16_t *restrict out, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        out[i] = a[i] < b[i] ? a[i] : b[i];
    }
}

GLYPH_FAST static void most(const uint16_t *restrict a, const uint16_t *restrict b,
                            uint16_t *restrict out, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        out[i] = a[i] > b[i] ? a[i] : b[i];
    }
}

GLYPH_FAST static void take_away(const uint16_t *restrict a, const uint16_t *restrict b,
                                 uint16_t *restrict out, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        out[i] = (uint16_t)(a[i] > b[i] ? a[i] - b[i] : 0);
    }
}

GLYPH_FAST static void at_least(const uint16_t *restrict hat, uint16_t threshold,
                                uint8_t *restrict mask) {
    for (uint32_t i = 0; i < GLYPH_TILE; i++) {
        mask[i] = hat[i] >= threshold ? 255 : 0;
    }
}

GLYPH_FAST static uint16_t largest_of(const uint16_t *p) {
    uint16_t high = 0;
    for (uint32_t i = 0; i < GLYPH_TILE; i++) {
        high = p[i] > high ? p[i] : high;
    }
    return high;
}

GLYPH_FAST static void mark_equal(const uint16_t *restrict row, const uint16_t *restrict before,
                                  const uint16_t *restrict below, uint8_t *restrict mask,
                                  uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint16_t v = row[i + 1];
        uint8_t same = (uint8_t)((v == row[i]) + (v == row[i + 2]) + (v == before[i]) +
                                 (v == before[i + 1]) + (v == before[i + 2]) + (v == below[i]) +
                                 (v == below[i + 1]) + (v == below[i + 2]));
        mask[i] = same >= 2 ? 255 : 0;
    }
}

typedef void (*filter)(const uint16_t *restrict a, const uint16_t *restrict b,
                       uint16_t *restrict out, uint32_t count);

// One row through a window of GLYPH_HAT samples; `rows` are two strides of
// scratch. The ends repeat.
static void across(filter f, const uint16_t *in, uint32_t width, uint32_t stride, uint16_t *rows,
                   uint16_t *out) {
    uint16_t *a = rows;
    uint16_t *b = rows + stride + GLYPH_LANES;
    for (uint32_t i = 0; i < REACH; i++) {
        a[i] = in[0];
    }
    memcpy(a + REACH, in, sizeof *a * width);
    for (uint32_t i = width + REACH; i < stride + GLYPH_LANES; i++) {
        a[i] = in[width - 1];
    }
    f(a, a + 1, b, stride + GLYPH_LANES - 1); // two
    f(b, b + 2, a, stride + GLYPH_LANES - 3); // four
    f(a, a + 3, out, stride);                 // seven: i … i + 6, centre i + REACH
}

static uint32_t below(uint32_t y, uint32_t by, uint32_t height) {
    return y + by < height ? y + by : height - 1;
}

// Columns through the window, in place; `rows` are two strides of scratch.
static void down(filter f, uint16_t *px, uint32_t height, uint32_t stride, uint16_t *rows) {
    for (uint32_t y = 0; y < height; y++) { // two
        uint16_t *row = px + (size_t)y * stride;
        f(row, px + (size_t)below(y, 1, height) * stride, rows, stride);
        memcpy(row, rows, sizeof *row * stride);
    }
    for (uint32_t y = 0; y < height; y++) { // four
        uint16_t *row = px + (size_t)y * stride;
        f(row, px + (size_t)below(y, 2, height) * stride, rows, stride);
        memcpy(row, rows, sizeof *row * stride);
    }
    for (uint32_t y = height; y-- > 0;) { // seven: y - 3 … y + 3
        uint16_t *row = px + (size_t)y * stride;
        f(row, px + (size_t)(y > REACH ? y - REACH : 0) * stride, rows, stride);
        memcpy(row, rows, sizeof *row * stride);
    }
}

void glyph_stroke_hat(const struct glyph_plane *plane, uint16_t *hat, uint16_t *scratch,
                      uint16_t *rows) {
    uint32_t stride = plane->stride;
    for (uint32_t y = 0; y < plane->height; y++) {
        size_t at = (size_t)y * stride;
        across(least, plane->px + at, plane->width, stride, rows, scratch + at);
    }
    down(least, scratch, plane->height, stride, rows);
    for (uint32_t y = 0; y < plane->height; y++) {
        size_t at = (size_t)y * stride;
        across(most, scratch + at, plane->width, stride, rows, hat + at);
    }
    down(most, hat, plane->height, stride, rows);
    for (uint32_t y = 0; y < plane->height; y++) {
        size_t at = (size_t)y * stride;
        take_away(plane->px + at, hat + at, scratch + at, stride);
        memcpy(hat + at, scratch + at, sizeof *hat * stride);
    }
}

#define SAMPLE_SIDE 8u

// The median of 64 samples on a grid over the tile.
static uint16_t median(const struct glyph_plane *plane, const uint16_t *hat, uint32_t x,
                       uint32_t y) {
    uint16_t v[SAMPLE_SIDE * SAMPLE_SIDE];
    uint32_t count = 0;
    uint32_t w = plane->width - x < GLYPH_TILE ? plane->width - x : GLYPH_TILE;
    uint32_t h = plane->height - y < GLYPH_TILE ? plane->height - y : GLYPH_TILE;
    for (uint32_t j = 0; j < SAMPLE_SIDE; j++) {
        const uint16_t *row = hat + (size_t)(y + j * h / SAMPLE_SIDE) * plane->stride + x;
        for (uint32_t i = 0; i < SAMPLE_SIDE; i++) {
            v[count++] = row[((4 * i + j) * w / GLYPH_TILE) % w];
        }
    }
    uint32_t low = 0; // halving the range of values: fewer steps than sorting
    uint32_t high = UINT16_MAX;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        uint32_t under = 0;
        for (uint32_t i = 0; i < count; i++) {
            under += v[i] <= middle;
        }
        if (2 * under >= count) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return (uint16_t)low;
}

void glyph_stroke_tiles(const struct glyph_plane *plane, const uint16_t *hat,
                        struct glyph_tile *tiles) {
    for (uint32_t y = 0; y < plane->height; y += GLYPH_TILE) {
        for (uint32_t x = 0; x < plane->width; x += GLYPH_TILE) {
            struct glyph_tile *tile = tiles++;
            uint32_t end = y + GLYPH_TILE < plane->height ? y + GLYPH_TILE : plane->height;
            tile->high = 0;
            for (uint32_t r = y; r < end; r++) {
                uint16_t high = largest_of(hat + (size_t)r * plane->stride + x);
                tile->high = high > tile->high ? high : tile->high;
            }
            tile->middle = tile->high == 0 ? 0 : median(plane, hat, x, y);
        }
    }
}

static uint16_t threshold_of(const struct glyph_tile *tile, const struct glyph_cut *cut) {
    uint32_t noise = (uint32_t)tile->middle * cut->noise / 4 + cut->least;
    uint32_t part = (uint32_t)tile->high * cut->part / 256;
    uint32_t t = noise > part ? noise : part;
    return (uint16_t)(t > tile->high || t > UINT16_MAX ? UINT16_MAX : t); // or nothing here
}

static bool changed_near(const uint8_t *changed, uint32_t across, uint32_t down, uint32_t x,
                         uint32_t y) {
    uint32_t x1 = x + 2 < across ? x + 2 : across - 1;
    uint32_t y1 = y + 1 < down ? y + 1 : down - 1;
    for (uint32_t j = y > 0 ? y - 1 : 0; j <= y1; j++) {
        for (uint32_t i = x > 1 ? x - 2 : 0; i <= x1; i++) {
            if (changed[j * across + i]) {
                return true;
            }
        }
    }
    return false;
}

uint32_t glyph_stroke_thresholds(const struct glyph_tile *tiles, uint32_t across, uint32_t down,
                                 const struct glyph_cut *cut, uint8_t *changed, uint16_t *before,
                                 uint16_t *thresholds) {
    uint32_t count = across * down;
    uint32_t changes = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t t = threshold_of(&tiles[i], cut);
        changed[i] = t != UINT16_MAX && 4u * t > 5u * before[i];
        changes += changed[i];
        before[i] = changed[i] ? t : before[i];
    }
    for (uint32_t i = 0; i < count && changes > 0; i++) {
        bool look = changed_near(changed, across, down, i % across, i / across);
        thresholds[i] = look ? threshold_of(&tiles[i], cut) : UINT16_MAX;
    }
    return changes;
}

void glyph_stroke_mask(const struct glyph_plane *plane, const uint16_t *hat,
                       const uint16_t *thresholds, uint8_t *mask) {
    uint32_t across_tiles = (plane->width + GLYPH_TILE - 1) / GLYPH_TILE;
    for (uint32_t y = 0; y < plane->height; y++) {
        const uint16_t *t = thresholds + (size_t)(y / GLYPH_TILE) * across_tiles;
        size_t at = (size_t)y * plane->stride;
        for (uint32_t i = 0; i < across_tiles; i++) {
            at_least(hat + at + (size_t)i * GLYPH_TILE, t[i], mask + at + (size_t)i * GLYPH_TILE);
        }
    }
}

// The first and last column are left out: what touches the border shows in the
// columns beside it.
void glyph_level_mask(const struct glyph_plane *plane, uint8_t *mask) {
    for (uint32_t y = 0; y < plane->height; y++) {
        size_t at = (size_t)y * plane->stride;
        const uint16_t *row = plane->px + at;
        memset(mask + at, 0, plane->stride);
        if (plane->height < 2 || plane->width < 3) {
            continue; // no glyph has room
        }
        const uint16_t *before = y > 0 ? row - plane->stride : row + plane->stride;
        const uint16_t *under = y + 1 < plane->height ? row + plane->stride : row - plane->stride;
        mark_equal(row, before, under, mask + at + 1, plane->width - 2);
    }
}
