// SPDX-License-Identifier: Apache-2.0
// The walk: elements to members, items to objects, bulk values by the callback, output passed on as
// it grows. Events come from bytes or from a tree; everything behind them is the same.
#include "dicom/json_write.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/num.h"
#include "dicom/dataset.h"
#include "dicom/dict.h"
#include "dicom/json_value.h"
#include "dicom/reader.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "dicom/walk.h"

#define TEXT_MAX ((size_t)1 << 32) // of one value in UTF-8
#define CHUNK ((size_t)24 * 1024)  // a multiple of 3 and of every unit

// Where events come from: bytes or a tree.
struct source {
    struct dcm_reader *reader; // or
    struct dcm_walk walk;
};

struct level {
    dcm_tag tag; // of the sequence open at this depth
    uint32_t item;
    dcm_tag last; // element written last, to pass over its duplicates
    bool any;
    struct dcm_charset charset;
};

struct writer {
    struct source source;
    const struct dcm_json_options *options;
    struct json *j;
    struct buf text; // one value in UTF-8
    struct buf uri;
    struct level levels[DCM_NESTING_MAX + 1];
    uint16_t depth;
};

static void cleanup_writer(struct writer *w) {
    buf_done(&w->text);
    buf_done(&w->uri);
}

static int flush(struct writer *w, struct err *e) {
    const struct dcm_sink *sink = &w->options->sink;
    if (sink->put == NULL || w->j->out->len < DCM_JSON_FLUSH_BYTES || w->j->out->failed) {
        return E_OK;
    }
    int rc = sink->put(sink->context, buf_slice(w->j->out), e);
    buf_clear(w->j->out);
    return rc;
}

static struct level *top(struct writer *w) { return &w->levels[w->depth]; }

// --- values

static void write_text(struct writer *w, const struct dcm_element *el) {
    buf_clear(&w->text);
    dcm_charset_to_utf8(&top(w)->charset, el->vr, el->value, &w->text, w->options->report);
    struct slice whole = dcm_json_unpadded(el->vr, buf_slice(&w->text));
    if (w->text.failed) {
        w->j->out->failed = true;
        return;
    }
    if (whole.len == 0) {
        return;
    }
    struct slice rest = whole;
    struct slice part;
    json_name(w->j, "Value");
    json_begin_array(w->j);
    if (!dcm_vr_splits(el->vr)) {
        dcm_json_put_text(w->j, el->vr, whole);
    } else {
        while (slice_split(&rest, '\\', &part)) {
            dcm_json_put_text(w->j, el->vr, dcm_json_unpadded(el->vr, part));
        }
    }
    json_end_array(w->j);
}

static int write_binary(struct writer *w, const struct dcm_element *el, struct err *e) {
    size_t unit = dcm_json_unit(el->vr);
    json_name(w->j, "Value");
    json_begin_array(w->j);
    for (size_t at = 0; at < el->value.len; at += unit) {
        dcm_json_put_binary(w->j, el->vr, el->value.ptr + at, el->encoding == DCM_EXPLICIT_BE);
        int rc = flush(w, e);
        if (rc != E_OK) {
            return rc;
        }
    }
    json_end_array(w->j);
    return E_OK;
}

// --- bulk

static void swap_units(uint8_t *p, size_t len, size_t unit) {
    for (size_t at = 0; at + unit <= len; at += unit) {
        for (size_t i = 0; i < unit / 2; i++) {
            uint8_t t = p[at + i];
            p[at + i] = p[at + unit - 1 - i];
            p[at + unit - 1 - i] = t;
        }
    }
}

// PS3.18 F.2.7: InlineBinary is little endian.
static int put_inline(struct writer *w, struct base64 *b, struct slice bytes, size_t swap,
                      struct err *e) {
    uint8_t chunk[CHUNK];
    while (bytes.len > 0) {
        struct slice part = slice_first(bytes, CHUNK);
        if (swap > 1) {
            memcpy(chunk, part.ptr, part.len);
            swap_units(chunk, part.len, swap);
            base64_put(b, slice_of(chunk, part.len), w->j->out);
        } else {
            base64_put(b, part, w->j->out);
        }
        bytes = slice_from(bytes, part.len);
        int rc = flush(w, e);
        if (rc != E_OK) {
            return rc;
        }
    }
    return E_OK;
}

static void begin_inline(struct writer *w) {
    json_name(w->j, "InlineBinary");
    json_raw(w->j, slice_str("\""));
}

