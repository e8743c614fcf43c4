// SPDX-License-Identifier: Apache-2.0
// One element: what the rules of the profile would do with it says how its value is judged.
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "dicom/dict.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "gate/check_priv.h"
#include "gate/dates.h"
#include "gate/recognise.h"
#include "gate/rules.h"
#include "gate/words.h"

#define TEXT_MAX ((size_t)1 << 20)    // of one value
#define BINARY_MAX ((size_t)64 << 10) // of a value that is searched for text
#define PRINTABLE_LEAST 6             // letters and digits in a row

// --- values that stand for nothing ----------------------------------------------------------

static size_t crockford(struct slice s, size_t from, size_t count) {
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    size_t n = 0;
    while (n < count && from + n < s.len && memchr(digits, s.ptr[from + n], sizeof digits - 1)) {
        n++;
    }
    return n;
}

bool gate_check_pseudonym(struct slice value) {
    size_t dash = slice_find(value, '-');
    return dash >= 2 && dash <= 16 && value.len == dash + 12 &&
           crockford(value, dash + 1, 4) == 4 && value.ptr[dash + 5] == '-' &&
           crockford(value, dash + 6, 6) == 6;
}

// Pseudonyms and fillers: a known word, perhaps with a code of its own behind it.
static bool is_dummy(struct slice value) {
    static const char *const words[] = {
        "case",    "anon",         "anonymous",     "anonymized",   "anonymised", "anonymize",
        "removed", "redacted",     "unknown",       "none",         "null",       "n/a",
        "deid",    "deidentified", "de-identified", "pseudo",       "pseudonym",  "subject",
        "other",   "dummy",        "phantom",       "about:blank",  "nobody",     "no name",
        "noname",  "withheld",     "unspecified",   "not specified"};
    value = slice_trim(value, " ^=\t");
    if (gate_check_pseudonym(value)) {
        return true;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i]);
        if (value.len < len || strncasecmp((const char *)value.ptr, words[i], len) != 0) {
            continue;
        }
        struct slice rest = slice_from(value, len);
        bool code = rest.len == 0 || rest.ptr[0] == '-' || rest.ptr[0] == '_' ||
                    rest.ptr[0] == ' ' || rest.ptr[0] == '^' ||
                    (rest.ptr[0] >= '0' && rest.ptr[0] <= '9');
        struct gate_hit hit;
        if (code && rest.len <= 24 &&
            !(rest.len > 0 && gate_recognise(rest, 0, &hit) &&
              hit.kind != GATE_KIND_HOSPITAL_NUMBER && hit.kind != GATE_KIND_ADDRESS)) {
            return true;
        }
    }
    return value.len == 0;
}

// Days that nobody was examined on: what cleaners put where a date must stand.
static bool dummy_day(struct slice value) {
    static const char *const days[] = {"19000101", "00010101", "19010101", "11111111", "19700101",
                                       "10000101", "00000000", "18000101", "99991231", "19600101"};
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
        if (slice_starts(value, slice_str(days[i]))) {
            return true;
        }
    }
    return slice_starts(value, slice_str("2000010")); // ours: the first days of 2000
}

static bool whole_day(struct slice value) {
    struct gate_text t;
    struct gate_date_list dates;
    bool is = gate_text_init(&t, slice_first(value, 10)) && t.count > 0 &&
              gate_date_at(&t, 0, &dates) > 0;
    gate_text_done(&t);
    return is;
}

// --- where -----------------------------------------------------------------------------------

static const char *path_of(const struct dcm_walk *w, dcm_tag tag, char out[GATE_WHERE_MAX]) {
    size_t n = 0;
    char text[DCM_TAG_TEXT_LEN + 1];
    out[0] = '\0';
    for (uint16_t i = 0; i < w->depth && n < GATE_WHERE_MAX; i++) {
        const struct dcm_walk_level *l = &w->levels[i];
        n += (size_t)snprintf(out + n, GATE_WHERE_MAX - n, "%s[%u].",
                              dcm_tag_text(l->dataset->nodes[l->node].tag, text), l->part);
    }
    if (n < GATE_WHERE_MAX) {
        const struct dcm_dict_entry *entry = dcm_dict_find(tag);
        (void)snprintf(out + n, GATE_WHERE_MAX - n, "%s%s%s", dcm_tag_text(tag, text),
                       entry != NULL && entry->keyword != NULL ? " " : "",
                       entry != NULL && entry->keyword != NULL ? entry->keyword : "");
    }
    return out;
}

