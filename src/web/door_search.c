// SPDX-License-Identifier: Apache-2.0
// QIDO-RS (PS3.18 10.6): studies, series and instances, alone or below a parent. Answers are DICOM
// JSON; a search that finds nothing is 200 with an empty list (as CP-2473 made it; 204 before). XML
// is not made: 406.
#include <microhttpd.h>
#include <stdio.h>

#include "archive/archive.h"
#include "archive/search.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "dicom/tags.h"
#include "web/accept.h"
#include "web/attributes_json.h"
#include "web/qido.h"
#include "web/routes.h"
#include "web/server_priv.h"

#define SEARCH_ANSWER_MAX ((size_t)64 << 20)

static const struct web_offer offers[] = {
    {.media = "application/dicom+json", .is_default = true},
    {.media = "application/json", .is_default = true},
};

struct search_answer {
    struct web_request *request;
    struct web_qido query;
    struct buf body;
    struct json json;
    const char *origin;
    bool more;
};

// "…/series" and "…/instances" by the last word of the path.
static enum search_level level_of(const struct web_request *r) {
    struct slice last = r->url.segments[r->url.segment_count - 1];
    if (slice_eq_str(last, "series")) {
        return SEARCH_SERIES;
    }
    return slice_eq_str(last, "instances") ? SEARCH_INSTANCE : SEARCH_STUDY;
}

static struct slice value_of(const struct search_row *row, dcm_tag tag) {
    for (size_t i = 0; i < row->count; i++) {
        if (row->values[i].attribute->tag == tag) {
            return row->values[i].text;
        }
    }
    return slice_str("");
}

static const char *retrieve_url(const struct search_answer *a, const struct search_row *row,
                                char out[512]) {
    struct slice study = value_of(row, DCM_StudyInstanceUID);
    struct slice series = value_of(row, DCM_SeriesInstanceUID);
    struct slice instance = value_of(row, DCM_SOPInstanceUID);
    const struct web_names *n = &a->request->names;
    study = study.len > 0 ? study : slice_str(n->study);
    series = series.len > 0 ? series : slice_str(n->series);
    int len = snprintf(out, 512, "%s/dicom-web/studies/%.*s", a->origin, (int)study.len,
                       (const char *)study.ptr);
    if (a->query.level >= SEARCH_SERIES && len > 0 && len < 512) {
        len += snprintf(out + len, (size_t)(512 - len), "/series/%.*s", (int)series.len,
                        (const char *)series.ptr);
    }
    if (a->query.level == SEARCH_INSTANCE && len > 0 && len < 512) {
        (void)snprintf(out + len, (size_t)(512 - len), "/instances/%.*s", (int)instance.len,
                       (const char *)instance.ptr);
    }
    return out;
}

static int write_row(const struct search_row *row, void *context) {
    struct search_answer *a = context;
    char url[512];
    web_attributes_write(&a->json, row, retrieve_url(a, row, url));
    return a->body.failed ? E_LIMIT : E_OK;
}

static int path_keys(struct search_answer *a, struct err *e) {
    const struct web_names *n = &a->request->names;
    int rc = E_OK;
    if (n->study[0] != '\0') {
        rc = web_qido_key(&a->query, DCM_StudyInstanceUID, slice_str(n->study), e);
    }
    if (rc == E_OK && n->series[0] != '\0') {
        rc = web_qido_key(&a->query, DCM_SeriesInstanceUID, slice_str(n->series), e);
    }
    return rc;
}

static int search(struct search_answer *a, struct err *e) {
    struct archive *archive = a->request->server->archive;
    const struct search_query query = {.level = a->query.level,
                                       .keys = a->query.keys,
                                       .key_count = a->query.key_count,
                                       .offset = a->query.offset,
                                       .limit = a->query.limit,
                                       .fuzzy = a->query.fuzzy};
    struct db *db;
    int rc = archive_reader(archive, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    json_begin_array(&a->json);
    rc = a->query.limit == 0 ? E_OK : search_run(db, &query, write_row, a, &a->more, e);
    json_end_array(&a->json);
    archive_reader_done(archive, db);
    if (rc == E_LIMIT || rc == E_OK) {
        rc = buf_check(&a->body, "answer of the search", e);
    }
    return rc;
}

static void warn(struct search_answer *a) {
    char text[WEB_QIDO_UNSUPPORTED_MAX + 512];
    if (a->more) {
        (void)snprintf(text, sizeof text,
                       "299 %s/dicom-web: There are additional results that can be requested",
                       a->origin);
        web_answer_header(a->request, "Warning", text);
    }
    if (a->query.unsupported[0] != '\0') {
        (void)snprintf(text, sizeof text,
                       "299 %s/dicom-web: The following query parameters are not supported by this "
                       "service: %s",
                       a->origin, a->query.unsupported);
        web_answer_header(a->request, "Warning", text);
    }
}

static int prepare(struct search_answer *a, int *ret_offer, struct err *e) {
    struct web_request *r = a->request;
    struct web_accept accept;
    int rc = web_accept_parse(&r->arena, web_request_accept(r), &accept, e);
    if (rc != E_OK) {
        return rc;
    }
    *ret_offer = web_accept_choose(&accept, offers, sizeof offers / sizeof offers[0]);
    if (*ret_offer < 0) {
        return err_set(e, E_NOT_ACCEPTABLE,
                       "search results are application/dicom+json or application/json");
    }
    rc = web_qido_parse(&r->arena, &r->url, level_of(r), &a->query, e);
    return rc == E_OK ? path_keys(a, e) : rc;
}

void web_search_get(struct web_request *r) {
    struct search_answer *a = arena_new(&r->arena, struct search_answer);
    struct err e = {0};
    int offer = 0;
    if (a == NULL) {
        err_set(&e, E_MEMORY, "search");
        web_answer_error(r, &e);
        return;
    }
    a->request = r;
    a->origin = web_request_origin(r);
    buf_init(&a->body, SEARCH_ANSWER_MAX);
    json_init(&a->json, &a->body);
    if (prepare(a, &offer, &e) != E_OK || search(a, &e) != E_OK) {
        buf_done(&a->body);
        web_answer_error(r, &e);
        return;
    }
    web_answer_buf(r, MHD_HTTP_OK, offers[offer].media, &a->body);
    web_answer_no_store(r);
    warn(a);
}
