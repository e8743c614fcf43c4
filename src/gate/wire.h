// SPDX-License-Identifier: Apache-2.0
// Numbers and byte strings behind each other, for requests and answers of the gate's jobs. Both
// ends are this program on this machine, so numbers are in host order; but a reader trusts nothing:
// it never goes past the end, and after the first thing that does not fit everything reads as zero
// and `bad` stays.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct wire {
    struct slice rest;
    bool bad;
};

static inline void wire_put(struct buf *out, const void *value, size_t len) {
    buf_put(out, value, len);
}
static inline void wire_put_u8(struct buf *out, uint8_t v) { buf_put_byte(out, v); }
static inline void wire_put_u16(struct buf *out, uint16_t v) { buf_put(out, &v, sizeof v); }
static inline void wire_put_u32(struct buf *out, uint32_t v) { buf_put(out, &v, sizeof v); }
static inline void wire_put_u64(struct buf *out, uint64_t v) { buf_put(out, &v, sizeof v); }
static inline void wire_put_double(struct buf *out, double v) { buf_put(out, &v, sizeof v); }
static inline void wire_put_slice(struct buf *out, struct slice bytes) {
    wire_put_u64(out, bytes.len);
    buf_put_slice(out, bytes);
}
static inline void wire_put_text(struct buf *out, const char *text) {
    wire_put_slice(out, slice_str(text));
}

void wire_take(struct wire *w, void *value, size_t len);
static inline uint8_t wire_u8(struct wire *w) {
    uint8_t v;
    wire_take(w, &v, sizeof v);
    return v;
}
static inline bool wire_bool(struct wire *w) {
    uint8_t v = wire_u8(w);
    w->bad |= v > 1;
    return v == 1;
}
static inline uint16_t wire_u16(struct wire *w) {
    uint16_t v;
    wire_take(w, &v, sizeof v);
    return v;
}
static inline uint32_t wire_u32(struct wire *w) {
    uint32_t v;
    wire_take(w, &v, sizeof v);
    return v;
}
static inline uint64_t wire_u64(struct wire *w) {
    uint64_t v;
    wire_take(w, &v, sizeof v);
    return v;
}
static inline double wire_double(struct wire *w) { // finite, else bad
    double v;
    wire_take(w, &v, sizeof v);
    w->bad |= !(v - v == 0);
    return w->bad ? 0 : v;
}
struct slice wire_slice(struct wire *w);
// A number below `end`, else bad and 0.
uint32_t wire_below(struct wire *w, uint32_t end);
// A count of records of at least `least` bytes each: more than the rest can hold is bad.
uint32_t wire_count(struct wire *w, size_t least);
// Printable text into out (NUL-terminated): ASCII without control characters, else bad.
void wire_text(struct wire *w, char *out, size_t size);
// A UID or nothing into out.
void wire_uid(struct wire *w, char out[65]);
// Aligned for any type: pads to a multiple of 16 of the buffer's length.
void wire_put_aligned(struct buf *out, struct slice bytes);
struct slice wire_aligned(struct wire *w, const uint8_t *start);
