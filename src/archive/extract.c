// SPDX-License-Identifier: Apache-2.0
#include "archive/extract.h"

#include "archive/bulk.h"
#include "archive/record.h"
#include "archive/segment.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/num.h"
#include "base/utf8.h"
#include "dicom/charset.h"
#include "dicom/json_write.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "gate/structural.h"
#include "pixel/codec.h"
#include "pixel/frames_pack.h"

#define JSON_MAX ((size_t)48 << 20)
#define TABLE_MAX ((size_t)32 << 20)

void extract_prepare(void) { segment_prepare(); }

// Text that can stand in a catalogue: no control characters but line ends, at most
// ATTRIBUTE_TEXT_MAX bytes, whole characters.
static struct slice clean(struct buf *text) {
    size_t to = 0;
    for (size_t i = 0; i < text->len; i++) {
        uint8_t c = text->data[i];
        if ((c >= 0x20 && c != 0x7F) || c == '\n' || c == '\t') {
            text->data[to++] = c;
        }
    }
    if (to > ATTRIBUTE_TEXT_MAX) {
        to = ATTRIBUTE_TEXT_MAX;
        while (to > 0 && (text->data[to] & 0xC0) == 0x80) {
            to--;
        }
    }
    return slice_of(text->data, to);
}

// Each value trimmed, backslashes between.
static void trim_values(enum dcm_vr vr, struct slice text, struct buf *out) {
    struct slice value;
    for (bool first = true; dcm_value_next(vr, &text, &value); first = false) {
        if (!first) {
            buf_put_byte(out, '\\');
        }
        buf_put_slice(out, value);
    }
}

// The value of one attribute in one data set, appended to `out` as UTF-8.
static void put_value(const struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr,
                      const struct dcm_charset *cs, struct dcm_charset_report *report,
                      struct buf *out) {
    const struct dcm_node *n = dcm_get(d, tag);
    if (n == NULL || n->value.len == 0) {
        return;
    }
    struct buf decoded CLEANUP(cleanup_buf);
    buf_init(&decoded, 8 * ATTRIBUTE_TEXT_MAX);
    dcm_charset_to_utf8(cs, vr, slice_first(n->value, ATTRIBUTE_TEXT_MAX), &decoded, report);
    if (!decoded.failed && decoded.len > 0) {
        trim_values(vr, clean(&decoded), out);
    }
}

// One value for each item of the sequence.
static void put_of_items(const struct dcm_dataset *d, const struct search_attribute *face,
                         struct dcm_charset_report *report, struct buf *out) {
    const struct dcm_node *sequence = dcm_get(d, face->sequence);
    for (uint32_t i = 0; sequence != NULL && i < sequence->item_count; i++) {
        const struct dcm_dataset *item = dcm_item(sequence, i);
        struct dcm_charset cs = dcm_charset_of(item);
        if (i > 0) {
            buf_put_byte(out, '\\');
        }
        put_value(item, face->tag, face->vr, &cs, report, out);
    }
}

static int take_texts(struct arena *a, const struct gate_structural *s, struct record *r,
                      struct dcm_charset_report *report, struct err *e) {
    struct dcm_charset cs = dcm_charset_of(s->dataset);
    struct buf out CLEANUP(cleanup_buf);
    buf_init(&out, 8 * ATTRIBUTE_TEXT_MAX);
    for (size_t i = 0; i < ATTRIBUTE_EXTRACTED; i++) {
        const struct search_attribute *face = &attribute_at(i)->face;
        buf_clear(&out);
        if (face->sequence != 0) {
            put_of_items(s->dataset, face, report, &out);
        } else {
            put_value(s->dataset, face->tag, face->vr, &cs, report, &out);
        }
        struct slice text = out.len > 0 ? clean(&out) : slice_str("");
        r->texts[i] = text.len == 0 ? slice_str("") : arena_copy(a, text);
        if (r->texts[i].ptr == NULL) {
            return err_set(e, E_MEMORY, "extraction");
        }
    }
    r->texts[ATTRIBUTE_study_uid] = slice_str(s->study);
    r->texts[ATTRIBUTE_series_uid] = slice_str(s->series);
    r->texts[ATTRIBUTE_sop_instance] = slice_str(s->sop_instance);
    r->texts[ATTRIBUTE_sop_class] = slice_str(s->sop_class);
    return E_OK;
}

// A frame of several fragments has item headers between them (PS3.5 A.4). The places of its
// fragments go into the bulk table, so that serving the frame reads no header.
static void put_fragments(const struct gate_structural *s, uint32_t frame, struct buf *bulk) {
    const struct px_range *r = &s->frames.ranges[frame];
    const uint8_t *file = s->file.meta_raw.ptr; // where the file begins
    char path[32];
    (void)snprintf(path, sizeof path, BULK_FRAME_PATH, frame + 1);
    uint64_t end = r->offset + r->length;
    uint64_t at = r->offset;
    for (uint32_t i = 0; i < r->fragments && at <= end; i++) {
        uint64_t len = num_le32(file + at - 4); // of the item whose bytes begin here
        struct bulk_entry entry = {.path = slice_str(path), .offset = at};
        entry.len = len < end - at ? len : end - at;
        bulk_put(bulk, &entry);
        at += entry.len + 8;
    }
}

static void put_all_fragments(const struct gate_structural *s, struct buf *bulk) {
    for (uint32_t i = 0; i < s->frames.count; i++) {
        if (s->frames.ranges[i].fragments > 1) {
            put_fragments(s, i, bulk);
        }
    }
}

