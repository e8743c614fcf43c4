// SPDX-License-Identifier: Apache-2.0
// An arena: memory that is released all at once, for a request, an association or a job. It has a
// limit from birth and runs cleanup handlers, last added first. Under ASan every allocation is a
// malloc of its own, so that overruns are seen. Not for use by two threads at once.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct arena_block;
struct arena_handler;

struct arena {
    struct arena_block *blocks;
    struct arena_handler *handlers;
    size_t used;  // bytes given out
    size_t limit; // arena_alloc answers NULL beyond it
};

// Makes an empty arena; allocates nothing.
void arena_init(struct arena *a, size_t limit_bytes);

// Runs the handlers and frees everything; the arena may be used again as after arena_init.
void arena_done(struct arena *a);

// As arena_done, but keeps the first block's memory for the next use.
void arena_reset(struct arena *a);

// `len` bytes, aligned for any type, not cleared. NULL over the limit or when memory is short.
void *arena_alloc(struct arena *a, size_t len);

// `count` times `size` bytes, zeroed; NULL on overflow too.
void *arena_array(struct arena *a, size_t count, size_t size);

// A copy of the bytes with a NUL behind it (not counted in the result's length). On failure .ptr is
// NULL.
struct slice arena_copy(struct arena *a, struct slice bytes);
char *arena_str(struct arena *a, struct slice text);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

// handler(arg) runs at arena_done or arena_reset. false when memory is short: handler was not kept.
bool arena_defer(struct arena *a, void (*handler)(void *arg), void *arg);

#define arena_new(a, type) ((type *)arena_array((a), 1, sizeof(type)))
