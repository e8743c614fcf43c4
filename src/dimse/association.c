// SPDX-License-Identifier: Apache-2.0
// State and ending of an association: the actions of PS3.8 Tables 9-6 to 9-9.
#include "dimse/association.h"

#include <string.h>

#include "base/mem.h"
#include "dimse/association_priv.h"
#include "dimse/stream_priv.h"

// --- life

static uint32_t or_default(uint32_t value, uint32_t otherwise) {
    return value != 0 ? value : otherwise;
}

static struct dimse_limits filled(const struct dimse_limits *l) {
    struct dimse_limits out = l != NULL ? *l : (struct dimse_limits){0};
    out.pdu = or_default(out.pdu, DIMSE_PDU_DEFAULT);
    out.pdu = out.pdu < DIMSE_PDU_MIN ? DIMSE_PDU_MIN : out.pdu;
    out.artim_ms = or_default(out.artim_ms, DIMSE_ARTIM_MS);
    out.idle_ms = or_default(out.idle_ms, DIMSE_IDLE_MS);
    out.stall_ms = or_default(out.stall_ms, DIMSE_STALL_MS);
    out.data_set_bytes = out.data_set_bytes != 0 ? out.data_set_bytes : DIMSE_DATA_SET_MAX;
    return out;
}

int association_new(struct dimse_stream *stream, bool requestor, const struct dimse_limits *limits,
                    struct dimse_association **ret_association, struct err *e) {
    struct dimse_association *a = mem_zalloc(sizeof *a);
    uint8_t *in = mem_alloc(ASSOCIATION_IN_LEN);
    if (a == NULL || in == NULL) {
        mem_free(a);
        mem_free(in);
        dimse_stream_close(stream);
        return err_set(e, E_MEMORY, "association");
    }
    a->stream = stream;
    a->requestor = requestor;
    a->state = MACHINE_IDLE;
    a->limits = filled(limits);
    a->in.bytes = in;
    a->in.left_ms = a->limits.stall_ms;
    arena_init(&a->arena, ASSOCIATION_ARENA_MAX);
    buf_init(&a->command, DIMSE_COMMAND_MAX);
    buf_init(&a->out, DIMSE_COMMAND_MAX);
    buf_init(&a->later, ASSOCIATION_KEPT_MAX);
    *ret_association = a;
    return E_OK;
}

void association_free(struct dimse_association *a) {
    if (a == NULL) {
        return;
    }
    dimse_stream_close(a->stream);
    arena_done(&a->arena);
    buf_done(&a->command);
    buf_done(&a->out);
    buf_done(&a->later);
    mem_free(a->in.bytes);
    mem_free(a);
}

// --- actions

static void close_stream(struct dimse_association *a) {
    dimse_stream_close(a->stream);
    a->stream = NULL;
}

// A last PDU that is lost changes nothing: the connection is over then.
static void send_short(struct dimse_association *a, enum pdu_type type, struct pdu_short detail) {
    uint8_t bytes[PDU_SHORT_WHOLE];
    struct err ignored = {0};
    pdu_short_write(type, detail, bytes);
    struct slice piece = slice_of(bytes, sizeof bytes);
    if (a->stream != NULL && dimse_stream_broken(a->stream)) {
        stream_last_word(a->stream, piece);
    } else if (a->stream != NULL) {
        (void)dimse_stream_write(a->stream, &piece, 1, ASSOCIATION_CLOSE_MS, &ignored);
    }
}

static const struct pdu_short nothing;

static void act(struct dimse_association *a, enum machine_action action, struct pdu_short detail) {
    switch (action) {
    case MACHINE_AE8:
        send_short(a, PDU_ASSOCIATE_RJ, detail);
        break;
    case MACHINE_AR1:
        send_short(a, PDU_RELEASE_RQ, nothing);
        break;
    case MACHINE_AR4:
    case MACHINE_AR9:
        send_short(a, PDU_RELEASE_RP, nothing);
        break;
    case MACHINE_AA1: // by the service user: no reason
        send_short(a, PDU_ABORT, (struct pdu_short){0, PDU_ABORT_USER, PDU_ABORT_NOT_SPECIFIED});
        break;
    case MACHINE_AA7:
    case MACHINE_AA8:
        send_short(a, PDU_ABORT, (struct pdu_short){0, PDU_ABORT_PROVIDER, detail.reason});
        break;
    case MACHINE_AE4:
    case MACHINE_AR3:
    case MACHINE_AR5:
    case MACHINE_AA2:
    case MACHINE_AA3:
    case MACHINE_AA4:
    case MACHINE_AA5:
        close_stream(a);
        break;
    default: // indications to the user, timers and PDUs that the caller sees to
        break;
    }
}

void association_event(struct dimse_association *a, enum machine_event event,
                       struct pdu_short detail) {
    struct machine_step step = machine_step(a->state, event, a->requestor, true);
    a->state = step.next;
    act(a, step.action, detail);
}

// --- ends

static enum dimse_ending ending_of(enum machine_state state, enum machine_event event) {
    switch (event) {
    case MACHINE_E_RJ: // elsewhere it is an error of the peer's
        return state == MACHINE_AWAIT_AC ? DIMSE_REJECTED : DIMSE_ABORTED_HERE;
    case MACHINE_E_ABORT:
        return DIMSE_ABORTED_BY_PEER;
    case MACHINE_E_CLOSED:
        return DIMSE_BROKEN;
    default:
        return DIMSE_ABORTED_HERE;
    }
}

