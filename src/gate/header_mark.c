// SPDX-License-Identifier: Apache-2.0
// What PS3.15 E.1.1 asks of the outcome. Everything said here was done on this instance: methods
// from the bits that the steps set, and flags from those.
#include "gate/header_mark.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "gate/header.h"

#define TEXT_MAX 64 // of one value of LO
#define VALUES_MAX 1024
#define DIGEST_SHOWN 16
#define BURNED_IN_METHODS GATE_METHOD_PIXELS

// PS3.16 CID 7050, by the bit.
static const struct {
    const char *code, *meaning;
} methods[] = {
    {"113100", "Basic Application Confidentiality Profile"},
    {"113101", "Clean Pixel Data Option"},
    {"113102", "Clean Recognizable Visual Features Option"},
    {"113103", "Clean Graphics Option"},
    {"113104", "Clean Structured Content Option"},
    {"113105", "Clean Descriptors Option"},
    {"113106", "Retain Longitudinal Temporal Information Full Dates Option"},
    {"113107", "Retain Longitudinal Temporal Information Modified Dates Option"},
    {"113108", "Retain Patient Characteristics Option"},
    {"113109", "Retain Device Identity Option"},
    {"113110", "Retain UIDs Option"},
    {"113111", "Retain Safe Private Option"},
    {"113112", "Retain Institution Identity Option"},
};

static int put_code(struct dcm_dataset *d, dcm_tag sequence, const char *value, const char *meaning,
                    struct err *e) {
    struct dcm_dataset *item;
    int rc = dcm_add_item(d, sequence, &item, e);
    rc = rc == E_OK ? dcm_put_str(item, DCM_CodeValue, DCM_VR_SH, value, e) : rc;
    rc = rc == E_OK ? dcm_put_str(item, DCM_CodingSchemeDesignator, DCM_VR_SH, "DCM", e) : rc;
    return rc == E_OK ? dcm_put_str(item, DCM_CodeMeaning, DCM_VR_LO, meaning, e) : rc;
}

// Earlier items stay: they say what others did.
static bool has_code(const struct dcm_dataset *d, const char *value) {
    const struct dcm_node *n = dcm_get(d, DCM_DeidentificationMethodCodeSequence);
    for (uint32_t i = 0; n != NULL && i < n->item_count; i++) {
        struct slice text;
        if (dcm_text(n->items[i], DCM_CodeValue, 0, &text) && slice_eq_str(text, value)) {
            return true;
        }
    }
    return false;
}

static int put_methods(const struct gate_context *c, struct dcm_dataset *d, struct err *e) {
    int rc = E_OK;
    for (size_t i = 0; rc == E_OK && i < sizeof methods / sizeof methods[0]; i++) {
        if ((c->methods >> i & 1) != 0 && !has_code(d, methods[i].code)) {
            rc = put_code(d, DCM_DeidentificationMethodCodeSequence, methods[i].code,
                          methods[i].meaning, e);
        }
    }
    return rc;
}

// --- text ---

// A passage is repeated when other files of the delivery bring something new: our own words of an
// earlier one do not pile up, because every passage begins with the original.
static int put_text(const struct gate_context *c, struct dcm_dataset *d, struct err *e) {
    const struct gate_profile *p = c->profile;
    const struct dcm_node *earlier = dcm_get(d, DCM_DeidentificationMethod);
    char room[VALUES_MAX];
    int len = snprintf(
        room, sizeof room,
        "MacLab " MACLAB_VERSION ", PS3.15 " GATE_EDITION "\\Profile %.40s\\Profile digest "
        "%.*s\\Tables digest %.*s%s%s%s",
        p->name, DIGEST_SHOWN, p->digest, DIGEST_SHOWN, p->tables_digest,
        p->weakened ? "\\WEAKENED: the profile says less than the floor" : "",
        p->keep_characteristics ? "" : "\\Retained: sex, age (banded from the top age on)",
        p->dates == GATE_DATES_REMOVED ? "\\Dates removed; needed ones are dummies from 2000-01-01"
                                       : "");
    if (len < 0) {
        return err_set(e, E_INTERNAL, "the method could not be written");
    }
    struct buf b;
    buf_init(&b, 16 * VALUES_MAX);
    struct slice rest = earlier == NULL ? slice_of(NULL, 0) : earlier->value;
    struct slice value;
    while (dcm_value_next(DCM_VR_LO, &rest, &value)) {
        if (value.len > 0) { // what was left of it
            buf_put_slice(&b, value);
            buf_put_byte(&b, '\\');
        }
    }
    buf_put(&b, room, strlen(room));
    int rc = buf_check(&b, "the method", e);
    rc = rc == E_OK ? dcm_put(d, DCM_DeidentificationMethod, DCM_VR_LO, buf_slice(&b), e) : rc;
    buf_done(&b);
    return rc;
}

