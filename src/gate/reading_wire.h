// SPDX-License-Identifier: Apache-2.0
// The bytes between a reader's pool (reading_pool.c) and its children (reader_main.c). A request is
// crops one behind the other, as gate_scan_crop makes them: width, height (uint16_t little-endian),
// width × height bytes of grey. The answer has one reading for each, in their order: a byte of
// confidence, a byte of length, so many bytes of UTF-8. Answers come from a process that hostile
// pixels went through: every field is checked.
#pragma once

#include <stdint.h>

#include "base/slice.h"
#include "gate/reading.h"

struct buf;
struct err;

enum gate_reading_job {
    GATE_READING_READ,
    GATE_READING_ABOUT, // name and version of the engine as text, or E_UNSUPPORTED and why not
    GATE_READING_JOB_COUNT
};

// Of one request; a crop alone may be larger, up to GATE_READING_CROP_MAX bytes with its head.
#define GATE_READING_BATCH_BYTES ((size_t)192 << 10)
#define GATE_READING_BATCH_CROPS 24
#define GATE_READING_CROP_MAX ((size_t)320 << 10)

#define GATE_READING_TIMEOUT_MS 60000
#define GATE_READING_MEMORY ((size_t)384 << 20)

struct gate_crop {
    uint32_t width, height; // 1 at least
    const uint8_t *grey;    // width × height, borrowed
    struct slice whole;     // with its head
};

// Cuts the first crop off *rest. E_SYNTAX where its head promises more than there is, or nothing.
int gate_crop_next(struct slice *rest, struct gate_crop *ret_crop, struct err *e);

void gate_reading_pack(const struct gate_reading *reading, struct buf *out);

// E_CRASHED unless `answer` is exactly `count` readings: well-formed UTF-8 without control
// characters, short enough, confidence at most 100.
int gate_readings_unpack(struct slice answer, struct gate_reading *ret_readings, uint32_t count,
                         struct err *e);
