// SPDX-License-Identifier: Apache-2.0
#include "gate/check.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "gate/check_priv.h"
#include "gate/lexicon.h"
#include "gate/recognise_priv.h"
#include "gate/subject_priv.h"

void gate_check_found(struct gate_checking *c, enum gate_kind kind, struct slice value,
                      const char *where, ...) {
    struct gate_checked *out = c->out;
    if (out->count >= GATE_CHECK_FINDINGS_MAX) {
        out->more++;
        return;
    }
    struct gate_check_finding *f = &out->list[out->count];
    *f = (struct gate_check_finding){.kind = kind};
    va_list list;
    va_start(list, where);
    (void)vsnprintf(f->where, sizeof f->where, where, list);
    va_end(list);
    for (uint32_t i = out->count; i > 0 && i + 8 > out->count; i--) { // a value of many parts
        if (out->list[i - 1].kind == kind && strcmp(out->list[i - 1].where, f->where) == 0) {
            return;
        }
    }
    if (c->ask->values) {
        value = slice_first(value, GATE_CHECK_VALUE_MAX);
        for (int cut = 0; cut < 4 && !utf8_valid(value); cut++) { // a character cut through
            value.len -= value.len > 0;
        }
        value.len = utf8_valid(value) ? value.len : 0;
        f->value = arena_copy(c->arena, value);
    }
    out->count++;
}

// A given or family name that is no word, with a capital: "Whittaker knee".
static bool lone_name(const struct gate_token *k) {
    uint32_t other = GATE_LEX_SAFE | GATE_LEX(SITE) | GATE_LEX(ROLE) | GATE_LEX(MONTH) |
                     GATE_LEX(TITLE) | GATE_LEX(PARTICLE);
    return (k->lex & GATE_LEX_NAME) != 0 && (k->lex & other) == 0 && k->len >= 4 &&
           (k->flags & GATE_TOKEN_CAPITAL) != 0 && k->gap != 0;
}

static bool identifies(enum gate_kind kind) {
    return kind != GATE_KIND_UID; // 2.25 or not: a UID in text is no person
}

void gate_check_text(struct gate_checking *c, struct slice utf8, bool own, const char *where) {
    struct gate_text t;
    if (!gate_text_init(&t, utf8)) {
        (void)err_set(c->e, E_MEMORY, "text of a value");
        return;
    }
    for (uint32_t i = 0; i < t.count;) {
        enum gate_kind kind = GATE_KIND_UNKNOWN, mine = GATE_KIND_UNKNOWN;
        uint32_t taken = gate_recognise_at(&t, i, &kind);
        uint32_t known = own ? gate_subject_at(c->subject, &t, i, false, &mine) : 0;
        if (known >= taken && known > 0) {
            taken = known;
            kind = mine;
        }
        if (taken == 0 && lone_name(&t.tokens[i])) {
            taken = 1;
            kind = GATE_KIND_PERSON_NAME;
        }
        if (taken > 0 && identifies(kind)) {
            size_t start = t.tokens[i].start;
            gate_check_found(c, kind,
                             slice_of(utf8.ptr + start, t.tokens[i + taken - 1].end - start), "%s",
                             where);
        }
        i += taken > 0 ? taken : 1;
    }
    gate_text_done(&t);
}

// --- around the data set --------------------------------------------------------------------

static bool all_zero(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != 0) {
            return false;
        }
    }
    return true;
}

static void check_meta(struct gate_checking *c, const struct dcm_file *file) {
    static const struct {
        uint16_t element;
        enum gate_kind kind;
        const char *what;
    } rows[] = {
        {0x0016, GATE_KIND_DEVICE, "source application entity"},
        {0x0017, GATE_KIND_DEVICE, "sending application entity"},
        {0x0018, GATE_KIND_DEVICE, "receiving application entity"},
        {0x0026, GATE_KIND_CONTACT, "source presentation address"},
        {0x0027, GATE_KIND_CONTACT, "sending presentation address"},
        {0x0028, GATE_KIND_CONTACT, "receiving presentation address"},
        {0x0102, GATE_KIND_PRIVATE, "private information"},
    };
    if (file->has_preamble && !all_zero(slice_first(file->meta_raw, DCM_PREAMBLE_LEN))) {
        gate_check_found(c, GATE_KIND_CONTAINER, slice_of(NULL, 0), "preamble");
    }
    for (size_t i = 0; file->meta != NULL && i < sizeof rows / sizeof rows[0]; i++) {
        const struct dcm_node *n = dcm_get(file->meta, DCM_TAG(0x0002, rows[i].element));
        if (n != NULL && dcm_value_trim(n->vr, n->value).len > 0 && !all_zero(n->value)) {
            gate_check_found(c, rows[i].kind, n->value, "meta (0002,%04X) %s", rows[i].element,
                             rows[i].what);
        }
    }
}

static void check_name(struct gate_checking *c) {
    struct slice rest = c->ask->name, part;
    while (rest.len > 0 && slice_split(&rest, '/', &part)) {
        uint32_t before = c->out->count;
        if (gate_check_pseudonym(part)) {
            continue;
        }
        gate_check_text(c, part, true, "file name");
        for (uint32_t i = before; i < c->out->count; i++) {
            c->out->list[i].kind = GATE_KIND_FILE_NAME;
        }
    }
}