// --- judging ---------------------------------------------------------------------------------

// The profile removes, empties or replaces it whatever it says.
static bool always_goes(enum gate_how how) {
    switch (how) {
    case GATE_HOW_REMOVE:
    case GATE_HOW_EMPTY:
    case GATE_HOW_DUMMY:
    case GATE_HOW_TYPED:
    case GATE_HOW_NAME:
    case GATE_HOW_PATIENT_ID:
    case GATE_HOW_CASE:
        return true;
    default:
        return false;
    }
}

static enum gate_kind kind_of(const struct gate_rule *r) {
    const struct dcm_dict_entry *entry = dcm_dict_find(r->tag);
    const char *keyword = entry != NULL && entry->keyword != NULL ? entry->keyword : "";
    static const struct {
        const char *part;
        enum gate_kind kind;
    } parts[] = {
        {"PatientID", GATE_KIND_PATIENT_ID},
        {"Accession", GATE_KIND_HOSPITAL_NUMBER},
        {"Admission", GATE_KIND_HOSPITAL_NUMBER},
        {"StudyID", GATE_KIND_HOSPITAL_NUMBER},
        {"Telephone", GATE_KIND_CONTACT},
        {"Telecom", GATE_KIND_CONTACT},
        {"Address", GATE_KIND_ADDRESS},
        {"Institution", GATE_KIND_INSTITUTION},
        {"Department", GATE_KIND_INSTITUTION},
        {"Location", GATE_KIND_INSTITUTION},
        {"Organization", GATE_KIND_INSTITUTION},
        {"Issuer", GATE_KIND_INSTITUTION},
        {"Station", GATE_KIND_DEVICE},
        {"Serial", GATE_KIND_DEVICE},
        {"Device", GATE_KIND_DEVICE},
        {"Operator", GATE_KIND_PERSON_NAME},
        {"Physician", GATE_KIND_PERSON_NAME},
        {"Name", GATE_KIND_PERSON_NAME},
        {"ID", GATE_KIND_HOSPITAL_NUMBER},
        {"Number", GATE_KIND_HOSPITAL_NUMBER},
        {"Date", GATE_KIND_DATE},
    };
    if (gate_rule_says(r, GATE_OPTION_INSTITUTION) != GATE_SAYS_NOTHING) {
        return GATE_KIND_INSTITUTION;
    }
    if (gate_rule_says(r, GATE_OPTION_DEVICE) != GATE_SAYS_NOTHING) {
        return GATE_KIND_DEVICE;
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strstr(keyword, parts[i].part) != NULL) {
            return parts[i].kind;
        }
    }
    return gate_rule_says(r, GATE_OPTION_CHARACTERISTICS) != GATE_SAYS_NOTHING
               ? GATE_KIND_CHARACTERISTIC
               : GATE_KIND_FREE_TEXT;
}

static bool short_number(struct slice value) {
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9') {
            return false;
        }
    }
    return value.len <= 3;
}

static bool is_birth(dcm_tag tag) {
    const struct dcm_dict_entry *entry = dcm_dict_find(tag);
    return entry != NULL && entry->keyword != NULL && strstr(entry->keyword, "Birth") != NULL;
}

static void judge_date(struct gate_checking *c, dcm_tag tag, struct slice value,
                       const char *where) {
    bool definition = tag == DCM_ContextGroupVersion || tag == DCM_ContextGroupLocalVersion ||
                      dcm_tag_group(tag) == 0x0002;
    if (definition || dummy_day(value) || !whole_day(value)) {
        return;
    }
    if (is_birth(tag)) {
        gate_check_found(c, GATE_KIND_BIRTH_DATE, value, "%s", where);
    } else if (!c->declared_modified) {
        c->real_dates = true;
        gate_check_found(c, GATE_KIND_DATE, value, "%s", where);
    }
}