static void end_inline(struct writer *w, struct base64 *b) {
    base64_end(b, w->j->out);
    buf_put_byte(w->j->out, '"');
}

static int write_inline(struct writer *w, const struct dcm_element *el, struct err *e) {
    struct base64 b = {0};
    if (el->value.len == 0) {
        return E_OK;
    }
    size_t unit = dcm_vr_info(el->vr)->unit;
    bool swap = el->encoding == DCM_EXPLICIT_BE && unit > 1;
    begin_inline(w);
    int rc = put_inline(w, &b, el->value, swap ? unit : 1, e);
    end_inline(w, &b);
    return rc;
}

// --- the bulk callback

static void put_path(struct writer *w, dcm_tag tag, char out[DCM_JSON_PATH_MAX]) {
    size_t used = 0;
    for (uint16_t i = 0; i < w->depth && used + 24 < DCM_JSON_PATH_MAX; i++) {
        used += (size_t)snprintf(out + used, DCM_JSON_PATH_MAX - used, "%08X/%u/", w->levels[i].tag,
                                 w->levels[i].item);
    }
    (void)snprintf(out + used, DCM_JSON_PATH_MAX - used, "%08X", tag);
}

static enum dcm_bulk decide(struct writer *w, const struct dcm_element *el, uint64_t length,
                            bool fragments) {
    char path[DCM_JSON_PATH_MAX];
    if (w->options->bulk == NULL) {
        return DCM_BULK_INLINE;
    }
    put_path(w, el->tag, path);
    struct dcm_bulk_element bulk = {.tag = el->tag,
                                    .vr = el->vr,
                                    .path = path,
                                    .depth = w->depth,
                                    .fragments = fragments,
                                    .length = length,
                                    .offset = el->end == 0 ? 0 : el->offset + el->header};
    buf_clear(&w->uri);
    enum dcm_bulk choice = w->options->bulk(w->options->context, &bulk, &w->uri);
    if (choice == DCM_BULK_URI) {
        json_member_slice(w->j, "BulkDataURI", buf_slice(&w->uri));
        w->j->out->failed = w->j->out->failed || w->uri.failed;
    }
    return choice;
}

static bool asks(const struct dcm_element *el) {
    return (dcm_vr_info(el->vr)->class == DCM_VR_CLASS_BULK && el->value.len > 0) ||
           el->value.len > DCM_JSON_BULK_MIN;
}

// --- elements

static void tag_name(dcm_tag tag, char out[9]) {
    static const char digits[] = "0123456789ABCDEF";
    for (int i = 0; i < 8; i++) {
        out[i] = digits[tag >> (28 - 4 * i) & 15];
    }
    out[8] = '\0';
}

// Group lengths, strays of group 0002, and a tag that has just been written are passed over.
static bool begin_element(struct writer *w, const struct dcm_element *el) {
    struct level *l = top(w);
    char name[9];
    if (dcm_tag_is_group_length(el->tag) || dcm_tag_group(el->tag) == 2 ||
        (l->any && l->last == el->tag)) {
        return false;
    }
    l->any = true;
    l->last = el->tag;
    tag_name(el->tag, name);
    json_name(w->j, name);
    json_begin_object(w->j);
    json_member_str(w->j, "vr", dcm_vr_info(el->vr)->name);
    return true;
}

static void write_charset(struct writer *w, const struct dcm_element *el) {
    top(w)->charset = dcm_charset_from_terms(el->value);
    if (w->options->report != NULL) {
        w->options->report->findings |= top(w)->charset.findings;
    }
    json_name(w->j, "Value");
    json_begin_array(w->j);
    json_str(w->j, "ISO_IR 192");
    json_end_array(w->j);
}

static int write_value(struct writer *w, const struct dcm_element *el, struct err *e) {
    enum dcm_vr_class class = dcm_vr_info(el->vr)->class;
    if (el->tag == DCM_SpecificCharacterSet) {
        write_charset(w, el);
        return E_OK;
    }
    if (asks(el) && decide(w, el, el->value.len, false) != DCM_BULK_INLINE) {
        return E_OK;
    }
    if (class == DCM_VR_CLASS_TEXT) {
        write_text(w, el);
        return E_OK;
    }
    if (class == DCM_VR_CLASS_BINARY && el->value.len % dcm_json_unit(el->vr) == 0) {
        return el->value.len == 0 ? E_OK : write_binary(w, el, e);
    }
    return write_inline(w, el, e);
}

