// SPDX-License-Identifier: Apache-2.0
// What extraction found in one instance, as bytes: the answer of the intake job. The worker writes
// it, the server reads it and believes nothing: lengths, UIDs, UTF-8 and tables are checked.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "archive/attributes.h"
#include "base/slice.h"
#include "gate/gate.h"

struct buf;
struct err;

struct record {
    struct gate_report report;
    bool needs_meta; // released, but only after it was written anew; the rest is then empty
    struct slice texts[ATTRIBUTE_EXTRACTED]; // UTF-8, padding gone, values apart by backslashes
    struct slice syntax;
    uint64_t body_offset; // of the data set in the file
    bool has_pixels;
    uint32_t frames, rows, columns, samples, bits_allocated;
    struct slice pixel_problem; // why its pixels cannot be shown; empty
    struct slice frame_table;   // pixel/frames_pack.h; empty without pixels
    struct slice bulk_table;    // bulk.h
    struct slice metadata;      // raw deflate, ended by a full flush
    uint64_t metadata_len;
    uint32_t metadata_crc;
};

void record_write(const struct record *r, struct buf *out);

// Slices borrow from `bytes`. E_CRASHED when the worker did not write that.
int record_read(struct slice bytes, struct record *ret_record, struct err *e);