int association_fail(struct dimse_association *a, enum machine_event event,
                     enum pdu_abort_reason reason, struct err *e) {
    if (a->why.code == E_OK) {
        a->why = *e;
        a->ending = ending_of(a->state, event);
    }
    association_event(a, event, (struct pdu_short){0, PDU_ABORT_PROVIDER, (uint8_t)reason});
    return e->code;
}

int association_broken(struct dimse_association *a, struct err *e) {
    bool in_time =
        e->code != E_TIMEOUT && !(e->code == E_CANCELLED && dimse_stream_broken(a->stream));
    if (in_time) {
        return association_fail(a, MACHINE_E_CLOSED, PDU_ABORT_NOT_SPECIFIED, e);
    }
    enum machine_event event =
        a->state == MACHINE_AWAIT_RQ ? MACHINE_E_ARTIM : MACHINE_E_LOCAL_ABORT;
    return association_fail(a, event, PDU_ABORT_NOT_SPECIFIED, e);
}

int association_check(const struct dimse_association *a, struct err *e) {
    if (a->why.code != E_OK) {
        *e = a->why;
        return e->code;
    }
    bool up = a->state == MACHINE_ESTABLISHED || a->state == MACHINE_AWAIT_LOCAL_RELEASE;
    return up ? E_OK : err_set(e, E_CANCELLED, "the association has been released");
}

enum dimse_ending dimse_association_ending(const struct dimse_association *a, struct err *ret_why) {
    if (ret_why != NULL) {
        *ret_why = a->why;
    }
    return a->ending;
}

int dimse_release(struct dimse_association *a, struct err *e) {
    int rc = association_check(a, e);
    if (rc == E_OK) {
        rc = association_send_kept(a, e);
    }
    if (rc == E_OK && a->state == MACHINE_AWAIT_LOCAL_RELEASE) {
        association_event(a, MACHINE_E_LOCAL_RELEASE_ANSWER, nothing);
    } else if (rc == E_OK) {
        association_event(a, MACHINE_E_LOCAL_RELEASE, nothing);
        rc = association_await_release(a, e);
    }
    if (rc == E_OK) {
        a->ending = DIMSE_IN_ORDER;
    }
    dimse_association_close(a);
    return rc;
}

void dimse_abort(struct dimse_association *a) {
    if (a != NULL && a->ending == DIMSE_OPEN) {
        struct err e = {0};
        err_set(&e, E_CANCELLED, "aborted here");
        (void)association_fail(a, MACHINE_E_LOCAL_ABORT, PDU_ABORT_NOT_SPECIFIED, &e);
    }
    dimse_association_close(a);
}

void dimse_association_close(struct dimse_association *a) {
    if (a == NULL) {
        return;
    }
    if (a->ending == DIMSE_OPEN && a->stream != NULL) {
        association_event(a, MACHINE_E_LOCAL_ABORT, nothing);
    }
    if (a->state == MACHINE_AWAIT_CLOSE && a->stream != NULL) {
        association_await_close(a);
    }
    association_free(a);
}

// --- what was agreed

const struct dimse_proposal *dimse_agreed(const struct dimse_association *a) { return &a->agreed; }

struct dimse_stream *dimse_association_stream(struct dimse_association *a) {
    return a->stream;
}

const struct dimse_context *dimse_context_by_id(const struct dimse_association *a, uint8_t id) {
    for (size_t i = 0; i < a->agreed.context_count; i++) {
        const struct dimse_context *c = &a->agreed.contexts[i];
        if (c->id == id && c->result == DIMSE_ACCEPTED) {
            return c;
        }
    }
    return NULL;
}

// The roles in a context are the requestor's; the acceptor has the other ones.
static bool have_role(const struct dimse_association *a, const struct dimse_context *c,
                      bool as_scp) {
    return as_scp == a->requestor ? c->scp_role : c->scu_role;
}

const struct dimse_context *dimse_context_for(const struct dimse_association *a,
                                              const char *abstract_syntax, const char *syntax,
                                              bool as_scp) {
    for (size_t i = 0; i < a->agreed.context_count; i++) {
        const struct dimse_context *c = &a->agreed.contexts[i];
        if (c->result == DIMSE_ACCEPTED && strcmp(c->abstract_syntax, abstract_syntax) == 0 &&
            (syntax == NULL || strcmp(c->syntax, syntax) == 0) && have_role(a, c, as_scp)) {
            return c;
        }
    }
    return NULL;
}

uint32_t association_peer_pdu(const struct dimse_proposal *agreed) {
    return agreed->max_pdu == 0 || agreed->max_pdu > DIMSE_PDU_MAX ? DIMSE_PDU_MAX
                                                                   : agreed->max_pdu;
}

uint16_t dimse_next_message_id(struct dimse_association *a) {
    a->last_id = a->last_id == UINT16_MAX ? 1 : (uint16_t)(a->last_id + 1);
    return a->last_id;
}

uint16_t dimse_window(const struct dimse_association *a) {
    uint16_t window = a->requestor ? a->agreed.max_invoked : a->agreed.max_performed;
    return window == 0 || window > DIMSE_ASYNC_MAX ? DIMSE_ASYNC_MAX : window;
}