// --- the data set ---------------------------------------------------------------------------

static void check_structure(struct gate_checking *c, const struct dcm_element *el, bool full) {
    static const struct {
        dcm_tag tag, mask;
        enum gate_kind kind;
        const char *what;
    } rows[] = {
        {DCM_IconImageSequence, 0xFFFFFFFF, GATE_KIND_ICON, "icon image"},
        {DCM_DigitalSignaturesSequence, 0xFFFFFFFF, GATE_KIND_SIGNATURE, "digital signature"},
        {DCM_EncryptedAttributesSequence, 0xFFFFFFFF, GATE_KIND_SIGNATURE, "encrypted attributes"},
        {DCM_OriginalAttributesSequence, 0xFFFFFFFF, GATE_KIND_UNKNOWN, "original attributes"},
        {DCM_ModifiedAttributesSequence, 0xFFFFFFFF, GATE_KIND_UNKNOWN, "modified attributes"},
        {DCM_EncapsulatedDocument, 0xFFFFFFFF, GATE_KIND_DOCUMENT, "enclosed document"},
        {DCM_TAG(0x6000, 0x3000), 0xFF00FFFF, GATE_KIND_GRAPHICS, "overlay"},
        {DCM_TAG(0x6000, 0x4000), 0xFF00FFFF, GATE_KIND_GRAPHICS, "overlay comments"},
        {DCM_TAG(0x5000, 0x3000), 0xFF00FFFF, GATE_KIND_GRAPHICS, "curve"},
        {DCM_DataSetTrailingPadding, 0xFFFFFFFF, GATE_KIND_CONTAINER, "padding"},
    };
    char tag[DCM_TAG_TEXT_LEN + 1];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if ((el->tag & rows[i].mask) == rows[i].tag && full) {
            gate_check_found(c, rows[i].kind, slice_of(NULL, 0), "%s %s",
                             dcm_tag_text(el->tag, tag), rows[i].what);
        }
    }
}

static int check_dataset(struct gate_checking *c, const struct dcm_dataset *d, struct err *e) {
    struct dcm_walk walk;
    struct dcm_element el;
    const struct dcm_node *node;
    dcm_walk_init(&walk, d);
    int event;
    while ((event = dcm_walk_next(&walk, &el, &node, e)) > 0 && c->e->code == E_OK) {
        switch (event) {
        case DCM_EVENT_FRAGMENTS_BEGIN:
            dcm_walk_skip(&walk);
            break;
        case DCM_EVENT_SEQUENCE_BEGIN:
            check_structure(c, &el, node->item_count > 0);
            break;
        case DCM_EVENT_ELEMENT:
            check_structure(c, &el, el.value.len > 0 && !all_zero(el.value));
            gate_check_value(c, &walk, &el);
            break;
        default:
            break;
        }
    }
    return c->e->code != E_OK ? c->e->code : event;
}

static bool text_is(const struct dcm_dataset *d, dcm_tag tag, const char *value) {
    struct slice text;
    return dcm_text(d, tag, 0, &text) && slice_eq_str(text, value);
}

static int prepare(struct gate_checking *c, const struct dcm_dataset *d, struct err *e) {
    struct gate_profile *profile;
    c->out->list = arena_array(c->arena, GATE_CHECK_FINDINGS_MAX, sizeof *c->out->list);
    c->subject = gate_subject_new(c->arena);
    if (c->out->list == NULL || c->subject == NULL) {
        return err_set(e, E_MEMORY, "what is checked");
    }
    int rc = gate_profile_load(c->arena, gate_profile_builtin(), &profile, e);
    rc = rc == E_OK ? gate_subject_gather(c->subject, d, e) : rc;
    if (rc != E_OK && rc != E_LIMIT) { // more names than are looked for: those are
        return rc;
    }
    err_clear(e);
    c->profile = profile;
    c->declared_modified = text_is(d, DCM_LongitudinalTemporalInformationModified, "MODIFIED") &&
                           text_is(d, DCM_PatientIdentityRemoved, "YES");
    return E_OK;
}

int gate_check_file(struct arena *a, const struct gate_check *ask, struct slice bytes,
                    struct gate_checked *ret_checked, struct err *e) {
    struct dcm_file file;
    struct dcm_dataset *d;
    struct err trouble = {0};
    struct gate_checked out = {0};
    struct gate_checking c = {.arena = a, .ask = ask, .out = &out, .e = &trouble};
    int rc = dcm_file_open(a, bytes, &file, e);
    rc = rc == E_OK ? dcm_file_dataset(a, &file, 0, &d, e) : rc;
    rc = rc == E_OK ? prepare(&c, d, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    check_name(&c);
    check_meta(&c, &file);
    rc = check_dataset(&c, d, e);
    if ((file.oddities & DCM_ODDITY(TRAILING)) != 0) {
        gate_check_found(&c, GATE_KIND_CONTAINER, slice_of(NULL, 0), "behind the data set");
    }
    rc = rc == E_OK ? gate_check_pixels(&c, d, &file, bytes, e) : rc;
    if (rc == E_OK && trouble.code != E_OK) {
        *e = trouble;
        rc = trouble.code;
    }
    *ret_checked = out;
    return rc;
}
