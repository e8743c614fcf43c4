// SPDX-License-Identifier: Apache-2.0
#include "pixel/colour.h"

#include <string.h>

#include "base/err.h"
#include "pixel/grey_table.h"
#include "pixel/sample.h"

static uint8_t deep_to_byte(uint32_t value, unsigned bits) {
    return bits >= 8 ? (uint8_t)(value >> (bits - 8))
                     : (uint8_t)(value * 255u / ((1u << bits) - 1));
}

// A row of any layout and depth to interleaved bytes of three.
static void to_triples(const struct px_frame *f, uint32_t y, uint8_t *out) {
    uint64_t pixels = (uint64_t)f->rows * f->columns;
    uint64_t first = (uint64_t)y * f->columns;
    if (f->bits_allocated == 8 && f->bits_stored == 8 && !f->planar) {
        memcpy(out, f->data + 3 * first, (size_t)f->columns * 3);
        return;
    }
    struct px_sample s = px_sample_of(f);
    s.sign = 0;
    uint64_t next_pixel = f->planar ? 1 : 3;
    uint64_t next_sample = f->planar ? pixels : 1;
    for (uint64_t i = first; i < first + f->columns; i++) {
        for (unsigned c = 0; c < 3; c++) {
            uint32_t raw = px_sample_raw(f, i * next_pixel + c * next_sample);
            *out++ = deep_to_byte(px_sample_rank(s, raw), f->bits_stored);
        }
    }
}

// Y1 Y2 Cb Cr: each row's pixels in pairs that share their colour (PS3.3 C.7.6.3.1.2).
static void from_422(const struct px_frame *f, uint32_t y, uint8_t *out) {
    const uint8_t *p = f->data + (size_t)y * ((f->columns + 1u) / 2) * 4u;
    for (uint32_t x = 0; x < f->columns; x++) {
        const uint8_t *pair = p + (size_t)(x / 2) * 4u;
        *out++ = pair[x % 2];
        *out++ = pair[2];
        *out++ = pair[3];
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

static void to_rgb(const struct ybr *k, uint32_t pixels, uint8_t *p) {
    for (uint32_t i = 0; i < pixels; i++, p += 3) {
        int32_t y = (p[0] - k->black) * k->luma + 32768;
        int32_t cb = p[1] - 128;
        int32_t cr = p[2] - 128;
        p[0] = clamp_byte((y + k->red_cr * cr) >> 16);
        p[1] = clamp_byte((y - k->green_cb * cb - k->green_cr * cr) >> 16);
        p[2] = clamp_byte((y + k->blue_cb * cb) >> 16);
    }
}

static bool shares_chroma(const struct px_frame *f) {
    return f->photometric == PX_YBR_FULL_422 || f->photometric == PX_YBR_PARTIAL_422;
}

int px_colour_check(const struct px_image *im, const struct px_frame *f, struct err *e) {
    switch (f->photometric) {
    case PX_YBR_FULL_422:
    case PX_YBR_PARTIAL_422:
        return f->bits_allocated == 8
                   ? E_OK
                   : err_set(e, E_UNSUPPORTED, "%s of %u bits", px_photometric_term(f->photometric),
                             f->bits_allocated);
    case PX_RGB:
    case PX_YBR_FULL:
    case PX_YBR_ICT: // of decoded samples: the same matrix
        return E_OK;
    case PX_PALETTE_COLOR:
        return im->palette.count > 0 && f->bits_stored <= 16
                   ? E_OK
                   : err_set(e, E_UNSUPPORTED, "PALETTE COLOR of %u bits with %u entries",
                             f->bits_stored, im->palette.count);
    default:
        return err_set(e, E_UNSUPPORTED, "%s is not shown outside of its code stream",
                       px_photometric_term(f->photometric));
    }
}

void px_colour_fill(const struct px_image *im, const struct px_frame *f,
                    uint8_t table[PX_COLOUR_TABLE_LEN]) {
    const struct px_palette *p = &im->palette;
    struct px_sample s = px_sample_of(f);
    unsigned shift = p->bits > 8 ? p->bits - 8u : 0;
    for (uint32_t rank = 0; rank <= s.mask; rank++) {
        int64_t index = px_sample_of_rank(s, rank) - p->first;
        uint32_t at = index < 0 ? 0 : index >= p->count ? p->count - 1 : (uint32_t)index;
        table[3 * (size_t)rank] = (uint8_t)(p->red[at] >> shift);
        table[3 * (size_t)rank + 1] = (uint8_t)(p->green[at] >> shift);
        table[3 * (size_t)rank + 2] = (uint8_t)(p->blue[at] >> shift);
    }
}

void px_colour_fill_supplemental(const struct px_image *im, const struct px_frame *f,
                                 const struct px_grey_path *path,
                                 uint8_t table[PX_COLOUR_TABLE_LEN]) {
    struct px_sample s = px_sample_of(f);
    px_colour_fill(im, f, table);
    for (uint32_t rank = 0; rank <= s.mask; rank++) {
        int64_t stored = px_sample_of_rank(s, rank);
        if (stored >= im->palette.first) {
            return; // ranks are in the order of values
        }
        memset(table + 3 * (size_t)rank, px_grey_byte(path, (double)stored), 3);
    }
}

void px_colour_table_row(const struct px_frame *f, const uint8_t *table, uint32_t y, uint8_t *out) {
    struct px_sample s = px_sample_of(f);
    uint64_t first = (uint64_t)y * f->columns;
    for (uint32_t x = 0; x < f->columns; x++) {
        size_t rank = px_sample_rank(s, px_sample_raw(f, first + x));
        memcpy(out + 3 * (size_t)x, table + 3 * rank, 3);
    }
}

void px_colour_row(const struct px_frame *f, const uint8_t *table, uint32_t y, uint8_t *out) {
    if (f->photometric == PX_PALETTE_COLOR) {
        px_colour_table_row(f, table, y, out);
        return;
    }
    if (shares_chroma(f)) {
        from_422(f, y, out);
    } else {
        to_triples(f, y, out);
    }
    if (f->photometric != PX_RGB) {
        to_rgb(f->photometric == PX_YBR_PARTIAL_422 ? &partial_range : &full_range, f->columns,
               out);
    }
}
