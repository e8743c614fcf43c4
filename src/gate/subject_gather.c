// SPDX-License-Identifier: Apache-2.0
// Which elements of a data set name a person, a place, a thing or a time, at every depth.
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "dicom/charset.h"
#include "dicom/dict.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "dicom/walk.h"
#include "gate/subject_priv.h"

#define TEXT_MAX ((size_t)1 << 16) // of one value that is gathered from

enum source { SOURCE_NONE, SOURCE_NAME, SOURCE_CODE, SOURCE_PLACE, SOURCE_DEVICE };

// By what a keyword of the dictionary contains; the first that fits.
static const struct {
    const char *part;
    enum source source;
    enum gate_kind kind;
} rules[] = {
    {"OtherPatientID", SOURCE_CODE, GATE_KIND_PATIENT_ID},
    {"PatientID", SOURCE_CODE, GATE_KIND_PATIENT_ID},
    {"PatientAlternative", SOURCE_CODE, GATE_KIND_PATIENT_ID},
    {"MedicalRecordLocator", SOURCE_CODE, GATE_KIND_PATIENT_ID},
    {"AccessionNumber", SOURCE_CODE, GATE_KIND_HOSPITAL_NUMBER},
    {"AdmissionID", SOURCE_CODE, GATE_KIND_HOSPITAL_NUMBER},
    {"VisitID", SOURCE_CODE, GATE_KIND_HOSPITAL_NUMBER},
    {"ServiceEpisodeID", SOURCE_CODE, GATE_KIND_HOSPITAL_NUMBER},
    {"InsurancePlan", SOURCE_CODE, GATE_KIND_NATIONAL_ID},
    {"PatientInsurance", SOURCE_CODE, GATE_KIND_NATIONAL_ID},
    {"OrderNumber", SOURCE_CODE, GATE_KIND_HOSPITAL_NUMBER},
    {"RequestedProcedureID", SOURCE_CODE, GATE_KIND_HOSPITAL_NUMBER},
    {"ProcedureStepID", SOURCE_CODE, GATE_KIND_HOSPITAL_NUMBER},
    {"StudyID", SOURCE_CODE, GATE_KIND_HOSPITAL_NUMBER},
    {"ClinicalTrialSubject", SOURCE_CODE, GATE_KIND_PATIENT_ID},
    {"SubjectReading", SOURCE_CODE, GATE_KIND_PATIENT_ID},
    {"SpecimenIdentifier", SOURCE_CODE, GATE_KIND_HOSPITAL_NUMBER},
    {"ContainerIdentifier", SOURCE_CODE, GATE_KIND_HOSPITAL_NUMBER},
    {"IssuerOf", SOURCE_PLACE, GATE_KIND_INSTITUTION},
    {"BarcodeValue", SOURCE_CODE, GATE_KIND_HOSPITAL_NUMBER},
    {"DeviceSerialNumber", SOURCE_DEVICE, GATE_KIND_DEVICE},
    {"SerialNumber", SOURCE_DEVICE, GATE_KIND_DEVICE},
    {"GantryID", SOURCE_DEVICE, GATE_KIND_DEVICE},
    {"DetectorID", SOURCE_DEVICE, GATE_KIND_DEVICE},
    {"PlateID", SOURCE_DEVICE, GATE_KIND_DEVICE},
    {"CassetteID", SOURCE_DEVICE, GATE_KIND_DEVICE},
    {"GeneratorID", SOURCE_DEVICE, GATE_KIND_DEVICE},
    {"StationName", SOURCE_DEVICE, GATE_KIND_DEVICE},
    {"StationAETitle", SOURCE_DEVICE, GATE_KIND_DEVICE},
    {"Institution", SOURCE_PLACE, GATE_KIND_INSTITUTION},
    {"Department", SOURCE_PLACE, GATE_KIND_INSTITUTION},
    {"Hospital", SOURCE_PLACE, GATE_KIND_INSTITUTION},
    {"StudyLocation", SOURCE_PLACE, GATE_KIND_INSTITUTION},
    {"CurrentPatientLocation", SOURCE_PLACE, GATE_KIND_INSTITUTION},
    {"PatientInstitutionResidence", SOURCE_PLACE, GATE_KIND_INSTITUTION},
    {"ProcedureStepLocation", SOURCE_PLACE, GATE_KIND_INSTITUTION},
    {"RequestingService", SOURCE_PLACE, GATE_KIND_INSTITUTION},
    {"ResponsibleOrganization", SOURCE_PLACE, GATE_KIND_INSTITUTION},
    {"Organization", SOURCE_PLACE, GATE_KIND_INSTITUTION},
    {"SiteName", SOURCE_PLACE, GATE_KIND_INSTITUTION},
    {"SponsorName", SOURCE_PLACE, GATE_KIND_INSTITUTION},
    {"Telephone", SOURCE_CODE, GATE_KIND_CONTACT},
    {"TelephoneNumber", SOURCE_CODE, GATE_KIND_CONTACT},
    {"TelecomInformation", SOURCE_CODE, GATE_KIND_CONTACT},
    {"PersonIdentif", SOURCE_CODE, GATE_KIND_NATIONAL_ID},
    {"Address", SOURCE_PLACE, GATE_KIND_ADDRESS},
    {"Operator", SOURCE_NAME, GATE_KIND_PERSON_NAME},
    {"Physician", SOURCE_NAME, GATE_KIND_PERSON_NAME},
    {"MothersBirthName", SOURCE_NAME, GATE_KIND_PERSON_NAME},
    {"ResponsiblePerson", SOURCE_NAME, GATE_KIND_PERSON_NAME},
    {"ContactDisplayName", SOURCE_NAME, GATE_KIND_PERSON_NAME},
    {"OrderEnteredBy", SOURCE_NAME, GATE_KIND_PERSON_NAME},
    {"OrderCallback", SOURCE_CODE, GATE_KIND_CONTACT},
    {"OwnerName", SOURCE_NAME, GATE_KIND_PERSON_NAME},
};

