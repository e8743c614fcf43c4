// SPDX-License-Identifier: Apache-2.0
// The rules of data/deid/risk.json over one data set: facts (age, sex, modality, numbers), what the
// profile leaves, and phrases in its text at every depth. Text is read once, word by word.
#include "gate/risk.h"

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/utf8.h"
#include "dicom/charset.h"
#include "dicom/dataset.h"
#include "dicom/datetime.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "dicom/walk.h"

#define TEXT_MAX ((size_t)1 << 20) // of one value; what is longer is read to there
#define NO_AGE UINT32_MAX
#define DAYS_MAX                                                                                   \
    42000 // 115 years: what is older, and what was born today, is a stand-in for "unknown"
#define USEC_A_DAY ((int64_t)86400 * 1000000)

enum profile_fact {
    PROFILE_ANY,
    PROFILE_KEEP_UIDS,
    PROFILE_KEEP_DEVICE,
    PROFILE_KEEP_INSTITUTION,
    PROFILE_KEEP_CHARACTERISTICS,
    PROFILE_DATES_KEPT,
    PROFILE_DATES_SHIFTED
};

struct range {
    dcm_tag tag; // 0: none
    double from, below;
};

struct rule {
    const char *id, *words;
    uint16_t points;
    uint32_t age_from, age_below; // days; 0: any
    char sex;                     // 0: any
    const char *modality;         // "|MG|PX|"; NULL: any
    bool has_phrases, has_attributes;
    struct range number;
    enum profile_fact profile;
    uint32_t narrative_from; // words; 0: any
};

struct phrase { // sorted by text
    const char *text;
    uint8_t rule;
    bool place; // of institutions and addresses, not of descriptions
};

struct attribute {
    dcm_tag tag;
    uint8_t rule;
};

#include "gate/risk_table.h"

#define RULES (sizeof rules / sizeof rules[0])
#define PHRASES (sizeof phrases / sizeof phrases[0])
_Static_assert(RULES <= 64, "hits are bits of a word");

struct facts {
    uint64_t said;      // rules of which a phrase was found
    uint32_t narrative; // words of running text
    uint32_t age;       // days
    char sex;
    char modality[20]; // "|CT|"
};

// --- words ---

static int starts_like(const char *phrase, const char *text, size_t len) {
    size_t own = strlen(phrase);
    bool open = own > 0 && phrase[own - 1] == '*';
    own -= open;
    int order = memcmp(text, phrase, len < own ? len : own);
    if (order != 0) {
        return order;
    }
    if (len < own) {
        return -1;
    }
    return open || len == own || text[own] == ' ' ? 0 : 1;
}

// All phrases that begin where `text` does; `text` is folded, words divided by single spaces.
static void find_phrases(const char *text, size_t len, bool place, uint64_t *said) {
    size_t low = 0;
    size_t high = PHRASES;
    while (low < high) { // the first phrase with this first letter or later
        size_t middle = low + (high - low) / 2;
        if ((uint8_t)phrases[middle].text[0] < (uint8_t)text[0]) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < PHRASES && phrases[low].text[0] == text[0]; low++) {
        if (phrases[low].place == place && starts_like(phrases[low].text, text, len) == 0) {
            *said |= (uint64_t)1 << phrases[low].rule;
        }
    }
}

