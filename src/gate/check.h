// SPDX-License-Identifier: Apache-2.0
// What others left: looks for identifiers in a DICOM file, whoever cleaned it or nobody. The
// attributes that the profile built in would remove, empty or replace and that still hold values
// which look real; the file's own names and numbers and whatever recognisers know in all text at
// every depth, in file meta information and file name; private text; preamble and trailing bytes;
// comments of compressed streams, hidden bits; overlays, icons, documents, signatures; writing in
// the picture. It changes nothing. What the gate itself releases has no findings.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "gate/notes.h"
#include "gate/reading.h"

struct arena;
struct buf;
struct err;

#define GATE_CHECK_FINDINGS_MAX 4096 // of one file; more are counted
#define GATE_CHECK_VALUE_MAX 256     // bytes of a value that are shown

struct gate_check { // what is asked
    bool values;    // tell values too
    bool pixels;    // look at the picture
    bool has_readings;
    const struct gate_reading *readings; // by crop number, of an earlier answer
    uint32_t reading_count;
    struct slice name; // path of the file as far as it is part of what is checked; may be empty
};

struct gate_check_finding {
    enum gate_kind kind;
    char where[GATE_WHERE_MAX];
    struct slice value; // UTF-8, cut; empty unless values were asked for
};

struct gate_checked {
    struct gate_check_finding *list;
    uint32_t count;
    uint64_t more; // over GATE_CHECK_FINDINGS_MAX
    bool need_reading;
    struct slice crops; // for gate_reader_read
    uint32_t crop_count;
};

// `bytes` is the whole file. E_NOT_DICOM and the reader's errors: it cannot be checked. Memory of
// the result from `a`.
int gate_check_file(struct arena *a, const struct gate_check *ask, struct slice bytes,
                    struct gate_checked *ret_checked, struct err *e);

// For a worker (GATE_JOB_CHECK): the question and the answer as bytes. Unpacking trusts nothing:
// E_CRASHED.
void gate_check_pack(const struct gate_check *ask, struct buf *out);
int gate_check_unpack(struct arena *a, struct slice bytes, struct gate_check *ret_ask,
                      struct err *e);
void gate_checked_pack(const struct gate_checked *checked, struct buf *out);
int gate_checked_unpack(struct arena *a, struct slice bytes, struct gate_checked *ret_checked,
                        struct err *e);
int gate_job_check(struct slice request, int in, int out, struct buf *answer, struct err *e);
