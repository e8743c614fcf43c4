// SPDX-License-Identifier: Apache-2.0
// A slice borrows bytes: pointer and length. It owns nothing and is passed by value.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *ptr; // may be NULL when len is 0
    size_t len;
};

static inline struct slice slice_of(const void *ptr, size_t len) {
    return (struct slice){(const uint8_t *)ptr, len};
}

static inline struct slice slice_str(const char *text) {
    return (struct slice){(const uint8_t *)text, strlen(text)};
}

// What is left after the first `skip` bytes; empty when there are fewer.
static inline struct slice slice_from(struct slice s, size_t skip) {
    return skip >= s.len ? (struct slice){s.ptr, 0} : (struct slice){s.ptr + skip, s.len - skip};
}

// At most the first `len` bytes.
static inline struct slice slice_first(struct slice s, size_t len) {
    return (struct slice){s.ptr, len < s.len ? len : s.len};
}

static inline bool slice_eq(struct slice a, struct slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool slice_eq_str(struct slice a, const char *text) {
    return slice_eq(a, slice_str(text));
}

static inline bool slice_starts(struct slice a, struct slice prefix) {
    return a.len >= prefix.len && (prefix.len == 0 || memcmp(a.ptr, prefix.ptr, prefix.len) == 0);
}

// Without leading and trailing bytes of `set`.
struct slice slice_trim(struct slice s, const char *set);

// Index of the first `byte`, or s.len.
size_t slice_find(struct slice s, uint8_t byte);

// Cuts the part before the first `byte` off the front of *rest; false when *rest was used up
// (rest->ptr == NULL). An empty input gives one empty part, as "a,b," gives three.
bool slice_split(struct slice *rest, uint8_t byte, struct slice *ret_part);

// Bytewise order: negative, 0 or positive.
int slice_cmp(struct slice a, struct slice b);
