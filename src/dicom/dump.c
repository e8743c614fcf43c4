// SPDX-License-Identifier: Apache-2.0
// Lines from the reader's events. Nothing is kept but the open levels: their character sets and
// private creators.
#include "dicom/dump.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "base/utf8.h"
#include "dicom/charset.h"
#include "dicom/dict.h"
#include "dicom/part10.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "dicom/value.h"
#include "dicom/walk.h"

#define SHOWN_CHARS 96 // of a text value
#define SHOWN_NUMBERS 8
#define SHOWN_BYTES 16
#define CREATORS_MAX 32 // private blocks remembered in one data set
#define REMARKS_MAX 40
#define FLUSH_BYTES ((size_t)32 * 1024)
#define LINE_MAX_BYTES ((size_t)1 << 31)
#define UTF8_CHAR_MAX 4

struct creator {
    uint16_t group;
    uint8_t block;
    char name[65];
};

struct level {
    struct dcm_charset charset;
    struct creator creators[CREATORS_MAX];
    unsigned creator_count;
};

struct dumper {
    const struct dcm_dump_options *options;
    struct dcm_sink sink;
    struct dcm_reader *reader; // NULL while the meta information is shown
    struct buf out;
    struct buf text;    // one value in UTF-8
    struct buf remarks; // lines for the end
    unsigned remark_count;
    unsigned depth;
    struct dcm_charset_report report;
    uint64_t fragment_bytes;
    uint32_t fragment_count;
    struct level levels[DCM_NESTING_MAX + 1];
};

static void cleanup_dumper(struct dumper *d) {
    buf_done(&d->out);
    buf_done(&d->text);
    buf_done(&d->remarks);
}

static int flush(struct dumper *d, size_t over, struct err *e) {
    int rc = buf_check(&d->out, "the text of a data set", e);
    if (rc != E_OK || d->out.len <= over) {
        return rc;
    }
    rc = d->sink.put(d->sink.context, buf_slice(&d->out), e);
    buf_clear(&d->out);
    return rc;
}

static struct level *top(struct dumper *d) { return &d->levels[d->depth]; }

// --- remarks

static void remark(struct dumper *d, dcm_tag tag, const char *text) {
    char path[DCM_PATH_MAX];
    if (++d->remark_count > REMARKS_MAX) {
        return;
    }
    if (d->reader != NULL) {
        (void)dcm_reader_path(d->reader, tag, path);
    } else {
        (void)dcm_tag_text(tag, path);
    }
    buf_printf(&d->remarks, "#   %s %s\n", path, text);
}

static void put_remarks(struct dumper *d, const struct dcm_file *file, uint32_t oddities) {
    size_t start = d->out.len;
    buf_put_str(&d->out, "# Remarks\n");
    size_t empty = d->out.len;
    if (!file->has_meta) {
        buf_printf(&d->out, "#   no file meta information; taken for %s\n", file->syntax->name);
    }
    if (!file->has_preamble) {
        buf_put_str(&d->out, "#   no preamble\n");
    }
    if (file->meta_length_wrong) {
        buf_put_str(&d->out, "#   (0002,0000) is missing or not true\n");
    }
    for (unsigned i = 0; i < DCM_ODDITY_COUNT; i++) {
        if ((oddities >> i & 1) != 0) {
            buf_printf(&d->out, "#   %s\n", dcm_oddity_words((enum dcm_oddity)i));
        }
    }
    for (unsigned i = 0; i < DCM_CHARSET_FINDING_COUNT; i++) {
        if ((d->report.findings >> i & 1) != 0) {
            buf_printf(&d->out, "#   %s\n",
                       dcm_charset_finding_words((enum dcm_charset_finding_bit)i));
        }
    }
    buf_put_slice(&d->out, buf_slice(&d->remarks));
    if (d->remark_count > REMARKS_MAX) {
        buf_printf(&d->out, "#   and %u more\n", d->remark_count - REMARKS_MAX);
    }
    if (d->out.len == empty) {
        d->out.len = start;
    }
}

// --- names

