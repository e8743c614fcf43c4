// SPDX-License-Identifier: Apache-2.0
#include "node/route_attempt.h"

#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/retrieve.h"
#include "archive/view.h"
#include "archive/view_source.h"
#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "dimse/association.h"
#include "node/check.h"
#include "node/node.h"
#include "node/peers.h"
#include "node/route_present.h"
#include "node/send.h"
#include "node/send_plan.h"
#include "policy/audit.h"

#define ATTEMPT_MEMORY_MAX ((size_t)1 << 30) // rows of a study of a million instances
#define WHERE_MAX 64

struct work {
    struct route_attempt *attempt;
    struct arena arena;
    struct node_peer peer;
    struct view *view;
    struct send_job job; // of what is left to send
    uint64_t total;
    size_t refused;  // for good, by this attempt
    bool later;      // the station asks to come again
    bool called_off; // the task is no longer ours
    bool asked;      // policy, and what the station has
    bool denied;     // by policy
    int64_t connect_us;
    struct err why; // of `later` and of the first refusal
};

static usec now_of(const struct work *w) { return clock_now(node_clock(w->attempt->node)); }

static enum route_event say(struct work *w, enum route_event event, const char *text) {
    (void)snprintf(w->attempt->words, sizeof w->attempt->words, "%.*s", ROUTE_WORDS_MAX, text);
    return event;
}

static enum route_event say_err(struct work *w, enum route_event event, const struct err *why) {
    return say(w, event, node_check_words(w->attempt->task.station, why));
}

// --- what is noted

static void mark(struct work *w, const char *instance, enum route_outcome outcome,
                 uint16_t status) {
    struct err e = {0};
    int rc = route_queue_mark(w->attempt->db, &w->attempt->task, &instance, 1, outcome, status,
                              now_of(w), &e);
    w->called_off = w->called_off || rc == E_CANCELLED;
    if (rc != E_OK && rc != E_CANCELLED) {
        w->later = true; // what cannot be noted is not to be gone on with
        w->why = e;
    }
}

static void refuse(struct work *w, size_t index, uint16_t status, const struct err *why) {
    w->refused++;
    if (w->why.code == E_OK) {
        w->why = *why;
    }
    mark(w, w->job.list[index].instance, ROUTE_NOT_TAKEN, status);
}

// Whether it may be different the next time, for instances that could not be sent at all.
static bool may_pass(int code) {
    switch (code) {
    case E_MEMORY:
    case E_FULL:
    case E_IO:
    case E_DATABASE:
    case E_LOCKED:
    case E_BUSY:
    case E_TIMEOUT:
    case E_CRASHED:
    case E_CANCELLED:
        return true;
    default:
        return false;
    }
}

// From send_over: the station's answer to one instance (`answered`), or why it was not sent.
static void on_told(void *context, size_t index, bool answered, uint16_t status,
                    const struct err *why) {
    struct work *w = context;
    if (!answered) {
        if (may_pass(why->code)) {
            w->later = true;
            w->why = *why;
        } else {
            refuse(w, index,
                   why->code == E_NOT_ACCEPTABLE ? DIMSE_CLASS_NOT_SUPPORTED
                                                 : DIMSE_PROCESSING_FAILURE,
                   why);
        }
        return;
    }
    switch (route_verdict(status)) {
    case ROUTE_TAKEN:
        mark(w, w->job.list[index].instance, ROUTE_SENT, status);
        return;
    case ROUTE_TAKE_LATER:
        w->later = true;
        w->why = *why;
        return;
    case ROUTE_NEVER_TAKEN:
        refuse(w, index, status, why);
        return;
    }
}

static int between(void *context, struct err *e) {
    struct work *w = context;
    (void)e;
    return w->later || w->called_off || w->attempt->stopping(w->attempt->context) ? SEND_CANCELLED
                                                                                  : 0;
}

// --- what is to be sent

// E_DENIED, E_NOT_FOUND: no further attempt can help.
static int find_peer(struct work *w, struct err *e) {
    const char *aet = w->attempt->task.station;
    int rc = node_peer_find(node_archive(w->attempt->node), aet, &w->peer, e);
    if (rc == E_NOT_FOUND) {
        return err_set(e, E_NOT_FOUND, "%s is no longer among the stations and peers", aet);
    }
    if (rc == E_OK && (w->peer.may & NODE_MAY_RECEIVE) == 0) {
        rc = err_set(e, E_DENIED, "%s may no longer be sent studies", aet);
    }
    return rc;
}