// --- flags ---

// "NO" of ours only when it was looked at and done here. An incoming "NO" proves nothing and goes,
// but where the IOD needs a value: there it stays what it was, a statement of the sender. "YES"
// stays as long as nobody has looked.
static int put_flag(const struct gate_context *c, struct dcm_dataset *d, dcm_tag tag, bool done,
                    struct err *e) {
    struct slice text;
    bool needed = c->walk != NULL && gate_type_find(tag, 0, c->walk->iod) == 1;
    if (done) {
        return dcm_put_str(d, tag, DCM_VR_CS, "NO", e);
    }
    if (!needed && dcm_text(d, tag, 0, &text) && !slice_eq_str(text, "YES")) {
        (void)dcm_remove(d, tag);
    }
    return E_OK;
}

static int put_flags(const struct gate_context *c, struct dcm_dataset *d, struct err *e) {
    static const char *const dates[] = {"REMOVED", "MODIFIED", "UNMODIFIED"};
    int rc = put_flag(c, d, DCM_BurnedInAnnotation, (c->methods & GATE_METHOD_PIXELS) != 0, e);
    rc = rc == E_OK ? put_flag(c, d, DCM_RecognizableVisualFeatures,
                               (c->methods & GATE_METHOD_FEATURES) != 0, e)
                    : rc;
    rc = rc == E_OK ? dcm_put_str(d, DCM_LongitudinalTemporalInformationModified, DCM_VR_CS,
                                  dates[c->profile->dates], e)
                    : rc;
    return rc == E_OK ? dcm_put_str(d, DCM_PatientIdentityRemoved, DCM_VR_CS, "YES", e) : rc;
}

// Days since the patient's first study in the delivery (PS3.3 C.7.2.3).
static int put_days(const struct gate_context *c, struct dcm_dataset *d,
                    const struct gate_origin *origin, struct err *e) {
    if (!origin->has_day || c->profile->dates == GATE_DATES_KEPT) {
        return E_OK;
    }
    double days = c->has_day_zero ? (double)origin->study_day - (double)c->day_zero : 0.0;
    int rc = dcm_put_doubles(d, DCM_LongitudinalTemporalOffsetFromEvent, DCM_VR_FD, &days, 1, e);
    return rc == E_OK ? dcm_put_str(d, DCM_LongitudinalTemporalEventType, DCM_VR_CS, "BASELINE", e)
                      : rc;
}

static int put_equipment(struct dcm_dataset *d, struct err *e) {
    struct dcm_dataset *item;
    int rc = dcm_add_item(d, DCM_ContributingEquipmentSequence, &item, e);
    rc = rc == E_OK ? put_code(item, DCM_PurposeOfReferenceCodeSequence, "109104",
                               "De-identifying Equipment", e)
                    : rc;
    rc = rc == E_OK ? dcm_put_str(item, DCM_Manufacturer, DCM_VR_LO, "MacLab", e) : rc;
    rc =
        rc == E_OK ? dcm_put_str(item, DCM_ManufacturerModelName, DCM_VR_LO, "MacLab gate", e) : rc;
    return rc == E_OK ? dcm_put_str(item, DCM_SoftwareVersions, DCM_VR_LO, MACLAB_VERSION, e) : rc;
}

int gate_header_mark(struct gate_context *c, struct dcm_dataset *d, struct err *e) {
    int rc = put_flags(c, d, e);
    rc = rc == E_OK ? put_methods(c, d, e) : rc;
    rc = rc == E_OK ? put_text(c, d, e) : rc;
    rc = rc == E_OK && c->walk != NULL ? put_days(c, d, gate_walk_origin(c->walk), e) : rc;
    return rc == E_OK ? put_equipment(d, e) : rc;
}
