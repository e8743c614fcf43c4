// SPDX-License-Identifier: Apache-2.0
#include "dicom/json_write.h"

#include <math.h>
#include <stdio.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/num.h"
#include "dicom/dataset.h"
#include "dicom/dict.h"
#include "dicom/reader.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "dicom/walk.h"

#define TEXT_MAX ((size_t)1 << 32)      // of one value in UTF-8
#define SAFE_INTEGER (INT64_C(1) << 53) // whole numbers that every JSON reader keeps
#define DOUBLE_DIGITS 15                // decimal digits that a double always keeps
#define NUMBER_LEN_MAX 64
#define CHUNK ((size_t)24 * 1024) // a multiple of 3 and of every unit

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

// --- one value a VR

// Padding of the end; DS and IS lose spaces on both sides, so that they can be numbers.
static struct slice without_padding(enum dcm_vr vr, struct slice s) {
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\0')) {
        s.len--;
    }
    return vr == DCM_VR_IS || vr == DCM_VR_DS ? dcm_value_trim(vr, s) : s;
}

static void write_name(struct json *j, struct slice text) {
    static const char *const labels[] = {"Alphabetic", "Ideographic", "Phonetic"};
    struct dcm_person_name name;
    dcm_name_parse(text, &name);
    json_begin_object(j);
    for (int i = 0; i < DCM_NAME_GROUPS; i++) {
        if (name.groups[i].len > 0) {
            json_member_slice(j, labels[i], name.groups[i]);
        }
    }
    json_end_object(j);
}

static void write_integer_string(struct json *j, struct slice text) {
    int32_t value;
    struct err ignored = {0};
    if (dcm_is_parse(text, &value, &ignored) == E_OK) {
        json_i64(j, value);
    } else {
        json_slice(j, text);
    }
}

// The text as a JSON number with the same digits: no plus sign, no zeros in front, digits on both
// sides of the point. 0 when it is none.
static size_t json_number(struct slice text, char out[NUMBER_LEN_MAX + 4]) {
    size_t len = 0;
    size_t i = 0;
    if (text.len > NUMBER_LEN_MAX) {
        return 0;
    }
    if (text.ptr[i] == '-') {
        out[len++] = '-';
    }
    i += text.ptr[i] == '-' || text.ptr[i] == '+';
    while (i + 1 < text.len && text.ptr[i] == '0' && text.ptr[i + 1] >= '0' &&
           text.ptr[i + 1] <= '9') {
        i++;
    }
    if (i < text.len && text.ptr[i] == '.') {
        out[len++] = '0';
    }
    for (; i < text.len; i++) {
        bool bare_point = text.ptr[i] == '.' &&
                          (i + 1 == text.len || text.ptr[i + 1] < '0' || text.ptr[i + 1] > '9');
        if (!bare_point) {
            out[len++] = (char)text.ptr[i];
        }
    }
    return len;
}

static int significant_digits(struct slice text) {
    int digits = 0;
    for (size_t i = 0; i < text.len && text.ptr[i] != 'e' && text.ptr[i] != 'E'; i++) {
        bool digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        digits += digit && (digits > 0 || text.ptr[i] != '0');
    }
    return digits;
}

// PS3.18 F.2.3: a number where no digit gets lost, else a string.
static void write_decimal_string(struct json *j, struct slice text) {
    char number[NUMBER_LEN_MAX + 4];
    double value;
    size_t len = num_parse_double(text, &value) && significant_digits(text) <= DOUBLE_DIGITS
                     ? json_number(text, number)
                     : 0;
    if (len > 0) {
        json_raw(j, slice_of(number, len));
    } else {
        json_slice(j, text);
    }
}

static void write_text_value(struct json *j, enum dcm_vr vr, struct slice text) {
    if (text.len == 0) {
        json_null(j);
    } else if (vr == DCM_VR_PN) {
        write_name(j, text);
    } else if (vr == DCM_VR_IS) {
        write_integer_string(j, text);
    } else if (vr == DCM_VR_DS) {
        write_decimal_string(j, text);
    } else {
        json_slice(j, text);
    }
}