static int read_list(struct work *w, struct db *db, struct retrieve_instance **ret_list,
                     size_t *ret_count, struct err *e) {
    const struct route_task *t = &w->attempt->task;
    const struct retrieve_path path = {t->study, t->series, ""};
    int rc =
        view_source_tables.open(view_source_tables.context, db, slice_str(t->station), &w->view, e);
    if (rc == E_OK && !view_shows(w->view, slice_str(t->study))) {
        return err_set(e, E_DENIED, "%s sees only a part of the archive, and this is not in it",
                       t->station);
    }
    rc = rc == E_OK ? retrieve_list(db, &path, &w->arena, ret_list, ret_count, e) : rc;
    return rc == E_NOT_FOUND ? err_set(e, E_NOT_FOUND, "it is no longer in the archive") : rc;
}

// Those without an outcome yet become the job.
static int choose(struct work *w, struct retrieve_instance *list, size_t count, struct err *e) {
    struct route_known known;
    int rc = route_queue_known(w->attempt->db, &w->attempt->task, &w->arena, &known, e);
    size_t left = 0;
    for (size_t i = 0; i < count && rc == E_OK; i++) {
        if (!route_known_has(&known, list[i].instance)) {
            list[left++] = list[i];
        }
    }
    w->total = count;
    w->refused = rc == E_OK ? known.refused : 0;
    w->job.list = list;
    w->job.count = left;
    return rc == E_OK ? route_queue_begin(w->attempt->db, &w->attempt->task, count, e) : rc;
}

