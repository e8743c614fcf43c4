// SPDX-License-Identifier: Apache-2.0
// Reading a profile: strict JSON, every field known, every number in its range, then what
// contradicts or weakens. Errors name the field's path and the line.
#include "gate/profile.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/json_in.h"
#include "base/utf8.h"
#include "dicom/dict.h"
#include "dicom/tags.h"
#include "dicom/vr.h"
#include "gate/profile_table.h"
#include "gate/rules.h"

#define PHRASE_MAX 128
#define TEXT_MAX 512
#define DEPTH_MAX 4
#define FIELDS_MAX 16
#define AGE_TOP_MAX 90
#define AGE_BAND_MAX 20
#define RISK_MAX 1000
#define HOLD_DAYS_MAX 366

struct loader {
    struct json_in in;
    struct slice text;
    struct arena *arena;
    struct gate_profile *profile;
    struct gate_profile_table *table;
    struct gate_profile_edit *edits;
    struct gate_profile_private *privates;
    struct slice *phrases;
    char path[ERR_PATH_MAX];
    uint64_t at; // offset of the value in hand
    bool weakens_options, options_weakened;
    // of the object in hand
    struct {
        dcm_tag tag;
        char action[16];
        bool weakened;
        struct gate_profile_private private;
        bool has_group, has_element;
    } row;
};

struct field {
    const char *name;
    int (*read)(struct loader *l, const struct json_token *t, const struct field *f, struct err *e);
    size_t offset; // of a member of gate_profile
    uint32_t min, max;
    bool required;
};

static unsigned line_of(const struct loader *l, uint64_t offset) {
    unsigned line = 1;
    for (uint64_t i = 0; i < offset && i < l->text.len; i++) {
        line += l->text.ptr[i] == '\n';
    }
    return line;
}

static int wrong(const struct loader *l, struct err *e, int code, const char *why) {
    (void)err_set(e, code, "line %u: %s", line_of(l, l->at), why);
    return l->path[0] == '\0' ? code : err_in(e, l->path);
}

static int next(struct loader *l, struct json_token *t, struct err *e) {
    int rc = json_in_next(&l->in, t, e);
    if (rc >= 0) {
        l->at = t->offset;
        return rc;
    }
    uint64_t offset = e->has_offset ? e->offset : 0;
    return err_context(e, "line %u", line_of(l, offset));
}

// --- values ---

static int text_of(struct loader *l, const struct json_token *t, size_t max, struct slice *ret_text,
                   struct err *e) {
    struct buf b;
    if (t->kind != JSON_STRING) {
        return wrong(l, e, E_VALUE, "a text is needed here");
    }
    buf_init(&b, max + 1);
    int rc = json_in_text(t, &b, e);
    if (rc == E_OK && (b.failed || b.len > max)) {
        rc = wrong(l, e, E_LIMIT, "the text is too long");
    }
    if (rc == E_OK) {
        *ret_text = arena_copy(l->arena, buf_slice(&b));
        rc = ret_text->ptr == NULL ? err_set(e, E_MEMORY, "no memory for the profile") : E_OK;
    }
    buf_done(&b);
    return rc;
}

static int read_flag(struct loader *l, const struct json_token *t, const struct field *f,
                     struct err *e) {
    if (t->kind != JSON_TRUE && t->kind != JSON_FALSE) {
        return wrong(l, e, E_VALUE, "true or false is needed here");
    }
    *(bool *)(void *)((char *)l->profile + f->offset) = t->kind == JSON_TRUE;
    return E_OK;
}

static int number_of(const struct loader *l, const struct json_token *t, const struct field *f,
                     uint32_t *ret_value, struct err *e) {
    uint64_t value;
    char why[64];
    if (t->kind == JSON_NUMBER && json_in_u64(t, &value) && value >= f->min && value <= f->max) {
        *ret_value = (uint32_t)value;
        return E_OK;
    }
    (void)snprintf(why, sizeof why, "a whole number from %u to %u is needed here", f->min, f->max);
    return wrong(l, e, E_VALUE, why);
}

static int read_u16(struct loader *l, const struct json_token *t, const struct field *f,
                    struct err *e) {
    uint32_t value = 0;
    int rc = number_of(l, t, f, &value, e);
    if (rc == E_OK) {
        *(uint16_t *)(void *)((char *)l->profile + f->offset) = (uint16_t)value;
    }
    return rc;
}

