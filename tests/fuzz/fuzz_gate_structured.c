// SPDX-License-Identifier: Apache-2.0
// Data sets with structured and graphic content through the header's pass and ours. A marker that
// the subject knows must be in no value of what comes out, whatever the tree looks like.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "dicom/writer.h"
#include "gate/category.h"
#include "gate/context.h"
#include "gate/header.h"
#include "gate/risk.h"
#include "gate/structured.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ARENA_LIMIT ((size_t)256 << 20)
#define OUT_MAX ((size_t)64 << 20)
#define MARKER "QUIXOTE"

// The sequences by themselves, not only where the header hands them over.
static int clean_owned(struct gate_context *c, struct dcm_dataset *d, struct err *e) {
    int code = E_OK;
    for (uint32_t i = 0; code == E_OK && i < d->count; i++) {
        dcm_tag tag = d->nodes[i].tag;
        if (gate_structured_owns(tag)) {
            code = gate_structured_clean(c, d, tag, "", e);
        }
    }
    return code;
}

static void check(const struct dcm_dataset *d, enum dcm_encoding encoding) {
    CLEANUP(cleanup_buf) struct buf out;
    struct err e = {0};
    buf_init(&out, OUT_MAX);
    if (dcm_write(d, encoding, dcm_sink_buf(&out), &e) != E_OK || out.len == 0) {
        return; // too large, or a value that cannot be written
    }
    if (memmem(out.data, out.len, MARKER, strlen(MARKER)) != NULL) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len < 2) {
        return 0;
    }
    CLEANUP(arena_done) struct arena a;
    struct err e = {0};
    struct gate_profile *profile;
    struct dcm_dataset *d;
    static const struct gate_key key = {{7}};
    enum dcm_encoding encoding = (data[0] & 1) != 0 ? DCM_IMPLICIT_LE : DCM_EXPLICIT_LE;
    arena_init(&a, ARENA_LIMIT);
    if (dcm_dataset_read(&a, slice_of(data + 1, len - 1), encoding, 0, 0, &d, NULL, &e) != E_OK ||
        gate_profile_load(&a, gate_profile_builtin(), &profile, &e) != E_OK) {
        return 0;
    }
    struct gate_context c = {.arena = &a, .profile = profile, .key = &key};
    c.subject = gate_subject_new(&a);
    c.words.subject = c.subject;
    gate_notes_init(&c.notes, &a);
    if (c.subject == NULL) {
        return 0;
    }
    gate_subject_add(c.subject, GATE_KIND_PERSON_NAME, slice_str(MARKER));
    struct gate_risk risk;
    (void)gate_category_of(&c, d);
    gate_risk_score(&c, d, &risk);
    int code = (data[0] & 2) != 0 ? clean_owned(&c, d, &e) : E_OK;
    code = code == E_OK ? gate_header_clean(&c, d, &e) : code;
    if (code != E_OK) {
        if (code != E_MEMORY && code != E_LIMIT && code != E_INTERNAL && code != E_VALUE) {
            abort();
        }
        return 0;
    }
    check(d, encoding);
    return 0;
}
