// SPDX-License-Identifier: Apache-2.0
// Data sets on their way out through a view: an error, or pieces that are a data set again, without
// a stored value at the top where the view has another. First byte: encoding.
#include <stdlib.h>
#include <string.h>

#include "archive/view.h"
#include "archive/view_apply.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "dicom/charset.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ALIAS "Exam^Zwölf=山田"

static void must(bool holds) {
    if (!holds) {
        abort();
    }
}

static const struct view *the_view(void) {
    static struct view *v;
    struct err e = {0};
    struct slice study = slice_str("1.2");
    if (v == NULL) {
        v = view_new(true);
        must(v != NULL && view_replace(v, study, DCM_PatientName, slice_str(ALIAS), &e) == E_OK &&
             view_replace(v, study, DCM_PatientID, slice_str("E1"), &e) == E_OK &&
             view_replace(v, study, DCM_StudyDescription, slice_str(""), &e) == E_OK &&
             view_replace(v, study, DCM_StudyComments, slice_str("read it"), &e) == E_OK);
    }
    return v;
}

static void check(struct slice bytes, enum dcm_encoding encoding) {
    struct arena a;
    struct err e = {0};
    struct dcm_dataset *d;
    struct buf text;
    arena_init(&a, VIEW_HEAD_MAX);
    buf_init(&text, 4096);
    must(dcm_dataset_read(&a, bytes, encoding, 0, 0, &d, NULL, &e) == E_OK);
    for (uint32_t i = 0; i < d->count; i++) {
        const struct dcm_node *n = &d->nodes[i];
        struct dcm_charset cs = dcm_charset_of(d);
        struct slice value = n->value;
        while (value.len > 0 && value.ptr[value.len - 1] == ' ') {
            value.len--;
        }
        if (n->tag == DCM_PatientID) {
            must(slice_eq_str(value, "E1"));
        } else if (n->tag == DCM_StudyDescription) {
            must(value.len == 0);
        } else if (n->tag == DCM_PatientName) {
            buf_clear(&text);
            dcm_charset_to_utf8(&cs, DCM_VR_PN, value, &text, NULL);
            must(slice_eq_str(buf_slice(&text), ALIAS));
        }
    }
    buf_done(&text);
    arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const enum dcm_encoding encodings[] = {DCM_IMPLICIT_LE, DCM_EXPLICIT_LE,
                                                  DCM_EXPLICIT_BE};
    struct err e = {0};
    struct view_pieces p = {0};
    struct buf out;
    if (len == 0) {
        return 0;
    }
    enum dcm_encoding encoding = encodings[data[0] % 3];
    if (view_apply(the_view(), slice_str("1.2"), slice_of(data + 1, len - 1), encoding, &p, &e) !=
        E_OK) {
        return 0;
    }
    buf_init(&out, (size_t)1 << 28);
    for (size_t i = 0; i < p.count; i++) {
        buf_put_slice(&out, p.pieces[i]);
    }
    must(!out.failed);
    check(buf_slice(&out), encoding);
    buf_done(&out);
    view_pieces_done(&p);
    return 0;
}