// PS3.5 6.2.2: the value of an element that was made UN on its way is in implicit VR little endian,
// and of a standard tag with one possible VR that VR can be given back.
static struct dcm_element with_known_vr(const struct dcm_element *el) {
    struct dcm_element known = *el;
    const struct dcm_dict_entry *entry =
        el->vr == DCM_VR_UN && !dcm_tag_is_private(el->tag) ? dcm_dict_find(el->tag) : NULL;
    bool one = entry != NULL && entry->vr != DCM_VR_NONE && entry->vr != DCM_VR_SQ &&
               entry->vr2 == DCM_VR_NONE;
    if (one && el->value.len % dcm_vr_info(entry->vr)->unit == 0) {
        known.vr = entry->vr;
        known.encoding = DCM_IMPLICIT_LE;
    }
    return known;
}

static int write_element(struct writer *w, const struct dcm_element *as_written, struct err *e) {
    struct dcm_element known = with_known_vr(as_written);
    const struct dcm_element *el = &known;
    if (!begin_element(w, el)) {
        return E_OK;
    }
    int rc = write_value(w, el, e);
    json_end_object(w->j);
    return rc != E_OK ? rc : flush(w, e);
}

// --- encapsulated pixel data

static int inline_fragments(struct writer *w, const struct dcm_node *n, struct err *e) {
    struct base64 b = {0};
    int rc = E_OK;
    begin_inline(w);
    for (uint32_t i = 0; i < n->fragment_count && rc == E_OK; i++) {
        uint8_t header[8] = {0xFE, 0xFF, 0x00, 0xE0};
        num_put_le32(header + 4, (uint32_t)n->fragments[i].bytes.len);
        rc = put_inline(w, &b, slice_of(header, sizeof header), 1, e);
        if (rc == E_OK) {
            rc = put_inline(w, &b, n->fragments[i].bytes, 1, e);
        }
    }
    end_inline(w, &b);
    return rc;
}

static uint64_t fragments_len(const struct dcm_node *n) {
    uint64_t len = 0;
    for (uint32_t i = 0; i < n->fragment_count; i++) {
        len += 8 + n->fragments[i].bytes.len;
    }
    return len;
}

static int tree_fragments(struct writer *w, const struct dcm_element *el, const struct dcm_node *n,
                          struct err *e) {
    dcm_walk_skip(&w->source.walk);
    if (!begin_element(w, el)) {
        return E_OK;
    }
    int rc = E_OK;
    if (decide(w, el, fragments_len(n), true) == DCM_BULK_INLINE) {
        rc = inline_fragments(w, n, e);
    }
    json_end_object(w->j);
    return rc;
}

static int read_fragments(struct writer *w, const struct dcm_element *begun, struct err *e) {
    struct dcm_element el = *begun;
    int rc = dcm_reader_skip(w->source.reader, &el, e);
    if (rc < 0 || !begin_element(w, begun)) {
        return rc < 0 ? rc : E_OK;
    }
    rc = E_OK;
    el.header = begun->header;
    el.offset = begun->offset;
    if (decide(w, &el, el.value.len, true) == DCM_BULK_INLINE) {
        el.encoding = DCM_EXPLICIT_LE;
        rc = write_inline(w, &el, e);
    }
    json_end_object(w->j);
    return rc;
}

// --- events

static int next_event(struct writer *w, struct dcm_element *el, const struct dcm_node **node,
                      struct err *e) {
    *node = NULL;
    return w->source.reader != NULL ? dcm_reader_next(w->source.reader, el, e)
                                    : dcm_walk_next(&w->source.walk, el, node, e);
}

// A sequence of which the element is passed over goes whole.
static int begin_sequence(struct writer *w, const struct dcm_element *el, struct err *e) {
    struct dcm_element sequence = *el;
    struct dcm_element ignored;
    sequence.vr = DCM_VR_SQ;
    if (!begin_element(w, &sequence)) {
        if (w->source.reader == NULL) {
            dcm_walk_skip(&w->source.walk);
            return E_OK;
        }
        int rc = dcm_reader_skip(w->source.reader, &ignored, e);
        return rc < 0 ? rc : E_OK;
    }
    top(w)->tag = el->tag;
    top(w)->item = UINT32_MAX; // none yet
    return E_OK;
}

