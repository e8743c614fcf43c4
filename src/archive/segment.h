// SPDX-License-Identifier: Apache-2.0
// Metadata as pieces of a gzip member (RFC 1951, 1952). Each instance's JSON is deflated by itself
// and ended by a full flush, so that pieces follow each other in any order; the CRC of the whole is
// combined from the CRCs of the pieces. A series' answer is then made without inflating anything.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct buf;
struct err;

// Raw deflate blocks of `text`, byte-aligned, without a last block; appended.
int segment_make(struct slice text, struct buf *out, struct err *e);
uint32_t segment_crc(struct slice text);
// Makes the compressor's memory, once a process.
void segment_prepare(void);

// Joins texts and segments into one gzip member.
struct segment_join {
    struct buf *out;
    uint32_t crc;
    uint64_t len; // of the text
    uint32_t
        last_len; // crc_op is made for texts of this length: most segments of a series are alike
    uint32_t crc_op;
};
void segment_begin(struct segment_join *j, struct buf *out);
void segment_text(struct segment_join *j, struct slice text); // at most 65535 bytes, stored
void segment_add(struct segment_join *j, struct slice segment, uint32_t crc, uint64_t text_len);
void segment_end(struct segment_join *j);

// Appends the text of a segment; E_CORRUPT when it is not `text_len` bytes with that CRC.
int segment_inflate(struct slice segment, uint32_t crc, uint64_t text_len, struct buf *out,
                    struct err *e);
