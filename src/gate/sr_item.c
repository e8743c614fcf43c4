// SPDX-License-Identifier: Apache-2.0
#include "gate/sr_item.h"

#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "gate/codes.h"
#include "gate/concept.h"
#include "gate/edit.h"
#include "gate/references.h"

// A number of so many digits is more likely somebody's than a measurement.
#define DIGITS_MAX 9u

struct item_kind;
struct item {
    struct gate_context *c;
    struct dcm_dataset *d;
    const struct item_kind *kind;
    const struct gate_concept *concept; // NULL: not in Table E.3.4-1
    const char *path;
    enum gate_item_fate fate;
};

struct item_kind {
    const char *type; // value type
    int (*clean)(struct item *it, struct err *e);
    dcm_tag values[5]; // the elements that hold its value; the rest 0
};

// --- text ---

static bool option_holds(const struct gate_context *c, const struct gate_concept *concept) {
    const struct gate_profile *p = c->profile;
    uint32_t o = concept->options;
    return (p->keep_uids && (o & GATE_CONCEPT_UIDS) != 0) ||
           (p->keep_device && (o & GATE_CONCEPT_DEVICE) != 0) ||
           (p->keep_institution && (o & GATE_CONCEPT_INSTITUTION) != 0) ||
           (p->keep_characteristics && (o & GATE_CONCEPT_CHARACTERISTICS) != 0);
}

static void note(const struct item *it, enum gate_kind kind, enum gate_done done) {
    gate_notes_add(&it->c->notes, kind, done, "%s", it->path);
}

static int go(struct item *it, enum gate_kind kind) {
    note(it, kind, GATE_DONE_REMOVED);
    it->fate = GATE_ITEM_GOES;
    return E_OK;
}

// The identifier of a part, a source, a fiducial: another one, the same wherever it stands.
static int put_dummy_text(struct item *it, struct err *e) {
    char made[GATE_PSEUDONYM_MAX];
    struct slice text = gate_text_of(it->c, it->d, DCM_TextValue);
    (void)gate_pseudonym(it->c->key, "content", "ID", text, made);
    note(it, GATE_KIND_STRUCTURED, GATE_DONE_REPLACED);
    return dcm_put_str(it->d, DCM_TextValue, DCM_VR_UT, made, e);
}

static int clean_text(struct item *it, struct err *e) {
    const struct gate_concept *k = it->concept;
    if (k != NULL && option_holds(it->c, k)) {
        return E_OK;
    }
    bool by_words =
        it->c->profile->clean_descriptors && (k == NULL || (k->options & GATE_CONCEPT_CLEAN) != 0);
    if (k == NULL && !by_words) {
        return go(it, GATE_KIND_STRUCTURED);
    }
    if (!by_words) {
        return k->action == GATE_CONCEPT_REMOVE ? go(it, GATE_KIND_STRUCTURED)
                                                : put_dummy_text(it, e);
    }
    size_t kept = 0;
    int code = gate_text_clean(it->c, it->d, DCM_TextValue, it->path, &kept, e);
    if (code == E_OK && kept == 0) {
        bool needed = k != NULL && k->action != GATE_CONCEPT_REMOVE;
        it->fate = GATE_ITEM_HOLLOW;
        return needed ? gate_item_fill(it->d, e) : E_OK;
    }
    return code;
}

// --- people, dates, UIDs ---

static int clean_name(struct item *it, struct err *e) {
    bool there = false;
    if (it->concept == NULL || it->concept->action == GATE_CONCEPT_REMOVE) {
        return go(it, GATE_KIND_PERSON_NAME);
    }
    char made[GATE_PSEUDONYM_MAX];
    struct slice name = gate_text_of(it->c, it->d, DCM_PersonName);
    (void)gate_pseudonym(it->c->key, "person", "PERSON", name, made);
    int code = gate_by_header(it->c, it->d, DCM_PersonName, it->path, &there, e);
    note(it, GATE_KIND_PERSON_NAME, GATE_DONE_REPLACED);
    return code == E_OK && !there ? dcm_put_str(it->d, DCM_PersonName, DCM_VR_PN, made, e) : code;
}

