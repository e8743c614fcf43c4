// SPDX-License-Identifier: Apache-2.0
// The walk over tokens with an explicit stack of data sets: attributes to elements, arrays of
// objects to items. Values are made in json_read_value.c.
#include "dicom/json_read.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json_in.h"
#include "base/num.h"
#include "dicom/dataset.h"
#include "dicom/dict.h"
#include "dicom/json_read_priv.h"
#include "dicom/tags.h"
#include "dicom/value.h"

#define VALUE_MAX ((size_t)1 << 31) // bytes of one value
#define DATASETS_MAX 1000000u
#define NARROW_LENGTH_MAX 65534 // longer values of short VRs are UN (PS3.5 6.2.2)

static void cleanup_reader(struct dcm_json_reader *r) {
    buf_done(&r->value);
    buf_done(&r->text);
}

static struct dcm_json_level *top(struct dcm_json_reader *r) { return &r->levels[r->depth]; }

// --- errors and places

int dcm_json_place(struct dcm_json_reader *r, dcm_tag tag, uint64_t offset, struct err *e) {
    char path[DCM_PATH_MAX] = "";
    size_t used = 0;
    char text[DCM_TAG_TEXT_LEN + 1];
    for (unsigned i = 0; i < r->depth; i++) {
        int len = snprintf(path + used, sizeof path - used, "%s[%u].",
                           dcm_tag_text(r->levels[i].sequence, text), r->levels[i].items);
        size_t room = sizeof path - 1 - used;
        used += len < 0 ? 0 : (size_t)len < room ? (size_t)len : room;
    }
    (void)snprintf(path + used, sizeof path - used, "%s", dcm_tag_text(tag, text));
    (void)err_at(e, offset);
    return err_in(e, path);
}

int dcm_json_refuse(struct dcm_json_reader *r, dcm_tag tag, const struct json_token *t, int code,
                    const char *what, struct err *e) {
    (void)err_set(e, code, "DICOM JSON: %s", what);
    return dcm_json_place(r, tag, t->offset, e);
}

static int next(struct dcm_json_reader *r, struct json_token *t, struct err *e) {
    return json_in_next(r->in, t, e);
}

static int expect(struct dcm_json_reader *r, enum json_kind kind, dcm_tag tag, struct json_token *t,
                  const char *what, struct err *e) {
    int rc = next(r, t, e);
    if (rc < 0) {
        return rc;
    }
    return t->kind == kind ? E_OK : dcm_json_refuse(r, tag, t, E_SYNTAX, what, e);
}

// --- putting elements

static int put(struct dcm_json_reader *r, dcm_tag tag, enum dcm_vr vr, const struct json_token *t,
               struct err *e) {
    struct slice value = buf_slice(&r->value);
    int rc = buf_check(&r->value, "a value", e);
    if (rc == E_OK && tag == DCM_SpecificCharacterSet) {
        value = slice_str("ISO_IR 192");
    }
    if (rc == E_OK) {
        bool too_long = !dcm_vr_info(vr)->wide && value.len > NARROW_LENGTH_MAX;
        rc = dcm_put(top(r)->dataset, tag, too_long ? DCM_VR_UN : vr, value, e);
    }
    return rc == E_OK ? E_OK : dcm_json_place(r, tag, t->offset, e);
}

// The items of encapsulated pixel data with their headers, as the writer gives them.
static bool count_fragments(struct slice s, uint32_t *ret_count) {
    uint32_t count = 0;
    while (s.len >= 8 && num_le32(s.ptr) == 0xE000FFFEu && num_le32(s.ptr + 4) <= s.len - 8) {
        s = slice_from(s, 8 + (size_t)num_le32(s.ptr + 4));
        count++;
    }
    *ret_count = count;
    return s.len == 0 && count > 0;
}

static int put_fragments(struct dcm_json_reader *r, dcm_tag tag, enum dcm_vr vr, struct slice s,
                         uint32_t count, struct err *e) {
    struct slice *fragments = arena_array(r->arena, count, sizeof *fragments);
    if (fragments == NULL) {
        return err_set(e, E_MEMORY, "no memory for the data set");
    }
    for (uint32_t i = 0; i < count; i++) {
        size_t len = num_le32(s.ptr + 4);
        fragments[i] = slice_of(s.ptr + 8, len);
        s = slice_from(s, 8 + len);
    }
    return dcm_put_fragments(top(r)->dataset, tag, vr, fragments, count, e);
}

