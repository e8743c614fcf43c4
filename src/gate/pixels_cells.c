// SPDX-License-Identifier: Apache-2.0
#include "gate/pixels_cells.h"

#include <string.h>

#include "pixel/palette.h"
#include "pixel/sample.h"

#define CELLS_OF_PAIR 4u

static uint64_t cells_per_frame(const struct gate_cells *c) {
    return c->pairs ? (uint64_t)c->rows * ((c->columns + 1u) / 2u) * CELLS_OF_PAIR
                    : (uint64_t)c->rows * c->columns * c->samples;
}

struct gate_cells gate_cells_of_frame(const struct px_frame *f) {
    struct gate_cells c = {.rows = f->rows,
                           .columns = f->columns,
                           .samples = f->samples,
                           .bits = f->bits_allocated,
                           .unit = 1,
                           .planar = f->planar && f->samples > 1,
                           .pairs = px_frame_is_422(f)};
    c.per_frame = cells_per_frame(&c);
    return c;
}

struct gate_cells gate_cells_of_image(const struct px_image *im) {
    struct px_frame f = {0};
    px_frame_describe(&f, im);
    struct gate_cells c = gate_cells_of_frame(&f);
    if (im->big_endian) {
        c.unit = im->bits_allocated >= 16    ? im->bits_allocated / 8u
                 : im->pixel_vr == DCM_VR_OW ? 2
                                             : 1;
    }
    return c;
}

// --- the ground ---

static uint64_t raw_of_rank(struct px_sample s, const struct px_frame *f, uint32_t rank) {
    int64_t value = px_sample_of_rank(s, rank);
    uint64_t raw = (uint64_t)value << s.shift;
    return f->bits_allocated >= 64 ? raw : raw & ((1ull << f->bits_allocated) - 1);
}

static uint32_t extreme8(const struct px_frame *f, struct px_sample s, bool highest) {
    uint32_t best = px_sample_rank(s, f->data[0]);
    for (size_t i = 1; i < f->len; i++) {
        uint32_t rank = px_sample_rank(s, f->data[i]);
        best = highest ? (rank > best ? rank : best) : (rank < best ? rank : best);
    }
    return best;
}

static uint32_t extreme16(const struct px_frame *f, struct px_sample s, bool highest) {
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;
    for (size_t i = 0; i + 1 < f->len; i += 2) {
        uint32_t rank = px_sample_rank(s, num_le16(f->data + i));
        least = rank < least ? rank : least;
        most = rank > most ? rank : most;
    }
    return highest ? most : least;
}

static uint32_t extreme(const struct px_frame *f, struct px_sample s, bool highest) {
    if (f->bits_allocated == 8) {
        return extreme8(f, s, highest);
    }
    if (f->bits_allocated == 16) {
        return extreme16(f, s, highest);
    }
    uint32_t best = highest ? 0 : UINT32_MAX;
    uint64_t count = (uint64_t)f->rows * f->columns * f->samples;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t rank = px_sample_rank(s, px_sample_raw(f, i));
        best = highest ? (rank > best ? rank : best) : (rank < best ? rank : best);
    }
    return best;
}

static uint64_t grey_ground(const struct px_image *im, const struct px_frame *f) {
    struct px_sample s = px_sample_of(f);
    bool highest = f->photometric == PX_MONOCHROME1 && !im->inverse;
    if (f->bits_allocated == 1) {
        return highest;
    }
    return raw_of_rank(s, f, extreme(f, s, highest));
}

// The smallest finite number; bits of it.
static uint64_t float_ground(const struct px_frame *f) {
    struct px_sample none = {0};
    uint64_t count = (uint64_t)f->rows * f->columns;
    double least = 0;
    bool found = false;
    for (uint64_t i = 0; i < count; i++) {
        double v = px_sample_number(f, none, i);
        if (v - v == 0 && (!found || v < least)) {
            least = v;
            found = true;
        }
    }
    uint64_t raw = 0;
    if (f->kind == PX_PIXEL_FLOAT) {
        float single = (float)least;
        memcpy(&raw, &single, sizeof single);
    } else {
        memcpy(&raw, &least, sizeof least);
    }
    return raw;
}