static int clean_when(struct item *it, struct err *e) {
    static const struct {
        dcm_tag tag;
        enum dcm_vr vr;
        const char *dummy;
    } dummies[] = {{DCM_Date, DCM_VR_DA, "20000101"},
                   {DCM_Time, DCM_VR_TM, "000000"},
                   {DCM_DateTime, DCM_VR_DT, "20000101000000"}};
    const struct gate_concept *k = it->concept;
    enum gate_dates dates = it->c->profile->dates;
    bool may_stay = k == NULL || (k->options & GATE_CONCEPT_FULL_DATES) != 0;
    bool real = may_stay && dates != GATE_DATES_REMOVED; // kept or shifted by the header's rule
    if (!real && (k == NULL || k->action == GATE_CONCEPT_REMOVE)) {
        return go(it, GATE_KIND_DATE);
    }
    bool there = false;
    dcm_tag tag = it->kind->values[0];
    int code = gate_by_header(it->c, it->d, tag, it->path, &there, e);
    if (dates == GATE_DATES_REMOVED || !may_stay) {
        note(it, GATE_KIND_DATE, GATE_DONE_REPLACED);
    }
    for (size_t i = 0; code == E_OK && (!there || !may_stay) && i < 3; i++) {
        if (dummies[i].tag == tag) {
            return dcm_put_str(it->d, tag, dummies[i].vr, dummies[i].dummy, e);
        }
    }
    return code;
}

static int clean_uid(struct item *it, struct err *e) {
    return gate_uids_clean(it->c, it->d, DCM_UID, e);
}

// --- numbers and codes ---

// Whether these are measurements by their form: text that reads as a number, not an identifier's.
static bool is_number(const struct gate_context *c, const struct dcm_dataset *d, dcm_tag tag) {
    const struct dcm_node *n = dcm_get(d, tag);
    double value;
    struct slice text;
    for (uint32_t i = 0; n != NULL && i < dcm_value_count(n); i++) {
        if (!dcm_node_double(n, i, &value)) {
            return false;
        }
        if (!dcm_node_text(n, i, &text)) {
            continue;
        }
        size_t digits = 0;
        while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9') {
            digits++;
        }
        if (digits == text.len &&
            (digits > DIGITS_MAX || (digits > 5 && gate_text_objectionable(c, text, false)))) {
            return false;
        }
    }
    return true;
}

static const dcm_tag numbers[] = {DCM_MeasurementUnitsCodeSequence, DCM_FloatingPointValue,
                                  DCM_RationalNumeratorValue, DCM_RationalDenominatorValue,
                                  DCM_NumericValue};

// A value with its unit: of the macro directly, of NUM inside of its sequence. *ret_good: a number.
static int clean_measure(struct gate_context *c, struct dcm_dataset *d, const char *path,
                         bool *ret_good, struct err *e) {
    *ret_good = true;
    for (size_t i = 1; i < sizeof numbers / sizeof numbers[0]; i++) {
        *ret_good = *ret_good && is_number(c, d, numbers[i]);
    }
    return gate_codes_clean(c, d, DCM_MeasurementUnitsCodeSequence, path, e);
}

// Ages of the oldest are one band, so that they are not told one by one.
static bool is_dropped_number(const struct item *it, struct dcm_dataset *measure) {
    double value;
    if (it->concept == NULL) {
        return false;
    }
    return !option_holds(it->c, it->concept) ||
           (dcm_double(measure, DCM_NumericValue, 0, &value) && value >= it->c->profile->age_top);
}