static void write_text(struct writer *w, const struct dcm_element *el) {
    buf_clear(&w->text);
    dcm_charset_to_utf8(&top(w)->charset, el->vr, el->value, &w->text, w->options->report);
    struct slice whole = without_padding(el->vr, buf_slice(&w->text));
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
        write_text_value(w->j, el->vr, whole);
    } else {
        while (slice_split(&rest, '\\', &part)) {
            write_text_value(w->j, el->vr, without_padding(el->vr, part));
        }
    }
    json_end_array(w->j);
}

static uint16_t get16(const uint8_t *p, bool big) { return big ? num_be16(p) : num_le16(p); }
static uint32_t get32(const uint8_t *p, bool big) { return big ? num_be32(p) : num_le32(p); }
static uint64_t get64(const uint8_t *p, bool big) { return big ? num_be64(p) : num_le64(p); }

static void write_big(struct json *j, bool is_signed, uint64_t bits) {
    char text[24];
    int64_t value = (int64_t)bits;
    bool safe = is_signed ? value <= SAFE_INTEGER && value >= -SAFE_INTEGER
                          : bits <= (uint64_t)SAFE_INTEGER;
    int len = is_signed ? snprintf(text, sizeof text, "%lld", (long long)value)
                        : snprintf(text, sizeof text, "%llu", (unsigned long long)bits);
    if (safe) {
        json_raw(j, slice_of(text, (size_t)len));
    } else {
        json_slice(j, slice_of(text, (size_t)len));
    }
}

// JSON has no word for these; strings are what FO-DICOM and others write and read.
static bool write_not_finite(struct json *j, double value) {
    if (isfinite(value)) {
        return false;
    }
    json_str(j, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    return true;
}

static void write_float(struct json *j, float value) {
    char text[32];
    int len = 0;
    if (write_not_finite(j, (double)value)) {
        return;
    }
    for (int digits = 6; digits <= 9; digits++) {
        len = snprintf(text, sizeof text, "%.*g", digits, (double)value);
        for (int i = 0; i < len; i++) {
            text[i] = text[i] == ',' ? '.' : text[i];
        }
        double back;
        if (num_parse_double(slice_of(text, (size_t)len), &back) && (float)back == value) {
            break;
        }
    }
    json_raw(j, slice_of(text, (size_t)len));
}

static void write_real(struct json *j, enum dcm_vr vr, const uint8_t *p, bool big) {
    if (vr == DCM_VR_FL) {
        uint32_t bits = get32(p, big);
        float value;
        memcpy(&value, &bits, sizeof value);
        write_float(j, value);
        return;
    }
    uint64_t bits = get64(p, big);
    double value;
    memcpy(&value, &bits, sizeof value);
    if (!write_not_finite(j, value)) {
        json_double(j, value);
    }
}

static void write_tag(struct json *j, const uint8_t *p, bool big) {
    char text[9];
    (void)snprintf(text, sizeof text, "%04X%04X", get16(p, big), get16(p + 2, big));
    json_str(j, text);
}

static void write_binary_value(struct json *j, enum dcm_vr vr, const uint8_t *p, bool big) {
    switch (vr) {
    case DCM_VR_US:
        json_u64(j, get16(p, big));
        break;
    case DCM_VR_SS:
        json_i64(j, (int16_t)get16(p, big));
        break;
    case DCM_VR_UL:
        json_u64(j, get32(p, big));
        break;
    case DCM_VR_SL:
        json_i64(j, (int32_t)get32(p, big));
        break;
    case DCM_VR_UV:
    case DCM_VR_SV:
        write_big(j, vr == DCM_VR_SV, get64(p, big));
        break;
    case DCM_VR_AT:
        write_tag(j, p, big);
        break;
    default:
        write_real(j, vr, p, big);
        break;
    }
}

static size_t value_len(enum dcm_vr vr) { return vr == DCM_VR_AT ? 4 : dcm_vr_info(vr)->unit; }

static int write_binary(struct writer *w, const struct dcm_element *el, struct err *e) {
    size_t unit = value_len(el->vr);
    json_name(w->j, "Value");
    json_begin_array(w->j);
    for (size_t at = 0; at < el->value.len; at += unit) {
        write_binary_value(w->j, el->vr, el->value.ptr + at, el->encoding == DCM_EXPLICIT_BE);
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
    if (class == DCM_VR_CLASS_BINARY && el->value.len % value_len(el->vr) == 0) {
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