static uint64_t palette_ground(const struct px_palette *p, const struct px_frame *f) {
    struct px_sample s = px_sample_of(f);
    uint64_t darkest = UINT64_MAX;
    int64_t value = p->first;
    for (uint32_t i = 0; i < p->count; i++) {
        int64_t rank = (int64_t)p->first + i + s.sign;
        uint64_t light = 299u * p->red[i] + 587u * p->green[i] + 114u * p->blue[i];
        if (rank >= 0 && rank <= s.mask && light < darkest) {
            darkest = light;
            value = (int64_t)p->first + i;
        }
    }
    int64_t rank = value + s.sign;
    return raw_of_rank(s, f, rank < 0 || rank > s.mask ? 0 : (uint32_t)rank);
}

struct gate_ground gate_ground_of(const struct px_image *im, const struct px_frame *f) {
    struct gate_ground g = {{0, 0, 0}};
    unsigned low = f->high_bit + 1u - f->bits_stored;
    uint64_t neutral = 1ull << (f->bits_stored - 1u + low);
    switch (f->photometric) {
    case PX_RGB:
        break;
    case PX_YBR_PARTIAL_422:
    case PX_YBR_PARTIAL_420:
        g.raw[0] = f->bits_stored >= 8 ? 16ull << (f->bits_stored - 8u + low) : 0;
        g.raw[1] = g.raw[2] = neutral;
        break;
    case PX_PALETTE_COLOR:
        g.raw[0] = im->palette.count > 0 ? palette_ground(&im->palette, f) : grey_ground(im, f);
        break;
    case PX_MONOCHROME1:
    case PX_MONOCHROME2:
        g.raw[0] = f->kind == PX_PIXEL_INTEGER ? grey_ground(im, f) : float_ground(f);
        break;
    default: // YBR of any kind; XYB has no lesser evil
        g.raw[1] = g.raw[2] = neutral;
        break;
    }
    if (f->samples == 1) {
        g.raw[1] = g.raw[2] = g.raw[0];
    }
    return g;
}

// --- filling ---

// Cells `from` to `end` (over all frames); sample `phase` of `pattern` first, of `period` in turn.
struct run {
    uint64_t from, end;
    const uint64_t *pattern;
    unsigned phase, period;
};

static void put_bits(const struct gate_cells *c, uint64_t bit, uint64_t raw, uint8_t *bytes,
                     size_t len) {
    for (unsigned i = 0; i < c->bits; i++) {
        size_t at = (size_t)((bit + i) / 8);
        at = c->unit == 2 ? at ^ 1u : at;
        if (at < len) {
            uint8_t mask = (uint8_t)(1u << (bit + i) % 8);
            bytes[at] = (uint8_t)((bytes[at] & ~mask) | ((raw >> i & 1) != 0 ? mask : 0));
        }
    }
}

static void put_bytes(const struct gate_cells *c, size_t at, uint64_t raw, uint8_t *bytes) {
    unsigned width = c->bits / 8;
    for (unsigned i = 0; i < width; i++) {
        bytes[(at + i) ^ (c->unit - 1)] = (uint8_t)(raw >> 8 * i);
    }
}

static void fill_run(const struct gate_cells *c, const struct run *r, uint64_t first,
                     uint8_t *bytes, size_t len) {
    uint64_t have = (uint64_t)len * 8 / c->bits;
    // A cell that is cut at the end of the piece is part of it (packed 12-bit cells).
    uint64_t stop = first + have + ((uint64_t)len * 8 % c->bits != 0);
    uint64_t from = r->from > first ? r->from : first;
    uint64_t end = r->end < stop ? r->end : stop;
    bool whole = c->bits % 8 == 0;
    for (uint64_t i = from; i < end; i++) {
        uint64_t raw = r->pattern[(i - r->from + r->phase) % r->period];
        if (whole) {
            put_bytes(c, (size_t)(i - first) * (c->bits / 8), raw, bytes);
        } else {
            put_bits(c, (i - first) * c->bits, raw, bytes, len);
        }
    }
}

