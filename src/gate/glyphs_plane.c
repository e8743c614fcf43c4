// SPDX-License-Identifier: Apache-2.0
#include "gate/glyphs_plane.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"

// Weights of the colour samples; no two unlike, so that no two pure colours
// look the same.
#define WEIGHT_RED 2u
#define WEIGHT_GREEN 5u
#define WEIGHT_BLUE 1u

static bool is_wide(const struct px_frame *f) {
    return f->kind != PX_PIXEL_INTEGER || f->bits_stored > 16;
}

// Raw bits of a sample, as stored.
static uint32_t raw_at(const struct px_frame *f, uint64_t index) {
    switch (f->bits_allocated) {
    case 1:
        return f->data[index / 8] >> index % 8 & 1u;
    case 8:
        return f->data[index];
    case 16:
        return num_le16(f->data + 2 * index);
    default:
        return num_le32(f->data + 4 * index);
    }
}

// In the order of values: bits stored below high bit, the sign turned
// (PS3.5 8.1.1).
static uint32_t rank_of(const struct px_frame *f, uint32_t raw) {
    unsigned shift = (unsigned)(f->high_bit + 1 - f->bits_stored);
    uint32_t mask = f->bits_stored >= 32 ? UINT32_MAX : (1u << f->bits_stored) - 1;
    uint32_t sign = f->is_signed ? 1u << (f->bits_stored - 1) : 0;
    return ((raw >> shift) & mask) ^ sign;
}

static double number_at(const struct px_frame *f, uint64_t index) {
    if (f->kind == PX_PIXEL_FLOAT) {
        float v;
        memcpy(&v, f->data + 4 * index, sizeof v);
        return isfinite(v) ? (double)v : 0;
    }
    if (f->kind == PX_PIXEL_DOUBLE) {
        double v;
        memcpy(&v, f->data + 8 * index, sizeof v);
        return isfinite(v) ? v : 0;
    }
    return (double)rank_of(f, raw_at(f, index));
}

static void measure_wide(struct glyph_source *s) {
    const struct px_frame *f = s->frame;
    uint64_t count = (uint64_t)f->rows * f->columns * f->samples;
    double low = HUGE_VAL;
    double high = -HUGE_VAL;
    for (uint64_t i = 0; i < count; i++) {
        double v = number_at(f, i);
        low = v < low ? v : low;
        high = v > high ? v : high;
    }
    double span = high / 65535 - low / 65535; // each first: the difference may not be finite
    s->low = count > 0 ? low : 0;
    s->scale = count > 0 && span > 0 ? 1 / span : 0;
}

static bool describes_itself(const struct px_frame *f) {
    bool depth = f->bits_allocated == 8 || f->bits_allocated == 16 || f->bits_allocated == 32 ||
                 (f->bits_allocated == 1 && f->samples == 1);
    if (f->kind == PX_PIXEL_FLOAT || f->kind == PX_PIXEL_DOUBLE) {
        return f->samples == 1 && f->bits_allocated == (f->kind == PX_PIXEL_FLOAT ? 32 : 64);
    }
    return depth && (f->samples == 1 || f->samples == 3) && f->bits_stored >= 1 &&
           f->bits_stored <= f->bits_allocated && f->high_bit < f->bits_allocated &&
           f->high_bit + 1 >= f->bits_stored && (!px_frame_is_422(f) || f->bits_allocated == 8);
}

int glyph_source_open(const struct px_frame *f, const struct px_palette *palette,
                      struct glyph_source *ret_source, struct err *e) {
    if (!describes_itself(f)) {
        return err_set(e, E_UNSUPPORTED, "%u samples of %u bits in %u are not looked at",
                       f->samples, f->bits_stored, f->bits_allocated);
    }
    if (f->data == NULL || f->len < px_frame_bytes(f)) {
        return err_set(e, E_MISMATCH, "a frame of %zu bytes, %llu described", f->len,
                       (unsigned long long)px_frame_bytes(f));
    }
    struct glyph_source s = {.frame = f};
    bool indexed = f->photometric == PX_PALETTE_COLOR && palette != NULL && palette->count > 0;
    s.palette = indexed && !is_wide(f) ? palette : NULL;
    if (is_wide(f)) {
        measure_wide(&s);
    }
    *ret_source = s;
    return E_OK;
}

