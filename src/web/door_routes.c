// SPDX-License-Identifier: Apache-2.0
// Prefetches for the browser: orders of studies to stations, how far they are, calling off and
// asking again.
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/num.h"
#include "db/db.h"
#include "dicom/uid.h"
#include "node/route.h"
#include "web/json_body.h"
#include "web/json_time.h"
#include "web/routes.h"
#include "web/server_priv.h"

#define ROUTES_BODY_MAX ((size_t)32 << 20)
#define ROUTES_LIMIT_DEFAULT 50u

// --- answers
static void write_task(struct json *j, const struct route_shown *shown) {
    const struct route_task *t = &shown->task;
    struct slice rest = shown->modalities, part;
    json_begin_object(j);
    json_member_i64(j, "id", t->id);
    json_member_str(j, "study_uid", t->study);
    json_member_str(j, "series_uid", t->series[0] != '\0' ? t->series : NULL);
    json_member_slice(j, "patient_name", shown->patient);
    json_member_slice(j, "description", shown->description);
    json_member_slice(j, "series_description", shown->series_description);
    json_name(j, "modalities");
    json_begin_array(j);
    while (rest.len > 0 && slice_split(&rest, '\\', &part)) {
        json_slice(j, part);
    }
    json_end_array(j);
    json_member_str(j, "station", t->station);
    json_member_str(j, "state", route_state_text(t->state));
    json_member_str(j, "priority", route_priority_text(t->priority));
    json_member_i64(j, "attempts", t->attempts);
    web_json_time(j, "next_at", t->state == ROUTE_WAITING ? t->next_at : 0);
    web_json_time(j, "started", t->started);
    web_json_time(j, "finished", t->finished);
    json_member_i64(j, "total", (int64_t)t->total);
    json_member_i64(j, "sent", (int64_t)t->sent);
    json_member_i64(j, "present", (int64_t)t->present);
    json_member_i64(j, "failed", (int64_t)t->failed);
    json_member_str(j, "message", t->words);
    json_end_object(j);
}

static void write_order(struct json *j, const struct route_order_shown *o) {
    json_begin_object(j);
    json_member_i64(j, "id", o->id);
    web_json_time(j, "created", o->created);
    web_json_time(j, "not_before", o->not_before);
    json_member_slice(j, "who", o->who);
    json_name(j, "tasks");
    json_begin_array(j);
    for (size_t i = 0; i < o->task_count; i++) {
        write_task(j, &o->tasks[i]);
    }
    json_end_array(j);
    json_end_object(j);
}

static void write_list(struct json *j, const struct route_list *list,
                       const struct route_counts *counts, usec now) {
    json_begin_object(j);
    json_name(j, "counts");
    json_begin_object(j);
    for (int i = 0; i < ROUTE_STATE_COUNT; i++) {
        json_member_i64(j, route_state_text((enum route_state)i), (int64_t)counts->tasks[i]);
    }
    json_end_object(j);
    json_name(j, "orders");
    json_begin_array(j);
    for (size_t i = 0; i < list->order_count; i++) {
        write_order(j, &list->orders[i]);
    }
    json_end_array(j);
    json_member_bool(j, "more", list->more);
    web_json_time(j, "now", now);
    json_end_object(j);
}

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

