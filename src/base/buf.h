// SPDX-License-Identifier: Apache-2.0
// A growable buffer that is born with its maximum. Failure is sticky: after the first append that
// does not fit (or finds no memory) all later ones do nothing, and the caller checks once.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct err;

struct buf {
    uint8_t *data; // owned
    size_t len;
    size_t cap;
    size_t max;
    bool failed;
    bool full; // failed because of max, not for want of memory
};

void buf_init(struct buf *b, size_t max_bytes); // allocates nothing
void buf_done(struct buf *b);                   // frees; as after buf_init
void buf_clear(struct buf *b);                  // len = 0, failure forgotten, memory kept

void buf_put(struct buf *b, const void *bytes, size_t len);
void buf_put_slice(struct buf *b, struct slice bytes);
void buf_put_str(struct buf *b, const char *text);
void buf_put_byte(struct buf *b, uint8_t byte);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Room for `len` more bytes at the end, counted in b->len, not cleared; NULL on failure.
uint8_t *buf_extend(struct buf *b, size_t len);

struct slice buf_slice(const struct buf *b);

// E_OK, or E_LIMIT / E_MEMORY with "what" in the text when an append failed.
int buf_check(const struct buf *b, const char *what, struct err *e);

static inline void cleanup_buf(struct buf *b) { buf_done(b); }
