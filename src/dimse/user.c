// SPDX-License-Identifier: Apache-2.0
#include "dimse/user.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "dimse/command.h"

#define VERIFICATION_UID "1.2.840.10008.1.1"

// The next message, when it is none of those that may come unasked: the peer must not release while
// it owes an answer (PS3.8 7.2.2).
static int receive(struct dimse_association *a, struct dimse_message *ret_message, struct err *e) {
    int rc = dimse_receive(a, ret_message, e);
    if (rc == DIMSE_RELEASED) {
        return err_set(e, E_MISMATCH, "the peer released the association and owed an answer");
    }
    return rc < 0 ? rc : E_OK;
}

static int not_asked(const struct dimse_message *m, struct err *e) {
    return err_set(e, E_MISMATCH, "the peer sent %s, number %u, which nobody waits for",
                   dimse_field_text(m->command.field), m->command.message_id);
}

static bool answers(const struct dimse_message *m, uint16_t field, uint16_t id) {
    return m->command.field == (field | DIMSE_RESPONSE) && m->command.message_id == id;
}

static int skip_data(struct dimse_association *a, const struct dimse_message *m, struct err *e) {
    return m->command.data_set ? dimse_data_skip(a, e) : E_OK;
}

static int receive_answer(struct dimse_association *a, uint16_t field, uint16_t id,
                          struct dimse_message *ret_message, struct err *e) {
    int rc = receive(a, ret_message, e);
    if (rc != E_OK) {
        return rc;
    }
    return answers(ret_message, field, id) ? E_OK : not_asked(ret_message, e);
}

// --- C-ECHO

int dimse_user_echo(struct dimse_association *a, uint16_t *ret_status, struct err *e) {
    const struct dimse_context *context = dimse_context_for(a, VERIFICATION_UID, NULL, false);
    if (context == NULL) {
        return err_set(e, E_NOT_ACCEPTABLE, "the peer accepts no Verification");
    }
    struct dimse_command request = {.field = DIMSE_C_ECHO_RQ,
                                    .message_id = dimse_next_message_id(a)};
    (void)snprintf(request.sop_class, sizeof request.sop_class, "%s", VERIFICATION_UID);
    struct dimse_message answer;
    int rc = dimse_send(a, context->id, &request, NULL, 0, e);
    rc = rc == E_OK ? receive_answer(a, request.field, request.message_id, &answer, e) : rc;
    rc = rc == E_OK ? skip_data(a, &answer, e) : rc;
    if (rc == E_OK) {
        *ret_status = answer.command.status;
    }
    return rc;
}

// --- C-FIND

static struct dimse_command query_command(struct dimse_association *a, uint16_t field,
                                          const struct dimse_query *q) {
    struct dimse_command c = {.field = field,
                              .message_id = dimse_next_message_id(a),
                              .data_set = true,
                              .has = DIMSE_HAS_PRIORITY,
                              .priority = q->priority};
    (void)snprintf(c.sop_class, sizeof c.sop_class, "%s", q->sop_class);
    if (q->destination != NULL) {
        (void)snprintf(c.move_destination, sizeof c.move_destination, "%s", q->destination);
    }
    return c;
}

static int send_cancel(struct dimse_association *a, uint8_t context_id, uint16_t id,
                       struct err *e) {
    struct dimse_command c = {.field = DIMSE_C_CANCEL_RQ, .message_id = id};
    return dimse_send(a, context_id, &c, NULL, 0, e);
}

struct finding {
    struct dimse_association *association;
    const struct dimse_query *query;
    int (*match)(void *context, struct slice identifier);
    void *context;
    struct buf identifier;
    uint32_t matches;
    uint16_t id;
    bool cancelled;
};

// One pending response. After a cancel, what was on its way already is passed over.
static int take_match(struct finding *f, const struct dimse_message *m, struct err *e) {
    if (!m->command.data_set || f->cancelled) {
        return skip_data(f->association, m, e);
    }
    buf_clear(&f->identifier);
    int rc = dimse_data_all(f->association, &f->identifier, e);
    if (rc != E_OK) {
        return rc;
    }
    f->matches++;
    f->cancelled = f->match(f->context, buf_slice(&f->identifier)) != 0 ||
                   (f->query->limit != 0 && f->matches >= f->query->limit);
    return f->cancelled ? send_cancel(f->association, f->query->context_id, f->id, e) : E_OK;
}

int dimse_user_find(struct dimse_association *a, const struct dimse_query *query,
                    int (*match)(void *context, struct slice identifier), void *context,
                    struct dimse_command *ret_response, struct err *e) {
    struct dimse_command request = query_command(a, DIMSE_C_FIND_RQ, query);
    struct finding f = {.association = a,
                        .query = query,
                        .match = match,
                        .context = context,
                        .id = request.message_id};
    struct dimse_message m;
    buf_init(&f.identifier, DIMSE_IDENTIFIER_MAX);
    int rc = dimse_send(a, query->context_id, &request, &query->identifier, 1, e);
    while (rc == E_OK) {
        rc = receive_answer(a, request.field, request.message_id, &m, e);
        if (rc != E_OK || dimse_status_kind(m.command.status) != DIMSE_IS_PENDING) {
            break;
        }
        rc = take_match(&f, &m, e);
    }
    rc = rc == E_OK ? skip_data(a, &m, e) : rc;
    buf_done(&f.identifier);
    if (rc == E_OK) {
        *ret_response = m.command;
    }
    return rc;
}