static int read_u32(struct loader *l, const struct json_token *t, const struct field *f,
                    struct err *e) {
    return number_of(l, t, f, (uint32_t *)(void *)((char *)l->profile + f->offset), e);
}

// --- objects and arrays ---

typedef int (*end_of_row)(struct loader *l, struct err *e);

static int read_object(struct loader *l, const struct json_token *begun, const struct field *fields,
                       size_t count, struct err *e);

static int read_member(struct loader *l, const struct json_token *name, const struct field *fields,
                       size_t count, uint32_t *seen, struct err *e) {
    struct json_token value;
    size_t used = strlen(l->path);
    for (size_t i = 0; i < count; i++) {
        if (!json_in_is(name, fields[i].name)) {
            continue;
        }
        (void)snprintf(l->path + used, sizeof l->path - used, "%s%s", used > 0 ? "." : "",
                       fields[i].name);
        if ((*seen >> i & 1) != 0) {
            return wrong(l, e, E_SYNTAX, "this field is there twice");
        }
        *seen |= 1u << i;
        int rc = next(l, &value, e);
        rc = rc < 0 ? rc : fields[i].read(l, &value, &fields[i], e);
        if (rc == E_OK) {
            l->path[used] = '\0';
        }
        return rc;
    }
    char why[96];
    (void)snprintf(why, sizeof why, "there is no field \"%.*s\"",
                   (int)(name->raw.len < 40 ? name->raw.len : 40), (const char *)name->raw.ptr);
    return wrong(l, e, E_SYNTAX, why);
}

static int read_object(struct loader *l, const struct json_token *begun, const struct field *fields,
                       size_t count, struct err *e) {
    struct json_token t;
    uint32_t seen = 0;
    if (begun->kind != JSON_OBJECT_BEGIN) {
        return wrong(l, e, E_VALUE, "an object is needed here");
    }
    for (;;) {
        int rc = next(l, &t, e);
        if (rc < 0) {
            return rc;
        }
        if (t.kind == JSON_OBJECT_END) {
            break;
        }
        rc = read_member(l, &t, fields, count, &seen, e);
        if (rc != E_OK) {
            return rc;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (fields[i].required && (seen >> i & 1) == 0) {
            char why[96];
            (void)snprintf(why, sizeof why, "the field \"%s\" is missing", fields[i].name);
            return wrong(l, e, E_MISSING, why);
        }
    }
    return E_OK;
}

static int read_rows(struct loader *l, const struct json_token *begun, const struct field *fields,
                     size_t count, uint32_t max, end_of_row end, struct err *e) {
    size_t used = strlen(l->path);
    if (begun->kind != JSON_ARRAY_BEGIN) {
        return wrong(l, e, E_VALUE, "a list is needed here");
    }
    for (uint32_t i = 0;; i++) {
        struct json_token t;
        int rc = next(l, &t, e);
        if (rc < 0 || t.kind == JSON_ARRAY_END) {
            l->path[rc < 0 ? strlen(l->path) : used] = '\0';
            return rc < 0 ? rc : E_OK;
        }
        (void)snprintf(l->path + used, sizeof l->path - used, "[%u]", i);
        if (i >= max) {
            return wrong(l, e, E_LIMIT, "the list is too long");
        }
        memset(&l->row, 0, sizeof l->row);
        uint64_t began = t.offset;
        rc = read_object(l, &t, fields, count, e);
        if (rc == E_OK) {
            l->at = began;
            rc = end(l, e);
        }
        if (rc != E_OK) {
            return rc;
        }
    }
}

// --- the fields ---

static int read_name(struct loader *l, const struct json_token *t, const struct field *f,
                     struct err *e) {
    struct slice text;
    (void)f;
    int rc = text_of(l, t, sizeof l->profile->name - 1, &text, e);
    if (rc != E_OK) {
        return rc;
    }
    for (size_t i = 0; i < text.len; i++) {
        // It is written into instances, whatever their character set, as one value.
        if (text.ptr[i] < ' ' || text.ptr[i] > '~' || text.ptr[i] == '\\') {
            return wrong(l, e, E_VALUE, "a profile's name has plain ASCII only, no backslash");
        }
    }
    if (text.len == 0) {
        return wrong(l, e, E_VALUE, "a profile needs a name");
    }
    memcpy(l->profile->name, text.ptr, text.len);
    return E_OK;
}

static int read_edition(struct loader *l, const struct json_token *t, const struct field *f,
                        struct err *e) {
    (void)f;
    return t->kind == JSON_STRING && json_in_is(t, GATE_EDITION)
               ? E_OK
               : wrong(l, e, E_VALUE, "this program knows edition " GATE_EDITION " only");
}

static int read_dates(struct loader *l, const struct json_token *t, const struct field *f,
                      struct err *e) {
    static const char *const words[] = {"removed", "shifted", "kept"};
    (void)f;
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (t->kind == JSON_STRING && json_in_is(t, words[i])) {
            l->profile->dates = (enum gate_dates)i;
            return E_OK;
        }
    }
    return wrong(l, e, E_VALUE, "\"removed\", \"shifted\" or \"kept\" is needed here");
}