// Times tell something beside a date that is one.
static void judge_time(struct gate_checking *c, struct slice value, const char *where) {
    bool zeros = true;
    for (size_t i = 0; i < value.len; i++) {
        zeros = zeros && (value.ptr[i] == '0' || value.ptr[i] == '.');
    }
    if (!zeros && c->real_dates) {
        gate_check_found(c, GATE_KIND_DATE, value, "%s", where);
    }
}

static void judge_private(struct gate_checking *c, const struct dcm_element *el, struct slice value,
                          const char *where) {
    if (!short_number(value) && !is_dummy(value)) {
        gate_check_found(c, GATE_KIND_PRIVATE, value, "%s", where);
    }
    (void)el;
}

static void judge_text(struct gate_checking *c, const struct dcm_element *el, struct slice value,
                       const char *where) {
    const struct gate_rule *r = gate_rule_find(el->tag);
    enum gate_how how = r != NULL ? gate_rule_how(c->profile, r) : GATE_HOW_NONE;
    bool floor = r != NULL && r->basic != GATE_BASIC_NONE && r->basic != GATE_BASIC_U;
    bool descriptor = r != NULL && gate_rule_says(r, GATE_OPTION_DESCRIPTORS) == GATE_SAYS_CLEAN;
    if (floor && always_goes(how) && !descriptor && el->vr != DCM_VR_CS) {
        if (!short_number(value)) {
            gate_check_found(c, kind_of(r), value, "%s", where);
        }
        return;
    }
    if (el->vr == DCM_VR_CS || how == GATE_HOW_CLASS || how == GATE_HOW_CHARSET) {
        struct gate_hit hit;
        if (el->vr == DCM_VR_CS && gate_recognise(value, 0, &hit) &&
            (hit.kind == GATE_KIND_NHS_NUMBER || hit.kind == GATE_KIND_PERSON_NAME)) {
            gate_check_found(c, hit.kind, value, "%s", where);
        }
        return;
    }
    if (el->tag == DCM_DeidentificationMethod) {
        return; // of programs and their versions
    }
    bool designation = how == GATE_HOW_TECH || how == GATE_HOW_TERM || how == GATE_HOW_LABEL ||
                       how == GATE_HOW_CODE;
    if (designation) { // of machines, codes and schemes: only what the file itself says of people
        struct gate_hit hit;
        if (gate_subject_find(c->subject, value, 0, false, &hit) && hit.kind != GATE_KIND_DEVICE &&
            hit.kind != GATE_KIND_DATE) {
            gate_check_found(c, hit.kind, value, "%s", where);
        }
        return;
    }
    uint32_t before = c->out->count;
    gate_check_text(c, value, true, where);
    struct gate_words words = {.subject = NULL};
    if (floor && descriptor && always_goes(how) && c->out->count == before &&
        !gate_words_safe(&words, value)) {
        gate_check_found(c, GATE_KIND_FREE_TEXT, value, "%s", where);
    }
}

static void judge_number(struct gate_checking *c, struct slice value, const char *where) {
    struct gate_hit hit;
    if (value.len >= 8 && gate_recognise(value, 0, &hit) &&
        (hit.kind == GATE_KIND_NHS_NUMBER || hit.kind == GATE_KIND_CONTACT)) {
        gate_check_found(c, hit.kind, value, "%s", where);
    }
}

static void judge_age(struct gate_checking *c, struct slice value, const char *where) {
    struct dcm_age age;
    struct err ignored = {0};
    if (dcm_age_parse(value, &age, &ignored) == E_OK && age.unit == 'Y' &&
        age.count > c->profile->age_top) {
        gate_check_found(c, GATE_KIND_AGE, value, "%s", where);
    }
}