// --- C-MOVE, C-GET

// The identifier of a final response, as far as it is wanted and fits.
static int take_failed(struct dimse_association *a, const struct dimse_query *q,
                       const struct dimse_message *m, struct err *e) {
    if (!m->command.data_set || q->failed == NULL) {
        return skip_data(a, m, e);
    }
    int rc = dimse_data_all(a, q->failed, e);
    if (rc == E_LIMIT) {
        err_clear(e);
        buf_clear(q->failed);
        return E_OK;
    }
    return rc;
}

// Runs a retrieval to its final response. C-STORE requests go to `sink`; NULL: none may come.
static int retrieve(struct dimse_association *a, uint16_t field, const struct dimse_query *query,
                    const struct dimse_sink *sink,
                    int (*progress)(void *context, const struct dimse_command *response),
                    void *context, struct dimse_command *ret_response, struct err *e) {
    struct dimse_command request = query_command(a, field, query);
    struct dimse_message m;
    bool cancelled = false;
    int rc = dimse_send(a, query->context_id, &request, &query->identifier, 1, e);
    for (;;) {
        rc = rc == E_OK ? receive(a, &m, e) : rc;
        if (rc != E_OK) {
            return rc;
        }
        if (m.command.field == DIMSE_C_STORE_RQ && sink != NULL) {
            rc = dimse_take_store(a, &m, sink, e);
            continue;
        }
        if (!answers(&m, field, request.message_id)) {
            return not_asked(&m, e);
        }
        if (dimse_status_kind(m.command.status) != DIMSE_IS_PENDING) {
            break;
        }
        rc = skip_data(a, &m, e);
        if (rc == E_OK && progress != NULL && progress(context, &m.command) != 0 && !cancelled) {
            cancelled = true;
            rc = send_cancel(a, query->context_id, request.message_id, e);
        }
    }
    rc = take_failed(a, query, &m, e);
    if (rc == E_OK) {
        *ret_response = m.command;
    }
    return rc;
}

int dimse_user_move(struct dimse_association *a, const struct dimse_query *query,
                    int (*progress)(void *context, const struct dimse_command *response),
                    void *context, struct dimse_command *ret_response, struct err *e) {
    return retrieve(a, DIMSE_C_MOVE_RQ, query, NULL, progress, context, ret_response, e);
}

int dimse_user_get(struct dimse_association *a, const struct dimse_query *query,
                   const struct dimse_sink *sink,
                   int (*progress)(void *context, const struct dimse_command *response),
                   void *context, struct dimse_command *ret_response, struct err *e) {
    return retrieve(a, DIMSE_C_GET_RQ, query, sink, progress, context, ret_response, e);
}

// --- C-STORE, received

static bool failed(uint16_t status) { return dimse_status_kind(status) == DIMSE_IS_FAILURE; }

// The data set to the sink. *status holds that of begin, and gets that of write and end.
static int take_data(struct dimse_association *a, const struct dimse_sink *sink, uint16_t *status,
                     struct err *e) {
    struct slice piece;
    int rc;
    while ((rc = dimse_data_next(a, &piece, e)) == E_OK && piece.len > 0) {
        uint16_t written = sink->write(sink->context, piece);
        *status = written != DIMSE_SUCCESS ? written : *status;
        if (failed(written)) {
            rc = dimse_data_skip(a, e);
            (void)sink->end(sink->context, false);
            return rc;
        }
    }
    uint16_t ended = sink->end(sink->context, rc == E_OK);
    *status = ended != DIMSE_SUCCESS ? ended : *status;
    return rc;
}

int dimse_take_store(struct dimse_association *a, const struct dimse_message *message,
                     const struct dimse_sink *sink, struct err *e) {
    uint16_t status;
    int rc = E_OK;
    if (!message->command.data_set) {
        status = DIMSE_CANNOT_UNDERSTAND;
    } else {
        status = sink->begin(sink->context, message);
        rc = failed(status) ? dimse_data_skip(a, e) : take_data(a, sink, &status, e);
    }
    if (rc != E_OK) {
        return rc;
    }
    struct dimse_command response = dimse_response_to(&message->command, status);
    return dimse_send(a, message->context_id, &response, NULL, 0, e);
}

// --- N-ACTION, N-EVENT-REPORT

int dimse_user_notify(struct dimse_association *a, uint8_t context_id,
                      const struct dimse_command *request, struct slice data_set,
                      struct dimse_command *ret_response, struct err *e) {
    struct dimse_command c = *request;
    c.message_id = dimse_next_message_id(a);
    c.data_set = data_set.len > 0;
    struct dimse_message answer;
    int rc = dimse_send(a, context_id, &c, &data_set, c.data_set ? 1 : 0, e);
    rc = rc == E_OK ? receive_answer(a, c.field, c.message_id, &answer, e) : rc;
    rc = rc == E_OK ? skip_data(a, &answer, e) : rc;
    if (rc == E_OK) {
        *ret_response = answer.command;
    }
    return rc;
}
