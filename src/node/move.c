// SPDX-License-Identifier: Apache-2.0
#include "node/move.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "dimse/association.h"
#include "node/node.h"
#include "node/peers.h"
#include "node/retrieval.h"
#include "node/send_plan.h"
#include "node/service.h"

#define MOVE_ANSWER_MS 60000 // a destination's silence

struct move {
    struct retrieval retrieval;
    struct node_peer destination;
};

static void move_free(struct move *m) {
    if (m != NULL) {
        retrieval_done(&m->retrieval);
        mem_free(m);
    }
}
CLEANUP_DEFINE(move, struct move, move_free);

// Before anything is looked up.
static int find_destination(struct move *m, const struct node_session *s,
                            const struct dimse_message *message, uint16_t *ret_status,
                            struct err *e) {
    int rc = node_peer_find(s->archive, message->command.move_destination, &m->destination, e);
    if (rc == E_OK && (m->destination.may & NODE_MAY_RECEIVE) == 0) {
        rc = err_set(e, E_NOT_FOUND, "this peer may not be sent anything");
    }
    if (rc == E_NOT_FOUND) {
        err_clear(e);
        err_set(e, E_NOT_FOUND, "move destination unknown");
    }
    *ret_status = rc == E_NOT_FOUND ? DIMSE_DESTINATION_UNKNOWN : DIMSE_CANNOT_UNDERSTAND;
    return rc;
}

// One association's worth. A destination that breaks off costs its instances, not the request.
static int move_batch(struct move *m, const struct send_batch *b, bool *ret_broken, struct err *e) {
    struct send_job *j = &m->retrieval.job;
    struct dimse_association *to = NULL;
    const struct dimse_request request = {.wants = b->wants,
                                          .want_count = b->want_count,
                                          .max_invoked = DIMSE_ASYNC_MAX,
                                          .limits = {.idle_ms = MOVE_ANSWER_MS}};
    struct err why = {0};
    int rc = node_call(m->retrieval.session->node, &m->destination, &request, &to, &why);
    if (rc == E_OK) {
        rc = send_over(j, to, b->which, b->count, ret_broken, &why);
        if (rc < 0) {
            dimse_abort(to);
        } else {
            struct err ignored = {0};
            (void)dimse_release(to, &ignored);
        }
    }
    if (*ret_broken) {
        *e = why;
        return rc;
    }
    if (rc < 0) {
        send_fail_rest(j, b->which, b->count, &why);
        rc = retrieval_between(&m->retrieval, e);
        *ret_broken = rc < 0;
    }
    return rc;
}

static int move_all(struct move *m, bool *ret_broken, struct err *e) {
    struct retrieval *r = &m->retrieval;
    struct send_batch *batches;
    size_t count;
    int rc = send_plan_make(r->job.list, r->job.count, &r->arena, &batches, &count, e);
    if (rc != E_OK) {
        const struct err why = *e;
        send_fail_rest(&r->job, r->which, r->job.count, &why);
        return E_OK;
    }
    for (size_t b = 0; rc == E_OK && b < count; b++) {
        rc = move_batch(m, &batches[b], ret_broken, e);
    }
    return rc;
}

int node_move_serve(struct node_session *s, const struct dimse_message *message, struct err *e) {
    struct move *m CLEANUP(cleanup_move) = mem_zalloc(sizeof *m);
    uint16_t status;
    bool broken = false;
    if (m == NULL) {
        return err_set(e, E_MEMORY, "C-MOVE");
    }
    int rc = find_destination(m, s, message, &status, e);
    m->retrieval.destination = &m->destination;
    if (rc == E_OK) {
        rc = retrieval_open(s, message, &m->retrieval, &status, &broken, e);
    }
    if (rc != E_OK) {
        const struct err why = *e;
        return broken ? rc : retrieval_refuse(s, message, status, &why, e);
    }
    m->retrieval.job.originator_aet = s->peer->aet;
    m->retrieval.job.originator_id = message->command.message_id;
    rc = move_all(m, &broken, e);
    return broken ? rc : retrieval_finish(&m->retrieval, rc == SEND_CANCELLED, e);
}