// Roles and kinds are not the person or the number itself.
static const char *const not_values[] = {"Role",     "Type",        "Qualifier",
                                         "Comments", "Description", "CodeSequence",
                                         "UID",      "Reason",      "Status"};

static enum source source_of(const struct dcm_dict_entry *entry, enum gate_kind *ret_kind) {
    if (entry == NULL || entry->keyword == NULL) {
        return SOURCE_NONE;
    }
    for (size_t n = 0; n < sizeof not_values / sizeof not_values[0]; n++) {
        if (strstr(entry->keyword, not_values[n]) != NULL) {
            return SOURCE_NONE;
        }
    }
    for (size_t r = 0; r < sizeof rules / sizeof rules[0]; r++) {
        if (strstr(entry->keyword, rules[r].part) != NULL) {
            *ret_kind = rules[r].kind;
            return rules[r].source;
        }
    }
    return SOURCE_NONE;
}

static int add_device(struct gate_subject *s, struct slice value, struct err *e) {
    int rc = gate_subject_term(s, GATE_KIND_DEVICE, GATE_TERM_CODE, value, e);
    return rc == E_OK ? gate_subject_term(s, GATE_KIND_DEVICE, GATE_TERM_PLACE, value, e) : rc;
}

// A private value that looks like a name (family^given), a long number or a date.
static int add_private(struct gate_subject *s, struct slice value, struct err *e) {
    uint32_t digits = 0, letters = 0, other = 0;
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        bool letter = c >= 0x80 || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        digits += c >= '0' && c <= '9';
        letters += letter;
        other += !letter && (c < '0' || c > '9');
    }
    if (value.len > 64) {
        return E_OK;
    }
    if (memchr(value.ptr, '^', value.len) != NULL && letters > 3 && digits == 0) {
        return gate_subject_term(s, GATE_KIND_PERSON_NAME, GATE_TERM_NAME, value, e);
    }
    if (digits == 8 && letters == 0 && other == 0) {
        int rc = gate_subject_term(s, GATE_KIND_DATE, GATE_TERM_DATE, value, e);
        return rc;
    }
    return E_OK;
}