// Folded letters and digits, one space between words; counts them.
static uint32_t to_words(struct slice utf8, struct buf *out) {
    CLEANUP(cleanup_buf) struct buf folded;
    buf_init(&folded, 2 * TEXT_MAX);
    utf8_fold(&folded, utf8);
    uint32_t count = 0;
    bool inside = false;
    for (size_t i = 0; i < folded.len; i++) {
        uint8_t b = folded.data[i];
        bool letter = (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b > 127;
        if (b == '\'') {
            continue; // wilson's is wilsons
        }
        if (letter && !inside) {
            if (count++ > 0) {
                buf_put_byte(out, ' ');
            }
        }
        if (letter) {
            buf_put_byte(out, b);
        }
        inside = letter;
    }
    return count;
}

static uint32_t read_text(struct slice utf8, bool place, uint64_t *said) {
    CLEANUP(cleanup_buf) struct buf words;
    buf_init(&words, 2 * TEXT_MAX);
    uint32_t count = to_words(slice_first(utf8, TEXT_MAX), &words);
    const char *text = (const char *)words.data;
    for (size_t i = 0; i < words.len; i++) {
        if (i == 0 || text[i - 1] == ' ') {
            find_phrases(text + i, words.len - i, place, said);
        }
    }
    return count;
}

// --- which text ---

// Of the patient group only what tells a story; names and numbers are no words.
static bool is_story(dcm_tag tag) {
    static const dcm_tag of_patient[] = {DCM_AdditionalPatientHistory, DCM_PatientComments,
                                         DCM_MedicalAlerts, DCM_Occupation};
    for (size_t i = 0; i < sizeof of_patient / sizeof of_patient[0]; i++) {
        if (of_patient[i] == tag) {
            return true;
        }
    }
    return dcm_tag_group(tag) != 0x0010;
}

static bool is_place(dcm_tag tag) {
    static const dcm_tag places[] = {
        DCM_InstitutionName,   DCM_InstitutionAddress,     DCM_InstitutionalDepartmentName,
        DCM_PatientAddress,    DCM_CurrentPatientLocation, DCM_PatientInstitutionResidence,
        DCM_RequestingService, DCM_RegionOfResidence};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (places[i] == tag) {
            return true;
        }
    }
    return false;
}

// Names of makers, models and programs are full of words.
static bool is_of_device(dcm_tag tag) {
    return tag == DCM_Manufacturer || tag == DCM_ManufacturerModelName ||
           tag == DCM_SoftwareVersions || tag == DCM_StationName || tag == DCM_DeviceSerialNumber ||
           tag == DCM_SecondaryCaptureDeviceManufacturer ||
           tag == DCM_SecondaryCaptureDeviceManufacturerModelName;
}

static bool is_words(enum dcm_vr vr) {
    return vr == DCM_VR_LO || vr == DCM_VR_SH || vr == DCM_VR_ST || vr == DCM_VR_LT ||
           vr == DCM_VR_UT || vr == DCM_VR_UC || vr == DCM_VR_CS;
}

static bool is_narrative(enum dcm_vr vr) {
    return vr == DCM_VR_ST || vr == DCM_VR_LT || vr == DCM_VR_UT || vr == DCM_VR_UC;
}

static void read_element(const struct dcm_charset *cs, const struct dcm_element *element,
                         struct facts *f) {
    bool place = is_place(element->tag);
    if (!is_words(element->vr) || dcm_tag_is_private(element->tag) || is_of_device(element->tag) ||
        (!place && !is_story(element->tag))) {
        return;
    }
    CLEANUP(cleanup_buf) struct buf text;
    buf_init(&text, 4 * TEXT_MAX);
    dcm_charset_to_utf8(cs, element->vr, slice_first(element->value, TEXT_MAX), &text, NULL);
    uint32_t words = read_text(buf_slice(&text), place, &f->said);
    f->narrative += is_narrative(element->vr) ? words : 0;
}

static void read_all(const struct dcm_dataset *d, struct facts *f) {
    struct dcm_walk walk;
    struct dcm_element element;
    const struct dcm_node *node;
    struct err e = {0};
    struct dcm_charset cs = dcm_charset_of(d);
    dcm_walk_init(&walk, d);
    for (int event; (event = dcm_walk_next(&walk, &element, &node, &e)) > 0;) {
        if (event == DCM_EVENT_FRAGMENTS_BEGIN) {
            dcm_walk_skip(&walk);
        } else if (event == DCM_EVENT_ELEMENT) {
            read_element(&cs, &element, f);
        }
    }
}

// --- facts ---

static bool day_of(const struct dcm_dataset *d, dcm_tag tag, int64_t *ret_day) {
    struct slice text;
    struct dcm_datetime date;
    struct err e = {0};
    if (!dcm_text(d, tag, 0, &text) || dcm_datetime_parse(DCM_VR_DA, text, &date, &e) != E_OK) {
        return false;
    }
    *ret_day = dcm_datetime_first_usec(DCM_VR_DA, &date, 0) / USEC_A_DAY;
    return true;
}

static uint32_t plausible(int64_t days) {
    return days > 0 && days < DAYS_MAX ? (uint32_t)days : NO_AGE;
}

