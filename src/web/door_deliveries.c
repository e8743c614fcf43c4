// SPDX-License-Identifier: Apache-2.0
// Deliveries: what came by which door, what the gate found in it, who decided what, and the signed
// certificate (clause C1b: the incoming quality of anonymisation is there to be seen).
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/delivery.h"
#include "archive/delivery_certificate.h"
#include "archive/hold.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/num.h"
#include "db/db.h"
#include "web/json_time.h"
#include "web/routes.h"
#include "web/server_priv.h"

#define BODY_MAX ((size_t)16 << 20)
#define LIMIT_DEFAULT 50
#define LIMIT_MAX 500
#define STUDIES_MAX 1000

static void write_row(struct json *j, const struct delivery_row *d) {
    json_member_str(j, "id", d->id);
    json_member_str(j, "door", d->door);
    json_member_str(j, "source", d->label[0] == '\0' ? NULL : d->label);
    json_member_str(j, "state", delivery_state_word(d->state));
    web_json_time(j, "begun", d->begun);
    web_json_time(j, "ended", d->ended);
    json_member_i64(j, "files", (int64_t)d->files);
    json_member_i64(j, "released", (int64_t)d->released);
    json_member_i64(j, "held", (int64_t)d->held);
    json_member_i64(j, "refused", (int64_t)d->refused);
    json_member_bool(j, "certificate", d->has_certificate);
    web_json_time(j, "expires", d->key_gone ? 0 : d->expires);
}

// --- the list

static int number(const struct web_url *url, const char *name, uint64_t max, uint64_t *ret_number,
                  struct err *e) {
    struct slice text = web_url_param(url, name);
    if (text.len == 0 || num_parse_u64(text, max, ret_number)) {
        return E_OK;
    }
    return err_set(e, E_ARGUMENT, "%s must be a whole number up to %llu", name,
                   (unsigned long long)max);
}

static int read_state(struct web_request *r, int *ret_decided, struct err *e) {
    struct slice state = web_url_param(&r->url, "state");
    *ret_decided = slice_eq_str(state, "decided") ? 1 : slice_eq_str(state, "open") ? 0 : -1;
    return state.len > 0 && *ret_decided < 0
               ? err_set(e, E_ARGUMENT, "state must be open or decided")
               : E_OK;
}

static int list(struct web_request *r, int decided, uint64_t offset, uint64_t limit, struct json *j,
                struct err *e) {
    struct archive *a = r->server->archive;
    struct delivery_row *rows;
    size_t count = 0;
    uint64_t total = 0;
    struct db *db;
    int rc = archive_reader(a, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = delivery_list(db, decided, offset, limit, &r->arena, &rows, &count, &total, e);
    archive_reader_done(a, db);
    if (rc != E_OK) {
        return rc;
    }
    json_begin_object(j);
    json_name(j, "deliveries");
    json_begin_array(j);
    for (size_t i = 0; i < count; i++) {
        json_begin_object(j);
        write_row(j, &rows[i]);
        json_end_object(j);
    }
    json_end_array(j);
    json_member_i64(j, "total", (int64_t)total);
    json_end_object(j);
    return E_OK;
}

void web_deliveries_get(struct web_request *r) {
    uint64_t offset = 0, limit = LIMIT_DEFAULT;
    struct err e = {0};
    struct buf body;
    struct json j;
    int decided = -1;
    buf_init(&body, BODY_MAX);
    json_init(&j, &body);
    int rc = read_state(r, &decided, &e);
    rc = rc == E_OK ? number(&r->url, "limit", LIMIT_MAX, &limit, &e) : rc;
    rc = rc == E_OK ? number(&r->url, "offset", INT32_MAX, &offset, &e) : rc;
    rc = rc == E_OK ? list(r, decided, offset, limit, &j, &e) : rc;
    web_answer_json(r, MHD_HTTP_OK, &body, rc, &e);
}

// --- one

struct tally {
    struct json *j;
    const char *group; // "kind:" …
};

static int write_count(struct slice what, int64_t count, void *context) {
    const struct tally *t = context;
    struct slice prefix = slice_str(t->group);
    char name[64];
    bool plain = slice_find(what, ':') == what.len;
    if (prefix.len == 0 ? !plain : !slice_starts(what, prefix)) {
        return 0;
    }
    struct slice rest = slice_from(what, prefix.len);
    (void)snprintf(name, sizeof name, "%.*s", (int)rest.len, (const char *)rest.ptr);
    json_member_i64(t->j, name, count);
    return 0;
}

static int write_tally(struct db *db, const char *id, struct json *j, struct err *e) {
    static const struct {
        const char *name, *group;
    } groups[] = {
        {"kinds", "kind:"}, {"reasons", "reason:"}, {"methods", "method:"}, {"counts", ""}};
    int rc = E_OK;
    json_name(j, "tally");
    json_begin_object(j);
    for (size_t i = 0; i < sizeof groups / sizeof groups[0] && rc >= 0; i++) {
        struct tally t = {j, groups[i].group};
        json_name(j, groups[i].name);
        json_begin_object(j);
        rc = delivery_counts(db, id, write_count, &t, e);
        json_end_object(j);
    }
    json_end_object(j);
    return rc < 0 ? rc : E_OK;
}

static int write_studies(struct db *db, const char *id, struct json *j, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "SELECT study_uid, max(patient), count(*), sum(verdict = 0),"
                        " sum(verdict = 1) FROM source WHERE delivery = ?1 AND study_uid <> ''"
                        " GROUP BY study_uid ORDER BY study_uid LIMIT ?2",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(id));
    db_bind_i64(s, 2, STUDIES_MAX);
    json_name(j, "studies");
    json_begin_array(j);
    while ((rc = db_step(s, e)) == 1) {
        json_begin_object(j);
        json_member_slice(j, "study", db_text(s, 0));
        json_member_slice(j, "patient", db_text(s, 1));
        json_member_i64(j, "instances", db_i64(s, 2));
        json_member_i64(j, "released", db_i64(s, 3));
        json_member_i64(j, "held", db_i64(s, 4));
        json_end_object(j);
    }
    json_end_array(j);
    return rc;
}

