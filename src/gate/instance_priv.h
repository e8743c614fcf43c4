// SPDX-License-Identifier: Apache-2.0
// Between the files of instance.h.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "gate/face.h"
#include "gate/pixels.h"
#include "gate/structural.h"

struct arena;
struct buf;
struct err;

#define GATE_TERMS_MAX ((size_t)64 << 10) // of one instance, for its patient's others
#define GATE_LOOK_MAX ((size_t)512 << 10) // of one instance; a larger one is looked at again

// What frame offsets count in.
static inline struct slice pass_counted(const struct gate_structural *s, struct slice bytes) {
    return s->file.deflated ? s->file.body : bytes;
}

// Facts for volumes. With `content` a CT section is decoded and looked at.
int pass_face_facts(const struct gate_structural *s, struct slice bytes, bool content,
                    struct gate_slice *ret_slice, struct err *e);

// Lists of edits in requests and answers.
struct wire;
void gate_wire_put_edits(struct buf *out, const struct gate_edit *edits, uint32_t count);
struct gate_edit *gate_wire_take_edits(struct arena *a, struct wire *w, uint32_t *ret_count);

// The runs of gate_jobs.
int gate_job_pass(struct slice request, int in, int out, struct buf *answer, struct err *e);
int gate_job_slice(struct slice request, int in, int out, struct buf *answer, struct err *e);
int gate_job_face(struct slice request, int in, int out, struct buf *answer, struct err *e);
int gate_job_show(struct slice request, int in, int out, struct buf *answer, struct err *e);
int gate_job_diff(struct slice request, int in, int out, struct buf *answer, struct err *e);
int gate_job_search(struct slice request, int in, int out, struct buf *answer, struct err *e);
