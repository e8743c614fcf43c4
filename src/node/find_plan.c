// SPDX-License-Identifier: Apache-2.0
#include "node/find_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/dict.h"
#include "dicom/tags.h"
#include "node/identifier.h"

static int refuse(dcm_tag tag, int code, const char *why, struct err *e) {
    char path[DCM_TAG_TEXT_LEN + 1];
    err_set(e, code, "%s", why);
    return err_in(e, dcm_tag_text(tag, path));
}

// --- level

static const struct {
    const char *words;
    enum search_level level;
    bool patients;
} levels[] = {{"PATIENT", SEARCH_STUDY, true},
              {"STUDY", SEARCH_STUDY, false},
              {"SERIES", SEARCH_SERIES, false},
              {"IMAGE", SEARCH_INSTANCE, false}};

int find_level(struct identifier *i, bool patient_root, enum search_level *ret_level,
               bool *ret_patients, struct err *e) {
    struct slice value;
    int rc = identifier_value(i, DCM_QueryRetrieveLevel, &value, e);
    if (rc != E_OK) {
        return rc;
    }
    if (value.len == 0) {
        return refuse(DCM_QueryRetrieveLevel, E_MISSING, "no Query/Retrieve Level", e);
    }
    for (size_t l = patient_root ? 0 : 1; l < sizeof levels / sizeof levels[0]; l++) {
        if (slice_eq_str(value, levels[l].words)) {
            *ret_level = levels[l].level;
            *ret_patients = levels[l].patients;
            return E_OK;
        }
    }
    return refuse(DCM_QueryRetrieveLevel, E_VALUE, "no such level in this information model", e);
}

static const char *words_of(enum search_level level, bool patients) {
    return levels[patients ? 0 : (size_t)level + 1].words;
}

// --- fields

static int put_field(struct find_plan *p, const struct find_field *field, struct err *e) {
    for (size_t f = 0; f < p->field_count; f++) {
        if (p->fields[f].tag == field->tag) {
            return E_OK;
        }
    }
    if (p->field_count == FIND_FIELDS_MAX) {
        return refuse(field->tag, E_LIMIT, "too many keys", e);
    }
    p->fields[p->field_count++] = *field;
    return E_OK;
}

static int put_plain(struct find_plan *p, dcm_tag tag, enum dcm_vr vr, enum find_kind kind,
                     struct err *e) {
    const struct find_field field = {tag, vr, kind, NULL};
    return put_field(p, &field, e);
}

static int put_key(struct find_plan *p, dcm_tag tag, struct slice value, struct err *e) {
    for (size_t k = 0; k < p->key_count; k++) {
        if (p->keys[k].tag == tag) {
            return E_OK;
        }
    }
    if (p->key_count == SEARCH_KEYS_MAX) {
        return refuse(tag, E_LIMIT, "too many keys", e);
    }
    p->keys[p->key_count++] = (struct search_key){tag, value};
    return E_OK;
}

// Patients have group 0010 and the numbers of what is related to them.
static bool of_patient(dcm_tag tag) {
    return dcm_tag_group(tag) == 0x0010 || tag == DCM_NumberOfPatientRelatedStudies ||
           tag == DCM_NumberOfPatientRelatedSeries || tag == DCM_NumberOfPatientRelatedInstances;
}

static int take_known(struct find_plan *p, struct identifier *i, const struct dcm_node *n,
                      const struct search_attribute *attribute, struct err *e) {
    struct slice value;
    const struct find_field field = {n->tag, attribute->vr, FIND_COLUMN, attribute};
    int rc = identifier_text(i, n, &value, e);
    if (rc != E_OK) {
        return rc;
    }
    bool told = n->tag == DCM_TimezoneOffsetFromUTC; // of the request's own times, no key
    p->unsupported = p->unsupported || (!attribute->matches && identifier_given(value));
    rc = put_key(p, n->tag, attribute->matches && !told ? value : slice_str(""), e);
    return rc == E_OK ? put_field(p, &field, e) : rc;
}

// Request Attributes Sequence: its two attributes that the catalogue keeps. An empty sequence asks
// for both (PS3.4 C.2.2.2.6).
static int take_requests(struct find_plan *p, struct identifier *i, const struct dcm_node *n,
                         struct err *e) {
    const struct dcm_dataset *item = dcm_item(n, 0);
    int rc = put_plain(p, n->tag, DCM_VR_SQ, FIND_REQUESTS, e);
    for (uint32_t k = 0; rc == E_OK && item != NULL && k < item->count; k++) {
        const struct dcm_node *key = &item->nodes[k];
        const struct search_attribute *attribute = search_attribute_find(key->tag);
        struct slice value;
        if (attribute == NULL || attribute->sequence != n->tag) {
            p->unsupported = true;
            continue;
        }
        rc = identifier_text(i, key, &value, e);
        rc = rc == E_OK ? put_key(p, key->tag, value, e) : rc;
        p->step_ids = p->step_ids || key->tag == DCM_ScheduledProcedureStepID;
        p->procedure_ids = p->procedure_ids || key->tag == DCM_RequestedProcedureID;
    }
    if (rc == E_OK && (item == NULL || item->count == 0)) {
        p->step_ids = p->procedure_ids = true;
        rc = put_key(p, DCM_ScheduledProcedureStepID, slice_str(""), e);
        rc = rc == E_OK ? put_key(p, DCM_RequestedProcedureID, slice_str(""), e) : rc;
    }
    return rc;
}

