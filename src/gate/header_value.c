// SPDX-License-Identifier: Apache-2.0
// Values that are no text: numbers are checked to be numbers and no known identifier, UIDs and
// identifiers get their pseudonyms, ages their band.
#include "gate/header_value.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/dict.h"
#include "dicom/tags.h"
#include "dicom/value.h"

#define NUMBER_TEXT_MAX 32
#define LONG_NUMBER 100000 // from here on it may be somebody's
#define LONG_NUMBER_DIGITS 6
#define NHS_DIGITS 10
#define AGE_TEXT 5
#define PRINTABLE_MIN 8 // bytes from which an array that is all letters is text

static struct slice trimmed(const struct dcm_node *n) { return dcm_value_trim(n->vr, n->value); }

// --- numbers ---

// NHS, CHI and H&C numbers: ten digits, the last by mod 11.
static bool is_nhs(struct slice digits) {
    unsigned sum = 0;
    if (digits.len != NHS_DIGITS) {
        return false;
    }
    for (unsigned i = 0; i < NHS_DIGITS - 1; i++) {
        sum += (unsigned)(digits.ptr[i] - '0') * (NHS_DIGITS - i);
    }
    unsigned check = (11 - sum % 11) % 11;
    return check == (unsigned)(digits.ptr[NHS_DIGITS - 1] - '0');
}

static bool all_digits(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    return s.len > 0;
}

static bool subject_knows(const struct gate_walk *w, struct slice text) {
    struct gate_hit hit;
    return w->c->subject != NULL && gate_subject_find(w->c->subject, text, 0, false, &hit);
}

// One value of DS or IS: digits, signs, point, exponent, and nobody's number.
static bool text_number_fits(const struct gate_walk *w, struct slice value) {
    double number;
    if (value.len == 0) {
        return true;
    }
    if (value.len > NUMBER_TEXT_MAX || !num_parse_double(value, &number)) {
        return false;
    }
    if (value.len >= LONG_NUMBER_DIGITS && all_digits(value)) {
        return !is_nhs(value) && !subject_knows(w, value);
    }
    return true;
}

static bool text_numbers_fit(const struct gate_walk *w, struct slice text) {
    struct slice part;
    while (slice_split(&text, '\\', &part)) {
        if (!text_number_fits(w, dcm_value_trim(DCM_VR_DS, part))) {
            return false;
        }
    }
    return true;
}

static bool is_printable(struct slice bytes) {
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] < ' ' || bytes.ptr[i] > '~') {
            return false;
        }
    }
    return true;
}

// Numbers in binary: as many as the attribute can have, no letters, no known long number.
static bool binary_numbers_fit(const struct gate_walk *w, const struct dcm_node *n) {
    const struct dcm_vr_info *info = dcm_vr_info(n->vr);
    if (n->value.len % info->unit != 0) {
        return false;
    }
    if (n->value.len >= PRINTABLE_MIN && is_printable(n->value)) {
        return false;
    }
    size_t count = n->value.len / (n->vr == DCM_VR_AT ? 4 : info->unit);
    if (count > 1) {
        const struct dcm_dict_entry *entry = dcm_dict_find(n->tag);
        return entry == NULL || entry->vm_max == 0 || count <= entry->vm_max ||
               n->vr == DCM_VR_OW || n->vr == DCM_VR_OB;
    }
    int64_t value;
    if (info->unit >= 4 && dcm_node_int(n, 0, &value) && value >= LONG_NUMBER) {
        char text[NUMBER_TEXT_MAX];
        (void)snprintf(text, sizeof text, "%lld", (long long)value);
        return !is_nhs(slice_str(text)) && !subject_knows(w, slice_str(text));
    }
    return true;
}

bool gate_value_number(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    bool text = dcm_vr_info(n->vr)->class == DCM_VR_CLASS_TEXT;
    if (n->value.len == 0 || (text ? text_numbers_fit(w, trimmed(n)) : binary_numbers_fit(w, n))) {
        return true;
    }
    gate_walk_note(w, GATE_KIND_UNKNOWN, GATE_DONE_REMOVED, n->tag);
    return gate_walk_nothing_left(w, n, r);
}

// --- UIDs and pseudonyms ---

static uint32_t hash_of_uid(struct slice uid) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < uid.len; i++) {
        hash = (hash ^ uid.ptr[i]) * 16777619u;
    }
    return hash;
}

static const char *new_uid(struct gate_walk *w, struct slice uid) {
    struct gate_uid_slot *slot = &w->uids[hash_of_uid(uid) % GATE_UID_CACHE];
    if (slot->from.ptr == NULL || !slice_eq(slot->from, uid)) {
        (void)gate_keyed_uid(&w->keyed, uid, slot->to);
        slot->from = uid;
    }
    return slot->to;
}

// A class of a later edition than the registry that is built in: short numbers below the standard's
// root, where nobody's number fits.
static bool is_new_definition(struct slice uid) {
    unsigned run = 0;
    if (!slice_starts(uid, slice_str("1.2.840.10008.")) || uid.len > 40 || !dcm_uid_usable(uid)) {
        return false;
    }
    for (size_t i = sizeof "1.2.840.10008." - 1; i < uid.len; i++) {
        run = uid.ptr[i] == '.' ? 0 : run + 1;
        if (run > 3) {
            return false;
        }
    }
    return true;
}

