// SPDX-License-Identifier: Apache-2.0
// The pass: each element by its rule, at every depth. Nesting is bounded by the reader
// (DCM_NESTING_MAX), so items are walked by recursion.
#include "gate/header_walk.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dicom/dict.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "gate/codes.h"
#include "gate/header_private.h"
#include "gate/header_vr.h"
#include "gate/structured.h"

#define OWNED_MAX 32
#define CODE_FIRST DCM_CodeValue
#define CODE_LAST DCM_URNCodeValue

// --- notes ---

static void path_element(const struct gate_walk *w, dcm_tag tag, char out[GATE_WHERE_MAX]) {
    char text[DCM_TAG_TEXT_LEN + 1];
    size_t len = w->path_len;
    (void)dcm_tag_text(tag, text);
    memcpy(out, w->path, len);
    if (len > 0 && len < GATE_WHERE_MAX - 1) {
        out[len++] = '.';
    }
    size_t room = GATE_WHERE_MAX - 1 - len;
    size_t take = DCM_TAG_TEXT_LEN < room ? DCM_TAG_TEXT_LEN : room;
    memcpy(out + len, text, take);
    out[len + take] = '\0';
}

void gate_walk_note(struct gate_walk *w, enum gate_kind kind, enum gate_done done, dcm_tag tag) {
    char where[GATE_WHERE_MAX];
    path_element(w, tag, where);
    gate_notes_put(&w->c->notes, kind, done, slice_str(where));
}

static enum gate_kind kind_of_vr(enum dcm_vr vr) {
    switch (vr) {
    case DCM_VR_PN:
        return GATE_KIND_PERSON_NAME;
    case DCM_VR_DA:
    case DCM_VR_DT:
    case DCM_VR_TM:
        return GATE_KIND_DATE;
    case DCM_VR_UI:
        return GATE_KIND_UID;
    case DCM_VR_AS:
        return GATE_KIND_AGE;
    case DCM_VR_AE:
        return GATE_KIND_DEVICE;
    case DCM_VR_UR:
        return GATE_KIND_CONTACT;
    case DCM_VR_LO:
    case DCM_VR_SH:
    case DCM_VR_ST:
    case DCM_VR_LT:
    case DCM_VR_UC:
    case DCM_VR_UT:
        return GATE_KIND_FREE_TEXT;
    default:
        return GATE_KIND_UNKNOWN;
    }
}

enum gate_kind gate_walk_kind(const struct gate_rule *r, dcm_tag tag, enum dcm_vr vr) {
    static const struct {
        dcm_tag tag;
        enum gate_kind kind;
    } known[] = {{DCM_InstitutionName, GATE_KIND_INSTITUTION},
                 {DCM_InstitutionAddress, GATE_KIND_ADDRESS},
                 {DCM_AccessionNumber, GATE_KIND_HOSPITAL_NUMBER},
                 {DCM_ReferringPhysicianAddress, GATE_KIND_ADDRESS},
                 {DCM_ReferringPhysicianTelephoneNumbers, GATE_KIND_CONTACT},
                 {DCM_PatientID, GATE_KIND_PATIENT_ID},
                 {DCM_PatientBirthDate, GATE_KIND_BIRTH_DATE},
                 {DCM_PatientBirthTime, GATE_KIND_BIRTH_DATE},
                 {DCM_OtherPatientIDs, GATE_KIND_PATIENT_ID},
                 {DCM_OtherPatientIDsSequence, GATE_KIND_PATIENT_ID},
                 {DCM_PatientAddress, GATE_KIND_ADDRESS},
                 {DCM_PatientTelephoneNumbers, GATE_KIND_CONTACT},
                 {DCM_PatientTelecomInformation, GATE_KIND_CONTACT},
                 {DCM_CountryOfResidence, GATE_KIND_ADDRESS},
                 {DCM_RegionOfResidence, GATE_KIND_ADDRESS},
                 {DCM_StudyID, GATE_KIND_HOSPITAL_NUMBER},
                 {DCM_AdmissionID, GATE_KIND_HOSPITAL_NUMBER},
                 {DCM_CurrentPatientLocation, GATE_KIND_INSTITUTION},
                 {DCM_PersonAddress, GATE_KIND_ADDRESS},
                 {DCM_PersonTelephoneNumbers, GATE_KIND_CONTACT},
                 {DCM_IconImageSequence, GATE_KIND_ICON},
                 {DCM_DigitalSignaturesSequence, GATE_KIND_SIGNATURE},
                 {DCM_EncryptedAttributesSequence, GATE_KIND_SIGNATURE},
                 {DCM_MACParametersSequence, GATE_KIND_SIGNATURE},
                 {DCM_OriginalAttributesSequence, GATE_KIND_SIGNATURE},
                 {DCM_EncapsulatedDocument, GATE_KIND_DOCUMENT},
                 {DCM_DataSetTrailingPadding, GATE_KIND_CONTAINER}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].tag == tag) {
            return known[i].kind;
        }
    }
    if (r != NULL && gate_rule_says(r, GATE_OPTION_INSTITUTION) != GATE_SAYS_NOTHING) {
        return GATE_KIND_INSTITUTION;
    }
    if (r != NULL && gate_rule_says(r, GATE_OPTION_CHARACTERISTICS) != GATE_SAYS_NOTHING) {
        return vr == DCM_VR_AS ? GATE_KIND_AGE : GATE_KIND_CHARACTERISTIC;
    }
    enum gate_kind kind = kind_of_vr(vr);
    bool device = r != NULL && gate_rule_says(r, GATE_OPTION_DEVICE) != GATE_SAYS_NOTHING;
    return device && kind != GATE_KIND_DATE ? GATE_KIND_DEVICE : kind;
}

