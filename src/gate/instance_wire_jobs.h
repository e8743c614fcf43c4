// SPDX-License-Identifier: Apache-2.0
// Requests and answers of the gate's smaller jobs: slices of a volume, the volume, and what the
// hold room shows. Requests are this program's own; answers are hostile until unpacked.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "gate/face.h"
#include "gate/pixels.h"

struct arena;
struct buf;
struct err;
struct gate_key;

#define GATE_VOLUME_SLICES_MAX 4096u
#define GATE_VOLUME_SAMPLES_MAX ((uint64_t)1 << 30)

// GATE_JOB_SLICE: `frame` (from 0; GATE_ALL_FRAMES: all, one behind the other) of `in` as int16
// samples at `offset` of `out`: HU for CT, else stored values. Wrong size: E_MISMATCH.
struct gate_slice_request {
    uint64_t offset;
    uint32_t frame;
    uint32_t frames; // that are expected
    uint16_t rows, columns;
    bool is_ct;
};
void gate_slice_request_pack(const struct gate_slice_request *r, struct buf *out);

// GATE_JOB_FACE: `in` holds the samples. Finding, and for CT with `want_mask` what is to be
// removed.
struct gate_face_request {
    struct gate_volume volume; // samples NULL
    bool want_mask;
    uint64_t seed;
    uint32_t render_side; // 0: no pictures
};
struct gate_face_answer {
    enum gate_face_finding finding;
    bool has_mask, safe;
    double relief_before, relief_after;
    uint64_t brain_lost, samples;
    struct slice *slices;       // packed mask of each slice; volume.slices of them
    struct slice before, after; // PNG
};
void gate_face_request_pack(const struct gate_face_request *r, struct buf *out);
int gate_face_answer_unpack(struct arena *a, struct slice bytes, uint32_t slices,
                            struct gate_face_answer *ret_answer, struct err *e);

// GATE_JOB_SHOW: one frame as a picture: as it came, or with the edits applied as they would be
// stored.
struct gate_show_request {
    uint32_t frame; // from 0
    uint32_t side;  // longest side; 0: full resolution
    bool edited, png;
    bool has_window;
    double centre, width;
    const struct gate_edit *edits;
    uint32_t edit_count;
};
void gate_show_request_pack(const struct gate_show_request *r, struct buf *out);

// GATE_JOB_DIFF: a JSON array of {"path","vr","before","after","done"} of what cleaning changes in
// the header; values are null unless `values` (a look that the caller must log). `key`, `profile`
// as in gate_pass.
struct gate_diff_request {
    const struct gate_key *key;
    struct slice profile, name, terms;
    bool values;
};
void gate_diff_request_pack(const struct gate_diff_request *r, struct buf *out);
