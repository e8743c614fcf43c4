// SPDX-License-Identifier: Apache-2.0
#include "pixel/samples_bits.h"

#include <stddef.h>
#include <stdint.h>

#include "base/num.h"
#include "pixel/frame.h"

void px_samples_widen(uint8_t *samples, size_t count) {
    for (size_t i = count; i-- > 0;) {
        num_put_le16(samples + 2 * i, samples[i]);
    }
}

void px_samples_narrow(uint8_t *samples, size_t count) {
    for (size_t i = 0; i < count; i++) {
        samples[i] = samples[2 * i];
    }
}

// Each of these: whether value + `lift`, in the width of a sample, has a bit of `over`. A signed
// value fits n bits when it lies in 0 … 2^n - 1 after 2^(n-1) was added.
static uint32_t over8(const uint8_t *p, size_t count, uint8_t lift, uint8_t over) {
    uint8_t any = 0;
    for (size_t i = 0; i < count; i++) {
        any |= (uint8_t)(p[i] + lift);
    }
    return any & over;
}

static uint32_t over16(const uint8_t *p, size_t count, uint16_t lift, uint16_t over) {
    uint16_t any = 0;
    for (size_t i = 0; i < count; i++) {
        any |= (uint16_t)(num_le16(p + 2 * i) + lift);
    }
    return any & over;
}

static uint32_t over32(const uint8_t *p, size_t count, uint32_t lift, uint32_t over) {
    uint32_t any = 0;
    for (size_t i = 0; i < count; i++) {
        any |= num_le32(p + 4 * i) + lift;
    }
    return any & over;
}

unsigned px_samples_precision(const struct px_frame *f) {
    unsigned stored = f->bits_stored;
    if (stored >= f->bits_allocated || f->high_bit + 1u != stored) {
        return f->bits_allocated;
    }
    uint32_t lift = f->is_signed ? 1u << (stored - 1) : 0;
    uint32_t over = ~((1u << stored) - 1);
    size_t count = (size_t)(px_frame_bytes(f) / (f->bits_allocated / 8u));
    uint32_t outside = 0;
    if (f->bits_allocated == 8) {
        outside = over8(f->data, count, (uint8_t)lift, (uint8_t)over);
    } else if (f->bits_allocated == 16) {
        outside = over16(f->data, count, (uint16_t)lift, (uint16_t)over);
    } else {
        outside = over32(f->data, count, lift, over);
    }
    return outside == 0 ? stored : f->bits_allocated;
}
