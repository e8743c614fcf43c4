// SPDX-License-Identifier: Apache-2.0
// Reports of storage commitment on associations of their own: one thread, one peer after the other,
// with pauses that grow while a peer does not answer.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "archive/archive.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "dicom/uid.h"
#include "dimse/association.h"
#include "dimse/user.h"
#include "node/commitment.h"
#include "node/node_priv.h"

#define VERDICT_WAIT (10 * CLOCK_SECOND)
#define VERDICT_LOOK (CLOCK_SECOND / 2)
// One thread serves all peers: who stays silent may not hold up the others for long.
#define ASSOCIATE_MS 10000
#define ANSWER_MS 20000

static const usec pauses[] = {5 * CLOCK_SECOND,   15 * CLOCK_SECOND,  60 * CLOCK_SECOND,
                              300 * CLOCK_SECOND, 900 * CLOCK_SECOND, 3600 * CLOCK_SECOND};
#define PAUSES (sizeof pauses / sizeof pauses[0])

struct commitment_push {
    struct node *node;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool woken, stopping;
};

// --- one report

static int send_report(struct commitment_push *p, struct dimse_association *a,
                       const struct commitment_report *report, uint8_t context_id,
                       struct slice data, struct err *e) {
    (void)p;
    struct dimse_command response;
    const struct dimse_command event = {.field = DIMSE_N_EVENT_REPORT_RQ,
                                        .has = DIMSE_HAS_EVENT_TYPE,
                                        .event_type = report->event,
                                        .sop_class = COMMITMENT_CLASS,
                                        .sop_instance = COMMITMENT_INSTANCE};
    int rc = dimse_user_notify(a, context_id, &event, data, &response, e);
    if (rc == E_OK && dimse_status_kind(response.status) == DIMSE_IS_FAILURE) {
        char text[DIMSE_STATUS_TEXT_MAX];
        rc = err_set(e, E_DENIED, "the peer answered %s", dimse_status_text(response.status, text));
    }
    return rc;
}

// As SCP of the push model, which we are also where we ask for the association (PS3.4 J.3.3).
static int call(struct commitment_push *p, const struct node_peer *peer,
                struct dimse_association **ret_association, struct err *e) {
    static const char *const syntaxes[] = {DCM_EXPLICIT_LE_UID, DCM_IMPLICIT_LE_UID, NULL};
    const struct dimse_want want = {
        .abstract_syntax = COMMITMENT_CLASS, .syntaxes = syntaxes, .scp_role = true};
    const struct dimse_request request = {
        .wants = &want,
        .want_count = 1,
        .limits = {.artim_ms = ASSOCIATE_MS, .idle_ms = ANSWER_MS, .stall_ms = ANSWER_MS}};
    return node_call(p->node, peer, &request, ret_association, e);
}

static const struct dimse_context *context_of(struct dimse_association *a) {
    const struct dimse_proposal *agreed = dimse_agreed(a);
    const struct dimse_context *c = &agreed->contexts[0];
    return c->result == DIMSE_ACCEPTED ? c
                                       : NULL; // peers that answer no roles take it all the same
}

static int report_to(struct commitment_push *p, const struct node_peer *peer,
                     const struct commitment_row *row, bool *ret_answered, struct err *e) {
    CLEANUP(cleanup_buf) struct buf data;
    struct commitment_report report;
    struct dimse_association *a;
    buf_init(&data, COMMITMENT_REQUEST_MAX);
    int rc = call(p, peer, &a, e);
    if (rc != E_OK) {
        return rc;
    }
    const struct dimse_context *c = context_of(a);
    rc = c == NULL ? err_set(e, E_UNSUPPORTED, "%s takes no storage commitment reports", peer->aet)
                   : commitment_report_make(p->node, row, c->syntax, &data, &report, e);
    if (rc == E_OK) {
        rc = send_report(p, a, &report, c->id, buf_slice(&data), e);
        *ret_answered = rc == E_OK || rc == E_DENIED;
    }
    if (rc == E_OK) {
        struct err ignored = {0};
        (void)dimse_release(a, &ignored);
    } else {
        dimse_abort(a);
    }
    return rc;
}

// --- what became of it