static int read_options_weakened(struct loader *l, const struct json_token *t,
                                 const struct field *f, struct err *e) {
    (void)f;
    l->options_weakened = t->kind == JSON_TRUE;
    return t->kind == JSON_TRUE ? E_OK : wrong(l, e, E_VALUE, "true is needed here, or no field");
}

#define FLAG(text, member)                                                                         \
    { text, read_flag, offsetof(struct gate_profile, member), 0, 0, true }

static int read_options(struct loader *l, const struct json_token *t, const struct field *f,
                        struct err *e) {
    static const struct field fields[] = {
        FLAG("clean_pixels", examine_pixels),
        FLAG("clean_visual_features", deface),
        FLAG("clean_graphics", clean_graphics),
        FLAG("clean_structured", clean_structured),
        FLAG("clean_descriptors", clean_descriptors),
        FLAG("retain_safe_private", keep_safe_private),
        FLAG("retain_uids", keep_uids),
        FLAG("retain_device", keep_device),
        FLAG("retain_institution", keep_institution),
        FLAG("retain_characteristics", keep_characteristics),
        {"dates", read_dates, 0, 0, 0, true},
        {"weakened", read_options_weakened, 0, 0, 0, false},
    };
    uint64_t began = t->offset;
    (void)f;
    int rc = read_object(l, t, fields, sizeof fields / sizeof fields[0], e);
    if (rc != E_OK) {
        return rc;
    }
    const struct gate_profile *p = l->profile;
    l->at = began;
    if (p->keep_device && p->dates == GATE_DATES_SHIFTED) {
        return wrong(l, e, E_CONFLICT,
                     "Retain Device Identity keeps calibration dates that Modified Dates must "
                     "change: both cannot be claimed");
    }
    bool weak = !p->examine_pixels || p->keep_uids || p->keep_device || p->keep_institution ||
                p->keep_characteristics || p->dates == GATE_DATES_KEPT;
    if (weak && !l->options_weakened) {
        return wrong(l, e, E_CONFLICT,
                     "these options say less than the floor: \"weakened\": true beside them, or "
                     "without them");
    }
    l->profile->weakened = l->profile->weakened || weak;
    return E_OK;
}

static int read_age(struct loader *l, const struct json_token *t, const struct field *f,
                    struct err *e) {
    static const struct field fields[] = {
        {"top", read_u16, offsetof(struct gate_profile, age_top), 1, AGE_TOP_MAX, true},
        {"band", read_u16, offsetof(struct gate_profile, age_band), 0, AGE_BAND_MAX, true},
    };
    (void)f;
    return read_object(l, t, fields, sizeof fields / sizeof fields[0], e);
}

static int read_phrases(struct loader *l, const struct json_token *t, const struct field *f,
                        struct err *e) {
    size_t used = strlen(l->path);
    (void)f;
    if (t->kind != JSON_ARRAY_BEGIN) {
        return wrong(l, e, E_VALUE, "a list of texts is needed here");
    }
    for (;;) {
        struct json_token item;
        struct slice text;
        int rc = next(l, &item, e);
        if (rc < 0 || item.kind == JSON_ARRAY_END) {
            l->path[rc < 0 ? strlen(l->path) : used] = '\0';
            return rc < 0 ? rc : E_OK;
        }
        (void)snprintf(l->path + used, sizeof l->path - used, "[%u]", l->profile->phrase_count);
        if (l->profile->phrase_count == GATE_PROFILE_PHRASES_MAX) {
            return wrong(l, e, E_LIMIT, "the list is too long");
        }
        rc = text_of(l, &item, PHRASE_MAX, &text, e);
        if (rc == E_OK && text.len == 0) {
            rc = wrong(l, e, E_VALUE, "an empty phrase");
        }
        if (rc != E_OK) {
            return rc;
        }
        l->phrases[l->profile->phrase_count++] = text;
    }
}