// --- values ---

bool gate_walk_set(struct gate_walk *w, struct dcm_node *n, struct slice value) {
    size_t padded = value.len + (value.len & 1);
    uint8_t *copy = arena_alloc(w->c->arena, padded + 1);
    if (copy == NULL) {
        w->code = err_set(w->e, E_MEMORY, "no memory for the header");
        return false;
    }
    if (value.len > 0) {
        memcpy(copy, value.ptr, value.len);
    }
    copy[value.len] = dcm_vr_info(n->vr)->pad;
    n->value = slice_of(copy, padded);
    n->changed = true;
    return true;
}

static void empty(struct dcm_node *n) {
    n->value = slice_of("", 0);
    n->items = NULL;
    n->item_count = 0;
    n->fragments = NULL;
    n->fragment_count = 0;
    n->changed = true;
}

static bool is_empty(const struct dcm_node *n) {
    return n->item_count == 0 && n->fragment_count == 0 && dcm_value_trim(n->vr, n->value).len == 0;
}

static bool put_dummy(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    if (r->vr == DCM_VR_SQ) {
        return n->vr == DCM_VR_SQ;
    }
    n->vr = (enum dcm_vr)r->vr;
    n->items = NULL;
    n->item_count = 0;
    n->fragments = NULL;
    n->fragment_count = 0;
    if (n->vr == DCM_VR_DA || n->vr == DCM_VR_TM || n->vr == DCM_VR_DT) {
        return gate_date_dummy(w, n);
    }
    return gate_value_dummy(w, n);
}

bool gate_walk_nothing_left(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    enum gate_how how = gate_rule_floor(r);
    unsigned type = gate_type_find(r->tag, w->around, w->iod);
    if (type == 1) {
        return put_dummy(w, n, r);
    }
    if (how == GATE_HOW_TYPED) {
        how = gate_rule_typed(r, w->around, w->iod);
    }
    if (how == GATE_HOW_DUMMY) {
        return put_dummy(w, n, r);
    }
    if (how == GATE_HOW_REMOVE && type != 2) {
        return false;
    }
    empty(n);
    return true;
}

// --- one element ---

static void note_gone(struct gate_walk *w, const struct dcm_node *n, const struct gate_rule *r,
                      enum gate_done done) {
    if (!is_empty(n)) {
        enum dcm_vr vr = r == NULL ? n->vr : (enum dcm_vr)r->vr;
        gate_walk_note(w, gate_walk_kind(r, n->tag, vr), done, n->tag);
    }
}

static bool act_remove(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    unsigned type = gate_type_find(r->tag, w->around, w->iod);
    if (gate_date_is_needed(w, n->tag) && !is_empty(n)) {
        note_gone(w, n, r, GATE_DONE_REPLACED);
        return gate_date_dummy(w, n);
    }
    // A group's attribute that the list does not keep may still have to be there.
    if (is_empty(n) && (r->basic != GATE_BASIC_X || type == 2)) {
        return dcm_dict_find(n->tag) != NULL && !dcm_dict_find(n->tag)->retired;
    }
    note_gone(w, n, r,
              type == 1   ? GATE_DONE_REPLACED
              : type == 2 ? GATE_DONE_EMPTIED
                          : GATE_DONE_REMOVED);
    if (type == 1) {
        return put_dummy(w, n, r);
    }
    if (type == 2) {
        empty(n);
    }
    return type == 2;
}

