// SPDX-License-Identifier: Apache-2.0
// The queue of what the gate held, and one hold with all that is known of it. Nothing here is a
// value of an instance.
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/hold.h"
#include "archive/hold_room.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/num.h"
#include "web/holds_json.h"
#include "web/json_time.h"
#include "web/routes.h"
#include "web/server_priv.h"

#define BODY_MAX ((size_t)32 << 20)
#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000
#define SIBLINGS_MAX 5000

// --- one hold

void web_json_reasons(struct json *j, const char *name, struct slice codes) {
    struct slice code;
    json_name(j, name);
    json_begin_array(j);
    while (codes.len > 0 && slice_split(&codes, ' ', &code)) {
        for (int i = 1; i < GATE_REASON_COUNT; i++) {
            if (slice_eq_str(code, gate_reason_code((enum gate_reason)i))) {
                json_begin_object(j);
                json_member_slice(j, "code", code);
                json_member_str(j, "words", gate_reason_words((enum gate_reason)i));
                json_end_object(j);
            }
        }
    }
    json_end_array(j);
}

static void write_number(struct json *j, const char *name, int64_t number) {
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)number);
    json_member_str(j, name, text);
}

static void write_hold(struct json *j, const struct archive *a, const struct hold_row *h) {
    write_number(j, "id", h->id);
    json_member_str(j, "delivery", h->delivery);
    json_member_str(j, "series", h->series);
    json_member_str(j, "patient", h->patient);
    json_member_str(j, "modality", h->modality);
    json_member_str(j, "sop_class", h->sop_class);
    json_member_i64(j, "frames", h->frames);
    json_member_i64(j, "rows", h->rows);
    json_member_i64(j, "columns", h->columns);
    web_json_reasons(j, "reasons", h->reasons);
    json_name(j, "risk");
    json_begin_object(j);
    json_member_i64(j, "points", h->points);
    json_name(j, "why");
    json_raw(j, h->risk);
    json_end_object(j);
    web_json_time(j, "since", h->since);
    web_json_time(j, "expires", h->expires);
    json_member_bool(j, "second_needed", hold_needs_second(a, h, HOLD_CHOICE_NONE));
    json_member_str(j, "first_by", h->first_by[0] == '\0' ? NULL : h->first_by);
    json_member_i64(j, "series_size", (int64_t)h->series_held);
    json_member_str(j, "state", hold_state_word(h->state));
}

int web_hold_find(struct web_request *r, struct hold_row *ret_row, struct err *e) {
    struct archive *a = r->server->archive;
    uint64_t id = 0;
    struct db *db;
    if (!num_parse_u64(r->names.word, INT64_MAX, &id)) {
        return err_set(e, E_NOT_FOUND, "there is no such hold");
    }
    int rc = archive_reader(a, &db, e);
    if (rc == E_OK) {
        rc = hold_find(db, (int64_t)id, &r->arena, ret_row, e);
        archive_reader_done(a, db);
    }
    return rc;
}

static bool is_same_place(const struct hold_box *a, const struct hold_box *b) {
    return a->frame == b->frame && a->x == b->x && a->y == b->y && a->width == b->width &&
           a->height == b->height;
}

static void write_draft(struct json *j, const struct hold_box *box) {
    json_begin_object(j);
    json_member_i64(j, "frame", box->frame);
    json_member_i64(j, "x", box->x);
    json_member_i64(j, "y", box->y);
    json_member_i64(j, "width", box->width);
    json_member_i64(j, "height", box->height);
    json_member_str(j, "decided", box->keep ? "keep" : "black");
    json_member_str(j, "by", "person");
    json_end_object(j);
}

