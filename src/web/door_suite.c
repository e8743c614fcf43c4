// SPDX-License-Identifier: Apache-2.0
// What the server says of itself: /api/suite, the OpenAPI document, health, counters, DICOMweb
// capabilities, and the pages of the browser application.
#include <microhttpd.h>
#include <stdio.h>

#include "archive/archive.h"
#include "archive/catalogue.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "gate/profile.h"
#include "policy/policy.h"
#include "web/dispatch.h"
#include "web/metrics_dicom.h"
#include "web/openapi.h"
#include "web/routes.h"
#include "web/server_priv.h"
#include "web/static_files.h"
#include "worker/worker.h"

#define SUITE_BODY_MAX ((size_t)16384)
#define METRICS_BODY_MAX ((size_t)4 << 20)
#define JSON_TYPE "application/json"

static const char whole_gate[] =
    "What enters is de-identified (PS3.15 Annex E, edition " GATE_EDITION "); what the gate is not "
    "sure of waits for a person.";
static const char weakened_gate[] =
    "The de-identification profile in force asks less than the standard's floor: what enters may "
    "still name somebody.";
static const char structural_gate[] =
    "The gate checks only that a file is a whole DICOM instance: this is the program of the tests.";

static int count_catalogue(struct web_request *r, struct catalogue_counts *ret_counts,
                           struct err *e) {
    struct archive *archive = r->server->archive;
    struct db *db;
    int rc = archive_reader(archive, &db, e);
    if (rc == E_OK) {
        rc = catalogue_count(db, ret_counts, e);
        archive_reader_done(archive, db);
    }
    return rc;
}

static void write_gate(const struct web_request *r, struct json *j) {
    const struct gate_profile *p = archive_profile(r->server->archive);
    json_member_str(j, "mode", p == NULL ? "structural" : p->weakened ? "weakened" : "whole");
    json_member_str(j, "notice",
                    p == NULL     ? structural_gate
                    : p->weakened ? weakened_gate
                                  : whole_gate);
    json_member_str(j, "profile", p == NULL ? NULL : p->name);
    json_member_str(j, "edition", p == NULL ? NULL : GATE_EDITION);
    json_member_bool(j, "two_persons", p != NULL && p->two_persons);
}

static void write_suite(const struct web_request *r, const struct catalogue_counts *counts,
                        struct json *j) {
    char now[CLOCK_TEXT_LEN + 1];
    json_begin_object(j);
    json_member_str(j, "suite", "MacLab");
    json_member_str(j, "school", "School of Radiology");
    json_member_str(j, "station", "local");
    json_member_str(j, "version", r->server->version);
    json_member_str(j, "revision", r->server->revision);
    json_member_str(j, "now", clock_text(clock_now(r->server->clock), now));
    json_name(j, "user");
    json_begin_object(j);
    json_member_str(j, "name", "Local operator");
    json_member_str(j, "role", "operator");
    json_end_object(j);
    json_name(j, "gate");
    json_begin_object(j);
    write_gate(r, j);
    json_end_object(j);
    json_name(j, "catalogue");
    json_begin_object(j);
    json_member_i64(j, "studies", (int64_t)counts->studies);
    json_member_i64(j, "series", (int64_t)counts->series);
    json_member_i64(j, "instances", (int64_t)counts->instances);
    json_end_object(j);
    json_end_object(j);
}

void web_suite_get(struct web_request *r) {
    struct catalogue_counts counts;
    struct err e = {0};
    struct buf body;
    struct json j;
    if (count_catalogue(r, &counts, &e) != E_OK) {
        web_answer_error(r, &e);
        return;
    }
    buf_init(&body, SUITE_BODY_MAX);
    json_init(&j, &body);
    write_suite(r, &counts, &j);
    web_answer_buf(r, MHD_HTTP_OK, JSON_TYPE, &body);
    web_answer_no_store(r);
}

void web_openapi_get(struct web_request *r) {
    struct MHD_Response *response = MHD_create_response_from_buffer(
        web_openapi_len, (void *)(uintptr_t)web_openapi, MHD_RESPMEM_PERSISTENT);
    web_answer_response(r, MHD_HTTP_OK, JSON_TYPE, response, web_openapi_len);
    web_answer_header(r, "Cache-Control", "no-cache");
}

void web_health_get(struct web_request *r) {
    struct catalogue_counts counts;
    struct err e = {0};
    if (count_catalogue(r, &counts, &e) != E_OK) {
        web_answer_error(r, &e);
        return;
    }
    web_answer_text(r, MHD_HTTP_OK, "text/plain; charset=utf-8", "ok\n");
    web_answer_no_store(r);
}

static void write_workers(struct web_request *r, struct buf *out) {
    struct worker_counts w = worker_pool_counts(archive_workers(r->server->archive));
    web_metrics_gauge(out, "maclab_worker_jobs_total", "Jobs run in sandboxed children.", "counter",
                      w.jobs);
    web_metrics_gauge(out, "maclab_worker_crashes_total", "Children that died of a job.", "counter",
                      w.crashes);
    web_metrics_gauge(out, "maclab_worker_timeouts_total", "Jobs that took too long.", "counter",
                      w.timeouts);
    web_metrics_gauge(out, "maclab_worker_recycled_total", "Children replaced in good order.",
                      "counter", w.recycled);
    web_metrics_gauge(out, "maclab_worker_children", "Children alive.", "gauge", w.children);
}

void web_metrics_get(struct web_request *r) {
    struct web_server *s = r->server;
    struct buf body;
    buf_init(&body, METRICS_BODY_MAX);
    web_metrics_write(s->metrics, web_routes, web_route_count, &body);
    web_metrics_gauge(&body, "maclab_http_connections", "Connections open.", "gauge",
                      atomic_load(&s->peers.count));
    web_metrics_gauge(&body, "maclab_http_slow_clients_total",
                      "Connections ended because the client was too slow.", "counter",
                      atomic_load(&s->peers.ended));
    web_metrics_gauge(&body, "maclab_http_uploads", "Uploads running.", "gauge",
                      atomic_load(&s->streams));
    write_workers(r, &body);
    web_metrics_dicom(&body, s->dicom.node);
    web_answer_buf(r, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &body);
    web_answer_no_store(r);
}

// PS3.18 8.9 describes capabilities in WADL, which nobody reads; this is the same in a few words.
void web_capabilities_get(struct web_request *r) {
    web_answer_text(
        r, MHD_HTTP_OK, JSON_TYPE,
        "{\"service\":\"MacLab DICOMweb\",\"standard\":\"DICOM PS3.18 2026d\","
        "\"description\":\"/api/openapi.json\",\"transactions\":{"
        "\"retrieve\":[\"study\",\"series\",\"instance\",\"frames\",\"metadata\",\"bulkdata\","
        "\"rendered\",\"thumbnail\"],\"store\":[\"application/dicom\"],"
        "\"search\":[\"studies\",\"series\",\"instances\"],\"uri\":[\"/wado\"]}}\n");
    web_answer_header(r, "Cache-Control", "no-cache");
}

void web_page_get(struct web_request *r) { web_static_answer(r->server->files, r); }

void web_nothing_get(struct web_request *r) {
    web_answer_failure(r, MHD_HTTP_NOT_FOUND, E_NOT_FOUND, "no such resource", NULL);
}