static int prepare(struct work *w, struct err *e) {
    struct archive *archive = node_archive(w->attempt->node);
    struct retrieve_instance *list = NULL;
    size_t count = 0;
    struct db *db;
    int rc = find_peer(w, e);
    rc = rc == E_OK ? archive_reader(archive, &db, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    rc = read_list(w, db, &list, &count, e);
    archive_reader_done(archive, db);
    rc = rc == E_OK ? choose(w, list, count, e) : rc;
    w->job.archive = archive;
    w->job.view = w->view;
    w->job.priority = w->attempt->task.priority == ROUTE_URGENT ? DIMSE_HIGH
                      : w->attempt->task.priority == ROUTE_LOW  ? DIMSE_LOW
                                                                : DIMSE_MEDIUM;
    w->job.between = between;
    w->job.told = on_told;
    w->job.context = w;
    return rc == E_OK ? send_job_open(&w->job, &w->arena, e) : rc;
}

// --- one association

// Whether these images may go to that station at that address now.
static int ask_policy(struct work *w, struct dimse_association *to, struct err *e) {
    const struct route_task *t = &w->attempt->task;
    char what[2 * (DCM_UID_MAX + 1) + 1], where[WHERE_MAX];
    (void)snprintf(what, sizeof what, "%s%s%s", t->study, t->series[0] != '\0' ? "/" : "",
                   t->series);
    (void)snprintf(where, sizeof where, "route %lld to %s", (long long)t->order, t->station);
    const char *address = dimse_stream_peer_host(dimse_association_stream(to));
    const struct policy_request request = {.who = policy_peer(t->station, address, NULL),
                                           .action = POLICY_IMAGE_SEND,
                                           .what = what,
                                           .where = where,
                                           .why = "training"};
    struct policy_decision decision;
    w->denied = !audit_ask(archive_audit(node_archive(w->attempt->node)), &request, &decision);
    return w->denied ? err_set(e, E_DENIED, "%s (clause %s)", decision.reason, decision.clause)
                     : E_OK;
}

static int mark_present(struct work *w, const struct route_present *present, struct err *e) {
    const char **found = arena_array(&w->arena, w->job.count + 1, sizeof *found);
    size_t n = 0;
    if (found == NULL) {
        return err_set(e, E_MEMORY, "instances of a station");
    }
    for (size_t i = 0; i < w->job.count; i++) {
        if (route_present_has(present, w->job.list[i].instance)) {
            w->job.settled[i] = true;
            found[n++] = w->job.list[i].instance;
        }
    }
    int rc = n == 0 ? E_OK
                    : route_queue_mark(w->attempt->db, &w->attempt->task, found, n, ROUTE_PRESENT,
                                       DIMSE_SUCCESS, now_of(w), e);
    w->called_off = rc == E_CANCELLED;
    return rc;
}

// Pages show when a station last answered: an attempt tells as much as a C-ECHO.
static void keep_check(struct work *w, const char *words) {
    struct node_check check = {.checked = now_of(w), .connect_us = w->connect_us};
    struct err ignored = {0};
    (void)snprintf(check.aet, sizeof check.aet, "%s", w->peer.aet);
    (void)snprintf(check.words, sizeof check.words, "%.*s", NODE_CHECK_WORDS_MAX, words);
    (void)node_check_keep(node_archive(w->attempt->node), &check, &ignored);
    if (words[0] == '\0') {
        node_peer_seen(node_archive(w->attempt->node), &w->peer, check.checked);
    }
}

// Once an attempt, on its first association.
static int begin(struct work *w, struct dimse_association *to, struct err *e) {
    struct route_present present;
    bool answered;
    if (w->asked) {
        return E_OK;
    }
    w->asked = true;
    keep_check(w, "");
    int rc = ask_policy(w, to, e);
    rc = rc == E_OK
             ? route_present_ask(to, w->job.list, w->job.count, &w->arena, &present, &answered, e)
             : rc;
    return rc == E_OK && answered ? mark_present(w, &present, e) : rc;
}

// What the station has is asked on the association that sends, where there is room for the context.
static int call(struct work *w, const struct send_batch *b, struct dimse_association **ret_to,
                struct err *e) {
    struct dimse_want wants[DIMSE_CONTEXTS_MAX];
    size_t count = b->want_count;
    memcpy(wants, b->wants, count * sizeof *wants);
    if (!w->asked && count < DIMSE_CONTEXTS_MAX) {
        wants[count++] = route_present_want();
    }
    const struct dimse_request request = {.wants = wants,
                                          .want_count = count,
                                          .max_invoked = DIMSE_ASYNC_MAX,
                                          .limits = {.idle_ms = ROUTE_ANSWER_MS}};
    usec began = clock_monotonic(node_clock(w->attempt->node));
    int rc = node_call(w->attempt->node, &w->peer, &request, ret_to, e);
    w->connect_us = clock_monotonic(node_clock(w->attempt->node)) - began;
    if (rc != E_OK) {
        keep_check(w, node_check_words(w->peer.aet, e));
    }
    return rc;
}

static int send_batch(struct work *w, const struct send_batch *b, struct err *e) {
    struct dimse_association *to = NULL;
    bool ignored_between;
    int rc = call(w, b, &to, e);
    if (rc != E_OK) {
        return rc;
    }
    w->attempt->opened(w->attempt->context, to);
    rc = begin(w, to, e);
    rc = rc == E_OK ? send_over(&w->job, to, b->which, b->count, &ignored_between, e) : rc;
    w->attempt->opened(w->attempt->context, NULL);
    if (rc < 0) {
        dimse_abort(to);
    } else {
        struct err ignored = {0};
        (void)dimse_release(to, &ignored);
    }
    return rc;
}

static int send_all(struct work *w, struct err *e) {
    struct send_batch *batches;
    size_t count;
    int rc = send_plan_make(w->job.list, w->job.count, &w->arena, &batches, &count, e);
    for (size_t i = 0; i < count && rc == E_OK; i++) {
        rc = send_batch(w, &batches[i], e);
    }
    return rc;
}

// --- how it ended

static enum route_event judge(struct work *w, int rc, const struct err *why) {
    char text[ROUTE_WORDS_MAX + 1];
    if (w->attempt->stopping(w->attempt->context)) {
        return say(w, ROUTE_RESTARTED, "the server stops");
    }
    if (w->called_off) {
        return say(w, ROUTE_CALLED_OFF, "called off");
    }
    if (rc < 0) { // rejected by the station, too: somebody may put that right there
        return say_err(w, w->denied ? ROUTE_GAVE_UP : ROUTE_BROKE_OFF, why);
    }
    if (w->later) {
        return say_err(w, ROUTE_BROKE_OFF, &w->why);
    }
    if (w->refused == 0) {
        return say(w, ROUTE_COMPLETED, "");
    }
    bool first = w->why.text[0] != '\0';
    (void)snprintf(text, sizeof text, "%zu of %llu images refused%s%.200s", w->refused,
                   (unsigned long long)w->total, first ? ". The first: " : "",
                   first ? w->why.text : "");
    return say(w, ROUTE_REFUSED, text);
}

enum route_event route_attempt_run(struct route_attempt *a) {
    struct work w = {.attempt = a};
    struct err e = {0};
    enum route_event event;
    arena_init(&w.arena, ATTEMPT_MEMORY_MAX);
    int rc = prepare(&w, &e);
    if (rc == E_NOT_FOUND || rc == E_DENIED) {
        event = say_err(&w, ROUTE_GAVE_UP, &e);
    } else {
        rc = rc == E_OK && w.job.count > 0 ? send_all(&w, &e) : rc;
        event = judge(&w, rc, &e);
    }
    send_job_done(&w.job);
    view_free(w.view);
    arena_done(&w.arena);
    return event;
}
