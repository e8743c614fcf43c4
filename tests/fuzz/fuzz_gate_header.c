// SPDX-License-Identifier: Apache-2.0
// Data sets through the header's pass: what comes out is a data set again, of which no text holds a
// part of the patient's name, and says that it was done. First byte: encoding, and which profile.
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/person_name.h"
#include "dicom/tags.h"
#include "dicom/writer.h"
#include "gate/header.h"
#include "gate/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ARENA_BYTES ((size_t)64 << 20)
#define OUT_BYTES ((size_t)16 << 20)
#define TOKEN_MIN 5
#define PROFILES 3

static const struct gate_key key = {{7}};

static void must(bool holds) {
    if (!holds) {
        abort();
    }
}

static struct gate_profile *profile(unsigned which) {
    static struct arena a;
    static struct gate_profile *loaded[PROFILES];
    if (loaded[0] == NULL) {
        arena_init(&a, ARENA_BYTES);
        for (unsigned i = 0; i < PROFILES; i++) {
            struct err e = {0};
            must(gate_profile_load(&a, gate_profile_builtin(), &loaded[i], &e) == E_OK);
        }
        loaded[1]->dates = GATE_DATES_SHIFTED;
        loaded[1]->clean_descriptors = false;
        loaded[2]->keep_safe_private = false;
        loaded[2]->keep_device = true;
    }
    return loaded[which % PROFILES];
}

static bool is_letter(uint8_t c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

// A part of the name that nothing else would write: long enough, letters only, no word or term that
// the gate knows.
static struct slice token_of(const struct dcm_dataset *d) {
    struct slice name;
    struct dcm_person_name parts;
    const struct dcm_node *n = dcm_get(d, DCM_PatientName);
    const struct gate_words words = {NULL, NULL, 0};
    struct slice none = {NULL, 0};
    if (n == NULL || n->vr != DCM_VR_PN || !dcm_node_text(n, 0, &name)) {
        return none;
    }
    dcm_name_parse(name, &parts);
    struct slice token = parts.parts[0][DCM_NAME_FAMILY];
    for (size_t i = 0; i < token.len; i++) {
        if (!is_letter(token.ptr[i])) {
            return none;
        }
    }
    bool usual = token.len < TOKEN_MIN || gate_term_find(token) != NULL ||
                 gate_equipment_knows(token) || gate_words_safe(&words, token);
    return usual ? none : token;
}

static void must_not_hold(const struct dcm_dataset *d, struct slice token, unsigned depth) {
    for (uint32_t i = 0; i < d->count && depth <= DCM_NESTING_MAX; i++) {
        const struct dcm_node *n = &d->nodes[i];
        bool ours = n->tag == DCM_DeidentificationMethod ||
                    n->tag == DCM_DeidentificationMethodCodeSequence ||
                    n->tag == DCM_ContributingEquipmentSequence;
        bool text = dcm_vr_info(n->vr)->class == DCM_VR_CLASS_TEXT;
        must(ours || !text || n->value.len == 0 ||
             memmem(n->value.ptr, n->value.len, token.ptr, token.len) == NULL);
        for (uint32_t k = 0; k < n->item_count && !ours; k++) {
            must_not_hold(n->items[k], token, depth + 1);
        }
    }
}

static void check(struct slice bytes, enum dcm_encoding encoding, unsigned which) {
    struct arena a;
    struct err e = {0};
    struct dcm_dataset *d;
    struct dcm_dataset *again;
    struct buf out;
    arena_init(&a, ARENA_BYTES);
    buf_init(&out, OUT_BYTES);
    if (dcm_dataset_read(&a, bytes, encoding, 0, 0, &d, NULL, &e) == E_OK) {
        struct gate_context c = {.arena = &a, .profile = profile(which), .key = &key};
        struct slice token = token_of(d);
        gate_notes_init(&c.notes, &a);
        c.subject = gate_subject_new(&a);
        must(c.subject != NULL);
        int rc = gate_subject_gather(c.subject, d, &e);
        c.words = (struct gate_words){c.subject, NULL, 0};
        rc = rc == E_OK ? gate_header_clean(&c, d, &e) : rc;
        rc = rc == E_OK ? gate_header_mark(&c, d, &e) : rc;
        must(rc == E_OK || rc == E_MEMORY || rc == E_LIMIT);
        if (rc == E_OK) {
            rc = dcm_write(d, DCM_EXPLICIT_LE, dcm_sink_buf(&out), &e);
            must(rc == E_OK || rc == E_LIMIT);
        }
        if (rc == E_OK) {
            e = (struct err){0};
            must(dcm_dataset_read(&a, buf_slice(&out), DCM_EXPLICIT_LE, 0, 0, &again, NULL, &e) ==
                     E_OK ||
                 e.code == E_LIMIT || e.code == E_MEMORY);
            if (e.code == E_OK) {
                struct slice said;
                must(dcm_text(again, DCM_PatientIdentityRemoved, 0, &said) &&
                     slice_eq_str(said, "YES"));
                if (token.len > 0) {
                    must_not_hold(again, token, 0);
                }
            }
        }
    }
    buf_done(&out);
    arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len > 0) {
        // A copy, so that reading behind the end is seen.
        uint8_t *copy = malloc(len);
        must(copy != NULL);
        memcpy(copy, data, len);
        check(slice_of(copy + 1, len - 1), (enum dcm_encoding)(copy[0] % 3), copy[0] / 3u);
        free(copy);
    }
    return 0;
}
