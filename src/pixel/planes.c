// SPDX-License-Identifier: Apache-2.0
#include "pixel/planes.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "pixel/frame.h"

CLEANUP_DEFINE(bytes, uint8_t, mem_free);

static void split_three_bytes(const uint8_t *restrict in, uint64_t count, uint8_t *restrict out) {
    for (uint64_t i = 0; i < count; i++) {
        out[i] = in[3 * i];
        out[count + i] = in[3 * i + 1];
        out[2 * count + i] = in[3 * i + 2];
    }
}

static void mix_three_bytes(const uint8_t *restrict in, uint64_t count, uint8_t *restrict out) {
    for (uint64_t i = 0; i < count; i++) {
        out[3 * i] = in[i];
        out[3 * i + 1] = in[count + i];
        out[3 * i + 2] = in[2 * count + i];
    }
}

void px_planes_split(const uint8_t *in, uint64_t count, unsigned samples, unsigned sample_bytes,
                     uint8_t *out) {
    if (samples == 3 && sample_bytes == 1) {
        split_three_bytes(in, count, out);
        return;
    }
    for (unsigned s = 0; s < samples; s++) {
        const uint8_t *from = in + (size_t)s * sample_bytes;
        for (uint64_t i = 0; i < count; i++) {
            memcpy(out, from + i * samples * sample_bytes, sample_bytes);
            out += sample_bytes;
        }
    }
}

void px_planes_mix(const uint8_t *in, uint64_t count, unsigned samples, unsigned sample_bytes,
                   uint8_t *out) {
    if (samples == 3 && sample_bytes == 1) {
        mix_three_bytes(in, count, out);
        return;
    }
    for (unsigned s = 0; s < samples; s++) {
        uint8_t *to = out + (size_t)s * sample_bytes;
        for (uint64_t i = 0; i < count; i++) {
            memcpy(to + i * samples * sample_bytes, in, sample_bytes);
            in += sample_bytes;
        }
    }
}

int px_planes_set(struct px_frame *f, bool planar, struct err *e) {
    if (f->planar == planar || f->samples == 1) {
        f->planar = planar && f->samples > 1;
        return E_OK;
    }
    CLEANUP(cleanup_bytes) uint8_t *before = mem_alloc(f->len);
    if (before == NULL) {
        return err_set(e, E_MEMORY, "planes of a frame");
    }
    memcpy(before, f->own, f->len);
    (planar ? px_planes_split : px_planes_mix)(before, (uint64_t)f->rows * f->columns, f->samples,
                                               f->bits_allocated / 8u, f->own);
    f->planar = planar;
    return E_OK;
}

void px_planes_full_chroma(const struct px_frame *f, uint8_t *out) {
    size_t pairs = (f->columns + 1u) / 2u;
    for (size_t y = 0; y < f->rows; y++) {
        const uint8_t *row = f->data + y * pairs * 4;
        for (size_t x = 0; x < f->columns; x++) {
            const uint8_t *pair = row + x / 2 * 4;
            *out++ = pair[x % 2];
            *out++ = pair[2];
            *out++ = pair[3];
        }
    }
}