static const struct creator *creator_of(struct dumper *d, dcm_tag tag) {
    struct level *l = top(d);
    for (unsigned i = 0; i < l->creator_count; i++) {
        if (l->creators[i].group == dcm_tag_group(tag) &&
            l->creators[i].block == dcm_tag_element(tag) >> 8) {
            return &l->creators[i];
        }
    }
    return NULL;
}

static void remember_creator(struct dumper *d, dcm_tag tag, struct slice text) {
    struct level *l = top(d);
    if (l->creator_count == CREATORS_MAX) {
        return;
    }
    struct creator *c = &l->creators[l->creator_count++];
    c->group = dcm_tag_group(tag);
    c->block = (uint8_t)dcm_tag_element(tag);
    text = slice_first(dcm_value_trim(DCM_VR_LO, text), sizeof c->name - 1);
    (void)snprintf(c->name, sizeof c->name, "%.*s", (int)text.len,
                   text.len == 0 ? "" : (const char *)text.ptr);
}

static void put_keyword(struct dumper *d, dcm_tag tag) {
    char private[96];
    const char *name = "(not in the dictionary)";
    const struct dcm_dict_entry *entry = dcm_dict_find(tag);
    if (dcm_tag_is_group_length(tag) && dcm_tag_group(tag) != 2) {
        name = "GroupLength";
    } else if (dcm_tag_is_private_creator(tag)) {
        name = "PrivateCreator";
    } else if (dcm_tag_is_private(tag)) {
        const struct creator *c = creator_of(d, tag);
        (void)snprintf(private, sizeof private, "%s:%02X", c == NULL ? "(no creator)" : c->name,
                       dcm_tag_element(tag) & 0xFF);
        name = private;
    } else if (entry != NULL) {
        name = entry->keyword;
    }
    buf_printf(&d->out, "%-32s", name);
}

// --- values

static void put_char(struct buf *out, struct slice character, uint32_t c) {
    if (c == '\n' || c == '\r') {
        buf_put_str(out, "\xE2\x8F\x8E"); // U+23CE, the return symbol
    } else if (c < 0x20 || (c >= 0x7F && c < 0xA0)) {
        buf_printf(out, "<%02X>", c);
    } else {
        buf_put_slice(out, character);
    }
}

// Text in brackets, cut at SHOWN_CHARS unless all is wanted.
static void put_shown(struct dumper *d, struct slice text) {
    size_t shown = 0;
    buf_put_byte(&d->out, '[');
    while (text.len > 0 && (d->options->full || shown < SHOWN_CHARS)) {
        uint32_t c = 0;
        size_t taken = utf8_decode(text, &c);
        taken = taken == 0 ? 1 : taken;
        bool two_byte_newline = c == '\r' && text.len > 1 && text.ptr[1] == '\n';
        if (!two_byte_newline) {
            put_char(&d->out, slice_first(text, taken), c);
        }
        text = slice_from(text, taken);
        shown++;
    }
    buf_put_str(&d->out, text.len > 0 ? "\xE2\x80\xA6]" : "]");
}

static struct slice without_padding(struct slice s) {
    while (s.len > 0 && (s.ptr[s.len - 1] == '\0' || s.ptr[s.len - 1] == ' ')) {
        s.len--;
    }
    return s;
}

static uint32_t count_values(enum dcm_vr vr, struct slice text) {
    uint32_t count = text.len > 0;
    for (size_t i = 0; i < text.len && dcm_vr_splits(vr); i++) {
        count += text.ptr[i] == '\\';
    }
    return count;
}

static void check_values(struct dumper *d, const struct dcm_element *el, struct slice text) {
    struct slice rest = text;
    struct slice value;
    while (dcm_value_next(el->vr, &rest, &value)) {
        struct err why = {0};
        if (dcm_value_check(el->vr, value, &why) != E_OK) {
            remark(d, el->tag, why.text);
        }
    }
}

static void put_uid_names(struct dumper *d, struct slice text) {
    struct slice rest = text;
    struct slice value;
    while (dcm_value_next(DCM_VR_UI, &rest, &value)) {
        const struct dcm_uid_entry *entry = dcm_uid_find(value);
        if (entry != NULL) {
            buf_printf(&d->out, " = %s", entry->name);
        }
    }
}

