// SPDX-License-Identifier: Apache-2.0
// A view in memory: its studies in order of UID, each with a few values.
#include "archive/view.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "dicom/dict.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "dicom/value.h"

struct view_values_list {
    struct view_value *values;
    size_t count;
};

struct view_entry {
    struct slice study;
    struct view_values_list own;
};

struct view {
    struct arena arena;
    bool whole;
    struct view_values_list defaults;
    struct view_entry *entries; // on the heap, in order of UID
    size_t count, cap;
};

struct view *view_new(bool whole) {
    struct view *v = mem_zalloc(sizeof *v);
    if (v != NULL) {
        arena_init(&v->arena, VIEW_MEMORY_MAX);
        v->whole = whole;
    }
    return v;
}

void view_free(struct view *v) {
    if (v != NULL) {
        mem_free(v->entries);
        arena_done(&v->arena);
        mem_free(v);
    }
}

// Index of the study, or where it would stand.
static size_t place_of(const struct view *v, struct slice study, bool *ret_there) {
    size_t low = 0;
    size_t high = v->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_cmp(v->entries[middle].study, study);
        if (order == 0) {
            *ret_there = true;
            return middle;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    *ret_there = false;
    return low;
}

static const struct view_entry *find(const struct view *v, struct slice study) {
    bool there;
    size_t at = place_of(v, study, &there);
    return there ? &v->entries[at] : NULL;
}

static int grow(struct view *v, struct err *e) {
    if (v->count == VIEW_STUDIES_MAX) {
        return err_set(e, E_LIMIT, "more than %d studies in a view", VIEW_STUDIES_MAX);
    }
    if (v->count < v->cap) {
        return E_OK;
    }
    size_t cap = v->cap == 0 ? 16 : 2 * v->cap;
    struct view_entry *entries = mem_realloc(v->entries, cap * sizeof *entries);
    if (entries == NULL) {
        return err_set(e, E_MEMORY, "view");
    }
    v->entries = entries;
    v->cap = cap;
    return E_OK;
}

static int add(struct view *v, struct slice study_uid, size_t *ret_index, struct err *e) {
    bool there;
    *ret_index = place_of(v, study_uid, &there);
    if (there) {
        return E_OK;
    }
    if (!dcm_uid_usable(study_uid)) {
        return err_set(e, E_ARGUMENT, "the study of a view has no proper UID");
    }
    int rc = grow(v, e);
    struct slice copy = rc == E_OK ? arena_copy(&v->arena, study_uid) : study_uid;
    if (rc != E_OK || copy.ptr == NULL) {
        return rc != E_OK ? rc : err_set(e, E_LIMIT, "a view takes too much memory");
    }
    struct view_entry *at = v->entries + *ret_index;
    memmove(at + 1, at, (v->count - *ret_index) * sizeof *at);
    *at = (struct view_entry){.study = copy};
    v->count++;
    return E_OK;
}

int view_add(struct view *v, struct slice study_uid, struct err *e) {
    size_t index;
    return add(v, study_uid, &index, e);
}

// Text of groups that describe patient, study, acquisition or results; nothing that says what the
// instance is, how it is coded or how to draw it.
static bool replaceable(dcm_tag tag, enum dcm_vr vr) {
    static const dcm_tag fixed[] = {DCM_SpecificCharacterSet, DCM_QueryRetrieveLevel,
                                    DCM_InstanceAvailability, DCM_RetrieveAETitle,
                                    DCM_TimezoneOffsetFromUTC};
    bool text = dcm_vr_info(vr)->class == DCM_VR_CLASS_TEXT && vr != DCM_VR_UI;
    uint16_t group = dcm_tag_group(tag);
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        text = text && tag != fixed[i];
    }
    return text && group > 0x0002 && group != 0x0028 && (group & 1) == 0 && group < 0x5000;
}

static int check(dcm_tag tag, struct slice text, enum dcm_vr *ret_vr, struct err *e) {
    const struct dcm_dict_entry *known = dcm_dict_find(tag);
    char path[DCM_TAG_TEXT_LEN + 1];
    if (known == NULL || !replaceable(tag, known->vr)) {
        err_set(e, E_ARGUMENT, "a view cannot replace this attribute");
        return err_in(e, dcm_tag_text(tag, path));
    }
    if (text.len > VIEW_TEXT_MAX || !utf8_valid(text)) {
        err_set(e, E_ARGUMENT, "the text of a view is not UTF-8 of at most %zu bytes",
                VIEW_TEXT_MAX);
        return err_in(e, dcm_tag_text(tag, path));
    }
    struct slice rest = text;
    struct slice value;
    while (text.len > 0 && dcm_value_next(known->vr, &rest, &value)) {
        if (value.len > 0 && dcm_value_check(known->vr, value, e) != E_OK) {
            e->code = E_ARGUMENT;
            return err_in(e, dcm_tag_text(tag, path));
        }
    }
    *ret_vr = known->vr;
    return E_OK;
}

