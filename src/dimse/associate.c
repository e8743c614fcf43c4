// SPDX-License-Identifier: Apache-2.0
// The requestor's side of establishing an association (Sta4, Sta5).
#include <sodium.h>

#include "dimse/association_priv.h"
#include "dimse/negotiate.h"

static const struct pdu_short nothing;

static void wipe(struct buf *b) {
    if (b->data != NULL) {
        sodium_memzero(b->data, b->cap);
    }
    buf_done(b);
}

static int send_request(struct dimse_association *a, const struct pdu_associate *request,
                        struct err *e) {
    CLEANUP(wipe)
    struct buf out; // with the passcode
    buf_init(&out, DIMSE_ASSOCIATE_MAX);
    // Born large enough: growing would leave a copy of the passcode behind.
    if (buf_extend(&out, DIMSE_ASSOCIATE_MAX) != NULL) {
        buf_clear(&out);
    }
    int rc = pdu_associate_write(PDU_ASSOCIATE_RQ, request, &out, e);
    if (rc != E_OK) {
        return association_fail(a, MACHINE_E_LOCAL_ABORT, PDU_ABORT_NOT_SPECIFIED, e);
    }
    struct slice piece = buf_slice(&out);
    rc = dimse_stream_write(a->stream, &piece, 1, a->limits.stall_ms, e);
    return rc == E_OK ? E_OK : association_broken(a, e);
}

static int refused(struct dimse_association *a, enum pdu_type type, struct slice body,
                   struct err *e) {
    char text[PDU_TEXT_MAX];
    struct pdu_short s = {0};
    if (pdu_short_read(type, body, &s, e) != E_OK) {
        return association_fail(a, MACHINE_E_INVALID, PDU_ABORT_INVALID_PARAMETER, e);
    }
    if (type == PDU_ABORT) {
        err_set(e, E_CANCELLED, "%s", pdu_abort_text(s, text));
        return association_fail(a, MACHINE_E_ABORT, PDU_ABORT_NOT_SPECIFIED, e);
    }
    err_set(e, s.result == DIMSE_REJECT_TRANSIENT ? E_BUSY : E_DENIED, "association rejected %s",
            pdu_rejection_text(s, text));
    return association_fail(a, MACHINE_E_RJ, PDU_ABORT_NOT_SPECIFIED, e);
}

static bool answers(uint8_t type) {
    return type == PDU_ASSOCIATE_AC || type == PDU_ASSOCIATE_RJ || type == PDU_ABORT;
}

static int receive_answer(struct dimse_association *a, enum pdu_type *ret_type,
                          struct slice *ret_body, struct err *e) {
    usec deadline =
        clock_monotonic(clock_system()) + (usec)a->limits.artim_ms * (CLOCK_SECOND / 1000);
    struct pdu_head head = {0};
    int rc = association_fill_by(a, PDU_HEAD_LEN, deadline, e);
    if (rc == E_OK) {
        head = pdu_head_read(a->in.bytes + a->in.start);
        if (!answers(head.type)) {
            return association_unexpected(a, head.type, e);
        }
        if (head.len > DIMSE_ASSOCIATE_MAX) {
            err_set(e, E_LIMIT, "%s of %u bytes", pdu_type_text(head.type), head.len);
            return association_fail(a, MACHINE_E_INVALID, PDU_ABORT_INVALID_PARAMETER, e);
        }
        rc = association_fill_by(a, PDU_HEAD_LEN + (size_t)head.len, deadline, e);
    }
    if (rc == E_TIMEOUT) {
        err_set(e, E_TIMEOUT, "no answer to the association request within %u s",
                a->limits.artim_ms / 1000);
    }
    if (rc != E_OK) {
        return association_broken(a, e);
    }
    *ret_type = (enum pdu_type)head.type;
    *ret_body =
        slice_of(association_take(a, PDU_HEAD_LEN + (size_t)head.len) + PDU_HEAD_LEN, head.len);
    return E_OK;
}

static int keep_answers(struct dimse_association *a, struct err *e) {
    for (size_t i = 0; i < a->agreed.context_count; i++) {
        struct dimse_context *c = &a->agreed.contexts[i];
        if (c->answered.len > 0) {
            c->answered = arena_copy(&a->arena, c->answered);
        }
        if (c->answered.len > 0 && c->answered.ptr == NULL) {
            return err_set(e, E_MEMORY, "association");
        }
    }
    return E_OK;
}

// The caller's transfer syntaxes and information need not live as long as the association.
static int keep_proposed(struct dimse_association *a, struct err *e) {
    for (size_t i = 0; i < a->agreed.context_count; i++) {
        struct dimse_context *c = &a->agreed.contexts[i];
        const char **copies = arena_array(&a->arena, c->proposed_count, sizeof *copies);
        bool all = copies != NULL;
        for (size_t k = 0; all && k < c->proposed_count; k++) {
            copies[k] = arena_str(&a->arena, slice_str(c->proposed[k]));
            all = copies[k] != NULL;
        }
        if (c->extended.len > 0) {
            c->extended = arena_copy(&a->arena, c->extended);
            all = all && c->extended.ptr != NULL;
        }
        if (!all) {
            return err_set(e, E_MEMORY, "association");
        }
        c->proposed = copies;
    }
    return E_OK;
}

static int establish(struct dimse_association *a, const struct dimse_request *request,
                     struct err *e) {
    struct pdu_associate asked;
    struct pdu_associate answer;
    enum pdu_type type = PDU_ABORT;
    struct slice body = {0};
    int rc = negotiate_request(request, a->limits.pdu, &a->arena, &asked, e);
    if (rc != E_OK) {
        return association_fail(a, MACHINE_E_LOCAL_ABORT, PDU_ABORT_NOT_SPECIFIED, e);
    }
    association_event(a, MACHINE_E_CONNECTED, nothing); // AE-2
    rc = send_request(a, &asked, e);
    if (rc == E_OK) {
        rc = receive_answer(a, &type, &body, e);
    }
    if (rc == E_OK && type != PDU_ASSOCIATE_AC) {
        rc = refused(a, type, body, e);
    }
    if (rc != E_OK) {
        return rc;
    }
    rc = pdu_associate_read(type, body, &a->arena, &answer, e);
    if (rc != E_OK) {
        return association_fail(a, MACHINE_E_INVALID, pdu_abort_reason_of(rc), e);
    }
    association_event(a, MACHINE_E_AC, nothing);
    negotiate_settle(&asked, &answer, &a->agreed);
    rc = keep_answers(a, e);
    if (rc == E_OK) {
        rc = keep_proposed(a, e);
    }
    return rc == E_OK ? E_OK
                      : association_fail(a, MACHINE_E_LOCAL_ABORT, PDU_ABORT_NOT_SPECIFIED, e);
}

int dimse_associate(struct dimse_stream *stream, const struct dimse_request *request,
                    struct dimse_association **ret_association, struct err *e) {
    struct dimse_association *a = NULL;
    int rc = association_new(stream, true, &request->limits, &a, e);
    if (rc != E_OK) {
        return rc;
    }
    association_event(a, MACHINE_E_ASSOCIATE_REQUEST, nothing);
    rc = establish(a, request, e);
    if (rc != E_OK) {
        dimse_association_close(a);
        return rc;
    }
    a->peer_pdu = association_peer_pdu(&a->agreed);
    *ret_association = a;
    return E_OK;
}
