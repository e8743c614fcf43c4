// SPDX-License-Identifier: Apache-2.0
// The entry points, and what a pass must know of the whole instance before it changes anything.
#include "gate/header.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "gate/header_walk.h"

#define PERSON_TEXT_MAX 1024

// --- who it is about ---

struct person {
    uint8_t bytes[PERSON_TEXT_MAX];
    size_t len;
};

static void add(struct person *p, struct slice text) {
    size_t room = sizeof p->bytes - p->len;
    size_t len = text.len < room ? text.len : room;
    if (len > 0) {
        memcpy(p->bytes + p->len, text.ptr, len);
        p->len += len;
    }
    if (p->len < sizeof p->bytes) {
        p->bytes[p->len++] = '\\'; // in none of the parts
    }
}

static struct slice text_of(const struct dcm_dataset *d, dcm_tag tag) {
    struct slice text = {NULL, 0};
    return dcm_text(d, tag, 0, &text) ? text : (struct slice){NULL, 0};
}

// Patient ID and its issuer; name and birth date without one; else the study, so that patients of
// whom nothing is known stay apart.
static void patient_of(const struct gate_keyed *keyed, const struct dcm_dataset *d,
                       char out[GATE_PSEUDONYM_MAX]) {
    struct person p = {.len = 0};
    struct slice id = text_of(d, DCM_PatientID);
    struct slice name = text_of(d, DCM_PatientName);
    if (id.len > 0) {
        add(&p, id);
        add(&p, text_of(d, DCM_IssuerOfPatientID));
        (void)gate_keyed_pseudonym(keyed, "patient", "CASE", slice_of(p.bytes, p.len), out);
        return;
    }
    struct slice birth = text_of(d, DCM_PatientBirthDate);
    if (name.len > 0) {
        add(&p, name);
        add(&p, birth);
        (void)gate_keyed_pseudonym(keyed, "patient-name", "CASE", slice_of(p.bytes, p.len), out);
        return;
    }
    (void)gate_keyed_pseudonym(keyed, "patient-study", "CASE", text_of(d, DCM_StudyInstanceUID),
                               out);
}

void gate_header_origin(const struct gate_context *c, const struct dcm_dataset *d,
                        struct gate_origin *ret_origin) {
    struct gate_keyed keyed;
    memset(ret_origin, 0, sizeof *ret_origin);
    gate_keyed_init(&keyed, c->key);
    patient_of(&keyed, d, ret_origin->patient);
    gate_keyed_wipe(&keyed);
    ret_origin->has_day = gate_study_day(d, &ret_origin->study_day);
}

// --- what a pass knows ---

static void wipe(void *arg) {
    struct gate_walk *w = arg;
    buf_done(&w->text);
    buf_done(&w->out);
    gate_keyed_wipe(&w->keyed);
}

// Uptake values are of PET; nuclear medicine has no unit that they could be reckoned from.
static bool is_pet(const struct gate_walk *w, const struct dcm_dataset *d) {
    struct slice modality = text_of(d, DCM_Modality);
    return gate_iod_is_pet(w->iod) || slice_eq_str(modality, "PT");
}

static const struct dcm_dataset *top_of(const struct dcm_dataset *d) {
    while (d->parent != NULL) {
        d = d->parent;
    }
    return d;
}

struct gate_walk *gate_walk_of(struct gate_context *c, const struct dcm_dataset *d, struct err *e) {
    if (c->walk != NULL) {
        return c->walk;
    }
    struct gate_walk *w = arena_new(c->arena, struct gate_walk);
    if (w == NULL || !arena_defer(c->arena, wipe, w)) {
        (void)err_set(e, E_MEMORY, "no memory for the header");
        return NULL;
    }
    const struct dcm_dataset *top = top_of(d);
    buf_init(&w->text, GATE_VALUE_MAX);
    buf_init(&w->out, GATE_VALUE_MAX);
    w->c = c;
    gate_keyed_init(&w->keyed, c->key);
    patient_of(&w->keyed, top, w->patient);
    w->iod = gate_iod_find(text_of(top, DCM_SOPClassUID));
    w->suv = c->profile->keep_for_suv && is_pet(w, top);
    if (c->profile->dates == GATE_DATES_SHIFTED) {
        w->shift_days = gate_keyed_shift_days(&w->keyed, slice_str(w->patient));
    }
    gate_clock_find(w, top);
    gate_header_origin(c, top, &w->origin);
    c->walk = w;
    return w;
}

const struct gate_origin *gate_walk_origin(const struct gate_walk *w) { return &w->origin; }

// --- the top ---