static struct view_value *find_value(const struct view_values_list *l, dcm_tag tag) {
    for (size_t i = 0; i < l->count; i++) {
        if (l->values[i].tag == tag) {
            return &l->values[i];
        }
    }
    return NULL;
}

// Few values, so that a list is copied when it grows.
static int put_value(struct arena *a, struct view_values_list *l, const struct view_value *value,
                     struct err *e) {
    struct view_value *there = find_value(l, value->tag);
    if (there != NULL) {
        *there = *value;
        return E_OK;
    }
    if (l->count == VIEW_VALUES_MAX) {
        return err_set(e, E_LIMIT, "more than %d replaced attributes", VIEW_VALUES_MAX);
    }
    if (l->count % 8 == 0) {
        struct view_value *values = arena_array(a, l->count + 8, sizeof *values);
        if (values == NULL) {
            return err_set(e, E_LIMIT, "a view takes too much memory");
        }
        if (l->count > 0) {
            memcpy(values, l->values, l->count * sizeof *values);
        }
        l->values = values;
    }
    l->values[l->count++] = *value;
    return E_OK;
}

int view_replace(struct view *v, struct slice study_uid, dcm_tag tag, struct slice text,
                 struct err *e) {
    struct view_value value = {.tag = tag};
    size_t index = 0;
    int rc = check(tag, text, &value.vr, e);
    if (rc == E_OK && study_uid.len > 0) {
        rc = add(v, study_uid, &index, e);
    }
    if (rc != E_OK) {
        return rc;
    }
    value.text = arena_copy(&v->arena, text);
    if (value.text.ptr == NULL) {
        return err_set(e, E_LIMIT, "a view takes too much memory");
    }
    struct view_values_list *list = study_uid.len > 0 ? &v->entries[index].own : &v->defaults;
    return put_value(&v->arena, list, &value, e);
}

bool view_is_whole(const struct view *v) { return v == NULL || v->whole; }

bool view_shows(const struct view *v, struct slice study_uid) {
    return v == NULL || v->whole || find(v, study_uid) != NULL;
}

static const struct view_value *value_of(const struct view *v, const struct view_entry *entry,
                                         dcm_tag tag) {
    const struct view_value *own = entry == NULL ? NULL : find_value(&entry->own, tag);
    return own != NULL ? own : find_value(&v->defaults, tag);
}

const struct view_value *view_value(const struct view *v, struct slice study_uid, dcm_tag tag) {
    return v == NULL ? NULL : value_of(v, find(v, study_uid), tag);
}

bool view_replaces(const struct view *v, dcm_tag tag) {
    if (v == NULL || find_value(&v->defaults, tag) != NULL) {
        return v != NULL;
    }
    for (size_t i = 0; i < v->count; i++) {
        if (find_value(&v->entries[i].own, tag) != NULL) {
            return true;
        }
    }
    return false;
}

bool view_changes(const struct view *v, struct slice study_uid) {
    if (v == NULL || v->defaults.count > 0) {
        return v != NULL;
    }
    const struct view_entry *entry = find(v, study_uid);
    return entry != NULL && entry->own.count > 0;
}

size_t view_study_count(const struct view *v) { return v == NULL ? 0 : v->count; }

struct slice view_study(const struct view *v, size_t index) {
    return index < view_study_count(v) ? v->entries[index].study : slice_str("");
}

const struct view_value *view_study_value(const struct view *v, size_t index, dcm_tag tag) {
    return index < view_study_count(v) ? value_of(v, &v->entries[index], tag) : NULL;
}

const struct view_value *view_default(const struct view *v, dcm_tag tag) {
    return v == NULL ? NULL : find_value(&v->defaults, tag);
}

size_t view_values(const struct view *v, struct slice study_uid,
                   const struct view_value *out[2 * VIEW_VALUES_MAX]) {
    if (v == NULL) {
        return 0;
    }
    const struct view_entry *entry = find(v, study_uid);
    size_t count = 0;
    for (size_t i = 0; entry != NULL && i < entry->own.count; i++) {
        out[count++] = &entry->own.values[i];
    }
    for (size_t i = 0; i < v->defaults.count; i++) {
        if (entry == NULL || find_value(&entry->own, v->defaults.values[i].tag) == NULL) {
            out[count++] = &v->defaults.values[i];
        }
    }
    return count;
}
