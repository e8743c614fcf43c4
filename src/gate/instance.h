// SPDX-License-Identifier: Apache-2.0
// One instance's passage through the gate, inside of a worker: structure, category, who it speaks
// of, risk, pixels, header, containers, writing, looking again. And the wire between it and
// delivery.c: requests are made by us, answers come from a process that read hostile bytes and are
// checked as such.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "gate/category.h"
#include "gate/context.h"
#include "gate/face.h"
#include "gate/header.h"
#include "gate/pixels.h"
#include "gate/risk.h"
#include "worker/worker.h"

struct buf;

#define GATE_MEMORY_MAX ((size_t)288 << 20) // private memory of a worker, all jobs of the gate

// The first rows of the program's table of jobs: archive/jobs.c continues behind them.
// X(name, run function)
enum gate_job {
    GATE_JOB_PASS,   // look, decide, clean, write to `out`, verify: everything in one go
    GATE_JOB_SLICE,  // one frame's samples for a volume, written to `out` at the request's offset
    GATE_JOB_FACE,   // a volume (in): finding, masks, renderings
    GATE_JOB_SHOW,   // for the hold room: a frame as it came or as it would be stored, as a picture
    GATE_JOB_DIFF,   // for the hold room: header before and after, values masked unless asked
    GATE_JOB_SEARCH, // a written file (in): does it hold one of the request's terms?
    GATE_JOB_CHECK,  // a file (in): what identifiers are left in it? (check.h)
    GATE_JOB_COUNT
};
extern const struct worker_job gate_jobs[GATE_JOB_COUNT];

// What GATE_JOB_PASS is asked. Packed with gate_pass_pack.
struct gate_pass {
    const struct gate_key *key;
    struct slice profile; // gate_profile_pack
    struct slice name;    // the file's name and folders, searched like a value and never written
    struct slice terms;   // gate_subject_pack of the same patient's other instances; may be empty
    bool has_day_zero;
    int32_t day_zero;
    bool want_crops;                     // answer with what a reader should read
    const struct gate_reading *readings; // by crop number, of an earlier answer; NULL
    uint32_t reading_count;
    const struct gate_edit *orders; // a person's, and masks
    uint32_t order_count;
    bool defaced; // the masks among the orders are a whole and checked mask: 113102 may be claimed
    bool key_images_only, consent; // choices of a person about a head
    bool released_by_person;       // written although it would be held
    struct slice look;             // of an earlier answer for the same bytes: no second look; empty
};

// What it answers.
struct gate_passed {
    enum gate_verdict verdict;
    enum gate_reason reasons[GATE_REASONS_MAX];
    uint32_t reason_count;
    struct err why; // of a structural refusal
    const struct gate_line *lines;
    uint32_t line_count;
    uint64_t lines_dropped;
    uint32_t methods;
    enum gate_category category;
    struct gate_risk risk; // `why` by rule number on the wire
    char sop_class[DCM_UID_MAX + 1];
    char modality[17];
    char sop_instance[DCM_UID_MAX + 1], study[DCM_UID_MAX + 1], series[DCM_UID_MAX + 1]; // new ones
    char frame_of_reference[DCM_UID_MAX + 1];                                            // new
    char source_instance[DCM_UID_MAX + 1]; // as it came: for answers to the sender only
    struct gate_origin origin;
    struct gate_slice slice;
    bool has_pixels, examined; // every frame was decoded and looked at
    uint32_t frames;
    uint16_t rows, columns;
    uint8_t pixel_digest[32];
    struct gate_edit *edits; // what was blacked
    uint32_t edit_count;
    struct gate_box *boxes; // all that the look found, with what was decided (see hold room)
    uint32_t box_count;
    bool need_reading;
    struct slice crops; // for the reader: numbers from crop_first on
    uint32_t crop_first, crop_count;
    struct slice terms; // gate_subject_pack of what other instances of the patient should be
                        // searched for; small
    struct slice look;  // for gate_pass.look
    uint64_t out_len;   // 0: nothing was written, or nothing of use
};

// A key lies in the request: the buffer is to be wiped (gate_wire_wipe) before it is freed.
void gate_pass_pack(const struct gate_pass *p, struct buf *out);
int gate_pass_unpack(struct arena *a, struct slice bytes, struct gate_pass *ret_pass,
                     struct err *e);
void gate_passed_pack(const struct gate_passed *p, struct buf *out);
// Slices and arrays borrow from `bytes` or lie in `a`. E_CRASHED: the worker did not write that.
int gate_passed_unpack(struct arena *a, struct slice bytes, struct gate_passed *ret_passed,
                       struct err *e);
void gate_wire_wipe(struct buf *b);

// Where a passage writes, and reads again what it wrote.
struct gate_pass_out {
    struct px_transcode_out to;
    // All that was written, valid until the next write.
    int (*reread)(void *context, struct slice *ret_bytes, struct err *e);
    void *context; // of reread
};

#define GATE_CROPS_MAX ((size_t)48 << 20)  // of one answer; a box without a crop stays uncertain
#define GATE_ARENA_MAX ((size_t)224 << 20) // of one passage

// The passage itself, for unit tests and fuzzing without a process: as GATE_JOB_PASS. `bytes` is
// the file. Whatever the bytes are the answer is a verdict; E_FULL and E_IO when `out` could not be
// written (no verdict: try again), E_MEMORY and E_INTERNAL when there is none, which counts as
// held.
int gate_pass_run(struct arena *a, const struct gate_pass *p, struct slice bytes,
                  const struct gate_pass_out *out, struct gate_passed *ret_passed, struct err *e);

// The last net: parses a written file again and searches all its text, and the bytes around the
// pixels as they are, for the subject's strong terms. 1 and where when one is there, 0 when none
// is; E_CORRUPT when the file cannot be read again. Pixel data is not read.
int gate_residual_search(struct arena *a, const struct gate_subject *subject, struct slice written,
                         enum gate_kind *ret_kind, char ret_where[GATE_WHERE_MAX], struct err *e);