static uint16_t get16(const uint8_t *p, bool big) { return big ? num_be16(p) : num_le16(p); }
static uint32_t get32(const uint8_t *p, bool big) { return big ? num_be32(p) : num_le32(p); }
static uint64_t get64(const uint8_t *p, bool big) { return big ? num_be64(p) : num_le64(p); }

// The fewest digits that read back to the value.
static void put_shortest(struct buf *out, double value, int digits, int most, bool is_float) {
    char text[40];
    for (;; digits++) {
        int len = snprintf(text, sizeof text, "%.*g", digits, value);
        double back = 0;
        bool same = num_parse_double(slice_of(text, (size_t)len), &back) &&
                    (is_float ? (float)back == (float)value : back == value);
        if (same || digits >= most) {
            break;
        }
    }
    buf_put_str(out, text);
}

static void put_real(struct buf *out, enum dcm_vr vr, const uint8_t *p, bool big) {
    if (vr == DCM_VR_FL) {
        uint32_t bits = get32(p, big);
        float value;
        memcpy(&value, &bits, sizeof value);
        put_shortest(out, (double)value, 6, 9, true);
        return;
    }
    uint64_t bits = get64(p, big);
    double value;
    memcpy(&value, &bits, sizeof value);
    put_shortest(out, value, 15, 17, false);
}

static void put_number(struct dumper *d, enum dcm_vr vr, const uint8_t *p, bool big) {
    struct buf *out = &d->out;
    switch (vr) {
    case DCM_VR_US:
        buf_printf(out, "%u", get16(p, big));
        break;
    case DCM_VR_SS:
        buf_printf(out, "%d", (int16_t)get16(p, big));
        break;
    case DCM_VR_UL:
        buf_printf(out, "%" PRIu32, get32(p, big));
        break;
    case DCM_VR_SL:
        buf_printf(out, "%" PRId32, (int32_t)get32(p, big));
        break;
    case DCM_VR_UV:
        buf_printf(out, "%" PRIu64, get64(p, big));
        break;
    case DCM_VR_SV:
        buf_printf(out, "%" PRId64, (int64_t)get64(p, big));
        break;
    case DCM_VR_AT: {
        dcm_tag tag = DCM_TAG(get16(p, big), get16(p + 2, big));
        const struct dcm_dict_entry *entry = dcm_dict_find(tag);
        char text[DCM_TAG_TEXT_LEN + 1];
        buf_printf(out, "%s%s%s", dcm_tag_text(tag, text), entry == NULL ? "" : " = ",
                   entry == NULL ? "" : entry->keyword);
        break;
    }
    default:
        put_real(out, vr, p, big);
        break;
    }
}

static void put_numbers(struct dumper *d, const struct dcm_element *el, size_t unit) {
    size_t count = el->value.len / unit;
    size_t shown = d->options->full || count <= SHOWN_NUMBERS ? count : SHOWN_NUMBERS;
    for (size_t i = 0; i < shown; i++) {
        buf_put_str(&d->out, i > 0 ? "\\" : "");
        put_number(d, el->vr, el->value.ptr + i * unit, el->encoding == DCM_EXPLICIT_BE);
    }
    buf_put_str(&d->out, shown < count ? "\\\xE2\x80\xA6" : "");
}

static bool is_printable(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < 0x20 || s.ptr[i] >= 0x7F) {
            return false;
        }
    }
    return s.len > 0;
}

static void put_bytes(struct dumper *d, const struct dcm_element *el) {
    struct slice text = without_padding(el->value);
    if (el->vr == DCM_VR_UN && is_printable(text)) { // a private value of implicit VR, most often
        put_shown(d, text);
        return;
    }
    size_t shown = d->options->full || el->value.len <= SHOWN_BYTES ? el->value.len : SHOWN_BYTES;
    for (size_t i = 0; i < shown; i++) {
        buf_printf(&d->out, "%s%02X", i > 0 ? " " : "", el->value.ptr[i]);
    }
    if (shown < el->value.len) {
        buf_printf(&d->out, " \xE2\x80\xA6 %zu bytes", el->value.len);
    }
}

