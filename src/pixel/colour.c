// SPDX-License-Identifier: Apache-2.0
#include "pixel/colour.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "pixel/sample.h"

CLEANUP_DEFINE(bytes, uint8_t, mem_free);

static uint8_t deep_to_byte(uint32_t value, unsigned bits) {
    return bits >= 8 ? (uint8_t)(value >> (bits - 8))
                     : (uint8_t)(value * 255u / ((1u << bits) - 1));
}

// Any layout and depth to interleaved bytes of three.
static void to_triples(const struct px_frame *f, uint64_t pixels, uint8_t *out) {
    if (f->bits_allocated == 8 && f->bits_stored == 8 && !f->planar) {
        memcpy(out, f->data, (size_t)pixels * 3);
        return;
    }
    struct px_sample s = px_sample_of(f);
    s.sign = 0;
    uint64_t next_pixel = f->planar ? 1 : 3;
    uint64_t next_sample = f->planar ? pixels : 1;
    for (uint64_t i = 0; i < pixels; i++) {
        for (unsigned c = 0; c < 3; c++) {
            uint32_t raw = px_sample_raw(f, i * next_pixel + c * next_sample);
            out[3 * i + c] = deep_to_byte(px_sample_rank(s, raw), f->bits_stored);
        }
    }
}

// Y1 Y2 Cb Cr: each row's pixels in pairs, colour of the first (PS3.3 C.7.6.3.1.2).
static void from_422(const struct px_frame *f, uint8_t *out) {
    const uint8_t *p = f->data;
    for (uint32_t y = 0; y < f->rows; y++) {
        for (uint32_t x = 0; x < f->columns; x++) {
            const uint8_t *pair = p + x / 2 * 4u;
            *out++ = pair[x % 2];
            *out++ = pair[2];
            *out++ = pair[3];
        }
        p += (f->columns + 1u) / 2 * 4u;
    }
}

static uint8_t clamp_byte(int32_t v) { return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v); }

// Factors in 1/65536: luma, and what Cr gives red, Cb and Cr take from green, Cb gives blue.
struct ybr {
    int32_t black;
    int32_t luma;
    int32_t red_cr;
    int32_t green_cb;
    int32_t green_cr;
    int32_t blue_cb;
};
static const struct ybr full_range = {0, 65536, 91881, 22554, 46802, 116130};
static const struct ybr partial_range = {16, 76309, 104597, 25675, 53279, 132201};

static void to_rgb(const struct ybr *k, uint64_t pixels, uint8_t *p) {
    for (uint64_t i = 0; i < pixels; i++, p += 3) {
        int32_t y = (p[0] - k->black) * k->luma + 32768;
        int32_t cb = p[1] - 128;
        int32_t cr = p[2] - 128;
        p[0] = clamp_byte((y + k->red_cr * cr) >> 16);
        p[1] = clamp_byte((y - k->green_cb * cb - k->green_cr * cr) >> 16);
        p[2] = clamp_byte((y + k->blue_cb * cb) >> 16);
    }
}

static int apply_ybr(const struct px_frame *f, uint64_t pixels, uint8_t *out, struct err *e) {
    bool shared = f->photometric == PX_YBR_FULL_422 || f->photometric == PX_YBR_PARTIAL_422;
    if (shared && f->bits_allocated != 8) {
        return err_set(e, E_UNSUPPORTED, "%s of %u bits", px_photometric_term(f->photometric),
                       f->bits_allocated);
    }
    if (shared) {
        from_422(f, out);
    } else {
        to_triples(f, pixels, out);
    }
    to_rgb(f->photometric == PX_YBR_PARTIAL_422 ? &partial_range : &full_range, pixels, out);
    return E_OK;
}

static void fill_palette(const struct px_palette *p, struct px_sample s, uint8_t *table) {
    unsigned shift = p->bits > 8 ? p->bits - 8u : 0;
    for (uint32_t rank = 0; rank <= s.mask; rank++) {
        int64_t index = px_sample_of_rank(s, rank) - p->first;
        uint32_t at = index < 0 ? 0 : index >= p->count ? p->count - 1 : (uint32_t)index;
        table[3 * (size_t)rank] = (uint8_t)(p->red[at] >> shift);
        table[3 * (size_t)rank + 1] = (uint8_t)(p->green[at] >> shift);
        table[3 * (size_t)rank + 2] = (uint8_t)(p->blue[at] >> shift);
    }
}

static int apply_palette(const struct px_image *im, const struct px_frame *f, uint64_t pixels,
                         uint8_t *out, struct err *e) {
    struct px_sample s = px_sample_of(f);
    if (im->palette.count == 0 || f->bits_stored > 16) {
        return err_set(e, E_UNSUPPORTED, "PALETTE COLOR of %u bits with %u entries", f->bits_stored,
                       im->palette.count);
    }
    CLEANUP(cleanup_bytes) uint8_t *table = mem_alloc(((size_t)s.mask + 1) * 3);
    if (table == NULL) {
        return err_set(e, E_MEMORY, "a palette");
    }
    fill_palette(&im->palette, s, table);
    for (uint64_t i = 0; i < pixels; i++) {
        memcpy(out + 3 * i, table + 3 * (size_t)px_sample_rank(s, px_sample_raw(f, i)), 3);
    }
    return E_OK;
}

int px_colour_apply(const struct px_image *im, const struct px_frame *f, uint8_t *out,
                    struct err *e) {
    uint64_t pixels = (uint64_t)f->rows * f->columns;
    switch (f->photometric) {
    case PX_RGB:
        to_triples(f, pixels, out);
        return E_OK;
    case PX_YBR_FULL:
    case PX_YBR_FULL_422:
    case PX_YBR_PARTIAL_422:
    case PX_YBR_ICT: // of decoded samples: the same matrix
        return apply_ybr(f, pixels, out, e);
    case PX_PALETTE_COLOR:
        return apply_palette(im, f, pixels, out, e);
    default:
        return err_set(e, E_UNSUPPORTED, "%s is not shown outside of its code stream",
                       px_photometric_term(f->photometric));
    }
}