static void judge(struct gate_checking *c, const struct dcm_element *el, struct slice value,
                  const char *where) {
    switch (el->vr) {
    case DCM_VR_DA:
    case DCM_VR_DT:
        judge_date(c, el->tag, value, where);
        return;
    case DCM_VR_TM:
        judge_time(c, value, where);
        return;
    case DCM_VR_AS:
        judge_age(c, value, where);
        return;
    case DCM_VR_DS:
    case DCM_VR_IS:
        judge_number(c, value, where);
        return;
    default:
        break;
    }
    if (is_dummy(value)) {
        return;
    }
    if (el->vr == DCM_VR_PN) {
        gate_check_found(c, GATE_KIND_PERSON_NAME, value, "%s", where);
    } else if (el->vr == DCM_VR_AE) {
        gate_check_found(c, GATE_KIND_DEVICE, value, "%s", where);
    } else if (el->vr == DCM_VR_UR) {
        gate_check_found(c, GATE_KIND_CONTACT, value, "%s", where);
    } else if (dcm_tag_is_private(el->tag)) {
        judge_private(c, el, value, where);
    } else {
        judge_text(c, el, value, where);
    }
}

// --- private and binary values ----------------------------------------------------------------

static bool is_safe_private(const struct gate_checking *c, const struct dcm_walk *w,
                            const struct dcm_element *el) {
    struct slice creator;
    enum dcm_vr vr;
    dcm_tag owner = DCM_TAG(dcm_tag_group(el->tag), dcm_tag_element(el->tag) >> 8);
    return dcm_text(w->levels[w->depth].dataset, owner, 0, &creator) &&
           gate_private_find(c->profile, dcm_tag_group(el->tag), creator,
                             (uint8_t)dcm_tag_element(el->tag), &vr);
}

static bool printable(uint8_t b) { return b >= 0x20 && b < 0x7F; }

// Text inside of bytes: whole headers in XML, strings of a vendor's structure.
static void judge_bytes(struct gate_checking *c, struct slice bytes, const char *where) {
    for (size_t i = 0; i < bytes.len;) {
        size_t from = i;
        while (i < bytes.len && printable(bytes.ptr[i])) {
            i++;
        }
        if (i - from >= PRINTABLE_LEAST) {
            gate_check_text(c, slice_of(bytes.ptr + from, i - from), true, where);
        }
        i++;
    }
}

static bool is_bytes(const struct dcm_element *el) {
    bool pixels = el->tag == DCM_PixelData || dcm_tag_group(el->tag) == 0x6000;
    return (el->vr == DCM_VR_OB || el->vr == DCM_VR_UN) && !pixels && el->value.len <= BINARY_MAX;
}

void gate_check_value(struct gate_checking *c, const struct dcm_walk *w,
                      const struct dcm_element *el) {
    char where[GATE_WHERE_MAX];
    const struct dcm_vr_info *info = dcm_vr_info(el->vr);
    bool text =
        info->class == DCM_VR_CLASS_TEXT && el->vr != DCM_VR_UI && el->value.len <= TEXT_MAX;
    if ((!text && !is_bytes(el)) || el->value.len == 0 || dcm_tag_is_private_creator(el->tag) ||
        dcm_tag_is_group_length(el->tag) ||
        (dcm_tag_is_private(el->tag) && is_safe_private(c, w, el))) {
        return;
    }
    (void)path_of(w, el->tag, where);
    if (!text) {
        judge_bytes(c, el->value, where);
        return;
    }
    if (w->levels[w->depth].dataset != c->of) {
        c->of = w->levels[w->depth].dataset;
        c->charset = dcm_charset_of(c->of);
    }
    struct buf utf8 CLEANUP(cleanup_buf);
    buf_init(&utf8, 4 * TEXT_MAX);
    dcm_charset_to_utf8(&c->charset, el->vr, el->value, &utf8, NULL);
    if (utf8.failed) {
        (void)buf_check(&utf8, "a value", c->e);
        return;
    }
    struct slice rest = buf_slice(&utf8), value;
    while (dcm_value_next(el->vr, &rest, &value)) {
        if (value.len > 0) {
            judge(c, el, value, where);
        }
    }
}
