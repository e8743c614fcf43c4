// SPDX-License-Identifier: Apache-2.0
// Numbers: checked arithmetic for lengths that come from outside, byte order, text to number.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/slice.h"

// false when the result does not fit; *ret_sum and *ret_product are written only on success.
static inline bool num_add(uint64_t a, uint64_t b, uint64_t *ret_sum) {
    uint64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) {
        return false;
    }
    *ret_sum = sum;
    return true;
}

static inline bool num_mul(uint64_t a, uint64_t b, uint64_t *ret_product) {
    uint64_t product;
    if (__builtin_mul_overflow(a, b, &product)) {
        return false;
    }
    *ret_product = product;
    return true;
}

static inline uint16_t num_le16(const uint8_t *p) {
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t num_le32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t num_le64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint16_t num_be16(const uint8_t *p) { return __builtin_bswap16(num_le16(p)); }
static inline uint32_t num_be32(const uint8_t *p) { return __builtin_bswap32(num_le32(p)); }
static inline uint64_t num_be64(const uint8_t *p) { return __builtin_bswap64(num_le64(p)); }

static inline void num_put_le16(uint8_t *p, uint16_t v) { memcpy(p, &v, sizeof v); }
static inline void num_put_le32(uint8_t *p, uint32_t v) { memcpy(p, &v, sizeof v); }
static inline void num_put_le64(uint8_t *p, uint64_t v) { memcpy(p, &v, sizeof v); }
static inline void num_put_be16(uint8_t *p, uint16_t v) { num_put_le16(p, __builtin_bswap16(v)); }
static inline void num_put_be32(uint8_t *p, uint32_t v) { num_put_le32(p, __builtin_bswap32(v)); }

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "num.h assumes a little-endian host");

// Whole text as a number: an optional sign and digits, nothing before or after. false otherwise or
// when out of the range given.
bool num_parse_i64(struct slice text, int64_t min, int64_t max, int64_t *ret_value);
bool num_parse_u64(struct slice text, uint64_t max, uint64_t *ret_value);

// Whole text as a finite decimal number in the C locale whatever the process locale is; no hex, no
// "inf", no "nan". At most 64 bytes.
bool num_parse_double(struct slice text, double *ret_value);