static void put_off(struct commitment_push *p, const struct commitment_row *row, bool answered,
                    const struct err *why) {
    struct err e = {0};
    if (p->node->stopping) { // it stays due
        return;
    }
    usec now = clock_now(p->node->clock);
    size_t step = row->tries < 0 ? 0 : (size_t)row->tries;
    usec pause = pauses[step < PAUSES ? step : PAUSES - 1];
    bool over = now - row->received >= COMMITMENT_FOR;
    log_failure(LOG_WARNING, row->peer,
                over ? "storage commitment report given up" : "storage commitment report", why);
    int rc = over ? commitment_over(p->node, row->id, now, why->text, &e)
                  : commitment_later(p->node, row->id, now + pause, row->tries + 1, why->text, &e);
    if (rc == E_OK && !answered) {
        rc = commitment_peer_later(p->node, row->peer, now, now + pause, row->tries + 1, &e);
    }
    if (rc != E_OK) {
        log_failure(LOG_ERROR, row->peer, "storage commitment", &e);
    }
}

// Whether it is better to wait for the gate.
static bool waits(struct commitment_push *p, const struct commitment_row *row) {
    CLEANUP(cleanup_buf) struct buf data;
    struct commitment_report report = {0};
    struct err e = {0};
    buf_init(&data, COMMITMENT_REQUEST_MAX);
    usec now = clock_now(p->node->clock);
    if (now - row->received >= VERDICT_WAIT ||
        commitment_report_make(p->node, row, DCM_EXPLICIT_LE_UID, &data, &report, &e) != E_OK ||
        !report.waits) {
        return false;
    }
    return commitment_later(p->node, row->id, now + VERDICT_LOOK, row->tries, "", &e) == E_OK;
}

static void report_row(struct commitment_push *p, const struct commitment_row *row) {
    struct node_peer peer;
    struct err e = {0};
    bool answered = false;
    if (waits(p, row)) {
        return;
    }
    int rc = node_peer_find(p->node->archive, row->peer, &peer, &e);
    rc = rc == E_OK ? report_to(p, &peer, row, &answered, &e) : rc;
    if (rc == E_OK) {
        rc = commitment_over(p->node, row->id, clock_now(p->node->clock), "", &e);
    }
    if (rc != E_OK) {
        put_off(p, row, answered, &e);
    }
}

static int next_row(struct commitment_push *p, struct commitment_row *ret_row) {
    struct err e = {0};
    struct db *db;
    int rc = archive_reader(p->node->archive, &db, &e);
    if (rc == E_OK) {
        rc = commitment_due(db, clock_now(p->node->clock), ret_row, &e);
        archive_reader_done(p->node->archive, db);
    }
    if (rc < 0) {
        log_failure(LOG_ERROR, "node", "storage commitment", &e);
    }
    return rc;
}

// --- the thread

static bool wait_for_work(struct commitment_push *p) {
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)(VERDICT_LOOK * 1000);
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    (void)pthread_mutex_lock(&p->lock);
    if (!p->woken && !p->stopping) {
        (void)pthread_cond_timedwait(&p->wake, &p->lock, &until);
    }
    p->woken = false;
    bool goes_on = !p->stopping;
    (void)pthread_mutex_unlock(&p->lock);
    return goes_on;
}

static bool is_stopping(struct commitment_push *p) {
    (void)pthread_mutex_lock(&p->lock);
    bool stopping = p->stopping;
    (void)pthread_mutex_unlock(&p->lock);
    return stopping;
}

static void *run(void *context) {
    struct commitment_push *p = context;
    do {
        struct commitment_row row;
        while (!is_stopping(p) && next_row(p, &row) == 1) {
            report_row(p, &row);
        }
    } while (wait_for_work(p));
    return NULL;
}

int commitment_push_start(struct node *n, struct commitment_push **ret_push, struct err *e) {
    struct commitment_push *p = mem_zalloc(sizeof *p);
    if (p == NULL) {
        return err_set(e, E_MEMORY, "storage commitment");
    }
    p->node = n;
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->wake, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool good = pthread_create(&p->thread, NULL, run, p) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!good) {
        (void)pthread_cond_destroy(&p->wake);
        (void)pthread_mutex_destroy(&p->lock);
        mem_free(p);
        return err_set(e, E_MEMORY, "no thread for storage commitment");
    }
    *ret_push = p;
    return E_OK;
}

void commitment_push_wake(struct commitment_push *p) {
    if (p != NULL) {
        (void)pthread_mutex_lock(&p->lock);
        p->woken = true;
        (void)pthread_cond_signal(&p->wake);
        (void)pthread_mutex_unlock(&p->lock);
    }
}

void commitment_push_stop(struct commitment_push *p) {
    if (p == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&p->lock);
    p->stopping = true;
    (void)pthread_cond_signal(&p->wake);
    (void)pthread_mutex_unlock(&p->lock);
    (void)pthread_join(p->thread, NULL);
    (void)pthread_cond_destroy(&p->wake);
    (void)pthread_mutex_destroy(&p->lock);
    mem_free(p);
}