static int clean_num(struct item *it, struct err *e) {
    const struct dcm_node *n = dcm_get(it->d, DCM_MeasuredValueSequence);
    int code = E_OK;
    for (uint32_t i = n == NULL ? 0 : n->item_count; code == E_OK && i-- > 0;) {
        bool good = false;
        char where[GATE_PATH_MAX];
        struct dcm_dataset *measure = dcm_get(it->d, DCM_MeasuredValueSequence)->items[i];
        (void)gate_path_item(it->path, DCM_MeasuredValueSequence, i, where);
        if (is_dropped_number(it, measure)) {
            return go(it, GATE_KIND_CHARACTERISTIC);
        }
        static const dcm_tag sorted[] = {DCM_MeasurementUnitsCodeSequence, DCM_FloatingPointValue,
                                         DCM_RationalNumeratorValue, DCM_RationalDenominatorValue,
                                         DCM_NumericValue};
        good = gate_keep_only(it->c, measure, sorted, 5, where);
        code = good ? clean_measure(it->c, measure, where, &good, e) : E_OK;
        if (code == E_OK && !good) {
            return go(it, GATE_KIND_STRUCTURED);
        }
    }
    return code == E_OK
               ? gate_codes_clean(it->c, it->d, DCM_NumericValueQualifierCodeSequence, it->path, e)
               : code;
}

static int clean_numeric(struct item *it, struct err *e) {
    bool good = false;
    if (is_dropped_number(it, it->d)) {
        return go(it, GATE_KIND_CHARACTERISTIC);
    }
    int code = clean_measure(it->c, it->d, it->path, &good, e);
    return code == E_OK && !good ? go(it, GATE_KIND_STRUCTURED) : code;
}

static int clean_code(struct item *it, struct err *e) {
    if (it->concept != NULL && !option_holds(it->c, it->concept)) {
        return go(it, GATE_KIND_CHARACTERISTIC);
    }
    int code = gate_codes_clean(it->c, it->d, DCM_ConceptCodeSequence, it->path, e);
    if (code == E_OK && dcm_get(it->d, DCM_ConceptCodeSequence) == NULL) {
        return go(it, GATE_KIND_FREE_TEXT);
    }
    return code;
}

// --- references and places ---

// Table E.3.4-1 removes some of these; with UIDs replaced (U, as E.1-1 has it for the same
// instances) nothing is left in them to remove, and the document still shows what it speaks of.
static int clean_reference(struct item *it, struct err *e) {
    int code = gate_references_clean(it->c, it->d, DCM_ReferencedSOPSequence, it->path, e);
    if (code == E_OK && dcm_get(it->d, DCM_ReferencedSOPSequence) == NULL) {
        return go(it, GATE_KIND_STRUCTURED);
    }
    return code;
}

static bool is_one_of(const struct dcm_dataset *d, dcm_tag tag, const char *const *terms) {
    for (; *terms != NULL; terms++) {
        if (gate_is(d, tag, *terms)) {
            return true;
        }
    }
    return false;
}

static int clean_place(struct item *it, struct err *e) {
    static const char *const shapes[] = {"POINT",   "MULTIPOINT", "POLYLINE",  "POLYGON", "CIRCLE",
                                         "ELLIPSE", "ELLIPSOID",  "RECTANGLE", NULL};
    static const char *const origins[] = {"FRAME", "VOLUME", NULL};
    if (!is_one_of(it->d, DCM_GraphicType, shapes)) {
        return go(it, GATE_KIND_STRUCTURED);
    }
    if (!is_one_of(it->d, DCM_PixelOriginInterpretation, origins)) {
        (void)dcm_remove(it->d, DCM_PixelOriginInterpretation);
    }
    int code = gate_uids_clean(it->c, it->d, DCM_FiducialUID, e);
    return code == E_OK ? gate_uids_clean(it->c, it->d, DCM_ReferencedFrameOfReferenceUID, e)
                        : code;
}

static int clean_span(struct item *it, struct err *e) {
    static const char *const kinds[] = {"POINT", "MULTIPOINT", "SEGMENT", "MULTISEGMENT",
                                        "BEGIN", "END",        NULL};
    bool there;
    if (!is_one_of(it->d, DCM_TemporalRangeType, kinds) ||
        !is_number(it->c, it->d, DCM_ReferencedTimeOffsets)) {
        return go(it, GATE_KIND_STRUCTURED);
    }
    return gate_by_header(it->c, it->d, DCM_ReferencedDateTime, it->path, &there, e);
}

