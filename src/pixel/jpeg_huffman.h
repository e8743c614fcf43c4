// SPDX-License-Identifier: Apache-2.0
// Huffman codes of JPEG (ISO/IEC 10918-1 Annex C, F.2.2, H.2) at speed. A segment's bytes are
// unstuffed before (jpeg_stream.h) and end in zero bytes, so the bit window is refilled eight bytes
// at a time without looking for markers; who reads over the end gets zeros and is told once
// (px_jpeg_bits_over). Differences have a table of their own in which code and value are one
// look-up.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/num.h"
#include "base/slice.h"
#include "pixel/jpeg_stream.h"

struct err;

#define PX_JPEG_CODE_MAX 16     // bits
#define PX_JPEG_FAST_BITS 9     // codes up to this length are found in one look-up
#define PX_JPEG_DIFF_BITS 13    // code and value together up to this length are
#define PX_JPEG_CATEGORY_MAX 16 // of differences (H.1.2.2)

struct px_jpeg_codes {
    uint16_t fast[1 << PX_JPEG_FAST_BITS]; // symbol << 8 | length; 0: longer
    uint32_t limit[PX_JPEG_CODE_MAX + 2];  // codes of a length lie below this, in 16 bits
    int32_t offset[PX_JPEG_CODE_MAX + 1];  // code to index of its symbol
    uint8_t symbols[256];
};

// An entry of `fast`: difference << 8 | bits of code and value where all are within the index;
// size << 8 | PX_JPEG_DIFF_CODE | bits of the code where only the code is; 0 where it is not.
struct px_jpeg_diffs {
    int32_t fast[1 << PX_JPEG_DIFF_BITS];
    struct px_jpeg_codes codes;
};

#define PX_JPEG_DIFF_CODE 0x80

struct px_jpeg_bits {
    uint64_t window;   // the next bit is the highest
    unsigned have;     // bits in the window; no 64-bit number: a compiler that pairs the two in a
                       // vector register makes every look-up wait for it
    const uint8_t *in; // unstuffed, PX_JPEG_PAD readable bytes behind len
    size_t at;         // bytes taken into the window
    size_t len;
};

// E_CORRUPT when the table was never defined.
int px_jpeg_codes_make(struct px_jpeg_codes *c, const struct px_jpeg_huffman *h, struct err *e);
// E_CORRUPT also when a symbol is no category.
int px_jpeg_diffs_make(struct px_jpeg_diffs *d, const struct px_jpeg_huffman *h, struct err *e);

static inline struct px_jpeg_bits px_jpeg_bits_of(struct slice segment) {
    return (struct px_jpeg_bits){.in = segment.ptr, .len = segment.len};
}

// At least 56 bits afterwards. Behind the end `at` counts on, so that reading over it shows.
static inline void px_jpeg_refill(struct px_jpeg_bits *b) {
    if (__builtin_expect(b->at <= b->len, 1)) {
        b->window |= num_be64(b->in + b->at) >> b->have;
    }
    b->at += (63 - b->have) >> 3;
    b->have |= 56;
}

static inline void px_jpeg_drop(struct px_jpeg_bits *b, unsigned count) {
    b->window <<= count;
    b->have -= count;
}

// 1 … 32 bits that are there.
static inline uint32_t px_jpeg_take(struct px_jpeg_bits *b, unsigned count) {
    uint32_t value = (uint32_t)(b->window >> (64 - count));
    px_jpeg_drop(b, count);
    return value;
}

static inline size_t px_jpeg_bits_used(const struct px_jpeg_bits *b) { return b->at * 8 - b->have; }

static inline bool px_jpeg_bits_over(const struct px_jpeg_bits *b) {
    return px_jpeg_bits_used(b) > b->len * 8;
}

// The symbol of the next code, which must be in the window (16 bits); -1 for a code that no symbol
// has.
static inline int px_jpeg_symbol_slow(struct px_jpeg_bits *b, const struct px_jpeg_codes *c) {
    uint32_t next = (uint32_t)(b->window >> 48);
    unsigned len = PX_JPEG_FAST_BITS + 1;
    while (next >= c->limit[len]) {
        len++;
    }
    if (len > PX_JPEG_CODE_MAX) {
        return -1;
    }
    px_jpeg_drop(b, len);
    return c->symbols[(int32_t)(next >> (16 - len)) + c->offset[len]];
}

static inline int px_jpeg_symbol(struct px_jpeg_bits *b, const struct px_jpeg_codes *c) {
    unsigned entry = c->fast[b->window >> (64 - PX_JPEG_FAST_BITS)];
    if (__builtin_expect(entry != 0, 1)) {
        px_jpeg_drop(b, entry & 0xFF);
        return (int)(entry >> 8);
    }
    return px_jpeg_symbol_slow(b, c);
}

// `size` bits as the signed number that they stand for (F.2.2.1 EXTEND); size 1 … 16.
static inline int32_t px_jpeg_extend(uint32_t bits, unsigned size) {
    int32_t value = (int32_t)bits;
    int32_t below = (value - (1 << (size - 1))) >> 31; // all ones: negative; signs defy prediction
    return value + (below & (1 - (1 << size)));
}

#define PX_JPEG_NO_DIFF INT32_MIN

// A difference whose code is over PX_JPEG_DIFF_BITS in *ret_value, PX_JPEG_NO_DIFF when
// no symbol has the code. The window is full in what returns. By value, so that the caller's stays
// in registers.
struct px_jpeg_bits px_jpeg_diff_slow(struct px_jpeg_bits b, const struct px_jpeg_diffs *d,
                                      int32_t *ret_value);
