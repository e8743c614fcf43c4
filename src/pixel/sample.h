// SPDX-License-Identifier: Apache-2.0
// One sample's bits to its value (PS3.5 8.1.1): bits stored below high bit within bits allocated,
// and whatever else a file keeps in the unused bits is masked off. For pixel/ and for the gate.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/num.h"
#include "pixel/frame.h"

struct px_sample {
    unsigned shift;
    uint32_t mask; // behind the shift
    uint32_t sign; // the sign bit behind the shift, 0: unsigned
};

static inline struct px_sample px_sample_of(const struct px_frame *f) {
    uint32_t mask = f->bits_stored >= 32 ? UINT32_MAX : (1u << f->bits_stored) - 1;
    return (struct px_sample){(unsigned)(f->high_bit + 1 - f->bits_stored), mask,
                              f->is_signed && f->bits_stored <= 32 ? 1u << (f->bits_stored - 1)
                                                                   : 0};
}

// Raw bits → 0 … mask, in the order of values.
static inline uint32_t px_sample_rank(struct px_sample s, uint32_t raw) {
    return ((raw >> s.shift) & s.mask) ^ s.sign;
}

static inline int64_t px_sample_of_rank(struct px_sample s, uint32_t rank) {
    return (int64_t)rank - s.sign;
}

static inline int64_t px_sample_value(struct px_sample s, uint32_t raw) {
    return px_sample_of_rank(s, px_sample_rank(s, raw));
}

// Raw bits of sample `index` of an integer frame.
static inline uint32_t px_sample_raw(const struct px_frame *f, uint64_t index) {
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

// Any single-sample frame's value, floats included.
static inline double px_sample_number(const struct px_frame *f, struct px_sample s,
                                      uint64_t index) {
    if (f->kind == PX_PIXEL_FLOAT) {
        float v;
        memcpy(&v, f->data + 4 * index, sizeof v);
        return (double)v;
    }
    if (f->kind == PX_PIXEL_DOUBLE) {
        double v;
        memcpy(&v, f->data + 8 * index, sizeof v);
        return v;
    }
    return (double)px_sample_value(s, px_sample_raw(f, index));
}