bool glyph_source_has(const struct glyph_source *s, enum glyph_view view) {
    switch (view) {
    case GLYPH_VIEW_CHROMA:
        return s->frame->samples == 3;
    case GLYPH_VIEW_PALETTE:
        return s->palette != NULL;
    default:
        return true;
    }
}

// Index of a sample in the frame's bytes.
static uint64_t index_of(const struct px_frame *f, uint32_t x, uint32_t y, unsigned sample) {
    uint64_t pixel = (uint64_t)y * f->columns + x;
    if (f->samples == 1) {
        return pixel;
    }
    if (px_frame_is_422(f)) { // Y1 Y2 Cb Cr, rows of whole pairs
        uint64_t pair = ((uint64_t)y * ((f->columns + 1u) / 2u) + x / 2) * 4;
        return sample == 0 ? pair + x % 2 : pair + 1 + sample;
    }
    uint64_t plane = (uint64_t)f->rows * f->columns;
    return f->planar ? sample * plane + pixel : pixel * 3 + sample;
}

static uint16_t narrow(const struct glyph_source *s, uint64_t index) {
    const struct px_frame *f = s->frame;
    if (is_wide(f)) {
        double v = (number_at(f, index) - s->low) * s->scale;
        return (uint16_t)(v < 0 ? 0 : v > 65535 ? 65535 : v + 0.5);
    }
    return (uint16_t)rank_of(f, raw_at(f, index));
}

// Three samples a pixel in 8 to 16 bits: what is over 13 bits is cut, so that
// the sum fits.
static void colour_row(const struct glyph_source *s, enum glyph_view view, uint32_t x, uint32_t y,
                       uint32_t count, uint16_t *out) {
    const struct px_frame *f = s->frame;
    bool ybr = f->photometric != PX_RGB;
    unsigned bits = is_wide(f) ? 16 : f->bits_stored;
    unsigned cut = bits > 13 ? bits - 13 : 0;
    int middle = 1 << (bits - cut - 1);
    for (uint32_t i = 0; i < count; i++) {
        int a = narrow(s, index_of(f, x + i, y, 0)) >> cut;
        int b = narrow(s, index_of(f, x + i, y, 1)) >> cut;
        int c = narrow(s, index_of(f, x + i, y, 2)) >> cut;
        int light = ybr ? a * 8 : (int)(WEIGHT_RED)*a + (int)WEIGHT_GREEN * b + c;
        int high = a > b ? a : b;
        int low = a < b ? a : b;
        high = c > high ? c : high;
        low = c < low ? c : low;
        int chroma = ybr ? (b > middle ? b - middle : middle - b) +
                               2 * (c > middle ? c - middle : middle - c)
                         : high - low;
        out[i] = (uint16_t)(view == GLYPH_VIEW_CHROMA ? chroma : light);
    }
}

// The common case: 8-bit RGB, interleaved.
static void rgb_row(const uint8_t *p, enum glyph_view view, uint32_t count, uint16_t *out) {
    if (view == GLYPH_VIEW_CHROMA) {
        for (uint32_t i = 0; i < count; i++, p += 3) {
            int high = p[0] > p[1] ? p[0] : p[1];
            int low = p[0] < p[1] ? p[0] : p[1];
            high = p[2] > high ? p[2] : high;
            low = p[2] < low ? p[2] : low;
            out[i] = (uint16_t)(high - low);
        }
        return;
    }
    for (uint32_t i = 0; i < count; i++, p += 3) {
        out[i] = (uint16_t)(WEIGHT_RED * p[0] + WEIGHT_GREEN * p[1] + WEIGHT_BLUE * p[2]);
    }
}

