// SPDX-License-Identifier: Apache-2.0
// Looking at a hold, drawing on it, deciding. Seeing a header's values as they came is a look that
// is written to the log before it happens, as the pictures of the route table are.
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/hold.h"
#include "archive/hold_room.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/num.h"
#include "policy/audit.h"
#include "web/holds_json.h"
#include "web/json_body.h"
#include "web/routes.h"
#include "web/server_priv.h"

#define ANSWER_MAX ((size_t)1 << 20)
#define HEADER_MAX ((size_t)64 << 20)
#define SIDE_MAX 8192

// --- pictures

static void answer_picture(struct web_request *r, struct buf *bytes, int rc, struct err *e) {
    rc = rc == E_OK ? buf_check(bytes, "picture", e) : rc;
    if (rc != E_OK) {
        buf_done(bytes);
        web_answer_error(r, e);
        return;
    }
    web_answer_buf(r, MHD_HTTP_OK, "image/png", bytes);
    web_answer_no_store(r);
}

static int read_picture(struct web_request *r, struct hold_picture *p, struct err *e) {
    struct slice width = web_url_param(&r->url, "width");
    uint64_t frame = 0, side = 0;
    if (!num_parse_u64(r->names.frames, UINT32_MAX, &frame)) {
        return err_set(e, E_ARGUMENT, "a frame is a number from 1");
    }
    if (width.len > 0 && (!num_parse_u64(width, SIDE_MAX, &side) || side == 0)) {
        return err_set(e, E_ARGUMENT, "width must be a whole number up to %d", SIDE_MAX);
    }
    p->frame = (uint32_t)frame;
    p->side = (uint32_t)side;
    return E_OK;
}

static void picture(struct web_request *r, bool result) {
    struct hold_picture p = {.result = result};
    struct hold_row h;
    struct err e = {0};
    struct buf bytes;
    buf_init(&bytes, WEB_PICTURE_MAX);
    int rc = read_picture(r, &p, &e);
    rc = rc == E_OK ? web_hold_find(r, &h, &e) : rc;
    rc = rc == E_OK ? hold_picture(r->server->archive, &h, &p, &bytes, &e) : rc;
    answer_picture(r, &bytes, rc, &e);
}

void web_hold_source_get(struct web_request *r) { picture(r, false); }

void web_hold_result_get(struct web_request *r) { picture(r, true); }

static void face(struct web_request *r, bool after) {
    struct hold_row h;
    struct err e = {0};
    struct buf bytes;
    buf_init(&bytes, WEB_PICTURE_MAX);
    int rc = web_hold_find(r, &h, &e);
    rc = rc == E_OK ? hold_face(r->server->archive, &h, after, &bytes, &e) : rc;
    answer_picture(r, &bytes, rc, &e);
}

void web_hold_before_get(struct web_request *r) { face(r, false); }

void web_hold_after_get(struct web_request *r) { face(r, true); }

// --- header

static bool may_look(struct web_request *r, const struct hold_row *h) {
    char what[32];
    (void)snprintf(what, sizeof what, "hold/%lld", (long long)h->id);
    const struct policy_request request = {.who = policy_connection(r->peer->address),
                                           .action = POLICY_HOLD_LOOK,
                                           .what = what,
                                           .where = r->route->door};
    struct policy_decision decision;
    if (audit_ask(archive_audit(r->server->archive), &request, &decision)) {
        return true;
    }
    web_answer_failure(r, MHD_HTTP_FORBIDDEN, E_DENIED, decision.reason, decision.clause);
    return false;
}

void web_hold_header_get(struct web_request *r) {
    struct slice values = web_url_param(&r->url, "values");
    bool shown = slice_eq_str(values, "shown");
    struct hold_row h;
    struct err e = {0};
    struct buf body;
    int rc = shown || values.len == 0 || slice_eq_str(values, "masked")
                 ? web_hold_find(r, &h, &e)
                 : err_set(&e, E_ARGUMENT, "values must be masked or shown");
    if (rc == E_OK && shown && !may_look(r, &h)) {
        return;
    }
    buf_init(&body, HEADER_MAX);
    rc = rc == E_OK ? hold_header(r->server->archive, &h, shown, &body, &e) : rc;
    web_answer_json(r, MHD_HTTP_OK, &body, rc, &e);
}

// --- boxes

// If-Match names the version that was drawn on.
static int read_version(struct web_request *r, int64_t *ret_version, struct err *e) {
    struct slice field = slice_trim(web_request_header(r, "If-Match"), " ");
    struct slice number = slice_trim(field, "\"");
    uint64_t version = 0;
    if (field.ptr == NULL) {
        return err_set(e, E_MISSING, "If-Match must name the version that was drawn on");
    }
    *ret_version = num_parse_u64(number, INT64_MAX, &version) ? (int64_t)version : -1;
    return E_OK;
}

