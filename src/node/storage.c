// SPDX-License-Identifier: Apache-2.0
#include "node/storage.h"

#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/inbox.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "dicom/uid.h"
#include "dimse/association.h"
#include "node/node.h"
#include "node/peers.h"
#include "node/service.h"

// One that was received whole and is not answered yet.
struct pending {
    struct inbox_arrival *arrival;
    struct dimse_command request;
    uint8_t context_id;
};

struct delivery {
    uint64_t number;
    struct node_storage_counts counts;
    size_t window; // 1: answered before the next is received
    size_t first, count;
    struct pending pending[DIMSE_ASYNC_MAX];
};

static struct delivery *delivery_of(const struct node_session *s) { return s->inbox; }

uint64_t node_storage_delivery(const struct node_session *s) { return delivery_of(s)->number; }

int node_storage_open(struct node_session *s, struct err *e) {
    struct delivery *d = mem_zalloc(sizeof *d);
    if (d == NULL) {
        return err_set(e, E_MEMORY, "association");
    }
    struct rng r = rng_kernel();
    d->number = rng_u64(&r);
    uint16_t invoked = dimse_agreed(s->association)->max_invoked;
    d->window = invoked < 1 ? 1 : invoked > DIMSE_ASYNC_MAX ? DIMSE_ASYNC_MAX : invoked;
    s->inbox = d;
    return E_OK;
}

// --- answers

static int respond(struct node_session *s, uint8_t context_id, const struct dimse_command *request,
                   uint16_t status, const struct err *why, struct err *e) {
    struct delivery *d = delivery_of(s);
    struct dimse_command response = why == NULL || why->code == E_OK
                                        ? dimse_response_to(request, status)
                                        : dimse_response_err(request, why);
    char comment[DIMSE_COMMENT_MAX + 1];
    if (why != NULL && why->code != E_OK && !dimse_comment_put(comment, why)) {
        log_failure(LOG_ERROR, s->peer->aet, dimse_field_text(request->field), why);
    }
    if (response.status == DIMSE_SUCCESS) {
        d->counts.taken++;
    } else {
        d->counts.failed++;
    }
    return dimse_send(s->association, context_id, &response, NULL, 0, e);
}

// The command is at fault, or we are: what is left of the data set is passed over.
static int decline(struct node_session *s, const struct dimse_message *m, uint16_t status,
                   const struct err *why, struct err *e) {
    int rc = m->command.data_set ? dimse_data_skip(s->association, e) : E_OK;
    rc = rc == E_OK ? node_storage_settle(s, e) : rc;
    return rc == E_OK ? respond(s, m->context_id, &m->command, status, why, e) : rc;
}

static int answer_first(struct node_session *s, struct err *e) {
    struct delivery *d = delivery_of(s);
    struct pending *p = &d->pending[d->first];
    struct err why = {0};
    (void)inbox_wait(p->arrival, &why);
    d->first = (d->first + 1) % DIMSE_ASYNC_MAX;
    d->count--;
    return respond(s, p->context_id, &p->request, DIMSE_SUCCESS, &why, e);
}

int node_storage_settle(struct node_session *s, struct err *e) {
    struct delivery *d = delivery_of(s);
    int rc = E_OK;
    while (rc == E_OK && d->count > 0) {
        rc = answer_first(s, e);
    }
    return rc;
}

int node_storage_idle(struct node_session *s, struct err *e) {
    struct delivery *d = delivery_of(s);
    int rc = E_OK;
    while (rc == E_OK && d->count > 0 &&
           (inbox_is_done(d->pending[d->first].arrival) || !dimse_ready(s->association))) {
        rc = answer_first(s, e);
    }
    return rc;
}

void node_storage_close(struct node_session *s, struct node_storage_counts *ret_counts) {
    struct delivery *d = delivery_of(s);
    if (d == NULL) {
        return;
    }
    for (; d->count > 0; d->count--) { // nobody is there to be told
        struct err ignored = {0};
        (void)inbox_wait(d->pending[d->first].arrival, &ignored);
        d->first = (d->first + 1) % DIMSE_ASYNC_MAX;
    }
    *ret_counts = d->counts;
    mem_free(d);
    s->inbox = NULL;
}

// --- receiving

static bool check(const struct dimse_message *m, uint16_t *ret_status, struct err *why) {
    if (!dcm_uid_usable(slice_str(m->command.sop_instance))) {
        *ret_status = DIMSE_INVALID_INSTANCE;
        (void)err_set(why, E_VALUE, "Affected SOP Instance UID is no UID");
        return false;
    }
    if (!m->command.data_set) {
        *ret_status = DIMSE_CANNOT_UNDERSTAND;
        return false;
    }
    return true;
}

// The data set to the inbox. *ret_why: our side failed, the rest is still on its way. A negative
// return is the association's end.
static int stream(struct node_session *s, struct inbox_arrival *arrival, struct err *ret_why,
                  struct err *e) {
    struct delivery *d = delivery_of(s);
    uint64_t bytes = 0;
    struct slice piece;
    int rc;
    while ((rc = dimse_data_next(s->association, &piece, e)) == E_OK && piece.len > 0) {
        bytes += piece.len;
        if (inbox_write(arrival, piece, ret_why) != E_OK) {
            return E_OK;
        }
    }
    if (rc == E_OK && bytes == 0) {
        (void)err_set(ret_why, E_SYNTAX, "the data set is empty");
    }
    d->counts.bytes += bytes;
    return rc;
}

// Pipelined: what is behind in the queue is answered while this one is synced.
static int finish(struct node_session *s, const struct dimse_message *m,
                  struct inbox_arrival *arrival, struct err *e) {
    struct delivery *d = delivery_of(s);
    if (d->window == 1) {
        struct err why = {0};
        (void)inbox_end(arrival, &why);
        return respond(s, m->context_id, &m->command, DIMSE_SUCCESS, &why, e);
    }
    inbox_end_later(arrival);
    struct pending *p = &d->pending[(d->first + d->count++) % DIMSE_ASYNC_MAX];
    *p = (struct pending){arrival, m->command, m->context_id};
    return d->count < d->window ? E_OK : answer_first(s, e);
}

int node_storage_serve(struct node_session *s, const struct dimse_message *m, struct err *e) {
    struct inbox_arrival *arrival = NULL;
    struct err why = {0};
    uint16_t status = DIMSE_SUCCESS;
    if (!check(m, &status, &why)) {
        return decline(s, m, status, NULL, e);
    }
    const struct inbox_sender sender = {.peer = s->peer->aet,
                                        .sop_class = m->command.sop_class,
                                        .sop_instance = m->command.sop_instance,
                                        .syntax = m->context->syntax};
    if (inbox_begin(node_inbox(s->node), &sender, &arrival, &why) != E_OK) {
        return decline(s, m, DIMSE_SUCCESS, &why, e);
    }
    int rc = stream(s, arrival, &why, e);
    if (rc != E_OK || why.code != E_OK) {
        inbox_abandon(arrival);
        return rc != E_OK ? rc : decline(s, m, DIMSE_SUCCESS, &why, e);
    }
    return finish(s, m, arrival, e);
}
