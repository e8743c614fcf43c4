// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4) by OpenSSL, whole and in pieces, and hexadecimal text.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define HASH_LEN 32
#define HASH_HEX_LEN 64

struct hash {
    uint8_t bytes[HASH_LEN];
};

struct hash_stream; // owned by the caller between new and free

struct hash_stream *hash_stream_new(void); // NULL when memory is short
void hash_stream_add(struct hash_stream *h, const void *bytes, size_t len);
struct hash hash_stream_end(struct hash_stream *h); // and ready for a new text
void hash_stream_free(struct hash_stream *h);

struct hash hash_of(struct slice bytes);
bool hash_eq(const struct hash *a, const struct hash *b);

// 64 lower-case digits and a NUL. Returns `out`.
char *hash_hex(const struct hash *h, char out[HASH_HEX_LEN + 1]);
bool hash_parse(struct slice hex, struct hash *ret_hash); // exactly 64 hexadecimal digits
