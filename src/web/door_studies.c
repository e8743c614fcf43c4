// SPDX-License-Identifier: Apache-2.0
// The catalogue for the browser application: /api/studies with words, facets, order and pages, and
// one study with its series and whether the reader can show each.
#include <microhttpd.h>
#include <stdio.h>

#include "archive/archive.h"
#include "archive/catalogue.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/num.h"
#include "web/routes.h"
#include "web/server_priv.h"

#define STUDIES_BODY_MAX ((size_t)32 << 20)
#define STUDIES_LIMIT_DEFAULT 100u
#define CHOSEN_MAX 64u

// --- the question
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

static int date(const struct web_url *url, const char *name, int64_t *ret_date, struct err *e) {
    struct slice text = web_url_param(url, name);
    if (text.len == 0) {
        return E_OK;
    }
    return text.len == 8 && num_parse_i64(text, 10101, 99991231, ret_date)
               ? E_OK
               : err_set(e, E_ARGUMENT, "%s must be a date as YYYYMMDD", name);
}

static int sort(const struct web_url *url, enum catalogue_sort *ret_sort, struct err *e) {
    static const struct {
        const char *text;
        enum catalogue_sort sort;
    } sorts[] = {{"", CATALOGUE_NEWEST},         {"-date", CATALOGUE_NEWEST},
                 {"date", CATALOGUE_OLDEST},     {"name", CATALOGUE_NAME},
                 {"-name", CATALOGUE_NAME_DOWN}, {"description", CATALOGUE_DESCRIPTION}};
    struct slice text = web_url_param(url, "sort");
    for (size_t i = 0; i < sizeof sorts / sizeof sorts[0]; i++) {
        if (slice_eq_str(text, sorts[i].text)) {
            *ret_sort = sorts[i].sort;
            return E_OK;
        }
    }
    return err_set(e, E_ARGUMENT, "sort must be -date, date, name, -name or description");
}

static int chosen(struct web_request *r, const char *name, enum catalogue_facet_kind kind,
                  struct catalogue_query *q, struct err *e) {
    struct slice text = web_url_param(&r->url, name);
    struct slice part;
    struct slice *list = arena_array(&r->arena, CHOSEN_MAX, sizeof *list);
    size_t count = 0;
    if (list == NULL) {
        return err_set(e, E_MEMORY, "%s", name);
    }
    while (text.len > 0 && slice_split(&text, ',', &part)) {
        if (count == CHOSEN_MAX) {
            return err_set(e, E_LIMIT, "%s with over %u values", name, CHOSEN_MAX);
        }
        if (part.len > 0) {
            list[count++] = part;
        }
    }
    q->chosen[kind] = list;
    q->chosen_count[kind] = count;
    return E_OK;
}

static int parse(struct web_request *r, struct catalogue_query *q, struct err *e) {
    *q = (struct catalogue_query){.words = web_url_param(&r->url, "q"),
                                  .limit = STUDIES_LIMIT_DEFAULT};
    int rc = number(&r->url, "offset", INT64_MAX, &q->offset, e);
    if (rc == E_OK) {
        rc = number(&r->url, "limit", CATALOGUE_LIMIT_MAX, &q->limit, e);
    }
    if (rc == E_OK) {
        rc = date(&r->url, "from", &q->from, e);
    }
    if (rc == E_OK) {
        rc = date(&r->url, "to", &q->to, e);
    }
    if (rc == E_OK) {
        rc = sort(&r->url, &q->sort, e);
    }
    if (rc == E_OK) {
        rc = chosen(r, "modality", CATALOGUE_MODALITY, q, e);
    }
    return rc == E_OK ? chosen(r, "body_part", CATALOGUE_BODY_PART, q, e) : rc;
}

// --- the answer
static void text_or_null(struct json *j, const char *name, struct slice text) {
    json_name(j, name);
    if (text.len == 0) {
        json_null(j);
    } else {
        json_slice(j, text);
    }
}

static void list(struct json *j, const char *name, struct slice text) {
    struct slice part;
    json_name(j, name);
    json_begin_array(j);
    while (text.len > 0 && slice_split(&text, '\\', &part)) {
        if (part.len > 0) {
            json_slice(j, part);
        }
    }
    json_end_array(j);
}

static void thumbnail(struct json *j, bool there, struct slice study, struct slice series) {
    char url[256];
    (void)snprintf(url, sizeof url, "/dicom-web/studies/%.*s%s%.*s/thumbnail", (int)study.len,
                   (const char *)study.ptr, series.len > 0 ? "/series/" : "", (int)series.len,
                   (const char *)series.ptr);
    json_member_str(j, "thumbnail", there ? url : NULL);
}