// --- lines

static void put_start(struct dumper *d, uint64_t offset) {
    if (d->options->offsets) {
        buf_printf(&d->out, "%10" PRIu64 "  ", offset);
    }
    for (unsigned i = 0; i < d->depth; i++) {
        buf_put_str(&d->out, "    ");
    }
}

static void put_head(struct dumper *d, const struct dcm_element *el, uint32_t count,
                     bool has_count) {
    char tag[DCM_TAG_TEXT_LEN + 1];
    put_start(d, el->offset);
    buf_printf(&d->out, "%s %s ", dcm_tag_text(el->tag, tag), dcm_vr_info(el->vr)->name);
    if (el->length == DCM_LENGTH_UNDEFINED) {
        buf_put_str(&d->out, " undef");
    } else {
        buf_printf(&d->out, "%6" PRIu32, el->length);
    }
    if (has_count) {
        buf_printf(&d->out, " %3" PRIu32 "  ", count);
    } else {
        buf_put_str(&d->out, "      ");
    }
    put_keyword(d, el->tag);
}

static void put_text_element(struct dumper *d, const struct dcm_element *el) {
    uint32_t replaced = d->report.replaced;
    if (el->tag == DCM_SpecificCharacterSet) {
        top(d)->charset = dcm_charset_from_terms(el->value);
        d->report.findings |= top(d)->charset.findings;
    }
    buf_clear(&d->text);
    dcm_charset_to_utf8(&top(d)->charset, el->vr, el->value, &d->text, &d->report);
    struct slice text = without_padding(buf_slice(&d->text));
    put_head(d, el, count_values(el->vr, text), true);
    if (dcm_tag_is_private_creator(el->tag)) {
        remember_creator(d, el->tag, text);
    }
    if (text.len > 0) {
        buf_put_byte(&d->out, ' ');
        put_shown(d, text);
    }
    if (el->vr == DCM_VR_UI) {
        put_uid_names(d, text);
    }
    if (d->report.replaced > replaced) {
        remark(d, el->tag, "holds bytes that its character set does not have");
    } else if (el->tag != DCM_SpecificCharacterSet) {
        check_values(d, el, text);
    }
}

static void put_binary_element(struct dumper *d, const struct dcm_element *el) {
    const struct dcm_vr_info *info = dcm_vr_info(el->vr);
    size_t unit = el->vr == DCM_VR_AT ? 4 : info->unit;
    bool numbers = info->class == DCM_VR_CLASS_BINARY;
    bool whole = el->value.len % unit == 0;
    put_head(d, el, (uint32_t)(el->value.len / unit), numbers && whole);
    if (el->value.len == 0) {
        return;
    }
    buf_put_byte(&d->out, ' ');
    if (numbers && whole) {
        put_numbers(d, el, unit);
        return;
    }
    put_bytes(d, el);
    if (!whole) {
        remark(d, el->tag, "has a length that is no multiple of its unit");
    }
}

static void end_line(struct dumper *d) {
    while (d->out.len > 0 && d->out.data[d->out.len - 1] == ' ') { // a keyword without a value
        d->out.len--;
    }
    buf_put_byte(&d->out, '\n');
}

static void put_element(struct dumper *d, const struct dcm_element *el) {
    if (dcm_vr_info(el->vr)->class == DCM_VR_CLASS_TEXT) {
        put_text_element(d, el);
    } else {
        put_binary_element(d, el);
    }
    end_line(d);
}

static void put_fragment(struct dumper *d, const struct dcm_element *el) {
    d->fragment_count++;
    d->fragment_bytes += el->value.len;
    if (!d->options->full) {
        return;
    }
    d->depth++;
    put_start(d, el->offset);
    d->depth--;
    if (el->index == 0) {
        buf_printf(&d->out, "basic offset table, %zu entries\n", el->value.len / 4);
    } else {
        buf_printf(&d->out, "fragment %u, %zu bytes\n", el->index, el->value.len);
    }
}

