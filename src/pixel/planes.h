// SPDX-License-Identifier: Apache-2.0
// The two layouts of several samples a pixel (Planar Configuration, PS3.3 C.7.6.3.1.3), and shared
// chroma given to every pixel.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct px_frame;
struct err;

// `count` pixels of `samples` samples of `sample_bytes` bytes each. `out` does not overlap `in`.
void px_planes_split(const uint8_t *in, uint64_t count, unsigned samples, unsigned sample_bytes,
                     uint8_t *out); // RGBRGB… to RR…GG…BB…
void px_planes_mix(const uint8_t *in, uint64_t count, unsigned samples, unsigned sample_bytes,
                   uint8_t *out); // and back

// Changes the layout of a frame that owns its samples to planar or not, as told. E_MEMORY.
int px_planes_set(struct px_frame *f, bool planar, struct err *e);

// A YBR_FULL_422 or YBR_PARTIAL_422 frame of 8 bits with chroma of its own for every pixel (each
// pixel of a pair gets the pair's), three interleaved samples, in `out`: rows * columns * 3 bytes.
void px_planes_full_chroma(const struct px_frame *f, uint8_t *out);