static void fill_pairs(const struct gate_cells *c, const struct gate_ground *g, uint64_t base,
                       const struct gate_rect *r, uint64_t first, uint8_t *bytes, size_t len) {
    const uint64_t pattern[CELLS_OF_PAIR] = {g->raw[0], g->raw[0], g->raw[1], g->raw[2]};
    uint64_t row_cells = (c->columns + 1u) / 2u * CELLS_OF_PAIR;
    for (uint32_t y = r->y; y < r->y + r->height; y++) {
        uint64_t row = base + y * row_cells;
        struct run run = {row + r->x / 2u * CELLS_OF_PAIR,
                          row + (r->x + r->width + 1u) / 2u * CELLS_OF_PAIR, pattern, 0,
                          CELLS_OF_PAIR};
        fill_run(c, &run, first, bytes, len);
    }
}

void gate_cells_fill(const struct gate_cells *c, const struct gate_ground *g, uint64_t frame,
                     const struct gate_rect *r, uint64_t first, uint8_t *bytes, size_t len) {
    uint64_t base = frame * c->per_frame;
    if (c->pairs) {
        fill_pairs(c, g, base, r, first, bytes, len);
        return;
    }
    unsigned planes = c->planar ? c->samples : 1;
    unsigned step = c->planar ? 1 : c->samples;
    uint64_t plane = (uint64_t)c->rows * c->columns;
    for (unsigned p = 0; p < planes; p++) {
        for (uint32_t y = r->y; y < r->y + r->height; y++) {
            uint64_t from = base + p * plane + ((uint64_t)y * c->columns + r->x) * step;
            struct run run = {from, from + (uint64_t)r->width * step, g->raw + p, 0, step};
            fill_run(c, &run, first, bytes, len);
        }
    }
}

// --- looking ---

static bool same_cells(const struct px_frame *f, uint64_t a, uint64_t b) {
    if (f->bits_allocated == 1) {
        return (f->data[a / 8] >> a % 8 & 1) == (f->data[b / 8] >> b % 8 & 1);
    }
    size_t width = f->bits_allocated / 8u;
    return memcmp(f->data + a * width, f->data + b * width, width) == 0;
}

static bool even_pairs(const struct px_frame *f, const struct gate_rect *r) {
    size_t width = f->bits_allocated / 8u;
    uint64_t row = (f->columns + 1u) / 2u * CELLS_OF_PAIR;
    uint64_t first = r->y * row + r->x / 2u * CELLS_OF_PAIR;
    if (!same_cells(f, first, first + 1)) {
        return false;
    }
    for (uint32_t y = r->y; y < r->y + r->height; y++) {
        for (uint32_t x = r->x / 2; x < (r->x + r->width + 1) / 2; x++) {
            uint64_t at = y * row + (uint64_t)x * CELLS_OF_PAIR;
            if (memcmp(f->data + first * width, f->data + at * width, CELLS_OF_PAIR * width) != 0) {
                return false;
            }
        }
    }
    return true;
}

bool gate_cells_even(const struct px_frame *f, const struct gate_rect *r) {
    if (px_frame_is_422(f)) {
        return even_pairs(f, r);
    }
    uint64_t plane = (uint64_t)f->rows * f->columns;
    bool planar = f->planar && f->samples > 1;
    for (unsigned s = 0; s < f->samples; s++) {
        uint64_t base = planar ? s * plane : s;
        unsigned step = planar ? 1 : f->samples;
        uint64_t first = base + ((uint64_t)r->y * f->columns + r->x) * step;
        for (uint32_t y = r->y; y < r->y + r->height; y++) {
            for (uint32_t x = r->x; x < r->x + r->width; x++) {
                if (!same_cells(f, first, base + ((uint64_t)y * f->columns + x) * step)) {
                    return false;
                }
            }
        }
    }
    return true;
}