static bool act_empty(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    if (!is_empty(n)) {
        note_gone(w, n, r, GATE_DONE_EMPTIED);
        empty(n);
    }
    return true;
}

static bool act_dummy(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    if (is_empty(n)) {
        return true;
    }
    note_gone(w, n, r, GATE_DONE_REPLACED);
    return put_dummy(w, n, r);
}

static bool act_typed(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    enum gate_how how = gate_rule_typed(r, w->around, w->iod);
    if (gate_date_is_needed(w, n->tag)) {
        how = GATE_HOW_DUMMY;
    }
    if (how == GATE_HOW_DUMMY && r->vr == DCM_VR_SQ) {
        how = GATE_HOW_ITEMS;
    }
    if (how == GATE_HOW_REMOVE) {
        if (is_empty(n)) {
            return true;
        }
        note_gone(w, n, r, GATE_DONE_REMOVED);
        return false;
    }
    return gate_walk_act(w, n, r, how);
}

static bool act_items(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r);

static bool act_patient(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    if (!is_empty(n)) {
        note_gone(w, n, r, GATE_DONE_REPLACED);
    }
    return gate_walk_set(w, n, slice_str(w->patient));
}

static bool act_suv(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    return w->suv && w->around == 0 ? gate_value_number(w, n, r) : act_remove(w, n, r);
}

static bool act_bulk(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    if (n->fragment_count == 0) {
        return true;
    }
    note_gone(w, n, r, GATE_DONE_REMOVED); // pixels where no pixels belong
    return false;
}

// What an option retains is retained as what it is: a value of its VR, in which the patient does
// not stand.
static bool act_as_is(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    if (dcm_vr_info(n->vr)->class != DCM_VR_CLASS_TEXT || is_empty(n)) {
        return true;
    }
    if (gate_text_is_retainable(w, n)) {
        return true;
    }
    if (dcm_vr_uses_charset(n->vr) && n->vr != DCM_VR_PN) {
        return gate_text_words(w, n, r);
    }
    note_gone(w, n, r, GATE_DONE_REMOVED);
    return n->vr == DCM_VR_UI ? gate_value_uid(w, n, false) : gate_walk_nothing_left(w, n, r);
}

bool gate_walk_act(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r,
                   enum gate_how how) {
    switch (how) {
    case GATE_HOW_EMPTY:
        return act_empty(w, n, r);
    case GATE_HOW_DUMMY:
        return act_dummy(w, n, r);
    case GATE_HOW_TYPED:
        return act_typed(w, n, r);
    case GATE_HOW_AS_IS:
        return act_as_is(w, n, r);
    case GATE_HOW_PIXELS:
        return true;
    case GATE_HOW_CODE: // judged with its item; an instance is none
        return w->around != 0 || act_remove(w, n, r);
    case GATE_HOW_SHIFT:
        return gate_date_shift(w, n, r);
    case GATE_HOW_NUMBER:
        return gate_value_number(w, n, r);
    case GATE_HOW_TERM:
        return gate_text_term(w, n, r);
    case GATE_HOW_WORDS:
        return gate_text_words(w, n, r);
    case GATE_HOW_TECH:
        return gate_text_tech(w, n, r);
    case GATE_HOW_LABEL:
        return gate_text_label(w, n, r);
    case GATE_HOW_UID:
        return gate_value_uid(w, n, false);
    case GATE_HOW_CLASS:
        return gate_value_uid(w, n, true);
    case GATE_HOW_ITEMS:
        return act_items(w, n, r);
    case GATE_HOW_BULK:
        return act_bulk(w, n, r);
    case GATE_HOW_CHARSET:
        return gate_value_charset(w, n);
    case GATE_HOW_SEX:
        return gate_value_sex(w, n, r);
    case GATE_HOW_AGE:
        return gate_value_age(w, n, r);
    case GATE_HOW_SUV:
        return act_suv(w, n, r);
    case GATE_HOW_NAME:
    case GATE_HOW_PATIENT_ID:
        return act_patient(w, n, r);
    case GATE_HOW_CASE:
        return gate_value_case(w, n, r);
    case GATE_HOW_ICC:
        return gate_icc_clean(w, n);
    case GATE_HOW_NONE:
    case GATE_HOW_REMOVE:
    case GATE_HOW_COUNT:
    default:
        return act_remove(w, n, r);
    }
}

// All the way up: a data set that is marked may lie in one that is not yet.
static void mark_changed(struct dcm_dataset *d) {
    for (; d != NULL; d = d->parent) {
        d->changed = true;
    }
}