static int write_decisions(struct web_request *r, struct db *db, const char *id, struct json *j,
                           struct err *e) {
    struct hold_decision *decisions;
    size_t count = 0;
    int rc = hold_decisions(db, 0, id, &r->arena, &decisions, &count, e);
    json_name(j, "decisions");
    json_begin_array(j);
    for (size_t i = 0; i < count && rc == E_OK; i++) {
        char hold[24];
        (void)snprintf(hold, sizeof hold, "%lld", (long long)decisions[i].hold);
        json_begin_object(j);
        json_member_str(j, "hold", hold);
        json_member_str(j, "who", decisions[i].who);
        web_json_time(j, "when", decisions[i].at);
        json_member_str(j, "what", decisions[i].what);
        json_member_str(j, "reason", decisions[i].reason);
        json_end_object(j);
    }
    json_end_array(j);
    return rc;
}

static const char *id_of(struct web_request *r) {
    return r->names.word.len == SEAL_DELIVERY_LEN ? arena_str(&r->arena, r->names.word) : "";
}

static int write_one(struct web_request *r, struct json *j, struct err *e) {
    struct archive *a = r->server->archive;
    const char *id = id_of(r);
    struct delivery_row row;
    struct db *db;
    int rc = id == NULL ? err_set(e, E_MEMORY, "delivery") : archive_reader(a, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = delivery_find(db, id, &row, e);
    if (rc == E_OK) {
        json_begin_object(j);
        write_row(j, &row);
        rc = write_tally(db, id, j, e);
        rc = rc == E_OK ? write_studies(db, id, j, e) : rc;
        rc = rc == E_OK ? write_decisions(r, db, id, j, e) : rc;
        json_end_object(j);
    }
    archive_reader_done(a, db);
    return rc;
}

void web_delivery_get(struct web_request *r) {
    struct err e = {0};
    struct buf body;
    struct json j;
    buf_init(&body, BODY_MAX);
    json_init(&j, &body);
    int rc = write_one(r, &j, &e);
    web_answer_json(r, MHD_HTTP_OK, &body, rc, &e);
}

// --- the certificate

static void certificate(struct web_request *r, bool pdf) {
    struct archive *a = r->server->archive;
    const char *id = id_of(r);
    struct err e = {0};
    struct buf body;
    struct db *db;
    char name[96];
    buf_init(&body, BODY_MAX);
    int rc = id == NULL ? err_set(&e, E_MEMORY, "certificate") : archive_reader(a, &db, &e);
    if (rc == E_OK) {
        rc = delivery_certificate(db, id, pdf, &body, &e);
        archive_reader_done(a, db);
    }
    if (rc != E_OK) {
        buf_done(&body);
        web_answer_error(r, &e);
        return;
    }
    web_answer_buf(r, MHD_HTTP_OK, pdf ? "application/pdf" : "application/json", &body);
    web_answer_no_store(r);
    (void)snprintf(name, sizeof name, "inline; filename=\"delivery-%s.%s\"", id,
                   pdf ? "pdf" : "json");
    web_answer_header(r, "Content-Disposition", name);
}

void web_certificate_json_get(struct web_request *r) { certificate(r, false); }

void web_certificate_pdf_get(struct web_request *r) { certificate(r, true); }