static int read_row_weakened(struct loader *l, const struct json_token *t, const struct field *f,
                             struct err *e) {
    (void)f;
    l->row.weakened = t->kind == JSON_TRUE;
    return t->kind == JSON_TRUE ? E_OK : wrong(l, e, E_VALUE, "true is needed here, or no field");
}

static int read_why(struct loader *l, const struct json_token *t, const struct field *f,
                    struct err *e) {
    struct slice text;
    (void)f;
    return text_of(l, t, TEXT_MAX, &text, e);
}

static int read_tag(struct loader *l, const struct json_token *t, const struct field *f,
                    struct err *e) {
    struct slice text;
    (void)f;
    int rc = text_of(l, t, TEXT_MAX, &text, e);
    if (rc == E_OK && (!dcm_tag_parse(text, &l->row.tag) || dcm_dict_find(l->row.tag) == NULL ||
                       dcm_tag_is_private(l->row.tag))) {
        rc = wrong(l, e, E_VALUE, "no attribute of the dictionary has this tag or keyword");
    }
    return rc;
}

static int read_action(struct loader *l, const struct json_token *t, const struct field *f,
                       struct err *e) {
    struct slice text;
    (void)f;
    int rc = text_of(l, t, sizeof l->row.action - 1, &text, e);
    if (rc == E_OK) {
        memcpy(l->row.action, text.ptr, text.len);
    }
    return rc;
}

// Without these an instance is none, or is not told from others.
static bool is_vital(dcm_tag tag) {
    return tag == DCM_SOPClassUID || tag == DCM_SOPInstanceUID || tag == DCM_StudyInstanceUID ||
           tag == DCM_SeriesInstanceUID || tag == DCM_PatientName || tag == DCM_PatientID ||
           tag == DCM_SpecificCharacterSet || tag == DCM_PatientIdentityRemoved ||
           tag == DCM_DeidentificationMethod || tag == DCM_DeidentificationMethodCodeSequence ||
           dcm_tag_group(tag) == 0x7FE0;
}

static enum gate_how how_of_action(const struct loader *l) {
    const struct dcm_dict_entry *entry = dcm_dict_find(l->row.tag);
    bool sequence = entry->vr == DCM_VR_SQ;
    bool text = dcm_vr_uses_charset(entry->vr);
    if (strcmp(l->row.action, "remove") == 0) {
        return GATE_HOW_REMOVE;
    }
    if (strcmp(l->row.action, "empty") == 0) {
        return GATE_HOW_EMPTY;
    }
    if (strcmp(l->row.action, "dummy") == 0 && !sequence) {
        return GATE_HOW_DUMMY;
    }
    if (strcmp(l->row.action, "clean") == 0 && (sequence || text || entry->vr == DCM_VR_CS)) {
        return sequence ? GATE_HOW_ITEMS : entry->vr == DCM_VR_CS ? GATE_HOW_TERM : GATE_HOW_WORDS;
    }
    if (strcmp(l->row.action, "keep") == 0) {
        return sequence ? GATE_HOW_ITEMS : GATE_HOW_AS_IS;
    }
    return GATE_HOW_NONE;
}

// An edit weakens when it lets stay what the floor and the reviewed list do not.
static bool weakens(const struct loader *l, enum gate_how how) {
    if (how == GATE_HOW_REMOVE || how == GATE_HOW_EMPTY || how == GATE_HOW_DUMMY) {
        return false;
    }
    const struct gate_rule *r = gate_rule_find(l->row.tag);
    enum gate_how built_in = r == NULL ? GATE_HOW_REMOVE : gate_rule_how(l->profile, r);
    return built_in != how;
}

static int end_edit(struct loader *l, struct err *e) {
    enum gate_how how = how_of_action(l);
    if (how == GATE_HOW_NONE) {
        return wrong(l, e, E_VALUE,
                     "no action of this attribute: keep, clean (text, code strings, sequences), "
                     "remove, empty or dummy");
    }
    if (is_vital(l->row.tag)) {
        return wrong(l, e, E_CONFLICT, "the gate itself decides about this attribute");
    }
    for (uint32_t i = 0; i < l->table->edit_count; i++) {
        if (l->edits[i].tag == l->row.tag) {
            return wrong(l, e, E_CONFLICT, "this attribute is edited twice");
        }
    }
    if (weakens(l, how)) {
        if (!l->row.weakened) {
            return wrong(l, e, E_CONFLICT,
                         "this keeps what Table E.1-1 or the reviewed list do not: \"weakened\": "
                         "true beside it, or without it");
        }
        l->profile->weakened = true;
    }
    l->edits[l->table->edit_count++] = (struct gate_profile_edit){l->row.tag, how};
    return E_OK;
}

