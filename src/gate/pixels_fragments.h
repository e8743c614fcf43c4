// SPDX-License-Identifier: Apache-2.0
// The element of encapsulated pixel data (PS3.5 A.4, PS3.3 C.7.6.3.1.8) made of coded streams that
// come one after another: one fragment a frame, with an offset table that is put in place behind
// the last one (extended where 32 bits might not do). Private to pixels_*.c.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "pixel/transcode.h"

struct arena;
struct err;

struct gate_fragments {
    struct dcm_sink sink;
    const struct px_transcode_out *out; // for patching
    const uint64_t *written;            // bytes of the file so far
    uint32_t frames, done;
    uint64_t tables; // where the offset table's value begins in the file; 0: none
    uint64_t first;  // the first fragment's item tag
    bool extended;
    uint8_t *offsets;
    uint8_t *lengths; // extended only
};

// Writes the head of the element. `most`: bytes that all streams together may have. Fill sink, out,
// written and frames before.
int gate_fragments_begin(struct gate_fragments *f, struct arena *a, uint64_t most, struct err *e);
int gate_fragments_put(struct gate_fragments *f, struct slice stream, struct err *e);
int gate_fragments_end(struct gate_fragments *f, struct err *e);
