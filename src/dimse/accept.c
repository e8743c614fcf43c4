// SPDX-License-Identifier: Apache-2.0
// The acceptor's side of establishing an association (Sta2, Sta3).
#include <sodium.h>
#include <string.h>

#include "dimse/association_priv.h"
#include "dimse/negotiate.h"

static const struct pdu_short nothing;
static const struct pdu_short wrong_version = {DIMSE_REJECT_PERMANENT, 2, 2};
static const struct pdu_short wrong_application = {DIMSE_REJECT_PERMANENT, 1, 2};

// The A-ASSOCIATE-RQ whole, at the front of the input. ARTIM counts for all of it, not byte by
// byte.
static int receive_request(struct dimse_association *a, struct slice *ret_body, struct err *e) {
    usec deadline =
        clock_monotonic(clock_system()) + (usec)a->limits.artim_ms * (CLOCK_SECOND / 1000);
    int rc = association_fill_by(a, PDU_HEAD_LEN, deadline, e);
    struct pdu_head head = {0};
    if (rc == E_OK) {
        head = pdu_head_read(a->in.bytes + a->in.start);
        if (head.type == PDU_ABORT) {
            err_set(e, E_CANCELLED, "aborted by the peer before it asked for anything");
            return association_fail(a, MACHINE_E_ABORT, PDU_ABORT_NOT_SPECIFIED, e);
        }
        if (head.type != PDU_ASSOCIATE_RQ) {
            return association_unexpected(a, head.type, e);
        }
        if (head.len > DIMSE_ASSOCIATE_MAX) {
            err_set(e, E_LIMIT, "A-ASSOCIATE-RQ of %u bytes", head.len);
            return association_fail(a, MACHINE_E_INVALID, PDU_ABORT_INVALID_PARAMETER, e);
        }
        rc = association_fill_by(a, PDU_HEAD_LEN + (size_t)head.len, deadline, e);
    }
    if (rc == E_TIMEOUT) {
        err_set(e, E_TIMEOUT, "no association request within %u s", a->limits.artim_ms / 1000);
    }
    if (rc != E_OK) {
        return association_broken(a, e);
    }
    *ret_body =
        slice_of(association_take(a, PDU_HEAD_LEN + (size_t)head.len) + PDU_HEAD_LEN, head.len);
    return E_OK;
}

static int reject(struct dimse_association *a, struct pdu_short why, struct err *e) {
    char text[PDU_TEXT_MAX];
    err_set(e, E_DENIED, "rejected %s", pdu_rejection_text(why, text));
    a->why = *e;
    a->ending = DIMSE_REJECTED;
    association_event(a, MACHINE_E_LOCAL_REJECT, why);
    return e->code;
}

static bool has_version_1(const struct pdu_associate *request) {
    return (request->version & 1) != 0;
}

// What follows from the request when it can be read: AE-6, then the user's decision.
static int decide(struct dimse_association *a, struct pdu_associate *request,
                  dimse_negotiate negotiate, void *context, struct err *e) {
    association_event(a, MACHINE_E_RQ, nothing);
    if (!has_version_1(request)) {
        return reject(a, wrong_version, e);
    }
    if (strcmp(request->application_context, DIMSE_APPLICATION_CONTEXT) != 0) {
        return reject(a, wrong_application, e);
    }
    negotiate_spread(request);
    struct dimse_rejection rejection = {0};
    int rc = negotiate(context, a->stream, &request->p, &rejection, e);
    if (rejection.result != 0) {
        struct pdu_short why = {rejection.result, rejection.source, rejection.reason};
        return reject(a, why, e);
    }
    return rc < 0 ? association_fail(a, MACHINE_E_LOCAL_ABORT, PDU_ABORT_NOT_SPECIFIED, e) : E_OK;
}

// Application information of extended negotiations outlives the PDU that it came in.
static int keep(struct dimse_association *a, struct dimse_proposal *p, struct err *e) {
    for (size_t i = 0; i < p->context_count; i++) {
        struct dimse_context *c = &p->contexts[i];
        struct slice *both[] = {&c->extended, &c->answered};
        for (size_t k = 0; k < 2; k++) {
            if (both[k]->len > 0) {
                *both[k] = arena_copy(&a->arena, *both[k]);
            }
        }
        if ((c->extended.len > 0 && c->extended.ptr == NULL) ||
            (c->answered.len > 0 && c->answered.ptr == NULL)) {
            return err_set(e, E_MEMORY, "association");
        }
    }
    return E_OK;
}

static int send_answer(struct dimse_association *a, const struct pdu_associate *answer,
                       struct err *e) {
    CLEANUP(cleanup_buf)
    struct buf out;
    buf_init(&out, DIMSE_ASSOCIATE_MAX);
    int rc = pdu_associate_write(PDU_ASSOCIATE_AC, answer, &out, e);
    if (rc != E_OK) {
        return association_fail(a, MACHINE_E_LOCAL_ABORT, PDU_ABORT_NOT_SPECIFIED, e);
    }
    association_event(a, MACHINE_E_LOCAL_ACCEPT, nothing);
    struct slice piece = buf_slice(&out);
    rc = dimse_stream_write(a->stream, &piece, 1, a->limits.stall_ms, e);
    return rc == E_OK ? E_OK : association_broken(a, e);
}

static int establish(struct dimse_association *a, struct slice body, dimse_negotiate negotiate,
                     void *context, struct err *e) {
    struct pdu_associate request;
    int rc = pdu_associate_read(PDU_ASSOCIATE_RQ, body, &a->arena, &request, e);
    if (rc != E_OK) {
        return association_fail(a, MACHINE_E_INVALID, pdu_abort_reason_of(rc), e);
    }
    request.p.memory = &a->arena;
    rc = decide(a, &request, negotiate, context, e);
    if (rc == E_OK) {
        struct pdu_associate answer;
        rc = negotiate_answer(&request, a->limits.pdu, &a->arena, &answer, e);
        rc = rc == E_OK ? keep(a, &request.p, e) : rc;
        if (rc != E_OK) {
            return association_fail(a, MACHINE_E_LOCAL_ABORT, PDU_ABORT_NOT_SPECIFIED, e);
        }
        rc = send_answer(a, &answer, e);
    }
    if (rc != E_OK && rc != E_MEMORY) {
        err_context(e, "%s to %s", request.p.calling, request.p.called);
        a->why = *e;
    }
    request.p.identity = request.p.passcode = (struct slice){0};
    a->agreed = request.p;
    return rc;
}

int dimse_accept(struct dimse_stream *stream, const struct dimse_limits *limits,
                 dimse_negotiate negotiate, void *context,
                 struct dimse_association **ret_association, struct err *e) {
    struct dimse_association *a = NULL;
    int rc = association_new(stream, false, limits, &a, e);
    if (rc != E_OK) {
        return rc;
    }
    association_event(a, MACHINE_E_ACCEPTED_CONNECTION, nothing);
    struct slice body = {0};
    rc = receive_request(a, &body, e);
    size_t came = rc == E_OK ? a->in.start : a->in.end;
    if (rc == E_OK) {
        rc = establish(a, body, negotiate, context, e);
    }
    sodium_memzero(a->in.bytes, came); // a passcode came with the request, or a part of it
    if (rc != E_OK) {
        dimse_association_close(a);
        return rc;
    }
    a->peer_pdu = association_peer_pdu(&a->agreed);
    *ret_association = a;
    return E_OK;
}