static int read_attributes(struct loader *l, const struct json_token *t, const struct field *f,
                           struct err *e) {
    static const struct field fields[] = {
        {"tag", read_tag, 0, 0, 0, true},
        {"action", read_action, 0, 0, 0, true},
        {"weakened", read_row_weakened, 0, 0, 0, false},
        {"why", read_why, 0, 0, 0, false},
    };
    (void)f;
    return read_rows(l, t, fields, sizeof fields / sizeof fields[0], GATE_PROFILE_EDITS_MAX,
                     end_edit, e);
}

static int read_creator(struct loader *l, const struct json_token *t, const struct field *f,
                        struct err *e) {
    struct slice text;
    (void)f;
    int rc = text_of(l, t, GATE_CREATOR_MAX, &text, e);
    if (rc == E_OK && text.len == 0) {
        rc = wrong(l, e, E_VALUE, "a private creator has a name");
    }
    if (rc == E_OK) {
        memcpy(l->row.private.creator, text.ptr, text.len);
    }
    return rc;
}

static int read_hex(struct loader *l, const struct json_token *t, size_t digits,
                    uint32_t *ret_value, struct err *e) {
    struct slice text;
    int rc = text_of(l, t, TEXT_MAX, &text, e);
    if (rc != E_OK) {
        return rc;
    }
    uint32_t value = 0;
    for (size_t i = 0; i < text.len && text.len == digits; i++) {
        uint8_t c = (uint8_t)(text.ptr[i] | 0x20);
        bool digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        if (!digit && (c < 'a' || c > 'f')) {
            return wrong(l, e, E_VALUE, "hexadecimal digits are needed here");
        }
        value = value << 4 | (uint32_t)(digit ? text.ptr[i] - '0' : c - 'a' + 10);
    }
    *ret_value = value;
    return text.len == digits ? E_OK : wrong(l, e, E_VALUE, "not so many hexadecimal digits");
}

static int read_group(struct loader *l, const struct json_token *t, const struct field *f,
                      struct err *e) {
    uint32_t value = 0;
    (void)f;
    int rc = read_hex(l, t, 4, &value, e);
    if (rc == E_OK && ((value & 1) == 0 || value < 0x0009)) {
        rc = wrong(l, e, E_VALUE, "private groups are odd, from 0009");
    }
    l->row.private.group = (uint16_t)value;
    return rc;
}

static int read_element(struct loader *l, const struct json_token *t, const struct field *f,
                        struct err *e) {
    uint32_t value = 0;
    (void)f;
    int rc = read_hex(l, t, 2, &value, e);
    l->row.private.element = (uint8_t)value;
    return rc;
}

// Bytes of no known form may hold a whole header: they are never safe.
static int read_vr(struct loader *l, const struct json_token *t, const struct field *f,
                   struct err *e) {
    struct slice text;
    (void)f;
    int rc = text_of(l, t, TEXT_MAX, &text, e);
    if (rc != E_OK) {
        return rc;
    }
    enum dcm_vr vr = text.len == 2 ? dcm_vr_parse(text.ptr) : DCM_VR_NONE;
    enum dcm_vr_class class = dcm_vr_info(vr)->class;
    if (class == DCM_VR_CLASS_NONE || class == DCM_VR_CLASS_SEQUENCE || vr == DCM_VR_UN ||
        vr == DCM_VR_OB) {
        return wrong(l, e, E_VALUE, "a VR of numbers or text is needed here");
    }
    l->row.private.vr = (uint8_t)vr;
    return E_OK;
}

static int end_private(struct loader *l, struct err *e) {
    if (!l->row.weakened) {
        return wrong(l, e, E_CONFLICT,
                     "Table E.3.10-1 does not hold this for safe: \"weakened\": true beside it");
    }
    l->profile->weakened = true;
    l->privates[l->table->private_count++] = l->row.private;
    return E_OK;
}