static int put_bulk(struct dcm_json_reader *r, dcm_tag tag, enum dcm_vr vr, struct slice bytes,
                    const struct json_token *t, struct err *e) {
    uint32_t count;
    bool pixels = tag == DCM_PixelData && (vr == DCM_VR_OB || vr == DCM_VR_OW);
    int rc;
    if (pixels && count_fragments(bytes, &count)) {
        rc = put_fragments(r, tag, vr, bytes, count, e);
    } else {
        rc = dcm_put_borrowed(top(r)->dataset, tag, vr, bytes, e);
    }
    return rc == E_OK ? E_OK : dcm_json_place(r, tag, t->offset, e);
}

static int put_inline(struct dcm_json_reader *r, dcm_tag tag, enum dcm_vr vr,
                      const struct json_token *t, struct err *e) {
    struct buf bytes;
    buf_init(&bytes, VALUE_MAX);
    bool good = t->kind == JSON_STRING && !t->escaped && base64_decode(t->raw, &bytes);
    struct slice kept = arena_copy(r->arena, buf_slice(&bytes));
    int rc = buf_check(&bytes, "InlineBinary", e);
    buf_done(&bytes);
    if (!good || rc != E_OK) {
        return good ? rc : dcm_json_refuse(r, tag, t, E_SYNTAX, "InlineBinary is not base64", e);
    }
    return kept.ptr == NULL ? err_set(e, E_MEMORY, "no memory for the data set")
                            : put_bulk(r, tag, vr, kept, t, e);
}

