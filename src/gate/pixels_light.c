// SPDX-License-Identifier: Apache-2.0
#include "gate/pixels_light.h"

#include <stdlib.h>
#include <string.h>

#include "dicom/uid.h"
#include "pixel/sample.h"

static void grey_row(const struct px_frame *f, uint32_t y, uint16_t *out) {
    struct px_sample s = px_sample_of(f);
    unsigned down = f->bits_stored > 16 ? f->bits_stored - 16u : 0;
    uint64_t at = (uint64_t)y * f->columns;
    for (uint32_t x = 0; x < f->columns; x++) {
        out[x] = (uint16_t)(px_sample_rank(s, px_sample_raw(f, at + x)) >> down);
    }
}

// Real numbers by their order alone would need all of them: their upper bits do.
static void float_row(const struct px_frame *f, uint32_t y, uint16_t *out) {
    size_t width = f->bits_allocated / 8u;
    const uint8_t *p = f->data + (size_t)y * f->columns * width;
    for (uint32_t x = 0; x < f->columns; x++, p += width) {
        out[x] = num_le16(p + width - 2);
    }
}

static uint32_t cell(const struct px_frame *f, uint64_t index) {
    uint32_t raw = px_sample_raw(f, index);
    return f->bits_allocated == 8 ? raw : raw >> (f->bits_stored > 8 ? f->bits_stored - 8 : 0);
}

static uint16_t mixed(const struct px_frame *f, uint32_t a, uint32_t b, uint32_t c) {
    if (f->photometric == PX_RGB) {
        return (uint16_t)(2 * a + 5 * b + c);
    }
    uint32_t hue = (uint32_t)abs((int)b - 128) + (uint32_t)abs((int)c - 128);
    return (uint16_t)(8 * a + hue);
}

static void pairs_row(const struct px_frame *f, uint32_t y, uint16_t *out) {
    uint64_t row = (uint64_t)y * ((f->columns + 1u) / 2u) * 4u;
    for (uint32_t x = 0; x < f->columns; x++) {
        uint64_t pair = row + x / 2u * 4u;
        out[x] = mixed(f, cell(f, pair + (x & 1)), cell(f, pair + 2), cell(f, pair + 3));
    }
}

static void colour_row(const struct px_frame *f, uint32_t y, uint16_t *out) {
    uint64_t plane = (uint64_t)f->rows * f->columns;
    uint64_t at = (uint64_t)y * f->columns;
    for (uint32_t x = 0; x < f->columns; x++) {
        uint64_t p = at + x;
        out[x] = f->planar ? mixed(f, cell(f, p), cell(f, plane + p), cell(f, 2 * plane + p))
                           : mixed(f, cell(f, 3 * p), cell(f, 3 * p + 1), cell(f, 3 * p + 2));
    }
}

void gate_light_row(const struct px_frame *f, uint32_t y, uint16_t *out) {
    if (f->kind != PX_PIXEL_INTEGER) {
        float_row(f, y, out);
    } else if (f->samples == 1) {
        grey_row(f, y, out);
    } else if (px_frame_is_422(f)) {
        pairs_row(f, y, out);
    } else {
        colour_row(f, y, out);
    }
}

uint16_t gate_light_ripple(const struct px_image *im, const struct px_frame *f) {
    if (!im->lossy && !im->syntax->lossy) {
        return 0;
    }
    return f->samples == 1 && f->bits_stored > 8 ? (uint16_t)(3u << (f->bits_stored - 8)) : 3 * 8;
}

bool gate_light_differs(const struct px_frame *f, const struct gate_rect *r, uint16_t ripple,
                        uint16_t *row) {
    uint16_t least = UINT16_MAX;
    uint16_t most = 0;
    for (uint32_t y = r->y; y < r->y + r->height; y++) {
        gate_light_row(f, y, row);
        for (uint32_t x = r->x; x < r->x + r->width; x++) {
            least = row[x] < least ? row[x] : least;
            most = row[x] > most ? row[x] : most;
        }
        if (most - least > ripple) {
            return true;
        }
    }
    return false;
}