static int read_privates(struct loader *l, const struct json_token *t, const struct field *f,
                         struct err *e) {
    static const struct field fields[] = {
        {"creator", read_creator, 0, 0, 0, true},        {"group", read_group, 0, 0, 0, true},
        {"element", read_element, 0, 0, 0, true},        {"vr", read_vr, 0, 0, 0, true},
        {"weakened", read_row_weakened, 0, 0, 0, false}, {"why", read_why, 0, 0, 0, false},
    };
    (void)f;
    return read_rows(l, t, fields, sizeof fields / sizeof fields[0], GATE_PROFILE_PRIVATES_MAX,
                     end_private, e);
}

static int read_top(struct loader *l, struct err *e) {
    static const struct field fields[] = {
        {"name", read_name, 0, 0, 0, true},
        {"edition", read_edition, 0, 0, 0, true},
        {"options", read_options, 0, 0, 0, true},
        FLAG("keep_for_suv", keep_for_suv),
        {"age", read_age, 0, 0, 0, true},
        {"risk_threshold", read_u16, offsetof(struct gate_profile, risk_threshold), 1, RISK_MAX,
         true},
        FLAG("two_persons", two_persons),
        {"hold_days", read_u32, offsetof(struct gate_profile, hold_days), 1, HOLD_DAYS_MAX, true},
        {"phrases", read_phrases, 0, 0, 0, true},
        {"attributes", read_attributes, 0, 0, 0, true},
        {"private", read_privates, 0, 0, 0, true},
    };
    struct json_token t;
    int rc = next(l, &t, e);
    rc = rc < 0 ? rc : read_object(l, &t, fields, sizeof fields / sizeof fields[0], e);
    return rc != E_OK ? rc : next(l, &t, e);
}

// --- after reading ---

static int by_tag(const void *a, const void *b) {
    dcm_tag x = ((const struct gate_profile_edit *)a)->tag;
    dcm_tag y = ((const struct gate_profile_edit *)b)->tag;
    return (x > y) - (x < y);
}

static int by_text(const void *a, const void *b) {
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

// words.h asks for folded and sorted phrases.
static int fold_phrases(struct loader *l, struct err *e) {
    struct buf folded;
    buf_init(&folded, 4 * PHRASE_MAX);
    for (uint32_t i = 0; i < l->profile->phrase_count; i++) {
        buf_clear(&folded);
        utf8_fold(&folded, l->phrases[i]);
        l->phrases[i] = arena_copy(l->arena, buf_slice(&folded));
        if (folded.failed || l->phrases[i].ptr == NULL) {
            buf_done(&folded);
            return err_set(e, E_MEMORY, "no memory for the profile");
        }
    }
    buf_done(&folded);
    qsort(l->phrases, l->profile->phrase_count, sizeof *l->phrases, by_text);
    return E_OK;
}

static bool make_room(struct loader *l) {
    l->profile = arena_new(l->arena, struct gate_profile);
    l->table = arena_new(l->arena, struct gate_profile_table);
    l->edits = arena_array(l->arena, GATE_PROFILE_EDITS_MAX, sizeof *l->edits);
    l->privates = arena_array(l->arena, GATE_PROFILE_PRIVATES_MAX, sizeof *l->privates);
    l->phrases = arena_array(l->arena, GATE_PROFILE_PHRASES_MAX, sizeof *l->phrases);
    return l->profile != NULL && l->table != NULL && l->edits != NULL && l->privates != NULL &&
           l->phrases != NULL;
}

int gate_profile_load(struct arena *a, struct slice text, struct gate_profile **ret_profile,
                      struct err *e) {
    struct loader l = {.text = text, .arena = a};
    if (text.len > GATE_PROFILE_TEXT_MAX) {
        return err_set(e, E_LIMIT, "a profile has at most %zu bytes", GATE_PROFILE_TEXT_MAX);
    }
    if (!make_room(&l)) {
        return err_set(e, E_MEMORY, "no memory for the profile");
    }
    json_in_init(&l.in, text, DEPTH_MAX);
    int rc = read_top(&l, e);
    rc = rc != E_OK ? rc : fold_phrases(&l, e);
    if (rc != E_OK) {
        return rc;
    }
    qsort(l.edits, l.table->edit_count, sizeof *l.edits, by_tag);
    l.table->edits = l.edits;
    l.table->privates = l.privates;
    l.profile->table = l.table;
    l.profile->phrases = l.phrases;
    struct hash digest = hash_of(text);
    (void)hash_hex(&digest, l.profile->digest);
    (void)snprintf(l.profile->tables_digest, sizeof l.profile->tables_digest, "%s",
                   gate_tables_digest());
    *ret_profile = l.profile;
    return E_OK;
}