static int put_uri(struct dcm_json_reader *r, dcm_tag tag, enum dcm_vr vr,
                   const struct json_token *t, struct err *e) {
    struct slice bytes;
    if (t->kind != JSON_STRING) {
        return dcm_json_refuse(r, tag, t, E_SYNTAX, "BulkDataURI is a string", e);
    }
    if (r->options == NULL || r->options->bulk == NULL) {
        return E_OK;
    }
    buf_clear(&r->text);
    int rc = json_in_text(t, &r->text, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = r->options->bulk(r->options->context, buf_slice(&r->text), tag, vr, &bytes, e);
    if (rc != E_OK) {
        return rc > 0 ? E_OK : dcm_json_place(r, tag, t->offset, e);
    }
    return put_bulk(r, tag, vr, bytes, t, e);
}

static int put_empty_sequence(struct dcm_json_reader *r, dcm_tag tag, struct err *e) {
    struct dcm_dataset *unwanted;
    struct dcm_dataset *d = top(r)->dataset;
    int rc = dcm_add_item(d, tag, &unwanted, e);
    if (rc == E_OK) {
        d->nodes[dcm_get(d, tag) - d->nodes].item_count = 0;
    }
    return rc;
}

// --- elements

struct element {
    dcm_tag tag;
    enum dcm_vr vr;
    bool ignored;     // group length, group 0002
    bool has_content; // Value, InlineBinary or BulkDataURI was there
    bool open;        // a sequence whose items come next
};

// "Value" of anything but a sequence.
static int take_values(struct dcm_json_reader *r, const struct element *el, struct err *e) {
    struct json_token t;
    bool text = dcm_vr_info(el->vr)->class == DCM_VR_CLASS_TEXT;
    struct json_token begun;
    int rc = expect(r, JSON_ARRAY_BEGIN, el->tag, &begun, "Value is an array", e);
    if (rc != E_OK) {
        return rc;
    }
    buf_clear(&r->value);
    for (uint32_t i = 0;; i++) {
        rc = next(r, &t, e);
        if (rc < 0) {
            return rc;
        }
        if (t.kind == JSON_ARRAY_END) {
            break;
        }
        if (text && i > 0 && !dcm_vr_splits(el->vr)) {
            return dcm_json_refuse(r, el->tag, &t, E_VALUE, "more values than one", e);
        }
        if (text && i > 0) {
            buf_put_byte(&r->value, '\\');
        }
        if (dcm_vr_info(el->vr)->class == DCM_VR_CLASS_BULK) {
            return dcm_json_refuse(r, el->tag, &t, E_SYNTAX, "a bulk VR has no Value", e);
        }
        rc = text ? dcm_json_take_text(r, el->tag, el->vr, &t, e)
                  : dcm_json_take_binary(r, el->tag, el->vr, &t, e);
        if (rc != E_OK) {
            return rc;
        }
    }
    return put(r, el->tag, el->vr, &begun, e);
}

static int take_sequence(struct dcm_json_reader *r, struct element *el, struct err *e) {
    struct json_token t;
    int rc = expect(r, JSON_ARRAY_BEGIN, el->tag, &t, "Value is an array", e);
    if (rc == E_OK) {
        rc = put_empty_sequence(r, el->tag, e);
    }
    if (rc == E_OK) {
        top(r)->sequence = el->tag;
        top(r)->items = 0;
        el->open = true;
    }
    return rc;
}

static int take_content(struct dcm_json_reader *r, struct element *el,
                        const struct json_token *name, struct err *e) {
    struct json_token t;
    if (el->has_content) {
        return dcm_json_refuse(r, el->tag, name, E_SYNTAX,
                               "more than one of Value, InlineBinary, BulkDataURI", e);
    }
    el->has_content = true;
    if (json_in_is(name, "Value")) {
        return el->vr == DCM_VR_SQ ? take_sequence(r, el, e) : take_values(r, el, e);
    }
    int rc = next(r, &t, e);
    if (rc < 0) {
        return rc;
    }
    if (el->vr == DCM_VR_SQ) {
        return dcm_json_refuse(r, el->tag, &t, E_SYNTAX, "a sequence has items, no bytes", e);
    }
    return json_in_is(name, "InlineBinary") ? put_inline(r, el->tag, el->vr, &t, e)
                                            : put_uri(r, el->tag, el->vr, &t, e);
}

static bool is_content(const struct json_token *name) {
    return json_in_is(name, "Value") || json_in_is(name, "InlineBinary") ||
           json_in_is(name, "BulkDataURI");
}

// The members of an element's object from `t` on (a NAME or its end), until a sequence opens or the
// object ends.
static int take_members(struct dcm_json_reader *r, struct element *el, struct json_token t,
                        struct err *e) {
    int rc = E_OK;
    while (t.kind != JSON_OBJECT_END) {
        rc = is_content(&t) && !el->ignored ? take_content(r, el, &t, e)
                                            : json_in_skip(r->in, &t, e);
        if (rc != E_OK || el->open) {
            return rc;
        }
        rc = next(r, &t, e);
        if (rc < 0) {
            return rc;
        }
    }
    if (el->has_content || el->ignored) {
        return E_OK;
    }
    if (el->vr == DCM_VR_SQ) {
        return put_empty_sequence(r, el->tag, e);
    }
    buf_clear(&r->value);
    return put(r, el->tag, el->vr, &t, e);
}

static int vr_of(struct dcm_json_reader *r, dcm_tag tag, const struct json_token *t,
                 enum dcm_vr *ret_vr, struct err *e) {
    *ret_vr = t->kind == JSON_STRING && t->raw.len == 2 ? dcm_vr_parse(t->raw.ptr) : DCM_VR_NONE;
    return *ret_vr != DCM_VR_NONE ? E_OK : dcm_json_refuse(r, tag, t, E_VALUE, "no such VR", e);
}

// The VR is the first member nearly always; where it is not, the members are looked through first.
// Without any, the dictionary says it.
static int find_vr(struct dcm_json_reader *r, dcm_tag tag, struct json_token first,
                   enum dcm_vr *ret_vr, struct err *e) {
    struct json_in look = *r->in;
    struct json_token t = first;
    while (t.kind == JSON_NAME) {
        int rc;
        if (json_in_is(&t, "vr")) {
            rc = json_in_next(&look, &t, e);
            return rc < 0 ? rc : vr_of(r, tag, &t, ret_vr, e);
        }
        rc = json_in_skip(&look, &t, e);
        if (rc == E_OK) {
            rc = json_in_next(&look, &t, e);
        }
        if (rc < 0) {
            return rc;
        }
    }
    *ret_vr = dcm_dict_vr(tag);
    return E_OK;
}

static int check_order(struct dcm_json_reader *r, dcm_tag tag, const struct json_token *t,
                       struct err *e) {
    struct dcm_json_level *l = top(r);
    if (tag > l->last || l->dataset->count == 0) {
        l->last = tag;
        return E_OK;
    }
    if (dcm_get(l->dataset, tag) != NULL) {
        return dcm_json_refuse(r, tag, t, E_SYNTAX, "an attribute twice in one data set", e);
    }
    return ++l->unordered <= DCM_JSON_UNORDERED_MAX
               ? E_OK
               : dcm_json_refuse(r, tag, t, E_LIMIT, "too many attributes out of tag order", e);
}

static int take_element(struct dcm_json_reader *r, const struct json_token *name, struct err *e) {
    struct element el = {0};
    struct json_token t;
    struct err why = {0};
    if (name->escaped || dcm_at_parse(name->raw, &el.tag, &why) != E_OK ||
        dcm_tag_group(el.tag) == 0xFFFE) {
        return dcm_json_refuse(r, 0, name, E_SYNTAX, "an attribute's name is a tag of eight digits",
                               e);
    }
    el.ignored = dcm_tag_is_group_length(el.tag) || dcm_tag_group(el.tag) == 2;
    int rc = el.ignored ? E_OK : check_order(r, el.tag, name, e);
    if (rc == E_OK) {
        rc = expect(r, JSON_OBJECT_BEGIN, el.tag, &t, "an attribute is an object", e);
    }
    if (rc == E_OK) {
        rc = next(r, &t, e);
    }
    if (rc < 0) {
        return rc;
    }
    rc = find_vr(r, el.tag, t, &el.vr, e);
    return rc != E_OK ? rc : take_members(r, &el, t, e);
}

// --- data sets and items

static int begin_item(struct dcm_json_reader *r, const struct json_token *t, struct err *e) {
    dcm_tag tag = top(r)->sequence;
    struct dcm_dataset *item;
    if (r->depth >= DCM_NESTING_MAX) {
        return dcm_json_refuse(r, tag, t, E_NESTING, "too many sequences inside each other", e);
    }
    int rc = dcm_add_item(top(r)->dataset, tag, &item, e);
    if (rc != E_OK) {
        return rc;
    }
    if (t->kind == JSON_NULL) {
        top(r)->items++;
        return E_OK;
    }
    r->levels[++r->depth] = (struct dcm_json_level){.dataset = item};
    return E_OK;
}

// One step inside of the array of items of top()->sequence; *ret_open: still inside.
static int item_step(struct dcm_json_reader *r, bool *ret_open, struct err *e) {
    struct json_token t;
    int rc = next(r, &t, e);
    if (rc < 0) {
        return rc;
    }
    if (t.kind == JSON_OBJECT_BEGIN || t.kind == JSON_NULL) {
        rc = begin_item(r, &t, e);
        *ret_open = t.kind == JSON_NULL;
        return rc;
    }
    if (t.kind != JSON_ARRAY_END) {
        return dcm_json_refuse(r, top(r)->sequence, &t, E_SYNTAX, "an item is an object", e);
    }
    *ret_open = false;
    struct element el = {.tag = top(r)->sequence, .vr = DCM_VR_SQ, .has_content = true};
    top(r)->sequence = 0;
    rc = next(r, &t, e);
    return rc < 0 ? rc : take_members(r, &el, t, e);
}

// One attribute of the innermost data set, or its end. *ret_done: the outermost has ended.
static int dataset_step(struct dcm_json_reader *r, bool *ret_done, struct err *e) {
    struct json_token t;
    int rc = next(r, &t, e);
    if (rc < 0) {
        return rc;
    }
    if (t.kind == JSON_NAME) {
        return take_element(r, &t, e);
    }
    if (r->depth == 0) {
        *ret_done = true;
        return E_OK;
    }
    r->depth--;
    top(r)->items++;
    return E_OK;
}

static int read_all(struct dcm_json_reader *r, struct err *e) {
    bool done = false;
    while (!done) {
        bool inside = top(r)->sequence != 0; // of an array of items, not of one of them
        int rc = inside ? item_step(r, &inside, e) : dataset_step(r, &done, e);
        if (rc < 0) {
            return rc;
        }
    }
    return E_OK;
}

static int put_charset(struct dcm_json_reader *r, struct err *e) {
    struct dcm_dataset *d = r->levels[0].dataset;
    if (!r->beyond_ascii && dcm_get(d, DCM_SpecificCharacterSet) == NULL) {
        return E_OK;
    }
    return dcm_put_str(d, DCM_SpecificCharacterSet, DCM_VR_CS, "ISO_IR 192", e);
}

int dcm_json_read_object(struct arena *a, struct json_in *in,
                         const struct dcm_json_read_options *options,
                         struct dcm_dataset **ret_dataset, struct err *e) {
    struct dcm_json_reader r
        __attribute__((cleanup(cleanup_reader))) = {.arena = a, .in = in, .options = options};
    buf_init(&r.value, VALUE_MAX);
    buf_init(&r.text, VALUE_MAX);
    r.levels[0].dataset = dcm_dataset_new(a, DCM_EXPLICIT_LE);
    if (r.levels[0].dataset == NULL) {
        return err_set(e, E_MEMORY, "no memory for the data set");
    }
    int rc = read_all(&r, e);
    if (rc == E_OK) {
        rc = put_charset(&r, e);
    }
    if (rc == E_OK) {
        *ret_dataset = r.levels[0].dataset;
    }
    return rc;
}

// --- the text as a whole

struct list {
    struct dcm_dataset **datasets;
    uint32_t count;
    uint32_t cap;
};

static int add_dataset(struct arena *a, struct list *list, struct dcm_dataset *d, struct err *e) {
    if (list->count == list->cap) {
        uint32_t cap = list->cap == 0 ? 8 : list->cap * 2;
        if (cap > DATASETS_MAX) {
            return err_set(e, E_LIMIT, "DICOM JSON: too many data sets");
        }
        struct dcm_dataset **grown = arena_array(a, cap, sizeof *list->datasets);
        if (grown == NULL) {
            return err_set(e, E_MEMORY, "no memory for the data sets");
        }
        if (list->count > 0) {
            memcpy(grown, list->datasets, list->count * sizeof *grown);
        }
        list->datasets = grown;
        list->cap = cap;
    }
    list->datasets[list->count++] = d;
    return E_OK;
}

static int read_one(struct arena *a, struct json_in *in,
                    const struct dcm_json_read_options *options, struct list *list,
                    const struct json_token *t, struct err *e) {
    struct dcm_dataset *d;
    if (t->kind != JSON_OBJECT_BEGIN) {
        (void)err_set(e, E_SYNTAX, "DICOM JSON: a data set is an object");
        return err_at(e, t->offset);
    }
    int rc = dcm_json_read_object(a, in, options, &d, e);
    return rc != E_OK ? rc : add_dataset(a, list, d, e);
}

int dcm_json_read(struct arena *a, struct slice json, const struct dcm_json_read_options *options,
                  struct dcm_dataset ***ret_datasets, uint32_t *ret_count, struct err *e) {
    struct json_in in;
    struct json_token t;
    struct list list = {0};
    json_in_init(&in, json, 0);
    int rc = json_in_next(&in, &t, e);
    bool array = rc >= 0 && t.kind == JSON_ARRAY_BEGIN;
    if (array) {
        rc = json_in_next(&in, &t, e);
    }
    while (rc >= 0 && !(array && t.kind == JSON_ARRAY_END) && t.kind != JSON_END) {
        rc = read_one(a, &in, options, &list, &t, e);
        rc = rc != E_OK ? rc : json_in_next(&in, &t, e);
    }
    if (rc >= 0 && t.kind != JSON_END) {
        rc = json_in_next(&in, &t, e);
    }
    if (rc < 0) {
        return rc;
    }
    *ret_datasets = list.datasets;
    *ret_count = list.count;
    return E_OK;
}