// What the gate saw, but for what a person has said otherwise, then what the person said.
static int write_boxes(struct web_request *r, struct json *j, const struct hold_row *h,
                       struct err *e) {
    struct hold_seen *seen;
    struct hold_box *drafts = NULL;
    size_t seen_count = 0, count = 0;
    int rc = hold_boxes_seen(h, &r->arena, &seen, &seen_count, e);
    rc = rc == E_OK && h->draft.len > 0
             ? hold_boxes_parse(h->draft, h, &r->arena, &drafts, &count, e)
             : rc;
    if (rc != E_OK) {
        return rc;
    }
    json_name(j, "boxes");
    json_begin_array(j);
    for (size_t i = 0; i < seen_count; i++) {
        bool said = false;
        for (size_t k = 0; k < count && !said; k++) {
            said = is_same_place(&seen[i].box, &drafts[k]);
        }
        if (!said) {
            json_raw(j, seen[i].json);
        }
    }
    for (size_t i = 0; i < count; i++) {
        write_draft(j, &drafts[i]);
    }
    json_end_array(j);
    return E_OK;
}

static int write_decisions(struct web_request *r, struct db *db, struct json *j,
                           const struct hold_row *h, struct err *e) {
    struct hold_decision *list;
    size_t count = 0;
    int rc = hold_decisions(db, h->id, NULL, &r->arena, &list, &count, e);
    json_name(j, "decisions");
    json_begin_array(j);
    for (size_t i = 0; i < count && rc == E_OK; i++) {
        json_begin_object(j);
        json_member_str(j, "who", list[i].who);
        web_json_time(j, "when", list[i].at);
        json_member_str(j, "what", list[i].what);
        json_member_str(j, "reason", list[i].reason);
        json_member_str(j, "clause", list[i].clause);
        json_member_str(j, "choice", list[i].choice[0] == '\0' ? NULL : list[i].choice);
        json_member_str(j, "consent_reference",
                        list[i].consent[0] == '\0' ? NULL : list[i].consent);
        json_member_str(j, "outcome", list[i].outcome[0] == '\0' ? NULL : list[i].outcome);
        json_end_object(j);
    }
    json_end_array(j);
    return rc;
}

static int write_siblings(struct web_request *r, struct db *db, struct json *j,
                          const struct hold_row *h, struct err *e) {
    struct hold_filter f = {.series = slice_str(h->series), .limit = SIBLINGS_MAX};
    struct hold_row *rows;
    size_t count = 0;
    uint64_t total = 0;
    int rc = hold_list(db, &f, &r->arena, &rows, &count, &total, e);
    json_name(j, "siblings");
    json_begin_array(j);
    for (size_t i = 0; i < count && rc == E_OK; i++) {
        char text[24];
        (void)snprintf(text, sizeof text, "%lld", (long long)rows[i].id);
        json_str(j, text);
    }
    json_end_array(j);
    return rc;
}

static void write_choices(struct json *j, const struct hold_row *h) {
    unsigned offered = hold_choices(h);
    json_name(j, "choices");
    json_begin_array(j);
    for (int i = HOLD_CHOICE_DEFACED; i <= HOLD_CHOICE_CONSENT; i++) {
        if ((offered & 1U << i) != 0) {
            json_str(j, hold_choice_word((enum hold_choice)i));
        }
    }
    json_end_array(j);
    json_member_bool(j, "faces",
                     hold_has_reason(h, GATE_REASON_FACE) ||
                         hold_has_reason(h, GATE_REASON_FACE_UNSURE) ||
                         hold_has_reason(h, GATE_REASON_FACE_REMOVED));
}