// --- codes ---

static bool is_code_element(dcm_tag tag) { return tag >= CODE_FIRST && tag <= CODE_LAST; }

// Templates and coding schemes have some of a code's elements, but are none.
static bool is_code(const struct dcm_dataset *d) {
    return dcm_get(d, DCM_CodeValue) != NULL || dcm_get(d, DCM_LongCodeValue) != NULL ||
           dcm_get(d, DCM_URNCodeValue) != NULL || dcm_get(d, DCM_CodeMeaning) != NULL;
}

// Where elements are out of order, those of a code may lie apart: they are brought together.
static void gather_code(struct dcm_dataset *d) {
    uint32_t end = 0;
    while (end < d->count && !is_code_element(d->nodes[end].tag)) {
        end++;
    }
    for (uint32_t i = end; !d->sorted && i < d->count; i++) {
        if (is_code_element(d->nodes[i].tag)) {
            struct dcm_node n = d->nodes[i];
            memmove(&d->nodes[end + 1], &d->nodes[end], (i - end) * sizeof n);
            d->nodes[end++] = n;
        }
    }
}

// Code elements are taken out, judged together (codes.h) and put back.
bool gate_walk_code(struct gate_walk *w, struct dcm_dataset *d, bool *ret_usable) {
    uint32_t first = 0;
    *ret_usable = true;
    gather_code(d);
    while (first < d->count && !is_code_element(d->nodes[first].tag)) {
        first++;
    }
    uint32_t end = first;
    while (end < d->count && is_code_element(d->nodes[end].tag)) {
        end++;
    }
    if (first == end || w->around == 0) {
        return true;
    }
    if (!is_code(d)) {
        w->code = gate_code_scheme_clean(w->c, d, w->path, w->e);
        return w->code == E_OK;
    }
    struct dcm_dataset *code = dcm_dataset_new(w->c->arena, d->encoding);
    if (code == NULL) {
        w->code = err_set(w->e, E_MEMORY, "no memory for the header");
        return false;
    }
    uint32_t count = end - first;
    code->parent = d;
    code->nodes = arena_array(w->c->arena, count, sizeof *code->nodes);
    if (code->nodes == NULL) {
        w->code = err_set(w->e, E_MEMORY, "no memory for the header");
        return false;
    }
    memcpy(code->nodes, &d->nodes[first], count * sizeof *code->nodes);
    code->count = code->cap = count;
    code->sorted = d->sorted;
    w->code = gate_code_clean(w->c, code, w->path, ret_usable, w->e);
    if (w->code != E_OK) {
        return false;
    }
    // What says nothing any more stays in its form: sequences of codes are Type 1 in many places.
    *ret_usable = code->count > 0 || d->count > count;
    if (code->count > count) { // never more than there were but by a replaced value
        count = code->count;
    }
    struct dcm_node *nodes = arena_array(w->c->arena, d->count + count, sizeof *nodes);
    if (nodes == NULL) {
        w->code = err_set(w->e, E_MEMORY, "no memory for the header");
        return false;
    }
    memcpy(nodes, d->nodes, first * sizeof *nodes);
    if (code->count > 0) {
        memcpy(nodes + first, code->nodes, code->count * sizeof *nodes);
    }
    memcpy(nodes + first + code->count, d->nodes + end, (d->count - end) * sizeof *nodes);
    d->nodes = nodes;
    d->cap = d->count + count;
    d->count = first + code->count + (d->count - end);
    if (code->changed) {
        mark_changed(d);
    }
    return true;
}

// --- data sets ---

static bool act_items(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    size_t path_len = w->path_len;
    dcm_tag around = w->around;
    struct dcm_charset charset = w->charset;
    uint32_t kept = 0;
    uint32_t had = n->item_count;
    for (uint32_t i = 0; i < n->item_count && w->code == E_OK; i++) {
        struct dcm_dataset *item = n->items[i];
        bool usable = true;
        char tag[DCM_TAG_TEXT_LEN + 1];
        int len = snprintf(w->path + path_len, sizeof w->path - path_len, "%s%s[%u]",
                           path_len > 0 ? "." : "", dcm_tag_text(n->tag, tag), i);
        size_t room = sizeof w->path - 1 - path_len;
        w->path_len = path_len + (len < 0 ? 0 : (size_t)len < room ? (size_t)len : room);
        w->around = n->tag;
        if (gate_walk_code(w, item, &usable) && usable) {
            gate_walk_dataset(w, item, n->tag);
            n->items[kept++] = item;
            n->changed = n->changed || item->changed;
        } else {
            gate_walk_note(w, GATE_KIND_STRUCTURED, GATE_DONE_REMOVED, n->tag);
            n->changed = true;
        }
        w->charset = charset;
    }
    n->item_count = kept;
    w->around = around;
    w->path_len = path_len;
    w->path[path_len] = '\0';
    if (had > 0 && kept == 0) { // an empty sequence is none but where Type 2 asks for it
        return gate_type_find(r->tag, around, w->iod) == 2;
    }
    return true;
}

