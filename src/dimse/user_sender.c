// SPDX-License-Identifier: Apache-2.0
// C-STORE with several requests outstanding (PS3.7 D.3.3.3): while the peer writes one instance to
// its disk the next ones are on their way.
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "dimse/command.h"
#include "dimse/user.h"

struct pending {
    uint16_t id;
    void *cookie;
};

struct dimse_sender {
    struct dimse_association *association;
    dimse_store_done done;
    void *context;
    struct pending pending[DIMSE_ASYNC_MAX]; // in the order sent
    size_t count, window;
    bool cancel_met;
    uint16_t cancelled; // the message
};

int dimse_sender_open(struct dimse_association *a, dimse_store_done done, void *context,
                      struct dimse_sender **ret_sender, struct err *e) {
    struct dimse_sender *s = mem_zalloc(sizeof *s);
    if (s == NULL) {
        return err_set(e, E_MEMORY, "no memory to send");
    }
    size_t window = dimse_window(a);
    s->association = a;
    s->done = done;
    s->context = context;
    s->window = window > DIMSE_ASYNC_MAX ? DIMSE_ASYNC_MAX : window;
    *ret_sender = s;
    return E_OK;
}

void dimse_sender_close(struct dimse_sender *s) { mem_free(s); }

// Takes the one with the message id out of the list; false: none has it.
static bool take_pending(struct dimse_sender *s, uint16_t id, struct pending *ret_pending) {
    for (size_t i = 0; i < s->count; i++) {
        if (s->pending[i].id == id) {
            *ret_pending = s->pending[i];
            s->count--;
            memmove(s->pending + i, s->pending + i + 1, (s->count - i) * sizeof s->pending[0]);
            return true;
        }
    }
    return false;
}

static int take_response(struct dimse_sender *s, struct err *e) {
    struct dimse_message m;
    struct pending pending;
    int rc = dimse_receive(s->association, &m, e);
    if (rc < 0) {
        return rc;
    }
    if (rc == DIMSE_RELEASED) {
        return err_set(e, E_MISMATCH, "the peer released the association and owed %zu answers",
                       s->count);
    }
    if (m.command.field == DIMSE_C_CANCEL_RQ) {
        s->cancel_met = true;
        s->cancelled = m.command.message_id;
        return E_OK;
    }
    if (m.command.field != DIMSE_C_STORE_RSP || !take_pending(s, m.command.message_id, &pending)) {
        return err_set(e, E_MISMATCH, "the peer sent %s, number %u, which nobody waits for",
                       dimse_field_text(m.command.field), m.command.message_id);
    }
    rc = m.command.data_set ? dimse_data_skip(s->association, e) : E_OK;
    if (rc == E_OK) {
        s->done(s->context, pending.cookie, &m.command);
    }
    return rc;
}

int dimse_sender_send(struct dimse_sender *s, const struct dimse_store_item *item, struct err *e) {
    // Responses that are there already are taken first, so that results are told when they come.
    while (s->count >= s->window || (s->count > 0 && dimse_ready(s->association))) {
        int rc = take_response(s, e);
        if (rc != E_OK) {
            return rc;
        }
    }
    struct dimse_command c = {.field = DIMSE_C_STORE_RQ,
                              .message_id = dimse_next_message_id(s->association),
                              .data_set = true,
                              .has = DIMSE_HAS_PRIORITY,
                              .priority = item->priority};
    (void)snprintf(c.sop_class, sizeof c.sop_class, "%s", item->sop_class);
    (void)snprintf(c.sop_instance, sizeof c.sop_instance, "%s", item->sop_instance);
    if (item->originator_aet != NULL) {
        c.has |= DIMSE_HAS_ORIGINATOR;
        c.originator_id = item->originator_id;
        (void)snprintf(c.originator_aet, sizeof c.originator_aet, "%s", item->originator_aet);
    }
    s->pending[s->count++] = (struct pending){c.message_id, item->cookie};
    return dimse_send(s->association, item->context_id, &c, item->pieces, item->piece_count, e);
}

int dimse_sender_flush(struct dimse_sender *s, struct err *e) {
    int rc = E_OK;
    while (rc == E_OK && s->count > 0) {
        rc = take_response(s, e);
    }
    return rc;
}

bool dimse_sender_cancelled(const struct dimse_sender *s, uint16_t message_id) {
    return s->cancel_met && s->cancelled == message_id;
}
