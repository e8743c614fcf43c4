// SPDX-License-Identifier: Apache-2.0
// Numbers are eight bytes little endian, texts and tables have their length before them; the order
// is that of record_write.
#include "archive/record.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "base/utf8.h"
#include "dicom/uid.h"
#include "pixel/image.h"

#define RECORD_MAGIC 0x31434552u

static void put_number(struct buf *out, uint64_t value) {
    uint8_t bytes[8];
    num_put_le64(bytes, value);
    buf_put(out, bytes, sizeof bytes);
}

static void put_bytes(struct buf *out, struct slice bytes) {
    put_number(out, bytes.len);
    buf_put_slice(out, bytes);
}

// Words about a file may quote bytes of it.
static void put_words(struct buf *out, struct slice text) {
    put_number(out, text.len);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        buf_put_byte(out, c >= 0x20 && c < 0x7F ? c : '?');
    }
}

static void put_error(struct buf *out, const struct err *e) {
    put_number(out, (uint64_t)(int64_t)e->code);
    put_number(out, e->has_offset);
    put_number(out, e->offset);
    put_words(out, slice_str(e->path));
    put_words(out, slice_str(e->text));
}

static void put_report(struct buf *out, const struct gate_report *r) {
    put_number(out, (uint64_t)r->verdict);
    put_number(out, (uint64_t)r->reason);
    put_error(out, &r->why);
    put_number(out, r->finding_count);
    for (uint32_t i = 0; i < r->finding_count; i++) {
        put_number(out, (uint64_t)r->findings[i].reason);
        put_error(out, &r->findings[i].where);
    }
}

void record_write(const struct record *r, struct buf *out) {
    put_number(out, RECORD_MAGIC);
    put_report(out, &r->report);
    put_number(out, r->needs_meta);
    for (size_t i = 0; i < ATTRIBUTE_EXTRACTED; i++) {
        put_bytes(out, r->texts[i]);
    }
    put_bytes(out, r->syntax);
    put_number(out, r->body_offset);
    put_number(out, r->has_pixels);
    put_number(out, r->frames);
    put_number(out, r->rows);
    put_number(out, r->columns);
    put_number(out, r->samples);
    put_number(out, r->bits_allocated);
    put_words(out, r->pixel_problem);
    put_bytes(out, r->frame_table);
    put_bytes(out, r->bulk_table);
    put_bytes(out, r->metadata);
    put_number(out, r->metadata_len);
    put_number(out, r->metadata_crc);
}

// Reads until the first thing that is wrong, then nothing more.
struct cursor {
    struct slice rest;
    bool bad;
};

static uint64_t get_number(struct cursor *c, uint64_t max) {
    if (c->bad || c->rest.len < 8) {
        c->bad = true;
        return 0;
    }
    uint64_t value = num_le64(c->rest.ptr);
    c->rest = slice_from(c->rest, 8);
    c->bad = value > max;
    return c->bad ? 0 : value;
}

static struct slice get_bytes(struct cursor *c, size_t max) {
    uint64_t len = get_number(c, max);
    if (c->bad || len > c->rest.len) {
        c->bad = true;
        return slice_of("", 0);
    }
    struct slice bytes = slice_of(c->rest.ptr, (size_t)len);
    c->rest = slice_from(c->rest, (size_t)len);
    return bytes;
}

static bool is_text(struct slice s) { return utf8_valid(s) && memchr(s.ptr, '\0', s.len) == NULL; }

static struct slice get_text(struct cursor *c, size_t max) {
    struct slice text = get_bytes(c, max);
    if (text.len > 0 && !is_text(text)) {
        c->bad = true;
    }
    return text;
}

static void get_chars(struct cursor *c, char *out, size_t size) {
    struct slice text = get_text(c, size - 1);
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
}

static void get_error(struct cursor *c, struct err *e) {
    int64_t code = (int64_t)get_number(c, UINT64_MAX);
    c->bad = c->bad || code > 0 || code < -ERR_INDEX_COUNT;
    e->code = c->bad ? E_CRASHED : (int)code;
    e->has_offset = get_number(c, 1) == 1;
    e->offset = get_number(c, UINT64_MAX);
    get_chars(c, e->path, sizeof e->path);
    get_chars(c, e->text, sizeof e->text);
}

static void get_report(struct cursor *c, struct gate_report *r) {
    r->verdict = (enum gate_verdict)get_number(c, GATE_VERDICT_COUNT - 1);
    r->reason = (enum gate_reason)get_number(c, GATE_REASON_COUNT - 1);
    get_error(c, &r->why);
    r->finding_count = (uint32_t)get_number(c, GATE_FINDINGS_MAX);
    for (uint32_t i = 0; i < r->finding_count && !c->bad; i++) {
        r->findings[i].reason = (enum gate_reason)get_number(c, GATE_REASON_COUNT - 1);
        get_error(c, &r->findings[i].where);
    }
}

static void get_instance(struct cursor *c, struct record *r) {
    for (size_t i = 0; i < ATTRIBUTE_EXTRACTED; i++) {
        r->texts[i] = get_text(c, ATTRIBUTE_TEXT_MAX);
    }
    r->syntax = get_text(c, DCM_UID_MAX);
    r->body_offset = get_number(c, INT64_MAX);
    r->has_pixels = get_number(c, 1) == 1;
    r->frames = (uint32_t)get_number(c, PX_FRAMES_MAX);
    r->rows = (uint32_t)get_number(c, PX_SIDE_MAX);
    r->columns = (uint32_t)get_number(c, PX_SIDE_MAX);
    r->samples = (uint32_t)get_number(c, 16);
    r->bits_allocated = (uint32_t)get_number(c, 64);
    r->pixel_problem = get_text(c, ERR_TEXT_MAX);
    r->frame_table = get_bytes(c, SIZE_MAX);
    r->bulk_table = get_bytes(c, SIZE_MAX);
    r->metadata = get_bytes(c, SIZE_MAX);
    r->metadata_len = get_number(c, INT64_MAX);
    r->metadata_crc = (uint32_t)get_number(c, UINT32_MAX);
    c->bad = c->bad || c->rest.len > 0;
}

static bool names_itself(const struct record *r) {
    static const enum attribute_id uids[] = {ATTRIBUTE_study_uid, ATTRIBUTE_series_uid,
                                             ATTRIBUTE_sop_instance, ATTRIBUTE_sop_class};
    for (size_t i = 0; i < sizeof uids / sizeof uids[0]; i++) {
        if (!dcm_uid_usable(r->texts[uids[i]])) {
            return false;
        }
    }
    return dcm_uid_usable(r->syntax);
}

int record_read(struct slice bytes, struct record *ret_record, struct err *e) {
    struct cursor c = {.rest = bytes};
    struct record *r = ret_record;
    memset(r, 0, sizeof *r);
    c.bad = get_number(&c, UINT32_MAX) != RECORD_MAGIC;
    get_report(&c, &r->report);
    r->needs_meta = get_number(&c, 1) == 1;
    get_instance(&c, r);
    bool whole = r->report.verdict == GATE_RELEASED && !r->needs_meta;
    if (c.bad || (whole && !names_itself(r)) ||
        (r->report.verdict != GATE_RELEASED && r->report.why.code == E_OK)) {
        return err_set(e, E_CRASHED, "the worker's answer makes no sense");
    }
    return E_OK;
}