// Curves (50xx) and overlays (60xx): removed even without Clean Graphics (PS3.15 E.3.3).
static bool is_graphics(dcm_tag tag) {
    uint16_t group = dcm_tag_group(tag) & 0xFF00;
    return group == 0x5000 || group == 0x6000;
}

static bool clean_unruled(struct gate_walk *w, const struct dcm_node *n) {
    if (dcm_tag_is_group_length(n->tag)) {
        return false; // the writer makes none
    }
    if (is_graphics(n->tag)) {
        if (!is_empty(n)) {
            gate_walk_note(w, GATE_KIND_GRAPHICS, GATE_DONE_REMOVED, n->tag);
            w->c->methods |= GATE_METHOD_GRAPHICS;
        }
        return false;
    }
    const struct dcm_dict_entry *entry = dcm_dict_find(n->tag);
    if (entry != NULL && !entry->retired && is_empty(n) && !dcm_tag_is_outside(n->tag)) {
        return true; // Type 2 somewhere, and says nothing
    }
    if (!is_empty(n)) {
        enum gate_kind kind = gate_walk_kind(NULL, n->tag, entry == NULL ? n->vr : entry->vr);
        gate_walk_note(w, entry == NULL ? GATE_KIND_UNKNOWN : kind, GATE_DONE_REMOVED, n->tag);
    }
    return false;
}

static bool clean_node(struct gate_walk *w, struct dcm_node *n) {
    const struct gate_rule *r = gate_rule_find(n->tag);
    if (r == NULL) {
        return clean_unruled(w, n);
    }
    enum gate_how how = gate_rule_how(w->c->profile, r);
    if (how == GATE_HOW_REMOVE || how == GATE_HOW_PIXELS) {
        return gate_walk_act(w, n, r, how);
    }
    if (!gate_vr_settle(n, r)) {
        note_gone(w, n, r, GATE_DONE_REMOVED);
        return false;
    }
    return gate_walk_act(w, n, r, how);
}

// Sequences that structured.h cleans move nodes: they wait until the data set is compact.
struct owned {
    dcm_tag tags[OWNED_MAX];
    unsigned count;
};

static bool wait_for_structured(struct gate_walk *w, const struct dcm_node *n,
                                struct owned *owned) {
    const struct gate_rule *r;
    if (!gate_structured_owns(n->tag) || owned->count == OWNED_MAX) {
        return false;
    }
    r = gate_rule_find(n->tag);
    if (r == NULL || gate_rule_how(w->c->profile, r) != GATE_HOW_ITEMS) {
        return false;
    }
    owned->tags[owned->count++] = n->tag;
    return true;
}

void gate_walk_dataset(struct gate_walk *w, struct dcm_dataset *d, dcm_tag around) {
    struct gate_private_blocks blocks = {0};
    struct owned owned = {.count = 0};
    const struct dcm_node *charset = dcm_get(d, DCM_SpecificCharacterSet);
    uint32_t kept = 0;
    bool changed = false;
    w->around = around;
    if (charset != NULL) {
        w->charset = dcm_charset_from_terms(charset->value);
    }
    gate_private_begin(w, d, &blocks);
    for (uint32_t i = 0; i < d->count && w->code == E_OK; i++) {
        struct dcm_node *n = &d->nodes[i];
        bool was_changed = n->changed;
        bool stays = dcm_tag_is_private(n->tag)          ? gate_private_clean(w, n, &blocks)
                     : wait_for_structured(w, n, &owned) ? true
                                                         : clean_node(w, n);
        changed = changed || !stays || (n->changed && !was_changed);
        if (stays) {
            if (kept != i) {
                d->nodes[kept] = *n;
            }
            kept++;
        }
    }
    if (w->code != E_OK) {
        return;
    }
    d->count = kept;
    if (changed) {
        mark_changed(d);
    }
    for (unsigned i = 0; i < owned.count && w->code == E_OK; i++) {
        w->code = gate_structured_clean(w->c, d, owned.tags[i], w->path, w->e);
    }
}