static void end_fragments(struct dumper *d, const struct dcm_element *el) {
    d->depth++;
    put_start(d, el->offset);
    d->depth--;
    uint32_t fragments = d->fragment_count == 0 ? 0 : d->fragment_count - 1;
    buf_printf(&d->out, "%" PRIu32 " fragment%s, %" PRIu64 " bytes\n", fragments,
               fragments == 1 ? "" : "s", d->fragment_bytes);
}

static int begin_item(struct dumper *d, const struct dcm_element *el, struct err *e) {
    if (d->depth >= DCM_NESTING_MAX) {
        return err_set(e, E_NESTING, "more than %d sequences inside each other", DCM_NESTING_MAX);
    }
    put_start(d, el->offset);
    buf_printf(&d->out, "  > item %u\n", el->index + 1);
    d->levels[d->depth + 1].charset = top(d)->charset;
    d->depth++;
    top(d)->creator_count = 0;
    return E_OK;
}

static int on_event(struct dumper *d, int event, const struct dcm_element *el, struct err *e) {
    switch (event) {
    case DCM_EVENT_ELEMENT:
        put_element(d, el);
        break;
    case DCM_EVENT_SEQUENCE_BEGIN:
        put_head(d, el, 0, false);
        buf_put_str(&d->out, el->length == 0 ? " (no items)" : "");
        end_line(d);
        break;
    case DCM_EVENT_ITEM_BEGIN: {
        int rc = begin_item(d, el, e);
        if (rc != E_OK) {
            return rc;
        }
        break;
    }
    case DCM_EVENT_ITEM_END:
        d->depth--;
        break;
    case DCM_EVENT_FRAGMENTS_BEGIN:
        put_head(d, el, 0, false);
        buf_put_str(&d->out, " encapsulated\n");
        d->fragment_count = 0;
        d->fragment_bytes = 0;
        break;
    case DCM_EVENT_FRAGMENT:
        put_fragment(d, el);
        break;
    case DCM_EVENT_FRAGMENTS_END:
        end_fragments(d, el);
        break;
    default:
        break;
    }
    return flush(d, FLUSH_BYTES, e);
}

static int dump_meta(struct dumper *d, const struct dcm_dataset *meta, struct err *e) {
    struct dcm_walk walk;
    struct dcm_element el;
    const struct dcm_node *node;
    int event;
    dcm_walk_init(&walk, meta);
    while ((event = dcm_walk_next(&walk, &el, &node, e)) > 0) {
        int rc = on_event(d, event, &el, e);
        if (rc != E_OK) {
            return rc;
        }
    }
    buf_put_byte(&d->out, '\n');
    return event;
}

int dcm_dump(const struct dcm_file *file, const struct dcm_dump_options *options,
             struct dcm_sink sink, struct err *e) {
    struct dumper d __attribute__((cleanup(cleanup_dumper))) = {.options = options, .sink = sink};
    struct dcm_reader reader;
    struct dcm_element el;
    struct err first = {0};
    buf_init(&d.out, LINE_MAX_BYTES);
    buf_init(&d.text, LINE_MAX_BYTES);
    buf_init(&d.remarks, LINE_MAX_BYTES);
    d.levels[0].charset = dcm_charset_default();
    buf_printf(&d.out, "# %s%s\n", file->syntax->name,
               file->deflated ? ", offsets count in the inflated data set" : "");
    int rc = file->meta == NULL ? E_OK : dump_meta(&d, file->meta, e);
    if (rc != E_OK) {
        return rc;
    }
    d.levels[0].creator_count = 0;
    d.reader = &reader;
    dcm_file_reader(file, &reader);
    int event;
    while ((event = dcm_reader_next(&reader, &el, &first)) > 0) {
        rc = on_event(&d, event, &el, e);
        if (rc != E_OK) {
            return rc;
        }
    }
    put_remarks(&d, file, reader.oddities | file->oddities);
    rc = flush(&d, 0, e);
    if (event < 0) {
        *e = first;
        return event;
    }
    return rc;
}