static int clean_template(struct item *it, struct err *e) {
    static const dcm_tag elements[] = {DCM_MappingResource, DCM_MappingResourceUID,
                                       DCM_TemplateIdentifier};
    const struct dcm_node *n = dcm_get(it->d, DCM_ContentTemplateSequence);
    int code = E_OK;
    for (uint32_t i = n == NULL ? 0 : n->item_count; code == E_OK && i-- > 0;) {
        char where[GATE_PATH_MAX];
        struct dcm_dataset *t = dcm_get(it->d, DCM_ContentTemplateSequence)->items[i];
        (void)gate_path_item(it->path, DCM_ContentTemplateSequence, i, where);
        bool good = gate_keep_only(it->c, t, elements, 3, where);
        struct slice id = gate_text_of(it->c, t, DCM_TemplateIdentifier);
        int64_t number;
        bool plain = id.len <= 16 && (dcm_int(t, DCM_TemplateIdentifier, 0, &number) ||
                                      !gate_text_objectionable(it->c, id, true));
        uint8_t digit = id.len == 0 ? 'x' : id.ptr[0];
        plain = plain || (id.len > 0 && id.len <= 5 && digit >= '0' && digit <= '9');
        bool public = gate_is(t, DCM_MappingResource, "DCMR");
        if (!good || !plain || (!public && !gate_is(t, DCM_MappingResource, "99LOCAL"))) {
            (void)dcm_remove_item(it->d, DCM_ContentTemplateSequence, i);
        } else {
            code = gate_uids_clean(it->c, t, DCM_MappingResourceUID, e);
        }
    }
    return code;
}

static int clean_container(struct item *it, struct err *e) {
    if (it->concept != NULL && !option_holds(it->c, it->concept)) {
        return go(it, GATE_KIND_DEVICE);
    }
    if (!gate_is(it->d, DCM_ContinuityOfContent, "CONTINUOUS") &&
        !gate_is(it->d, DCM_ContinuityOfContent, "SEPARATE")) {
        int code = dcm_put_str(it->d, DCM_ContinuityOfContent, DCM_VR_CS, "SEPARATE", e);
        if (code != E_OK) {
            return code;
        }
    }
    return clean_template(it, e);
}

// --- the kinds ---

static const struct item_kind kinds[] = {
    {"TEXT", clean_text, {DCM_TextValue}},
    {"NUM", clean_num, {DCM_MeasuredValueSequence, DCM_NumericValueQualifierCodeSequence}},
    {"NUMERIC",
     clean_numeric, // of the Content Item Macro; as numbers[]
     {DCM_MeasurementUnitsCodeSequence, DCM_FloatingPointValue, DCM_RationalNumeratorValue,
      DCM_RationalDenominatorValue, DCM_NumericValue}},
    {"CODE", clean_code, {DCM_ConceptCodeSequence}},
    {"DATE", clean_when, {DCM_Date}},
    {"TIME", clean_when, {DCM_Time}},
    {"DATETIME", clean_when, {DCM_DateTime}},
    {"PNAME", clean_name, {DCM_PersonName}},
    {"UIDREF", clean_uid, {DCM_UID}},
    {"IMAGE", clean_reference, {DCM_ReferencedSOPSequence}},
    {"COMPOSITE", clean_reference, {DCM_ReferencedSOPSequence}},
    {"WAVEFORM", clean_reference, {DCM_ReferencedSOPSequence}},
    {"CONTAINER", clean_container, {DCM_ContinuityOfContent, DCM_ContentTemplateSequence}},
    {"SCOORD",
     clean_place,
     {DCM_GraphicData, DCM_GraphicType, DCM_FiducialUID, DCM_PixelOriginInterpretation}},
    {"SCOORD3D",
     clean_place,
     {DCM_GraphicData, DCM_GraphicType, DCM_FiducialUID, DCM_ReferencedFrameOfReferenceUID}},
    {"TCOORD",
     clean_span,
     {DCM_TemporalRangeType, DCM_ReferencedSamplePositions, DCM_ReferencedTimeOffsets,
      DCM_ReferencedDateTime}},
};

static const struct item_kind by_reference = {"", NULL, {DCM_ReferencedContentItemIdentifier}};

static const struct item_kind *kind_of(const struct dcm_dataset *item) {
    if (dcm_get(item, DCM_ReferencedContentItemIdentifier) != NULL) {
        return &by_reference;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (gate_is(item, DCM_ValueType, kinds[i].type)) {
            return &kinds[i];
        }
    }
    return NULL;
}