static bool is_birth(dcm_tag tag, const struct dcm_dict_entry *entry) {
    return tag == DCM_PatientBirthDate ||
           (entry != NULL && entry->keyword != NULL && strstr(entry->keyword, "Birth") != NULL);
}

static int add_value(struct gate_subject *s, const struct dcm_element *el,
                     const struct dcm_dict_entry *entry, struct slice value, struct err *e) {
    enum gate_kind kind = GATE_KIND_PATIENT_ID;
    switch (el->vr) {
    case DCM_VR_PN:
        return gate_subject_term(s, GATE_KIND_PERSON_NAME, GATE_TERM_NAME, value, e);
    case DCM_VR_DA:
    case DCM_VR_DT: {
        enum gate_kind when = is_birth(el->tag, entry) ? GATE_KIND_BIRTH_DATE : GATE_KIND_DATE;
        int rc = gate_subject_term(s, when, GATE_TERM_DATE, value, e);
        return rc == E_OK && el->vr == DCM_VR_DT && value.len >= 14
                   ? gate_subject_term(s, GATE_KIND_DATE, GATE_TERM_TIME, slice_from(value, 8), e)
                   : rc;
    }
    case DCM_VR_TM:
        return gate_subject_term(s, GATE_KIND_DATE, GATE_TERM_TIME, value, e);
    case DCM_VR_AE:
        return add_device(s, value, e);
    default:
        break;
    }
    if (dcm_tag_is_private(el->tag)) {
        return dcm_tag_is_private_creator(el->tag) ? E_OK : add_private(s, value, e);
    }
    switch (source_of(entry, &kind)) {
    case SOURCE_NAME:
        return gate_subject_term(s, kind, GATE_TERM_NAME, value, e);
    case SOURCE_CODE:
        return gate_subject_term(s, kind, GATE_TERM_CODE, value, e);
    case SOURCE_PLACE:
        return gate_subject_term(s, kind, GATE_TERM_PLACE, value, e);
    case SOURCE_DEVICE:
        return add_device(s, value, e);
    default:
        return E_OK;
    }
}

static bool worth_reading(const struct dcm_element *el) {
    const struct dcm_vr_info *info = dcm_vr_info(el->vr);
    return info->class == DCM_VR_CLASS_TEXT && el->vr != DCM_VR_UI && el->vr != DCM_VR_DS &&
           el->vr != DCM_VR_AS && el->vr != DCM_VR_UR && el->value.len > 0 &&
           el->value.len <= TEXT_MAX;
}

int gate_subject_gather(struct gate_subject *s, const struct dcm_dataset *d, struct err *e) {
    struct dcm_walk walk;
    struct dcm_element el;
    const struct dcm_node *node;
    struct buf text CLEANUP(cleanup_buf);
    buf_init(&text, 4 * TEXT_MAX);
    dcm_walk_init(&walk, d);
    const struct dcm_dataset *of = NULL;
    struct dcm_charset cs = dcm_charset_default();
    int event;
    while ((event = dcm_walk_next(&walk, &el, &node, e)) > 0) {
        if (event == DCM_EVENT_FRAGMENTS_BEGIN) {
            dcm_walk_skip(&walk);
        }
        if (event != DCM_EVENT_ELEMENT || !worth_reading(&el)) {
            continue;
        }
        const struct dcm_dict_entry *entry = dcm_dict_find(el.tag);
        if (walk.levels[walk.depth].dataset != of) {
            of = walk.levels[walk.depth].dataset;
            cs = dcm_charset_of(of);
        }
        buf_clear(&text);
        dcm_charset_to_utf8(&cs, el.vr, el.value, &text, NULL);
        struct slice rest = buf_slice(&text), value;
        while (dcm_value_next(el.vr, &rest, &value)) {
            int rc = value.len > 0 ? add_value(s, &el, entry, value, e) : E_OK;
            if (rc != E_OK) {
                return rc;
            }
        }
        if (text.failed) {
            return buf_check(&text, "a value", e);
        }
    }
    return event;
}