static int list(struct web_request *r, uint64_t before, uint64_t limit, struct route_list *ret_list,
                struct route_counts *ret_counts, struct err *e) {
    struct db *db;
    int rc = archive_reader(r->server->archive, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = route_queue_list(db, (int64_t)before, (unsigned)limit, 0, &r->arena, ret_list, e);
    rc = rc == E_OK ? route_queue_count(db, ret_counts, e) : rc;
    archive_reader_done(r->server->archive, db);
    return rc;
}

void web_routes_get(struct web_request *r) {
    uint64_t before = 0, limit = ROUTES_LIMIT_DEFAULT;
    struct route_list orders;
    struct route_counts counts;
    struct err e = {0};
    struct buf body;
    struct json j;
    buf_init(&body, ROUTES_BODY_MAX);
    json_init(&j, &body);
    int rc = number(&r->url, "before", INT64_MAX, &before, &e);
    rc = rc == E_OK ? number(&r->url, "limit", ROUTE_LIST_MAX, &limit, &e) : rc;
    rc = rc == E_OK ? list(r, before, limit, &orders, &counts, &e) : rc;
    if (rc == E_OK) {
        write_list(&j, &orders, &counts, clock_now(r->server->clock));
    }
    web_answer_json(r, MHD_HTTP_OK, &body, rc, &e);
}

static int read_order_number(struct web_request *r, int64_t *ret_order, struct err *e) {
    uint64_t order;
    if (!num_parse_u64(r->names.word, INT64_MAX, &order) || order == 0) {
        return err_set(e, E_NOT_FOUND, "there is no such order");
    }
    *ret_order = (int64_t)order;
    return E_OK;
}

static void answer_order(struct web_request *r, unsigned status, int64_t order) {
    struct route_list orders;
    struct err e = {0};
    struct buf body;
    struct json j;
    struct db *db;
    buf_init(&body, ROUTES_BODY_MAX);
    json_init(&j, &body);
    int rc = archive_reader(r->server->archive, &db, &e);
    if (rc == E_OK) {
        rc = route_queue_list(db, 0, 1, order, &r->arena, &orders, &e);
        archive_reader_done(r->server->archive, db);
    }
    if (rc == E_OK) {
        write_order(&j, &orders.orders[0]);
    }
    web_answer_json(r, status, &body, rc, &e);
}

void web_route_get(struct web_request *r) {
    struct err e = {0};
    int64_t order = 0;
    if (read_order_number(r, &order, &e) != E_OK) {
        web_answer_error(r, &e);
        return;
    }
    answer_order(r, MHD_HTTP_OK, order);
}

// --- ordering
// "1.2.3" or "1.2.3/4.5.6".
static int take_item(struct web_request *r, struct slice text, struct route_item *ret_item,
                     struct err *e) {
    size_t cut = slice_find(text, '/');
    struct slice study = slice_first(text, cut), series = slice_from(text, cut + 1);
    if (!dcm_uid_usable(study) || (cut < text.len && !dcm_uid_usable(series))) {
        (void)err_set(e, E_ARGUMENT, "\"%.40s\" is neither a study's UID nor STUDY/SERIES",
                      (const char *)text.ptr);
        return err_in(e, "items");
    }
    ret_item->study = arena_str(&r->arena, study);
    ret_item->series = cut < text.len ? arena_str(&r->arena, series) : "";
    return ret_item->study != NULL && ret_item->series != NULL ? E_OK
                                                               : err_set(e, E_MEMORY, "order");
}

static int take_items(struct web_request *r, const struct web_json_texts *texts,
                      struct route_order *order, struct err *e) {
    struct route_item *items = arena_array(&r->arena, texts->count + 1, sizeof *items);
    int rc = items == NULL ? err_set(e, E_MEMORY, "order") : E_OK;
    for (size_t i = 0; i < texts->count && rc == E_OK; i++) {
        rc = take_item(r, texts->list[i], &items[i], e);
    }
    order->items = items;
    order->item_count = texts->count;
    return rc;
}

static int take_stations(struct web_request *r, const struct web_json_texts *texts,
                         struct route_order *order, struct err *e) {
    const char **stations = arena_array(&r->arena, texts->count + 1, sizeof *stations);
    if (stations == NULL) {
        return err_set(e, E_MEMORY, "order");
    }
    for (size_t i = 0; i < texts->count; i++) {
        stations[i] = (const char *)texts->list[i].ptr;
    }
    order->stations = stations;
    order->station_count = texts->count;
    return E_OK;
}

static int read_order(struct web_request *r, struct route_order *order, struct err *e) {
    struct web_json_texts items = {0}, stations = {0};
    struct slice priority = {0}, not_before = {0};
    struct web_json_member members[] = {
        {.name = "items",
         .kind = WEB_JSON_TEXTS,
         .required = true,
         .ret = &items,
         .max = ROUTE_ITEMS_MAX},
        {.name = "stations",
         .kind = WEB_JSON_TEXTS,
         .required = true,
         .ret = &stations,
         .max = ROUTE_STATIONS_MAX},
        {.name = "priority", .kind = WEB_JSON_TEXT, .ret = &priority},
        {.name = "not_before", .kind = WEB_JSON_TEXT, .ret = &not_before},
    };
    *order = (struct route_order){.priority = ROUTE_NORMAL};
    int rc = web_json_body(r, members, sizeof members / sizeof members[0], e);
    if (rc == E_OK && priority.ptr != NULL && !route_priority_parse(priority, &order->priority)) {
        rc = err_set(e, E_ARGUMENT, "priority must be urgent, normal or low");
    }
    if (rc == E_OK && not_before.ptr != NULL && !clock_parse(not_before, &order->not_before)) {
        rc = err_set(e, E_ARGUMENT, "not_before must be a time as 2026-11-23T07:00:00Z");
    }
    rc = rc == E_OK ? take_items(r, &items, order, e) : rc;
    return rc == E_OK ? take_stations(r, &stations, order, e) : rc;
}

void web_routes_post(struct web_request *r) {
    const struct policy_subject who = policy_connection(r->peer->address);
    struct route_order order;
    struct err e = {0};
    int64_t id = 0;
    int rc = read_order(r, &order, &e);
    rc = rc == E_OK ? route_order_put(r->server->archive, &who, "http route", &order,
                                      clock_now(r->server->clock), &id, &e)
                    : rc;
    if (rc != E_OK) {
        web_answer_error(r, &e);
        return;
    }
    route_wake(r->server->dicom.route);
    answer_order(r, MHD_HTTP_CREATED, id);
}

// --- calling off, asking again
static void move(struct web_request *r, int (*how)(struct archive *a, int64_t order, int64_t task,
                                                   usec now, size_t *ret_moved, struct err *e)) {
    struct err e = {0};
    uint64_t task = 0;
    int64_t order = 0;
    size_t moved = 0;
    int rc = read_order_number(r, &order, &e);
    rc = rc == E_OK ? number(&r->url, "task", INT64_MAX, &task, &e) : rc;
    rc = rc == E_OK ? how(r->server->archive, order, (int64_t)task, clock_now(r->server->clock),
                          &moved, &e)
                    : rc;
    if (rc != E_OK) {
        web_answer_error(r, &e);
        return;
    }
    route_wake(r->server->dicom.route);
    answer_order(r, MHD_HTTP_OK, order);
}

void web_route_delete(struct web_request *r) { move(r, route_order_cancel); }

void web_route_again_post(struct web_request *r) { move(r, route_order_again); }
