// SPDX-License-Identifier: Apache-2.0
// Crops for a reader: the box's samples stretched to 8 bits, turned upright, dark on light, scaled
// so that capitals are as high as readers like them.
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "gate/glyphs.h"
#include "gate/glyphs_plane.h"

#define LETTER 32u // pixels of a capital
#define GROUND 10u
#define CROP_SIDE_MAX 4000u
#define SCALE_MAX 8.0
#define LEVELS 65536u

CLEANUP_DEFINE(samples, uint16_t, mem_free);
CLEANUP_DEFINE(bytes, uint8_t, mem_free);
CLEANUP_DEFINE(counts, uint32_t, mem_free);

struct stretch {
    uint16_t low, high, ground;
};

// The window holds all but a two-hundredth at either end; the ground is the most common of 32 steps
// between.
static int measure(const uint16_t *px, size_t count, struct stretch *ret, struct err *e) {
    CLEANUP(cleanup_counts) uint32_t *bins = mem_array(LEVELS, sizeof *bins);
    if (bins == NULL) {
        return err_set(e, E_MEMORY, "a crop's levels");
    }
    for (size_t i = 0; i < count; i++) {
        bins[px[i]]++;
    }
    size_t skip = count / 200;
    size_t seen = 0;
    uint32_t low = 0;
    uint32_t high = LEVELS - 1;
    for (; low < high && seen + bins[low] <= skip; low++) {
        seen += bins[low];
    }
    for (seen = 0; high > low && seen + bins[high] <= skip; high--) {
        seen += bins[high];
    }
    uint32_t step = (high - low) / 32 + 1;
    size_t most = 0;
    *ret = (struct stretch){(uint16_t)low, (uint16_t)high, (uint16_t)low};
    for (uint32_t from = low; from <= high; from += step) {
        size_t sum = 0;
        for (uint32_t v = from; v < from + step && v < LEVELS; v++) {
            sum += bins[v];
        }
        if (sum > most) {
            most = sum;
            uint32_t middle = from + step / 2;
            ret->ground = (uint16_t)(middle < high ? middle : high);
        }
    }
    return E_OK;
}

static uint8_t shade(const struct stretch *s, uint32_t v, bool dark) {
    uint32_t span = (uint32_t)(s->high - s->low);
    uint32_t cut = v < s->low ? 0 : v > s->high ? span : v - s->low;
    uint32_t light = span == 0 ? 255 : cut * 255 / span;
    return (uint8_t)(dark ? light : 255 - light);
}

// A box's samples after the turn: what lies at (x, y) of the upright picture.
struct upright {
    const uint8_t *px;
    uint32_t width, height; // of the box as stored
    uint32_t across, down;  // of the upright picture
    uint8_t turn;
    bool mirrored;
};

static uint8_t sample(const struct upright *u, int64_t x, int64_t y) {
    x = x < 0 ? 0 : x >= u->across ? u->across - 1 : x;
    y = y < 0 ? 0 : y >= u->down ? u->down - 1 : y;
    if (u->mirrored) {
        x = u->across - 1 - x;
    }
    int64_t sx = x;
    int64_t sy = y;
    switch (u->turn) {
    case 1: // stored (sx, sy) goes to (height - 1 - sy, sx)
        sx = y;
        sy = u->height - 1 - x;
        break;
    case 2:
        sx = u->width - 1 - x;
        sy = u->height - 1 - y;
        break;
    case 3:
        sx = u->width - 1 - y;
        sy = x;
        break;
    default:
        break;
    }
    return u->px[(size_t)sy * u->width + (size_t)sx];
}

// Between the four nearest samples; of several source pixels a target pixel, their mean.
static uint8_t resampled(const struct upright *u, double x, double y, double step) {
    if (step > 1) {
        unsigned sum = 0;
        unsigned count = 0;
        int64_t y1 = (int64_t)(y + step);
        int64_t x1 = (int64_t)(x + step);
        for (int64_t j = (int64_t)y; j <= y1 && j < u->down; j++) {
            for (int64_t i = (int64_t)x; i <= x1 && i < u->across; i++) {
                sum += sample(u, i, j);
                count++;
            }
        }
        return (uint8_t)(count == 0 ? 255 : sum / count);
    }
    double cx = x + step / 2 - 0.5;
    double cy = y + step / 2 - 0.5;
    int64_t ix = cx < 0 ? -1 : (int64_t)cx;
    int64_t iy = cy < 0 ? -1 : (int64_t)cy;
    double fx = cx - (double)ix;
    double fy = cy - (double)iy;
    double top = sample(u, ix, iy) * (1 - fx) + sample(u, ix + 1, iy) * fx;
    double low = sample(u, ix, iy + 1) * (1 - fx) + sample(u, ix + 1, iy + 1) * fx;
    return (uint8_t)(top * (1 - fy) + low * fy + 0.5);
}

