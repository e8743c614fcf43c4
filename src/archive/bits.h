// SPDX-License-Identifier: Apache-2.0
// Sets of row numbers, a bit each, for the catalogue's facets.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct bits {
    uint64_t *words; // NULL: every number is in it
    size_t count;    // of words
};

// Room for numbers below `limit`, none in it; .words NULL when memory is short.
struct bits bits_new(struct arena *a, uint64_t limit);
void bits_set(struct bits *b, int64_t number);
bool bits_has(const struct bits *b, int64_t number);
// a &= b; either may be "every number" (a then becomes b).
void bits_and(struct bits *a, const struct bits *b);
uint64_t bits_count(const struct bits *b);