// An instance always has its patient's pseudonym, so that cases do not merge where it had none.
static int put_patient(struct gate_walk *w, struct dcm_dataset *d, struct err *e) {
    static const struct {
        dcm_tag tag;
        enum dcm_vr vr;
    } places[] = {{DCM_PatientName, DCM_VR_PN}, {DCM_PatientID, DCM_VR_LO}};
    int rc = E_OK;
    for (size_t i = 0; rc == E_OK && i < 2; i++) {
        if (dcm_get(d, places[i].tag) == NULL) {
            rc = dcm_put_str(d, places[i].tag, places[i].vr, w->patient, e);
        }
    }
    return rc;
}

static int put_age(struct gate_walk *w, struct dcm_dataset *d, const char *age, struct err *e) {
    const struct gate_rule *r = gate_rule_find(DCM_PatientAge);
    const struct dcm_node *n = dcm_get(d, DCM_PatientAge);
    if (age[0] == '\0' || r == NULL || (n != NULL && n->value.len > 0) ||
        gate_rule_how(w->c->profile, r) != GATE_HOW_AGE) {
        return E_OK;
    }
    struct dcm_node made = {.tag = DCM_PatientAge, .vr = DCM_VR_AS, .value = slice_str(age)};
    if (!gate_value_age(w, &made, r)) {
        return w->code;
    }
    return dcm_put(d, DCM_PatientAge, DCM_VR_AS, dcm_value_trim(DCM_VR_AS, made.value), e);
}

static uint32_t claims(const struct gate_profile *p) {
    uint32_t methods = GATE_METHOD_BASIC;
    methods |= p->clean_descriptors ? GATE_METHOD_DESCRIPTORS : 0u;
    methods |= p->keep_uids ? GATE_METHOD_UIDS : 0u;
    methods |= p->keep_device ? GATE_METHOD_DEVICE : 0u;
    methods |= p->keep_institution ? GATE_METHOD_INSTITUTION : 0u;
    methods |= p->keep_characteristics ? GATE_METHOD_CHARACTERISTICS : 0u;
    methods |= p->dates == GATE_DATES_KEPT      ? GATE_METHOD_FULL_DATES
               : p->dates == GATE_DATES_SHIFTED ? GATE_METHOD_MODIFIED_DATES
                                                : 0u;
    return methods;
}

static int clean(struct gate_context *c, struct dcm_dataset *d, dcm_tag around, const char *path,
                 struct gate_walk **ret_walk, struct err *e) {
    struct gate_walk *w = gate_walk_of(c, d, e);
    if (w == NULL) {
        return e->code;
    }
    size_t len = strlen(path);
    // Somebody in between may have called us from within our own pass: what it stood at comes back.
    dcm_tag around_before = w->around;
    struct dcm_charset charset_before = w->charset;
    char path_before[GATE_WHERE_MAX];
    size_t len_before = w->path_len;
    memcpy(path_before, w->path, sizeof path_before);
    w->path_len = len < sizeof w->path - 1 ? len : sizeof w->path - 1;
    memcpy(w->path, path, w->path_len);
    w->path[w->path_len] = '\0';
    w->charset = dcm_charset_of(d);
    w->code = E_OK;
    w->e = e;
    w->around = around;
    bool usable = true;
    if (around == 0 || gate_walk_code(w, d, &usable)) {
        gate_walk_dataset(w, d, around);
    }
    int code = w->code;
    w->code = E_OK;
    w->around = around_before;
    w->charset = charset_before;
    w->path_len = len_before;
    memcpy(w->path, path_before, sizeof path_before);
    *ret_walk = w;
    return code;
}

int gate_header_clean(struct gate_context *c, struct dcm_dataset *d, struct err *e) {
    char age[5] = "";
    struct gate_walk *w = NULL;
    if (!gate_age_between(d, age)) {
        age[0] = '\0';
    }
    c->methods |= claims(c->profile);
    int rc = clean(c, d, 0, "", &w, e);
    if (rc != E_OK) {
        return rc;
    }
    c->methods |= w->private_kept ? GATE_METHOD_SAFE_PRIVATE : 0u;
    rc = put_patient(w, d, e);
    return rc == E_OK ? put_age(w, d, age, e) : rc;
}

// The sequence that the path ends in: "(0040,A730)[2]" is an item of (0040,A730).
static dcm_tag around_of(const char *path) {
    const char *last = strrchr(path, '(');
    dcm_tag tag;
    bool is_path = last != NULL && strlen(last) >= DCM_TAG_TEXT_LEN;
    // An item that nobody says where it is counts as an item all the same.
    return is_path && dcm_tag_parse(slice_of(last, DCM_TAG_TEXT_LEN), &tag) ? tag : DCM_TAG_ITEM;
}

int gate_header_clean_item(struct gate_context *c, struct dcm_dataset *item, const char *path,
                           struct err *e) {
    struct gate_walk *w = NULL;
    return clean(c, item, around_of(path), path, &w, e);
}