static bool is_frame(dcm_tag tag) { // of the identifier itself
    return tag == DCM_SpecificCharacterSet || tag == DCM_QueryRetrieveLevel ||
           tag == DCM_RetrieveAETitle || tag == DCM_InstanceAvailability ||
           dcm_tag_is_group_length(tag) || dcm_tag_is_outside(tag);
}

static int take_node(struct find_plan *p, struct identifier *i, const struct dcm_node *n,
                     struct err *e) {
    const struct search_attribute *attribute = search_attribute_find(n->tag);
    if (is_frame(n->tag)) {
        return E_OK;
    }
    if (dcm_tag_is_private(n->tag)) { // which could not be told without its creator
        p->unsupported = true;
        return E_OK;
    }
    bool here = !p->patients || of_patient(n->tag);
    if (here && n->tag == DCM_RequestAttributesSequence && n->vr == DCM_VR_SQ) {
        return take_requests(p, i, n, e);
    }
    if (here && attribute != NULL && attribute->sequence == 0) {
        return take_known(p, i, n, attribute, e);
    }
    p->unsupported = true;
    return put_plain(p, n->tag, n->vr, n->vr == DCM_VR_SQ ? FIND_SEQUENCE : FIND_EMPTY, e);
}

// --- unique keys

static bool has_value(const struct find_plan *p, dcm_tag tag) {
    for (size_t k = 0; k < p->key_count; k++) {
        if (p->keys[k].tag == tag) {
            return identifier_given(p->keys[k].value);
        }
    }
    return false;
}

// Those of the level and above are in every answer.
static int put_unique(struct find_plan *p, bool patient_root, struct err *e) {
    static const dcm_tag uids[] = {DCM_StudyInstanceUID, DCM_SeriesInstanceUID, DCM_SOPInstanceUID};
    int rc = E_OK;
    for (int u = patient_root ? -1 : 0; rc == E_OK && u <= (p->patients ? -1 : (int)p->level);
         u++) {
        dcm_tag tag = u < 0 ? DCM_PatientID : uids[u];
        const struct search_attribute *attribute = search_attribute_find(tag);
        const struct find_field field = {tag, attribute->vr, FIND_COLUMN, attribute};
        rc = put_key(p, tag, slice_str(""), e);
        rc = rc == E_OK ? put_field(p, &field, e) : rc;
    }
    return rc;
}

static int check_hierarchy(const struct find_plan *p, bool patient_root, struct err *e) {
    bool study = has_value(p, DCM_StudyInstanceUID);
    if (p->patients || (p->level == SEARCH_STUDY && !patient_root)) {
        return E_OK;
    }
    if (p->level == SEARCH_STUDY) {
        return study || has_value(p, DCM_PatientID)
                   ? E_OK
                   : refuse(DCM_PatientID, E_MISSING, "PatientID is needed at this level", e);
    }
    bool below = has_value(p, DCM_SeriesInstanceUID) || has_value(p, DCM_SOPInstanceUID);
    return study || below ? E_OK
                          : refuse(DCM_StudyInstanceUID, E_MISSING,
                                   "StudyInstanceUID is needed at this level", e);
}

static int by_tag(const void *a, const void *b) {
    dcm_tag x = ((const struct find_field *)a)->tag;
    dcm_tag y = ((const struct find_field *)b)->tag;
    return x < y ? -1 : x > y;
}

int find_plan_make(struct identifier *i, bool patient_root, bool relational,
                   struct find_plan *ret_plan, struct err *e) {
    struct find_plan *p = ret_plan;
    *p = (struct find_plan){0};
    int rc = find_level(i, patient_root, &p->level, &p->patients, e);
    p->words = words_of(p->level, p->patients);
    for (uint32_t n = 0; rc == E_OK && n < i->dataset->count; n++) {
        rc = take_node(p, i, &i->dataset->nodes[n], e);
    }
    rc = rc == E_OK ? put_unique(p, patient_root, e) : rc;
    rc = rc == E_OK && !relational ? check_hierarchy(p, patient_root, e) : rc;
    rc = rc == E_OK ? put_plain(p, DCM_QueryRetrieveLevel, DCM_VR_CS, FIND_LEVEL, e) : rc;
    rc = rc == E_OK ? put_plain(p, DCM_RetrieveAETitle, DCM_VR_AE, FIND_AET, e) : rc;
    rc = rc == E_OK ? put_plain(p, DCM_InstanceAvailability, DCM_VR_CS, FIND_ONLINE, e) : rc;
    qsort(p->fields, p->field_count, sizeof p->fields[0], by_tag);
    return rc;
}