static int begin_item(struct writer *w, const struct dcm_element *el, struct err *e) {
    if (w->depth >= DCM_NESTING_MAX) {
        return err_set(e, E_NESTING, "more than %d sequences inside each other", DCM_NESTING_MAX);
    }
    if (top(w)->item == UINT32_MAX) {
        json_name(w->j, "Value");
        json_begin_array(w->j);
    }
    top(w)->item = el->index;
    w->levels[w->depth + 1] = (struct level){.charset = top(w)->charset};
    w->depth++;
    json_begin_object(w->j);
    return E_OK;
}

static void end_item(struct writer *w) {
    json_end_object(w->j);
    w->depth--;
}

static int end_sequence(struct writer *w, struct err *e) {
    if (top(w)->item != UINT32_MAX) {
        json_end_array(w->j);
    }
    json_end_object(w->j);
    return flush(w, e);
}

static int on_event(struct writer *w, int event, const struct dcm_element *el,
                    const struct dcm_node *node, struct err *e) {
    switch (event) {
    case DCM_EVENT_ELEMENT:
        return write_element(w, el, e);
    case DCM_EVENT_SEQUENCE_BEGIN:
        return begin_sequence(w, el, e);
    case DCM_EVENT_ITEM_BEGIN:
        return begin_item(w, el, e);
    case DCM_EVENT_ITEM_END:
        end_item(w);
        return E_OK;
    case DCM_EVENT_SEQUENCE_END:
        return end_sequence(w, e);
    case DCM_EVENT_FRAGMENTS_BEGIN:
        return w->source.reader != NULL ? read_fragments(w, el, e) : tree_fragments(w, el, node, e);
    default:
        return err_set(e, E_INTERNAL, "event %d outside of its element", event);
    }
}

static int write_object(struct writer *w, const struct dcm_charset *initial, struct err *e) {
    static const struct dcm_json_options none = {0};
    buf_init(&w->text, TEXT_MAX);
    buf_init(&w->uri, DCM_JSON_PATH_MAX * 8);
    w->options = w->options == NULL ? &none : w->options;
    w->depth = 0;
    w->levels[0] = (struct level){.charset = *initial};
    json_begin_object(w->j);
    struct dcm_element el;
    const struct dcm_node *node;
    int event;
    while ((event = next_event(w, &el, &node, e)) > 0) {
        int rc = on_event(w, event, &el, node, e);
        if (rc != E_OK) {
            return rc;
        }
    }
    if (event < 0) {
        return event;
    }
    json_end_object(w->j);
    return buf_check(w->j->out, "DICOM JSON", e);
}

int dcm_json_write(struct dcm_reader *r, const struct dcm_json_options *options, struct json *j,
                   struct err *e) {
    struct writer w __attribute__((cleanup(cleanup_writer)));
    w.source.reader = r;
    w.options = options;
    w.j = j;
    struct dcm_charset initial = dcm_charset_default();
    return write_object(&w, &initial, e);
}

int dcm_json_write_dataset(const struct dcm_dataset *d, const struct dcm_json_options *options,
                           struct json *j, struct err *e) {
    struct writer w __attribute__((cleanup(cleanup_writer)));
    w.source.reader = NULL;
    w.options = options;
    w.j = j;
    dcm_walk_init(&w.source.walk, d);
    struct dcm_charset initial = dcm_charset_of(d);
    return write_object(&w, &initial, e);
}

// --- paths back

static bool take_tag(struct slice *rest, dcm_tag *ret_tag) {
    struct slice part;
    struct err ignored = {0};
    return slice_split(rest, '/', &part) && dcm_at_parse(part, ret_tag, &ignored) == E_OK;
}

const struct dcm_node *dcm_json_path_find(const struct dcm_dataset *d, struct slice path) {
    struct slice rest = path;
    while (d != NULL) {
        dcm_tag tag;
        uint64_t item;
        struct slice part;
        if (!take_tag(&rest, &tag)) {
            return NULL;
        }
        const struct dcm_node *n = dcm_get(d, tag);
        if (n == NULL || rest.ptr == NULL) {
            return n;
        }
        if (!slice_split(&rest, '/', &part) || rest.ptr == NULL ||
            !num_parse_u64(part, UINT32_MAX, &item)) {
            return NULL;
        }
        d = dcm_item(n, (uint32_t)item);
    }
    return NULL;
}
