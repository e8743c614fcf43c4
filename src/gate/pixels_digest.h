// SPDX-License-Identifier: Apache-2.0
// What frames are, whatever their coding: SHA-256 of a frame's samples (interleaved, only the bits
// stored), and of all frames with their size. Private to pixels_*.c.
#pragma once

#include <stdint.h>

#include "base/hash.h"
#include "pixel/frame.h"

struct gate_digest;

// NULL: no memory.
struct gate_digest *gate_digest_new(const struct px_frame *first, uint32_t frames);
void gate_digest_free(struct gate_digest *d); // NULL allowed

// Takes the next frame. Gives the number of an earlier frame with the same samples, UINT32_MAX
// where none is known.
uint32_t gate_digest_add(struct gate_digest *d, const struct px_frame *f);
struct hash gate_digest_end(struct gate_digest *d);
