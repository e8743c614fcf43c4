// SPDX-License-Identifier: Apache-2.0
#include "pixel/frame.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"

#define ALIGNMENT 64u

void px_frame_init(struct px_frame *f) { *f = (struct px_frame){0}; }

void px_frame_done(struct px_frame *f) {
    mem_free(f->own);
    px_frame_init(f);
}

int px_frame_reserve(struct px_frame *f, uint64_t len, struct err *e) {
    f->len = 0;
    if (len > PX_FRAME_BYTES_MAX) {
        return err_set(e, E_LIMIT, "a frame of %llu bytes is over %llu", (unsigned long long)len,
                       (unsigned long long)PX_FRAME_BYTES_MAX);
    }
    if (f->own == NULL || f->cap < len) {
        mem_free(f->own);
        f->cap = ((size_t)len + ALIGNMENT) & ~(size_t)(ALIGNMENT - 1);
        f->own = mem_alloc(f->cap);
        if (f->own == NULL) {
            f->cap = 0;
            return err_set(e, E_MEMORY, "a frame of %llu bytes", (unsigned long long)len);
        }
    }
    f->data = f->own;
    f->len = (size_t)len;
    return E_OK;
}

void px_frame_borrow(struct px_frame *f, struct slice bytes) {
    f->data = bytes.ptr;
    f->len = bytes.len;
}

void px_frame_describe(struct px_frame *f, const struct px_image *im) {
    f->rows = im->rows;
    f->columns = im->columns;
    f->samples = im->samples;
    f->bits_allocated = im->bits_allocated;
    f->bits_stored = im->bits_stored;
    f->high_bit = im->high_bit;
    f->is_signed = im->is_signed;
    f->planar = im->planar;
    f->photometric = im->photometric;
    f->kind = im->kind;
}

static void extend8(uint8_t *samples, size_t count, unsigned spare) {
    for (size_t i = 0; i < count; i++) {
        samples[i] = (uint8_t)((int8_t)(samples[i] << spare) >> spare);
    }
}

static void extend16(uint8_t *samples, size_t count, unsigned spare) {
    for (size_t i = 0; i < count; i++) {
        int16_t value = (int16_t)(num_le16(samples + 2 * i) << spare);
        num_put_le16(samples + 2 * i, (uint16_t)(value >> spare));
    }
}

static void extend32(uint8_t *samples, size_t count, unsigned spare) {
    for (size_t i = 0; i < count; i++) {
        int32_t value = (int32_t)(num_le32(samples + 4 * i) << spare);
        num_put_le32(samples + 4 * i, (uint32_t)(value >> spare));
    }
}

void px_frame_extend_sign(struct px_frame *f, unsigned precision) {
    if (!f->is_signed || precision != f->bits_stored || precision >= f->bits_allocated ||
        f->high_bit != precision - 1) {
        return;
    }
    unsigned spare = f->bits_allocated - precision;
    if (f->bits_allocated == 8) {
        extend8(f->own, f->len, spare);
    } else if (f->bits_allocated == 16) {
        extend16(f->own, f->len / 2, spare);
    } else if (f->bits_allocated == 32) {
        extend32(f->own, f->len / 4, spare);
    }
}

bool px_frame_same(const struct px_frame *a, const struct px_frame *b) {
    return a->rows == b->rows && a->columns == b->columns && a->samples == b->samples &&
           a->bits_allocated == b->bits_allocated && a->bits_stored == b->bits_stored &&
           a->high_bit == b->high_bit && a->is_signed == b->is_signed && a->planar == b->planar &&
           a->photometric == b->photometric && a->kind == b->kind;
}

uint64_t px_frame_bytes(const struct px_frame *f) {
    if (px_frame_is_422(f)) {
        return (uint64_t)f->rows * ((f->columns + 1u) / 2u) * 4u * (f->bits_allocated / 8u);
    }
    uint64_t samples = (uint64_t)f->rows * f->columns * f->samples;
    return f->bits_allocated == 1 ? (samples + 7) / 8 : samples * (f->bits_allocated / 8u);
}
