// SPDX-License-Identifier: Apache-2.0
#include "archive/bits.h"

#include "base/arena.h"

struct bits bits_new(struct arena *a, uint64_t limit) {
    struct bits b = {.count = (size_t)(limit / 64 + 1)};
    b.words = arena_array(a, b.count, sizeof *b.words);
    return b;
}

void bits_set(struct bits *b, int64_t number) {
    uint64_t n = (uint64_t)number;
    if (number >= 0 && n / 64 < b->count) {
        b->words[n / 64] |= (uint64_t)1 << (n % 64);
    }
}

bool bits_has(const struct bits *b, int64_t number) {
    uint64_t n = (uint64_t)number;
    if (b->words == NULL) {
        return true;
    }
    return number >= 0 && n / 64 < b->count && (b->words[n / 64] >> (n % 64) & 1) != 0;
}

void bits_and(struct bits *a, const struct bits *b) {
    if (a->words == NULL) {
        *a = *b;
        return;
    }
    for (size_t i = 0; b->words != NULL && i < a->count; i++) {
        a->words[i] &= i < b->count ? b->words[i] : 0;
    }
}

uint64_t bits_count(const struct bits *b) {
    uint64_t sum = 0;
    for (size_t i = 0; b->words != NULL && i < b->count; i++) {
        sum += (uint64_t)__builtin_popcountll(b->words[i]);
    }
    return sum;
}