// 8 or 16 bits of one sample; every bit of a plain integer frame.
static void grey_row(const struct px_frame *f, uint64_t at, uint32_t count, uint16_t *out) {
    unsigned shift = (unsigned)(f->high_bit + 1 - f->bits_stored);
    uint16_t mask = (uint16_t)((1u << f->bits_stored) - 1);
    uint16_t sign = (uint16_t)(f->is_signed ? 1u << (f->bits_stored - 1) : 0);
    if (f->bits_allocated == 8) {
        const uint8_t *p = f->data + at;
        for (uint32_t i = 0; i < count; i++) {
            out[i] = (uint16_t)(((p[i] >> shift) & mask) ^ sign);
        }
        return;
    }
    memcpy(out, f->data + 2 * at, (size_t)2 * count);
    for (uint32_t i = 0; i < count; i++) {
        out[i] = (uint16_t)(((out[i] >> shift) & mask) ^ sign);
    }
}

static uint16_t palette_light(const struct glyph_source *s, uint16_t rank) {
    const struct px_frame *f = s->frame;
    const struct px_palette *p = s->palette;
    int64_t value = (int64_t)rank - (f->is_signed ? 1 << (f->bits_stored - 1) : 0);
    int64_t at = value - p->first;
    at = at < 0 ? 0 : at >= p->count ? p->count - 1 : at;
    unsigned cut = p->bits > 8 ? 3 : 0;
    return (uint16_t)(WEIGHT_RED * (p->red[at] >> cut) + WEIGHT_GREEN * (p->green[at] >> cut) +
                      WEIGHT_BLUE * (p->blue[at] >> cut));
}

void glyph_source_row(const struct glyph_source *s, enum glyph_view view, uint32_t x, uint32_t y,
                      uint32_t count, uint16_t *out) {
    const struct px_frame *f = s->frame;
    uint64_t pixel = (uint64_t)y * f->columns + x;
    if (f->samples == 3) {
        if (f->photometric == PX_RGB && f->bits_allocated == 8 && f->bits_stored == 8 &&
            !f->planar && !f->is_signed) {
            rgb_row(f->data + 3 * pixel, view, count, out);
        } else {
            colour_row(s, view, x, y, count, out);
        }
        return;
    }
    if (!is_wide(f) && (f->bits_allocated == 8 || f->bits_allocated == 16)) {
        grey_row(f, pixel, count, out);
    } else {
        for (uint32_t i = 0; i < count; i++) {
            out[i] = narrow(s, pixel + i);
        }
    }
    if (view == GLYPH_VIEW_PALETTE && s->palette != NULL) {
        for (uint32_t i = 0; i < count; i++) {
            out[i] = palette_light(s, out[i]);
        }
    }
}

static void repeat_last(uint16_t *row, uint32_t width, uint32_t stride) {
    for (uint32_t x = width; x < stride; x++) {
        row[x] = row[width - 1];
    }
}

void glyph_source_block(const struct glyph_source *s, enum glyph_view view, uint32_t x, uint32_t y,
                        struct glyph_plane *block) {
    for (uint32_t r = 0; r < block->height; r++) {
        uint16_t *row = block->px + (size_t)r * block->stride;
        glyph_source_row(s, view, x, y + r, block->width, row);
        repeat_last(row, block->width, block->stride);
    }
}

void glyph_plane_halve(const struct glyph_plane *from, struct glyph_plane *to) {
    uint16_t high = 0;
    for (size_t i = 0; i < (size_t)from->height * from->stride; i++) {
        high = from->px[i] > high ? from->px[i] : high;
    }
    unsigned cut = high > UINT16_MAX / 2 ? 2 : high > UINT16_MAX / 4 ? 1 : 0;
    for (uint32_t y = 0; y < to->height; y++) {
        const uint16_t *a = from->px + (size_t)(2 * y) * from->stride;
        const uint16_t *b = a + from->stride;
        uint16_t *out = to->px + (size_t)y * to->stride;
        for (uint32_t x = 0; x < to->width; x++) {
            out[x] = (uint16_t)((a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1]) >> cut);
        }
        repeat_last(out, to->width, to->stride);
    }
}

void glyph_plane_invert(const struct glyph_plane *from, struct glyph_plane *to) {
    for (size_t i = 0; i < (size_t)from->height * from->stride; i++) {
        to->px[i] = (uint16_t)(UINT16_MAX - from->px[i]);
    }
}