bool gate_value_uid(struct gate_walk *w, struct dcm_node *n, bool is_class) {
    struct slice rest = n->value;
    struct slice part;
    bool changed = false;
    if (trimmed(n).len == 0) {
        return true;
    }
    buf_clear(&w->out);
    for (bool first = true; slice_split(&rest, '\\', &part); first = false) {
        struct slice uid = dcm_value_trim(DCM_VR_UI, part);
        const char *to = uid.len == 0 ? "" : new_uid(w, uid);
        bool same = slice_eq_str(uid, to) || (is_class && is_new_definition(uid));
        changed = changed || !same || uid.len != part.len;
        if (!first) {
            buf_put_byte(&w->out, '\\');
        }
        buf_put_slice(&w->out, same ? uid : slice_str(to));
        if (!same) {
            gate_walk_note(w, GATE_KIND_UID, GATE_DONE_REPLACED, n->tag);
        }
    }
    return !changed || gate_walk_set(w, n, buf_slice(&w->out));
}

bool gate_value_case(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    char made[GATE_PSEUDONYM_MAX];
    struct slice value = trimmed(n);
    if (value.len == 0) {
        return true;
    }
    const struct gate_domain *domain = gate_rule_domain(r);
    (void)gate_keyed_pseudonym(&w->keyed, domain->name, domain->prefix, value, made);
    gate_walk_note(w, gate_walk_kind(r, n->tag, n->vr), GATE_DONE_REPLACED, n->tag);
    return gate_walk_set(w, n, slice_str(made));
}

// --- characteristics ---

bool gate_value_sex(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    struct slice value = trimmed(n);
    (void)r;
    if (value.len == 0 || (value.len == 1 && memchr("MFO", value.ptr[0], 3) != NULL)) {
        return true;
    }
    gate_walk_note(w, GATE_KIND_CHARACTERISTIC, GATE_DONE_EMPTIED, n->tag);
    return gate_walk_set(w, n, slice_of("", 0));
}

// "093Y" to "090Y", and down to the begin of its band when bands are wider than a year. Ages of
// less than a year stay as they are written, but days: weeks say enough.
static void band_age(const struct gate_profile *p, struct dcm_age *age) {
    if (age->unit == 'D' && age->count >= 7) {
        age->count = (uint16_t)(age->count / 7);
        age->unit = 'W';
    }
    unsigned years = age->unit == 'Y'   ? age->count
                     : age->unit == 'M' ? age->count / 12u
                                        : age->count / 52u;
    if (p->age_top > 0 && years >= p->age_top) {
        *age = (struct dcm_age){p->age_top, 'Y'};
    } else if (p->age_band > 1 && years > 0) {
        *age = (struct dcm_age){(uint16_t)(years / p->age_band * p->age_band), 'Y'};
    }
}

bool gate_value_age(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    struct slice value = trimmed(n);
    struct dcm_age age;
    struct err ignored = {0};
    char text[AGE_TEXT + 1];
    if (value.len == 0) {
        return true;
    }
    if (dcm_age_parse(value, &age, &ignored) != E_OK) {
        gate_walk_note(w, GATE_KIND_AGE, GATE_DONE_REMOVED, n->tag);
        return gate_walk_nothing_left(w, n, r);
    }
    band_age(w->c->profile, &age);
    (void)snprintf(text, sizeof text, "%03u%c", age.count % 1000u, age.unit);
    if (slice_eq_str(value, text)) {
        return true;
    }
    gate_walk_note(w, GATE_KIND_AGE, GATE_DONE_CLEANED, n->tag);
    return gate_walk_set(w, n, slice_str(text));
}

// --- others ---

bool gate_value_charset(struct gate_walk *w, struct dcm_node *n) {
    struct dcm_charset cs = dcm_charset_from_terms(n->value);
    buf_clear(&w->out);
    dcm_charset_put_terms(&cs, &w->out);
    return slice_eq(buf_slice(&w->out), trimmed(n)) || gate_walk_set(w, n, buf_slice(&w->out));
}

bool gate_value_dummy(struct gate_walk *w, struct dcm_node *n) {
    static const uint8_t zeros[8] = {0};
    switch (n->vr) {
    case DCM_VR_LO:
    case DCM_VR_SH:
    case DCM_VR_ST:
    case DCM_VR_LT:
    case DCM_VR_UC:
    case DCM_VR_UT:
    case DCM_VR_PN:
        return gate_walk_set(w, n, slice_str("REMOVED"));
    case DCM_VR_AE:
        return gate_walk_set(w, n, slice_str("REMOVED"));
    case DCM_VR_CS:
        return gate_walk_set(w, n, slice_str("OTHER"));
    case DCM_VR_UR:
        return gate_walk_set(w, n, slice_str("about:blank"));
    case DCM_VR_AS:
        return gate_walk_set(w, n, slice_str("000Y"));
    case DCM_VR_DS:
    case DCM_VR_IS:
        return gate_walk_set(w, n, slice_str("0"));
    case DCM_VR_UI:
        return gate_value_uid(w, n, false);
    default:
        return gate_walk_set(w, n, slice_of(zeros, dcm_vr_info(n->vr)->unit));
    }
}
