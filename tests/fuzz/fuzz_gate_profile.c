// SPDX-License-Identifier: Apache-2.0
// Profiles: an error with a place, or a profile that comes through a worker's bytes unchanged; and
// bytes that are no packed profile are never read past their end.
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "gate/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ARENA_BYTES ((size_t)64 << 20)
#define OUT_BYTES ((size_t)16 << 20)

static void must(bool holds) {
    if (!holds) {
        abort();
    }
}

static void check_text(struct arena *a, struct slice text) {
    struct err e = {0};
    struct gate_profile *p = NULL;
    struct gate_profile *q = NULL;
    struct buf packed[2];
    if (gate_profile_load(a, text, &p, &e) != E_OK) {
        must(e.code < 0 && e.text[0] != '\0' && p == NULL);
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        buf_init(&packed[i], OUT_BYTES);
    }
    must(gate_profile_pack(p, &packed[0], &e) == E_OK);
    must(gate_profile_unpack(a, buf_slice(&packed[0]), &q, &e) == E_OK);
    must(gate_profile_pack(q, &packed[1], &e) == E_OK);
    must(slice_eq(buf_slice(&packed[0]), buf_slice(&packed[1])));
    for (unsigned i = 0; i < 2; i++) {
        buf_done(&packed[i]);
    }
}

static void check_bytes(struct arena *a, struct slice bytes) {
    // Phrases may lie over each other.
    uint64_t len_max = (uint64_t)bytes.len * bytes.len;
    struct err e = {0};
    struct gate_profile *p = NULL;
    int rc = gate_profile_unpack(a, bytes, &p, &e);
    must(rc == E_OK || rc == E_CORRUPT || rc == E_MEMORY || rc == E_LIMIT);
    uint64_t sum = 0;
    for (uint32_t i = 0; rc == E_OK && i < p->phrase_count; i++) {
        for (size_t k = 0; k < p->phrases[i].len; k++) {
            sum += p->phrases[i].ptr[k]; // each byte is there
        }
    }
    must(sum <= 255 * len_max);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct arena a;
    uint8_t *copy = malloc(len + 1); // aligned as malloc is
    must(copy != NULL);
    memcpy(copy, data, len);
    arena_init(&a, ARENA_BYTES);
    check_text(&a, slice_of(copy, len));
    check_bytes(&a, slice_of(copy, len));
    arena_done(&a);
    free(copy);
    return 0;
}