static uint32_t age_of(const struct dcm_dataset *d) {
    struct slice text;
    struct dcm_age age;
    struct err e = {0};
    if (dcm_text(d, DCM_PatientAge, 0, &text) && dcm_age_parse(text, &age, &e) == E_OK) {
        double days = age.unit == 'Y' ? 365.25 : age.unit == 'M' ? 30.44 : age.unit == 'W' ? 7 : 1;
        return plausible((int64_t)(age.count * days));
    }
    static const dcm_tag seen_on[] = {DCM_StudyDate, DCM_SeriesDate, DCM_AcquisitionDate,
                                      DCM_ContentDate};
    int64_t born;
    int64_t seen;
    bool known = day_of(d, DCM_PatientBirthDate, &born);
    for (size_t i = 0; known && i < sizeof seen_on / sizeof seen_on[0]; i++) {
        if (day_of(d, seen_on[i], &seen)) {
            return plausible(seen - born);
        }
    }
    return NO_AGE;
}

static void read_facts(const struct dcm_dataset *d, struct facts *f) {
    struct slice text;
    f->age = age_of(d);
    if (dcm_text(d, DCM_PatientSex, 0, &text) && text.len == 1) {
        f->sex = (char)text.ptr[0];
    }
    if (dcm_text(d, DCM_Modality, 0, &text) && text.len > 0 && text.len <= 16) {
        f->modality[0] = '|';
        memcpy(f->modality + 1, text.ptr, text.len);
        f->modality[1 + text.len] = '|';
    }
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
        const struct dcm_node *n = dcm_get(d, attributes[i].tag);
        if (n != NULL && (n->value.len > 0 || n->item_count > 0)) {
            f->said |= (uint64_t)1 << attributes[i].rule;
        }
    }
    read_all(d, f);
}

static bool profile_holds(const struct gate_profile *p, enum profile_fact fact) {
    switch (fact) {
    case PROFILE_KEEP_UIDS:
        return p->keep_uids;
    case PROFILE_KEEP_DEVICE:
        return p->keep_device;
    case PROFILE_KEEP_INSTITUTION:
        return p->keep_institution;
    case PROFILE_KEEP_CHARACTERISTICS:
        return p->keep_characteristics;
    case PROFILE_DATES_KEPT:
        return p->dates == GATE_DATES_KEPT;
    case PROFILE_DATES_SHIFTED:
        return p->dates == GATE_DATES_SHIFTED;
    case PROFILE_ANY:
    default:
        return true;
    }
}

static bool holds(const struct rule *r, size_t index, const struct facts *f,
                  const struct dcm_dataset *d, const struct gate_profile *p) {
    double number;
    return (r->age_from == 0 || (f->age != NO_AGE && f->age >= r->age_from)) &&
           (r->age_below == 0 || (f->age != NO_AGE && f->age < r->age_below)) &&
           (r->sex == 0 || f->sex == r->sex) &&
           (r->modality == NULL ||
            (f->modality[0] != '\0' && strstr(r->modality, f->modality) != NULL)) &&
           ((!r->has_phrases && !r->has_attributes) || (f->said >> index & 1) != 0) &&
           (r->number.tag == 0 || (dcm_double(d, r->number.tag, 0, &number) &&
                                   number >= r->number.from && number < r->number.below)) &&
           profile_holds(p, r->profile) &&
           (r->narrative_from == 0 || f->narrative >= r->narrative_from);
}

static void add(struct gate_risk *risk, const struct rule *r) {
    risk->points = (uint16_t)(risk->points + r->points);
    if (risk->count < GATE_RISK_MAX) {
        risk->why[risk->count] = r->words;
        risk->each[risk->count++] = r->points;
    }
}

void gate_risk_score(struct gate_context *c, const struct dcm_dataset *d,
                     struct gate_risk *ret_risk) {
    struct facts f = {0};
    memset(ret_risk, 0, sizeof *ret_risk);
    read_facts(d, &f);
    for (size_t i = 0; i < RULES; i++) {
        if (holds(&rules[i], i, &f, d, c->profile)) {
            add(ret_risk, &rules[i]);
        }
    }
    if (c->profile->risk_threshold > 0 && ret_risk->points >= c->profile->risk_threshold) {
        gate_object(c, GATE_HELD, GATE_REASON_RISK);
        gate_notes_add(&c->notes, GATE_KIND_RISK, GATE_DONE_LEFT, "%u points", ret_risk->points);
    }
}