static int read_boxes(struct web_request *r, const struct hold_row *h, struct hold_box **ret_list,
                      size_t *ret_count, bool *ret_series, struct err *e) {
    struct slice boxes = {0}, apply = {0};
    struct web_json_member members[] = {
        {.name = "boxes", .kind = WEB_JSON_RAW, .required = true, .ret = &boxes},
        {.name = "apply", .kind = WEB_JSON_TEXT, .ret = &apply}};
    int rc = web_json_body(r, members, 2, e);
    *ret_series = slice_eq_str(apply, "series");
    if (rc == E_OK && apply.len > 0 && !*ret_series && !slice_eq_str(apply, "instance")) {
        rc = err_set(e, E_ARGUMENT, "apply must be instance or series");
    }
    return rc == E_OK ? hold_boxes_parse(boxes, h, &r->arena, ret_list, ret_count, e) : rc;
}

void web_hold_boxes_put(struct web_request *r) {
    struct hold_row h;
    struct hold_box *list = NULL;
    struct err e = {0};
    size_t count = 0;
    int64_t version = 0;
    bool series = false;
    int rc = web_hold_find(r, &h, &e);
    rc = rc == E_OK ? read_version(r, &version, &e) : rc;
    rc = rc == E_OK ? read_boxes(r, &h, &list, &count, &series, &e) : rc;
    if (rc == E_OK && version != h.draft_version) {
        web_answer_failure(r, MHD_HTTP_PRECONDITION_FAILED, E_CONFLICT,
                           "somebody else has changed the boxes meanwhile", NULL);
        return;
    }
    rc = rc == E_OK ? hold_draft(r->server->archive, &h, version, list, count, series, &e) : rc;
    if (rc == E_CONFLICT) {
        web_answer_failure(r, MHD_HTTP_PRECONDITION_FAILED, E_CONFLICT, e.text, NULL);
    } else if (rc != E_OK) {
        web_answer_error(r, &e);
    } else {
        web_hold_answer(r);
    }
}

// --- the decision: its passage waits for workers

static int read_wish(struct web_request *r, struct hold_wish *w, struct err *e) {
    struct slice decision = {0}, scope = {0}, choice = {0}, reason = {0}, consent = {0},
                 person = {0};
    struct web_json_member members[] = {
        {.name = "decision", .kind = WEB_JSON_TEXT, .required = true, .ret = &decision},
        {.name = "reason", .kind = WEB_JSON_TEXT, .ret = &reason, .max = HOLD_TEXT_MAX},
        {.name = "scope", .kind = WEB_JSON_TEXT, .ret = &scope},
        {.name = "choice", .kind = WEB_JSON_TEXT, .ret = &choice},
        {.name = "consent_reference", .kind = WEB_JSON_TEXT, .ret = &consent, .max = HOLD_TEXT_MAX},
        {.name = "person", .kind = WEB_JSON_TEXT, .required = true, .ret = &person, .max = 100}};
    int rc = web_json_body(r, members, sizeof members / sizeof members[0], e);
    if (rc != E_OK) {
        return rc;
    }
    if (!hold_verb_parse(decision, &w->verb)) {
        return err_set(e, E_ARGUMENT, "decision must be release, refuse or return");
    }
    if (scope.len > 0 && !hold_scope_parse(scope, &w->scope)) {
        return err_set(e, E_ARGUMENT, "scope must be instance, series or study");
    }
    if (choice.len > 0 && !hold_choice_parse(choice, &w->choice)) {
        return err_set(e, E_ARGUMENT, "choice must be defaced, key-images or consent");
    }
    w->person = (const char *)person.ptr;
    w->reason = reason.ptr == NULL ? "" : (const char *)reason.ptr;
    w->consent = (const char *)consent.ptr;
    return E_OK;
}

static void answer_decision(struct web_request *r, const struct hold_outcome *out) {
    struct hold_row now;
    struct err e = {0};
    struct buf body;
    struct json j;
    buf_init(&body, ANSWER_MAX);
    json_init(&j, &body);
    int rc = web_hold_find(r, &now, &e);
    json_begin_object(&j);
    json_member_str(&j, "state", hold_state_word((int)out->state));
    web_json_reasons(&j, "reasons",
                     rc == E_OK && out->state == HOLD_HELD ? now.reasons : (struct slice){0});
    json_member_i64(&j, "done", (int64_t)out->done);
    json_member_i64(&j, "still_held", (int64_t)out->still_held);
    json_end_object(&j);
    web_answer_json(r, MHD_HTTP_OK, &body, rc, &e);
}

static void decide(struct web_request *r) {
    const struct hold_wish *w = r->work;
    struct hold_outcome out = {0};
    struct hold_row h;
    struct err e = {0};
    int rc = web_hold_find(r, &h, &e);
    rc = rc == E_OK ? hold_decide(r->server->archive, &h, w, &out, &e) : rc;
    if (rc == E_DENIED) {
        web_answer_failure(r, MHD_HTTP_FORBIDDEN, E_DENIED, e.text, "N14");
    } else if (rc != E_OK) {
        web_answer_error(r, &e);
    } else {
        answer_decision(r, &out);
    }
}

void web_hold_decision_post(struct web_request *r) {
    struct hold_wish *w = arena_new(&r->arena, struct hold_wish);
    struct err e = {0};
    int rc = w == NULL ? err_set(&e, E_MEMORY, "decision") : read_wish(r, w, &e);
    if (rc != E_OK) {
        web_answer_error(r, &e);
        return;
    }
    r->work = w;
    web_request_later(r, WEB_NETWORK, decide);
}