static bool is_relation(const struct dcm_dataset *item) {
    static const char *const relations[] = {
        "CONTAINS",       "HAS OBS CONTEXT", "HAS ACQ CONTEXT", "HAS CONCEPT MOD",
        "HAS PROPERTIES", "INFERRED FROM",   "SELECTED FROM",   NULL};
    return dcm_get(item, DCM_RelationshipType) == NULL ||
           is_one_of(item, DCM_RelationshipType, relations);
}

bool gate_item_known(const struct dcm_dataset *item) {
    for (uint32_t i = 0; i < item->count; i++) {
        if (dcm_get(item, item->nodes[i].tag) != &item->nodes[i]) {
            return false;
        }
    }
    const struct item_kind *kind = kind_of(item);
    bool leaf = kind != &by_reference || dcm_get(item, DCM_ContentSequence) == NULL;
    return kind != NULL && leaf && is_relation(item);
}

// What every item may have beside its value; ascending.
static size_t allowed_of(const struct item_kind *kind, dcm_tag out[16]) {
    static const dcm_tag common[] = {DCM_ContentItemModifierSequence,
                                     DCM_RelationshipType,
                                     DCM_ObservationDateTime,
                                     DCM_ValueType,
                                     DCM_ConceptNameCodeSequence,
                                     DCM_ObservationUID,
                                     DCM_ContentSequence};
    size_t count = 0;
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++) {
        if (kind != &by_reference || common[i] == DCM_RelationshipType) {
            out[count++] = common[i];
        }
    }
    for (size_t i = 0; i < 5 && kind->values[i] != 0; i++) {
        size_t at = count++;
        for (; at > 0 && out[at - 1] > kind->values[i]; at--) {
            out[at] = out[at - 1];
        }
        out[at] = kind->values[i];
    }
    return count;
}

static int clean_common(struct gate_context *c, struct dcm_dataset *item, const char *path,
                        struct err *e) {
    bool there;
    const struct dcm_node *n = dcm_get(item, DCM_ConceptNameCodeSequence);
    int code = E_OK;
    for (uint32_t i = 0; n != NULL && i < n->item_count && code == E_OK; i++) {
        char where[GATE_PATH_MAX];
        code = gate_code_clean(c, n->items[i],
                               gate_path_item(path, DCM_ConceptNameCodeSequence, i, where), &there,
                               e); // an unusable name has become a harmless one
    }
    code = code == E_OK ? gate_uids_clean(c, item, DCM_ObservationUID, e) : code;
    return code == E_OK && dcm_get(item, DCM_ObservationDateTime) != NULL
               ? gate_by_header(c, item, DCM_ObservationDateTime, path, &there, e)
               : code;
}

int gate_item_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                    enum gate_item_fate *ret_fate, struct err *e) {
    struct item it = {.c = c, .d = item, .kind = kind_of(item), .path = path};
    dcm_tag allowed[16];
    *ret_fate = GATE_ITEM_GOES;
    if (it.kind == NULL || !is_relation(item) ||
        !gate_keep_only(c, item, allowed, allowed_of(it.kind, allowed), path)) {
        note(&it, GATE_KIND_STRUCTURED, GATE_DONE_REMOVED);
        return E_OK;
    }
    const struct dcm_dataset *name = dcm_first_item(item, DCM_ConceptNameCodeSequence);
    if (name != NULL) {
        it.concept = gate_concept_find(gate_text_of(c, name, DCM_CodeValue),
                                       gate_text_of(c, name, DCM_CodingSchemeDesignator),
                                       slice_str(it.kind->type));
    }
    it.fate = GATE_ITEM_STAYS;
    int code = clean_common(c, item, path, e);
    code = code == E_OK && it.kind->clean != NULL ? it.kind->clean(&it, e) : code;
    *ret_fate = it.fate;
    return code;
}

int gate_item_fill(struct dcm_dataset *item, struct err *e) {
    return dcm_put_str(item, DCM_TextValue, DCM_VR_UT, "Removed", e);
}