static void write_study(struct json *j, const struct catalogue_study *s) {
    json_begin_object(j);
    json_member_slice(j, "study_uid", s->study_uid);
    json_member_slice(j, "patient_name", s->patient_name);
    json_member_slice(j, "patient_id", s->patient_id);
    json_member_slice(j, "sex", s->sex);
    text_or_null(j, "birth_date", s->birth_date);
    text_or_null(j, "age", s->age);
    text_or_null(j, "date", s->date);
    text_or_null(j, "time", s->time);
    json_member_slice(j, "accession", s->accession);
    json_member_slice(j, "description", s->description);
    list(j, "modalities", s->modalities);
    list(j, "body_parts", s->body_parts);
    json_member_i64(j, "series", (int64_t)s->series);
    json_member_i64(j, "instances", (int64_t)s->instances);
    thumbnail(j, s->has_thumbnail, s->study_uid, slice_str(""));
    json_end_object(j);
}

static void write_facet(struct json *j, const char *name, const struct catalogue_facet *facets,
                        size_t count) {
    json_name(j, name);
    json_begin_array(j);
    for (size_t i = 0; i < count; i++) {
        json_begin_object(j);
        json_member_slice(j, "value", facets[i].value);
        json_member_i64(j, "count", (int64_t)facets[i].count);
        json_end_object(j);
    }
    json_end_array(j);
}

static void write_page(struct json *j, const struct catalogue_query *q,
                       const struct catalogue_page *page) {
    json_begin_object(j);
    json_member_i64(j, "total", (int64_t)page->total);
    json_member_i64(j, "offset", (int64_t)q->offset);
    json_member_i64(j, "limit", (int64_t)q->limit);
    json_name(j, "facets");
    json_begin_object(j);
    write_facet(j, "modality", page->facets[CATALOGUE_MODALITY],
                page->facet_count[CATALOGUE_MODALITY]);
    write_facet(j, "body_part", page->facets[CATALOGUE_BODY_PART],
                page->facet_count[CATALOGUE_BODY_PART]);
    json_end_object(j);
    json_name(j, "studies");
    json_begin_array(j);
    for (size_t i = 0; i < page->count; i++) {
        write_study(j, &page->studies[i]);
    }
    json_end_array(j);
    json_end_object(j);
}

static void write_series(struct json *j, struct slice study, const struct catalogue_series *s) {
    json_begin_object(j);
    json_member_slice(j, "series_uid", s->series_uid);
    json_name(j, "number");
    if (s->has_number) {
        json_i64(j, s->number);
    } else {
        json_null(j);
    }
    json_member_slice(j, "modality", s->modality);
    json_member_slice(j, "description", s->description);
    json_member_slice(j, "body_part", s->body_part);
    json_member_i64(j, "instances", (int64_t)s->instances);
    json_member_i64(j, "frames", (int64_t)s->frames);
    json_member_i64(j, "rows", (int64_t)s->rows);
    json_member_i64(j, "columns", (int64_t)s->columns);
    list(j, "sop_classes", s->sop_classes);
    list(j, "transfer_syntaxes", s->syntaxes);
    thumbnail(j, s->readable, study, s->series_uid);
    json_member_bool(j, "readable", s->readable);
    json_member_str(j, "reason", s->reason);
    json_end_object(j);
}

void web_studies_get(struct web_request *r) {
    struct archive *archive = r->server->archive;
    struct catalogue_query query;
    struct catalogue_page page;
    struct err e = {0};
    struct buf body;
    struct json j;
    struct db *db = NULL;
    buf_init(&body, STUDIES_BODY_MAX);
    json_init(&j, &body);
    int rc = parse(r, &query, &e);
    if (rc == E_OK) {
        rc = archive_reader(archive, &db, &e);
    }
    if (rc == E_OK) {
        rc = catalogue_search(db, &query, &r->arena, &page, &e);
        archive_reader_done(archive, db);
    }
    if (rc == E_OK) {
        write_page(&j, &query, &page);
    }
    web_answer_json(r, MHD_HTTP_OK, &body, rc, &e);
}

void web_study_get(struct web_request *r) {
    struct archive *archive = r->server->archive;
    struct catalogue_study study;
    struct catalogue_series *series;
    size_t count;
    struct err e = {0};
    struct buf body;
    struct json j;
    struct db *db;
    buf_init(&body, STUDIES_BODY_MAX);
    json_init(&j, &body);
    int rc = archive_reader(archive, &db, &e);
    if (rc == E_OK) {
        rc = catalogue_study_read(db, r->names.study, &r->arena, &study, &series, &count, &e);
        archive_reader_done(archive, db);
    }
    if (rc == E_OK) {
        json_begin_object(&j);
        json_name(&j, "study");
        write_study(&j, &study);
        json_name(&j, "series");
        json_begin_array(&j);
        for (size_t i = 0; i < count; i++) {
            write_series(&j, study.study_uid, &series[i]);
        }
        json_end_array(&j);
        json_end_object(&j);
    }
    web_answer_json(r, MHD_HTTP_OK, &body, rc, &e);
}
