// SPDX-License-Identifier: Apache-2.0
#include "gate/pixels_digest.h"

#include <string.h>

#include "base/mem.h"
#include "pixel/sample.h"

#define KNOWN_MAX (1u << 16) // frames that are remembered
#define PIECE_CELLS 4096u

struct gate_digest {
    struct hash_stream *all, *one;
    uint8_t (*known)[16]; // half of a frame's hash is enough to tell frames of one file apart
    uint32_t *slots;      // frame plus one
    uint32_t slot_count;
    uint32_t count;
    uint8_t piece[PIECE_CELLS * 8];
};

void gate_digest_free(struct gate_digest *d) {
    if (d != NULL) {
        hash_stream_free(d->all);
        hash_stream_free(d->one);
        mem_free(d->known);
        mem_free(d->slots);
        mem_free(d);
    }
}

struct gate_digest *gate_digest_new(const struct px_frame *first, uint32_t frames) {
    struct gate_digest *d = mem_zalloc(sizeof *d);
    if (d == NULL) {
        return NULL;
    }
    uint32_t known = frames < KNOWN_MAX ? frames : KNOWN_MAX;
    d->slot_count = 2;
    while (d->slot_count < known * 2) {
        d->slot_count *= 2;
    }
    d->all = hash_stream_new();
    d->one = hash_stream_new();
    d->known = mem_array(known, sizeof *d->known);
    d->slots = mem_array(d->slot_count, sizeof *d->slots);
    if (d->all == NULL || d->one == NULL || d->known == NULL || d->slots == NULL) {
        gate_digest_free(d);
        return NULL;
    }
    const uint32_t head[4] = {first->rows, first->columns, first->samples, frames};
    hash_stream_add(d->all, head, sizeof head);
    return d;
}

// The samples as numbers of whole bytes without what lies outside of bits stored.
static void add_masked(struct gate_digest *d, const struct px_frame *f) {
    struct px_sample s = px_sample_of(f);
    uint64_t plane = (uint64_t)f->rows * f->columns;
    uint64_t count = f->bits_allocated == 8 ? f->len : f->len / (f->bits_allocated / 8u);
    bool planar = f->planar && f->samples == 3;
    unsigned width = f->bits_allocated / 8u;
    size_t used = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t at = planar ? i % 3 * plane + i / 3 : i;
        uint32_t value = (px_sample_raw(f, at) >> s.shift) & s.mask;
        memcpy(d->piece + used, &value, width);
        used += width;
        if (used + width > sizeof d->piece) {
            hash_stream_add(d->one, d->piece, used);
            used = 0;
        }
    }
    hash_stream_add(d->one, d->piece, used);
}

static bool as_it_is(const struct px_frame *f) {
    bool planar = f->planar && f->samples > 1;
    return f->kind != PX_PIXEL_INTEGER || f->bits_allocated == 1 || f->bits_allocated > 32 ||
           (f->bits_stored == f->bits_allocated && !planar);
}

// 16-bit words of one plane: most images.
static void add_words(struct gate_digest *d, const struct px_frame *f) {
    struct px_sample s = px_sample_of(f);
    uint16_t *piece = (uint16_t *)(void *)d->piece;
    size_t most = sizeof d->piece / sizeof *piece;
    uint16_t mask = (uint16_t)s.mask;
    for (size_t at = 0; at < f->len / 2; at += most) {
        size_t count = f->len / 2 - at < most ? f->len / 2 - at : most;
        for (size_t i = 0; i < count; i++) {
            piece[i] = (uint16_t)((num_le16(f->data + 2 * (at + i)) >> s.shift) & mask);
        }
        hash_stream_add(d->one, piece, count * sizeof *piece);
    }
}

static struct hash hash_frame(struct gate_digest *d, const struct px_frame *f) {
    if (as_it_is(f)) {
        hash_stream_add(d->one, f->data, f->len);
    } else if (f->bits_allocated == 16 && !(f->planar && f->samples > 1)) {
        add_words(d, f);
    } else {
        add_masked(d, f);
    }
    return hash_stream_end(d->one);
}

uint32_t gate_digest_add(struct gate_digest *d, const struct px_frame *f) {
    struct hash h = hash_frame(d, f);
    hash_stream_add(d->all, h.bytes, sizeof h.bytes);
    uint32_t number = d->count++;
    uint32_t slot = num_le32(h.bytes) & (d->slot_count - 1);
    while (d->slots[slot] != 0) {
        uint32_t other = d->slots[slot] - 1;
        if (memcmp(d->known[other], h.bytes, sizeof d->known[0]) == 0) {
            return other;
        }
        slot = (slot + 1) & (d->slot_count - 1);
    }
    if (number < KNOWN_MAX) {
        memcpy(d->known[number], h.bytes, sizeof d->known[0]);
        d->slots[slot] = number + 1;
    }
    return UINT32_MAX;
}

struct hash gate_digest_end(struct gate_digest *d) {
    return hash_stream_end(d->all);
}
