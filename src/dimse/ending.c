// SPDX-License-Identifier: Apache-2.0
// The end of an association: what still comes while a release is settled (Sta7, Sta9 to Sta12) or
// the peer is to close the connection (Sta13).
#include "dimse/association_priv.h"

static usec deadline_in(uint32_t ms) {
    return clock_monotonic(clock_system()) + (usec)ms * (CLOCK_SECOND / 1000);
}

static int skip(struct dimse_association *a, uint64_t len, usec deadline, struct err *e) {
    while (len > 0) {
        int rc = association_fill_by(a, 1, deadline, e);
        if (rc != E_OK) {
            return rc;
        }
        size_t there = a->in.end - a->in.start;
        size_t part = there < len ? there : (size_t)len;
        (void)association_take(a, part);
        len -= part;
    }
    return clock_monotonic(clock_system()) < deadline
               ? E_OK
               : err_set(e, E_TIMEOUT, "the peer goes on sending");
}

// The next PDU's head and, of the short ones, its fields.
static int next(struct dimse_association *a, usec deadline, struct pdu_head *ret_head,
                struct pdu_short *ret_short, struct err *e) {
    int rc = association_fill_by(a, PDU_HEAD_LEN, deadline, e);
    if (rc != E_OK) {
        return rc;
    }
    struct pdu_head head = pdu_head_read(association_take(a, PDU_HEAD_LEN));
    bool is_short = head.type >= PDU_RELEASE_RQ && head.type <= PDU_ABORT;
    *ret_head = head;
    if (!is_short) {
        return head.type == PDU_DATA ? skip(a, head.len, deadline, e) : E_OK;
    }
    rc = head.len == PDU_SHORT_LEN ? association_fill_by(a, PDU_SHORT_LEN, deadline, e) : E_OK;
    if (rc != E_OK) {
        return rc;
    }
    size_t len = head.len == PDU_SHORT_LEN ? PDU_SHORT_LEN : 0;
    rc = pdu_short_read((enum pdu_type)head.type, slice_of(association_take(a, len), len),
                        ret_short, e);
    return rc == E_OK ? E_OK
                      : association_fail(a, MACHINE_E_INVALID, PDU_ABORT_INVALID_PARAMETER, e);
}

// One PDU while the release is being settled.
static int settle(struct dimse_association *a, const struct pdu_head *head, struct pdu_short s,
                  struct err *e) {
    static const struct pdu_short nothing;
    bool rp_due = a->state == MACHINE_AWAIT_RELEASE_RP || a->state == MACHINE_COLLISION_ACCEPTOR ||
                  a->state == MACHINE_COLLISION_REQUESTOR2;
    if (head->type == PDU_ABORT) {
        char text[PDU_TEXT_MAX];
        err_set(e, E_CANCELLED, "%s", pdu_abort_text(s, text));
        return association_fail(a, MACHINE_E_ABORT, PDU_ABORT_NOT_SPECIFIED, e);
    }
    if (head->type == PDU_DATA && a->state == MACHINE_AWAIT_RELEASE_RP) {
        association_event(a, MACHINE_E_DATA, nothing); // AR-6: nobody wants it any more
        return E_OK;
    }
    if (head->type == PDU_RELEASE_RQ && a->state == MACHINE_AWAIT_RELEASE_RP) {
        association_event(a, MACHINE_E_RELEASE_RQ, nothing); // AR-8: both asked
        if (a->requestor) {
            association_event(a, MACHINE_E_LOCAL_RELEASE_ANSWER, nothing); // AR-9
        }
        return E_OK;
    }
    if (head->type == PDU_RELEASE_RP && rp_due) {
        association_event(a, MACHINE_E_RELEASE_RP, nothing); // AR-3, AR-10
        if (a->state == MACHINE_COLLISION_ACCEPTOR2) {
            association_event(a, MACHINE_E_LOCAL_RELEASE_ANSWER, nothing); // AR-4
        }
        return E_OK;
    }
    return association_unexpected(a, head->type, e);
}

int association_await_release(struct dimse_association *a, struct err *e) {
    usec deadline = deadline_in(a->limits.artim_ms);
    int rc = skip(a, a->in.pdu_left + (a->in.in_value ? a->in.value_left : 0), deadline, e);
    while (rc == E_OK && a->state != MACHINE_IDLE && a->state != MACHINE_AWAIT_CLOSE) {
        struct pdu_head head;
        struct pdu_short s = {0};
        rc = next(a, deadline, &head, &s, e);
        if (rc == E_OK) {
            rc = settle(a, &head, s, e);
        }
    }
    if (rc == E_TIMEOUT) {
        err_set(e, E_TIMEOUT, "no answer to the release within %u s", a->limits.artim_ms / 1000);
    }
    // What the association did not end itself above is the stream's doing.
    return rc != E_OK && a->why.code == E_OK ? association_broken(a, e) : rc;
}

// Behind an abort of ours the bytes need not be PDUs any more.
static void drain(struct dimse_association *a, usec deadline) {
    struct err ignored = {0};
    int rc = E_OK;
    while (rc == E_OK) {
        a->in.start = a->in.end = 0;
        rc = association_fill_by(a, 1, deadline, &ignored);
    }
}

// What the table has for Sta13: AA-2 closes, AA-6 ignores, AA-7 aborts.
static void late(struct dimse_association *a, uint8_t type) {
    static const struct pdu_short unexpected = {0, PDU_ABORT_PROVIDER, PDU_ABORT_UNEXPECTED_PDU};
    static const struct pdu_short unknown = {0, PDU_ABORT_PROVIDER, PDU_ABORT_UNRECOGNIZED_PDU};
    switch (type) {
    case PDU_ABORT:
        association_event(a, MACHINE_E_ABORT, unexpected);
        break;
    case PDU_ASSOCIATE_RQ:
        association_event(a, MACHINE_E_RQ, unexpected);
        break;
    case PDU_ASSOCIATE_AC:
    case PDU_ASSOCIATE_RJ:
    case PDU_DATA:
    case PDU_RELEASE_RQ:
    case PDU_RELEASE_RP:
        break; // AA-6
    default:
        association_event(a, MACHINE_E_INVALID, unknown);
        break;
    }
}

void association_await_close(struct dimse_association *a) {
    uint32_t ms =
        a->limits.artim_ms < ASSOCIATION_CLOSE_MS ? a->limits.artim_ms : ASSOCIATION_CLOSE_MS;
    usec deadline = deadline_in(ms);
    struct err ignored = {0};
    bool in_step = a->ending == DIMSE_IN_ORDER || a->ending == DIMSE_REJECTED;
    if (in_step && association_fill_by(a, PDU_HEAD_LEN, deadline, &ignored) == E_OK) {
        late(a, a->in.bytes[a->in.start]);
    }
    if (a->stream != NULL) {
        drain(a, deadline);
        association_event(a, MACHINE_E_CLOSED, (struct pdu_short){0});
    }
}