static int take_pixels(struct arena *a, const struct gate_structural *s, struct record *r,
                       struct buf *table, struct buf *bulk, struct err *e) {
    r->pixel_problem = slice_str("");
    r->has_pixels = s->has_pixels;
    if (!s->has_pixels) {
        return E_OK;
    }
    if (!s->pixels_known) {
        char *why = arena_str(a, slice_str(s->pixels_why.text));
        r->pixel_problem = slice_str(why == NULL ? "" : why);
        r->frames = 1;
        return E_OK;
    }
    const struct px_image *im = &s->image;
    r->frames = s->frames.source == PX_FRAMES_STREAM ? im->frames : s->frames.count;
    r->rows = im->rows;
    r->columns = im->columns;
    r->samples = im->samples;
    r->bits_allocated = im->bits_allocated;
    char reason[PX_REASON_MAX];
    if (!px_can_decode(im, reason)) {
        char *why = arena_str(a, slice_str(reason));
        // What only lacks a codec is told from the syntax, so that it heals when one arrives.
        r->pixel_problem =
            slice_str(why == NULL || px_codec_find(im->syntax->uid) == NULL ? "" : why);
    }
    px_frames_pack(&s->frames, table);
    put_all_fragments(s, bulk);
    int rc = buf_check(table, "frame table", e);
    r->frame_table = buf_slice(table);
    return rc;
}

struct bulk_context {
    const struct gate_structural *s;
    struct buf *table;
};

static bool is_pixel(dcm_tag tag) {
    return tag == DCM_PixelData || tag == DCM_FloatPixelData || tag == DCM_DoubleFloatPixelData;
}

static enum dcm_bulk choose_bulk(void *context, const struct dcm_bulk_element *element,
                                 struct buf *uri) {
    struct bulk_context *c = context;
    bool pixels = element->fragments || is_pixel(element->tag);
    if (!pixels && element->length <= BULK_INLINE_MAX) {
        return DCM_BULK_INLINE;
    }
    struct bulk_entry entry = {.path = slice_str(element->path),
                               .offset = element->offset,
                               .len = element->length,
                               .fragments = element->fragments};
    bulk_put(c->table, &entry);
    buf_printf(uri, "/dicom-web/studies/%s/series/%s/instances/%s/bulkdata/%s", c->s->study,
               c->s->series, c->s->sop_instance, element->path);
    return DCM_BULK_URI;
}

// The transfer syntax is said in the metadata too (0008,3002): viewers choose their decoder by it.
static int take_metadata(struct gate_structural *s, struct record *r,
                         struct dcm_charset_report *report, struct buf *bulk, struct buf *segment,
                         struct err *e) {
    struct buf text CLEANUP(cleanup_buf);
    buf_init(&text, JSON_MAX);
    int rc =
        dcm_put_str(s->dataset, DCM_AvailableTransferSyntaxUID, DCM_VR_UI, s->file.syntax->uid, e);
    if (rc != E_OK) {
        return rc;
    }
    struct bulk_context context = {s, bulk};
    struct dcm_json_options options = {.bulk = choose_bulk, .context = &context, .report = report};
    struct json j;
    json_init(&j, &text);
    rc = dcm_json_write_dataset(s->dataset, &options, &j, e);
    rc = rc == E_OK ? buf_check(&text, "metadata", e) : rc;
    rc = rc == E_OK ? buf_check(bulk, "bulk table", e) : rc;
    rc = rc == E_OK ? segment_make(buf_slice(&text), segment, e) : rc;
    r->metadata_len = text.len;
    r->metadata_crc = segment_crc(buf_slice(&text));
    r->metadata = buf_slice(segment);
    r->bulk_table = buf_slice(bulk);
    return rc;
}

static void note_charset(struct gate_report *report, const struct dcm_charset_report *seen) {
    for (unsigned bit = 0; bit < DCM_CHARSET_FINDING_COUNT; bit++) {
        if ((seen->findings >> bit & 1) != 0) {
            struct err what = {0};
            err_set(&what, E_CHARSET, "%s",
                    dcm_charset_finding_words((enum dcm_charset_finding_bit)bit));
            gate_note(report, GATE_REASON_CHARSET, &what);
        }
    }
}

int extract_record(struct arena *a, struct gate_structural *s, struct buf *out, struct err *e) {
    struct buf frames CLEANUP(cleanup_buf);
    struct buf bulk CLEANUP(cleanup_buf);
    struct buf segment CLEANUP(cleanup_buf);
    buf_init(&frames, TABLE_MAX);
    buf_init(&bulk, TABLE_MAX);
    buf_init(&segment, JSON_MAX);
    struct record r = {.body_offset = s->file.meta_raw.len,
                       .syntax = slice_str(s->file.syntax->uid)};
    struct dcm_charset_report report = {0};
    int rc = take_texts(a, s, &r, &report, e);
    rc = rc == E_OK ? take_pixels(a, s, &r, &frames, &bulk, e) : rc;
    rc = rc == E_OK ? take_metadata(s, &r, &report, &bulk, &segment, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    note_charset(&s->report, &report);
    r.report = s->report;
    record_write(&r, out);
    return buf_check(out, "record", e);
}

void extract_report(const struct gate_structural *s, struct buf *out) {
    struct record r = {.report = s->report, .needs_meta = s->needs_meta};
    r.texts[ATTRIBUTE_sop_class] = slice_str(s->sop_class);
    r.texts[ATTRIBUTE_sop_instance] = slice_str(s->sop_instance);
    r.texts[ATTRIBUTE_study_uid] = slice_str(s->study);
    r.texts[ATTRIBUTE_series_uid] = slice_str(s->series);
    record_write(&r, out);
}
