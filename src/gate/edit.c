// SPDX-License-Identifier: Apache-2.0
#include "gate/edit.h"

#include <stdio.h>
#include <strings.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/utf8.h"
#include "dicom/charset.h"
#include "dicom/dataset.h"
#include "dicom/dict.h"
#include "dicom/uid.h"
#include "dicom/value.h"
#include "gate/header.h"

#define LABEL_DIGITS_MAX 3u
#define TEXT_MAX ((size_t)64 << 20) // of one value in UTF-8

// --- places ---

char *gate_path_item(const char *path, dcm_tag sequence, uint32_t index, char out[GATE_PATH_MAX]) {
    char tag[DCM_TAG_TEXT_LEN + 1];
    (void)snprintf(out, GATE_PATH_MAX, "%s%s%s[%u]", path, *path == '\0' ? "" : ".",
                   dcm_tag_text(sequence, tag), index);
    return out;
}

char *gate_path_element(const char *path, dcm_tag tag, char out[GATE_PATH_MAX]) {
    char text[DCM_TAG_TEXT_LEN + 1];
    (void)snprintf(out, GATE_PATH_MAX, "%s%s%s", path, *path == '\0' ? "" : ".",
                   dcm_tag_text(tag, text));
    return out;
}

static void note(struct gate_context *c, enum gate_kind kind, enum gate_done done, const char *path,
                 dcm_tag tag) {
    char where[GATE_PATH_MAX];
    gate_notes_add(&c->notes, kind, done, "%s", gate_path_element(path, tag, where));
}

enum gate_kind gate_kind_first(uint32_t kinds) {
    for (unsigned i = 0; i < GATE_KIND_COUNT; i++) {
        if ((kinds >> i & 1) != 0) {
            return (enum gate_kind)i;
        }
    }
    return GATE_KIND_FREE_TEXT;
}

// --- values ---

struct slice gate_text_of(const struct gate_context *c, const struct dcm_dataset *d, dcm_tag tag) {
    const struct dcm_node *n = dcm_get(d, tag);
    if (n == NULL || dcm_vr_info(n->vr)->class != DCM_VR_CLASS_TEXT || n->value.len == 0) {
        return slice_of(NULL, 0);
    }
    CLEANUP(cleanup_buf) struct buf text;
    buf_init(&text, TEXT_MAX);
    struct dcm_charset cs = dcm_charset_of(d);
    dcm_charset_to_utf8(&cs, n->vr, n->value, &text, NULL);
    struct slice copy = text.failed ? slice_of(NULL, 0) : arena_copy(c->arena, buf_slice(&text));
    return copy.ptr == NULL ? slice_of(NULL, 0) : dcm_value_trim(n->vr, copy);
}

bool gate_is(const struct dcm_dataset *d, dcm_tag tag, const char *text) {
    struct slice value;
    return dcm_text(d, tag, 0, &value) && slice_eq_str(value, text);
}

static void ascii_only(struct slice utf8, struct buf *out) {
    for (size_t i = 0; i < utf8.len; i++) {
        if (utf8.ptr[i] < 0x80) {
            buf_put_byte(out, utf8.ptr[i]);
        }
    }
}

int gate_text_put(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr,
                  struct slice utf8, struct err *e) {
    (void)c;
    int code = dcm_charset_put(d, tag, vr, utf8, e);
    if (code != E_CHARSET) {
        return code;
    }
    CLEANUP(cleanup_buf) struct buf plain;
    buf_init(&plain, TEXT_MAX);
    ascii_only(utf8, &plain);
    code = buf_check(&plain, "a text", e);
    return code == E_OK ? dcm_put(d, tag, vr, buf_slice(&plain), e) : code;
}

int gate_text_clean(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag, const char *path,
                    size_t *ret_kept, struct err *e) {
    const struct dcm_node *n = dcm_get(d, tag);
    *ret_kept = 0;
    if (n == NULL) {
        return E_OK;
    }
    enum dcm_vr vr = n->vr;
    struct slice text = gate_text_of(c, d, tag);
    CLEANUP(cleanup_buf) struct buf kept;
    buf_init(&kept, TEXT_MAX);
    struct gate_cleaned cleaned = gate_words_clean(&c->words, text, &kept);
    int code = buf_check(&kept, "a text", e);
    if (code != E_OK) {
        return code;
    }
    *ret_kept = kept.len;
    enum gate_kind kind = gate_kind_first(cleaned.kinds);
    if (kept.len == 0) {
        if (dcm_remove(d, tag) && text.len > 0) {
            note(c, kind, GATE_DONE_REMOVED, path, tag);
        }
        return E_OK;
    }
    if (cleaned.dropped == 0 && slice_eq(buf_slice(&kept), text)) {
        return E_OK; // as it is, byte for byte
    }
    note(c, kind, GATE_DONE_CLEANED, path, tag);
    return gate_text_put(c, d, tag, vr, buf_slice(&kept), e);
}

bool gate_text_objectionable(const struct gate_context *c, struct slice utf8, bool vocabulary) {
    struct gate_hit hit;
    if (vocabulary) {
        return !gate_words_safe(&c->words, utf8);
    }
    return c->words.subject != NULL && gate_subject_find(c->words.subject, utf8, 0, false, &hit);
}