static double scale_for(const struct gate_box *box, const struct upright *u) {
    double letter = box->letter > 0 ? box->letter : u->down * 0.6;
    double scale = letter < 1 ? SCALE_MAX : LETTER / letter;
    double side = u->across > u->down ? u->across : u->down;
    scale = scale > SCALE_MAX ? SCALE_MAX : scale;
    double fit = (CROP_SIDE_MAX - 2.0 * GROUND) / side;
    return scale > fit ? fit : scale;
}

static int draw(const struct upright *u, double scale, uint8_t ground, struct buf *out,
                struct err *e) {
    uint32_t inner_width = (uint32_t)(u->across * scale + 0.5);
    uint32_t inner_height = (uint32_t)(u->down * scale + 0.5);
    inner_width = inner_width == 0 ? 1 : inner_width;
    inner_height = inner_height == 0 ? 1 : inner_height;
    uint32_t width = inner_width + 2 * GROUND;
    uint32_t height = inner_height + 2 * GROUND;
    uint8_t head[4];
    num_put_le16(head, (uint16_t)width);
    num_put_le16(head + 2, (uint16_t)height);
    buf_put(out, head, sizeof head);
    uint8_t *px = buf_extend(out, (size_t)width * height);
    if (px == NULL) {
        return buf_check(out, "crops for the reader", e);
    }
    memset(px, ground, (size_t)width * height);
    for (uint32_t y = 0; y < inner_height; y++) {
        uint8_t *row = px + (size_t)(y + GROUND) * width + GROUND;
        for (uint32_t x = 0; x < inner_width; x++) {
            row[x] = resampled(u, x / scale, y / scale, 1 / scale);
        }
    }
    return E_OK;
}

int gate_scan_crop(const struct px_frame *f, const struct gate_box *box, struct buf *out,
                   struct err *e) {
    struct glyph_source source = {0};
    struct stretch stretch = {0};
    if (box->width == 0 || box->height == 0 || (uint32_t)box->x + box->width > f->columns ||
        (uint32_t)box->y + box->height > f->rows) {
        return err_set(e, E_RANGE, "a box of %u × %u at %u, %u in a frame of %u × %u", box->width,
                       box->height, box->x, box->y, f->columns, f->rows);
    }
    int code = glyph_source_open(f, NULL, &source, e);
    if (code != E_OK) {
        return code;
    }
    size_t count = (size_t)box->width * box->height;
    CLEANUP(cleanup_samples) uint16_t *px = mem_array(count, sizeof *px);
    CLEANUP(cleanup_bytes) uint8_t *grey = mem_array(count, 1);
    if (px == NULL || grey == NULL) {
        return err_set(e, E_MEMORY, "a crop of %u × %u", box->width, box->height);
    }
    for (uint32_t y = 0; y < box->height; y++) {
        glyph_source_row(&source, GLYPH_VIEW_LIGHT, box->x, box->y + y, box->width,
                         px + (size_t)y * box->width);
    }
    code = measure(px, count, &stretch, e);
    if (code != E_OK) {
        return code;
    }
    for (size_t i = 0; i < count; i++) {
        grey[i] = shade(&stretch, px[i], box->dark);
    }
    bool turned = box->turn == 1 || box->turn == 3;
    struct upright u = {.px = grey,
                        .width = box->width,
                        .height = box->height,
                        .across = turned ? box->height : box->width,
                        .down = turned ? box->width : box->height,
                        .turn = box->turn,
                        .mirrored = box->mirrored};
    return draw(&u, scale_for(box, &u), shade(&stretch, stretch.ground, box->dark), out, e);
}
