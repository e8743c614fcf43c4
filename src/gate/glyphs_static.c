// SPDX-License-Identifier: Apache-2.0
#include "gate/glyphs_static.h"

#include <string.h>

#include "base/mem.h"
#include "gate/glyphs_plane.h"

#define TILE 32u
#define MOVING_PART 4u // of a tile's samples, one in so many at least

bool glyph_still_open(struct glyph_still *s, uint32_t columns, uint32_t rows) {
    size_t count = (size_t)columns * rows;
    s->low = mem_array(count, sizeof *s->low);
    s->high = mem_array(count, sizeof *s->high);
    s->columns = columns;
    s->rows = rows;
    return s->low != NULL && s->high != NULL;
}

void glyph_still_done(struct glyph_still *s) {
    mem_free(s->low);
    mem_free(s->high);
    *s = (struct glyph_still){0};
}

static void widen(uint16_t *restrict low, uint16_t *restrict high, const uint16_t *restrict row,
                  uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        low[i] = row[i] < low[i] ? row[i] : low[i];
        high[i] = row[i] > high[i] ? row[i] : high[i];
    }
}

#define STRIP 512u

void glyph_still_add(struct glyph_still *s, const struct glyph_source *source) {
    uint16_t row[STRIP];
    for (uint32_t y = 0; y < s->rows; y++) {
        for (uint32_t x = 0; x < s->columns; x += STRIP) {
            size_t at = (size_t)y * s->columns + x;
            uint32_t count = s->columns - x < STRIP ? s->columns - x : STRIP;
            glyph_source_row(source, GLYPH_VIEW_LIGHT, x, y, count, row);
            if (s->seen == 0) {
                memcpy(s->low + at, row, count * sizeof *row);
                memcpy(s->high + at, row, count * sizeof *row);
            } else {
                widen(s->low + at, s->high + at, row, count);
            }
        }
    }
    s->seen++;
}

uint32_t glyph_still_range(const struct glyph_still *s) {
    uint16_t low = UINT16_MAX;
    uint16_t high = 0;
    for (size_t i = 0; i < (size_t)s->columns * s->rows; i++) {
        low = s->low[i] < low ? s->low[i] : low;
        high = s->high[i] > high ? s->high[i] : high;
    }
    return high > low ? (uint32_t)(high - low) : 0;
}

// One tile of a block: its still samples, unless the tile as a whole stands still.
static bool fill_tile(const struct glyph_still *s, uint32_t tolerance, uint32_t x, uint32_t y,
                      struct glyph_plane *block, uint32_t tx, uint32_t ty) {
    uint32_t w = block->width - tx < TILE ? block->width - tx : TILE;
    uint32_t h = block->height - ty < TILE ? block->height - ty : TILE;
    uint32_t moving = 0;
    for (uint32_t r = 0; r < h; r++) {
        size_t at = (size_t)(y + ty + r) * s->columns + x + tx;
        uint16_t *out = block->px + (size_t)(ty + r) * block->stride + tx;
        for (uint32_t i = 0; i < w; i++) {
            bool still = (uint32_t)(s->high[at + i] - s->low[at + i]) <= tolerance;
            out[i] = still ? 255 : 0;
            moving += !still;
        }
    }
    if (moving * MOVING_PART >= w * h) {
        return moving < w * h;
    }
    for (uint32_t r = 0; r < h; r++) {
        memset(block->px + (size_t)(ty + r) * block->stride + tx, 0, w * sizeof *block->px);
    }
    return false;
}

bool glyph_still_block(const struct glyph_still *s, uint32_t tolerance, uint32_t x, uint32_t y,
                       struct glyph_plane *block) {
    bool any = false;
    memset(block->px, 0, (size_t)block->stride * block->height * sizeof *block->px);
    for (uint32_t ty = 0; ty < block->height; ty += TILE) {
        for (uint32_t tx = 0; tx < block->width; tx += TILE) {
            any |= fill_tile(s, tolerance, x, y, block, tx, ty);
        }
    }
    return any;
}