// Words that programs call their layers and groups by.
static bool is_label_word(struct slice letters) {
    static const char *const words[] = {
        "LAYER",       "ANNOTATION", "ANNOTATIONS", "GRAPHIC", "GRAPHICS", "TEXT",   "OVERLAY",
        "MEASUREMENT", "DRAWING",    "INTERACTIVE", "GSPS",    "SHUTTER",  "BITMAP", "DISPLAY",
        "GROUP",       "ROI",        "MARKER",      "ARROW",   "DEFAULT",  "USER",   "SYSTEM"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (letters.len == strlen(words[i]) &&
            strncasecmp((const char *)letters.ptr, words[i], letters.len) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_letter(uint8_t b) {
    return (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') || b > 127;
}

bool gate_label_plain(const struct gate_context *c, struct slice utf8) {
    if (gate_text_objectionable(c, utf8, false)) {
        return false;
    }
    size_t digits = 0;
    for (size_t i = 0; i < utf8.len; i++) {
        size_t from = i;
        while (i < utf8.len && is_letter(utf8.ptr[i])) {
            i++;
        }
        struct slice letters = slice_of(utf8.ptr + from, i - from);
        if (letters.len > 2 && !is_label_word(letters) &&
            gate_text_objectionable(c, letters, true)) {
            return false;
        }
        bool digit = i < utf8.len && utf8.ptr[i] >= '0' && utf8.ptr[i] <= '9';
        digits = digit ? digits + 1 : 0;
        if (digits > LABEL_DIGITS_MAX) {
            return false;
        }
    }
    return true;
}

static bool all_uids(const struct dcm_node *n) {
    struct slice uid;
    uint32_t i = 0;
    while (dcm_node_text(n, i, &uid) && dcm_uid_usable(uid)) {
        i++;
    }
    return i == dcm_value_count(n);
}

int gate_uids_clean(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag, struct err *e) {
    const struct dcm_node *n = dcm_get(d, tag);
    if (n == NULL || (c->profile->keep_uids && all_uids(n))) {
        return E_OK;
    }
    CLEANUP(cleanup_buf) struct buf all;
    buf_init(&all, TEXT_MAX);
    struct slice uid;
    for (uint32_t i = 0; dcm_node_text(n, i, &uid); i++) {
        char made[DCM_UID_MAX + 1];
        buf_put_str(&all, i == 0 ? "" : "\\");
        buf_put_str(&all, gate_uid(c->key, uid, made));
    }
    int code = buf_check(&all, "UIDs", e);
    if (code != E_OK || all.len == 0) {
        return code;
    }
    return dcm_put(d, tag, DCM_VR_UI, buf_slice(&all), e);
}

int gate_by_header(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag, const char *path,
                   bool *ret_there, struct err *e) {
    *ret_there = false;
    const struct dcm_node *n = dcm_get(d, tag);
    if (n == NULL) {
        return E_OK;
    }
    struct dcm_dataset *alone = dcm_dataset_new(c->arena, d->encoding);
    if (alone == NULL) {
        return err_set(e, E_MEMORY, "no memory for an element");
    }
    alone->parent = d; // its character set is d's
    int code = dcm_put(alone, tag, n->vr, n->value, e);
    code = code == E_OK ? gate_header_clean_item(c, alone, path, e) : code;
    if (code != E_OK) {
        return code;
    }
    const struct dcm_node *after = dcm_get(alone, tag);
    if (after == NULL) {
        (void)dcm_remove(d, tag);
        return E_OK;
    }
    *ret_there = after->value.len > 0;
    return slice_eq(after->value, dcm_get(d, tag)->value)
               ? E_OK
               : dcm_put(d, tag, after->vr, after->value, e);
}

// --- what else is in an item ---

void gate_drop(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag, enum gate_kind kind,
               const char *path) {
    if (dcm_remove(d, tag)) {
        note(c, kind, GATE_DONE_REMOVED, path, tag);
    }
}

void gate_remove_all(struct dcm_dataset *d) {
    while (d->count > 0) {
        (void)dcm_remove(d, d->nodes[0].tag);
    }
}

static bool is_allowed(const dcm_tag *allowed, size_t count, dcm_tag tag) {
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (allowed[middle] == tag) {
            return true;
        }
        if (allowed[middle] < tag) {
            low = middle + 1;
        } else {
            count = middle;
        }
    }
    return false;
}

// SQ is written as UN by some; the reader has made it a sequence again. Text as UN stays unknown.
static bool vr_fits(const struct dcm_node *n) {
    const struct dcm_dict_entry *entry = dcm_dict_find(n->tag);
    return entry != NULL && (n->vr == entry->vr || n->vr == entry->vr2);
}

bool gate_keep_only(struct gate_context *c, struct dcm_dataset *d, const dcm_tag *allowed,
                    size_t count, const char *path) {
    for (uint32_t i = d->count; i-- > 0;) {
        dcm_tag tag = d->nodes[i].tag;
        if (dcm_get(d, tag) != &d->nodes[i]) {
            return false;
        }
        if (!is_allowed(allowed, count, tag) || !vr_fits(&d->nodes[i])) {
            gate_drop(c, d, tag, dcm_tag_is_private(tag) ? GATE_KIND_PRIVATE : GATE_KIND_UNKNOWN,
                      path);
        }
    }
    return true;
}