static int write_detail(struct web_request *r, struct json *j, const struct hold_row *h,
                        struct err *e) {
    struct archive *a = r->server->archive;
    struct db *db;
    int rc = archive_reader(a, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    json_begin_object(j);
    write_hold(j, a, h);
    rc = write_boxes(r, j, h, e);
    write_number(j, "version", h->draft_version);
    json_name(j, "findings");
    json_raw(j, h->findings);
    write_choices(j, h);
    rc = rc == E_OK ? write_decisions(r, db, j, h, e) : rc;
    rc = rc == E_OK ? write_siblings(r, db, j, h, e) : rc;
    json_end_object(j);
    archive_reader_done(a, db);
    return rc;
}

void web_hold_answer(struct web_request *r) {
    struct hold_row h;
    struct err e = {0};
    struct buf body;
    struct json j;
    char etag[32] = "";
    buf_init(&body, BODY_MAX);
    json_init(&j, &body);
    int rc = web_hold_find(r, &h, &e);
    if (rc == E_OK) {
        rc = write_detail(r, &j, &h, &e);
        (void)snprintf(etag, sizeof etag, "\"%lld\"", (long long)h.draft_version);
    }
    web_answer_json(r, MHD_HTTP_OK, &body, rc, &e);
    if (rc == E_OK) {
        web_answer_header(r, "ETag", etag);
    }
}

void web_hold_get(struct web_request *r) { web_hold_answer(r); }

// --- the queue

static int number(const struct web_url *url, const char *name, uint64_t max, uint64_t *ret_number,
                  struct err *e) {
    struct slice text = web_url_param(url, name);
    if (text.len == 0) {
        return E_OK;
    }
    return num_parse_u64(text, max, ret_number)
               ? E_OK
               : err_set(e, E_ARGUMENT, "%s must be a whole number up to %llu", name,
                         (unsigned long long)max);
}

static struct slice text_param(const struct web_url *url, const char *name) {
    struct slice text = web_url_param(url, name);
    return text.len == 0 ? (struct slice){0} : text;
}

static int read_filter(struct web_request *r, struct hold_filter *f, struct err *e) {
    *f = (struct hold_filter){.reason = text_param(&r->url, "reason"),
                              .delivery = text_param(&r->url, "delivery"),
                              .modality = text_param(&r->url, "modality"),
                              .limit = LIMIT_DEFAULT};
    int rc = number(&r->url, "limit", LIMIT_MAX, &f->limit, e);
    return rc == E_OK ? number(&r->url, "offset", INT32_MAX, &f->offset, e) : rc;
}

static void write_counts(struct json *j, const uint64_t counts[GATE_REASON_COUNT]) {
    json_name(j, "reasons");
    json_begin_array(j);
    for (int i = 1; i < GATE_REASON_COUNT; i++) {
        if (counts[i] > 0) {
            json_begin_object(j);
            json_member_str(j, "code", gate_reason_code((enum gate_reason)i));
            json_member_str(j, "words", gate_reason_words((enum gate_reason)i));
            json_member_i64(j, "count", (int64_t)counts[i]);
            json_end_object(j);
        }
    }
    json_end_array(j);
}

static int write_queue(struct web_request *r, const struct hold_filter *f, struct json *j,
                       struct err *e) {
    struct archive *a = r->server->archive;
    uint64_t counts[GATE_REASON_COUNT], total = 0;
    struct hold_row *rows = NULL;
    size_t count = 0;
    struct db *db;
    int rc = archive_reader(a, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = hold_reasons(db, f, counts, e);
    rc = rc == E_OK ? hold_list(db, f, &r->arena, &rows, &count, &total, e) : rc;
    archive_reader_done(a, db);
    if (rc != E_OK) {
        return rc;
    }
    json_begin_object(j);
    write_counts(j, counts);
    json_name(j, "holds");
    json_begin_array(j);
    for (size_t i = 0; i < count; i++) {
        json_begin_object(j);
        write_hold(j, a, &rows[i]);
        json_end_object(j);
    }
    json_end_array(j);
    json_member_i64(j, "total", (int64_t)total);
    json_end_object(j);
    return E_OK;
}

void web_holds_get(struct web_request *r) {
    struct hold_filter f;
    struct err e = {0};
    struct buf body;
    struct json j;
    buf_init(&body, BODY_MAX);
    json_init(&j, &body);
    int rc = read_filter(r, &f, &e);
    rc = rc == E_OK ? write_queue(r, &f, &j, &e) : rc;
    web_answer_json(r, MHD_HTTP_OK, &body, rc, &e);
}
