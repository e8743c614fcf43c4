// SPDX-License-Identifier: Apache-2.0
// Receiving: PDUs are taken apart where they lie in the input buffer, in whatever pieces they come.
// All of the state is in the association, so that looking whether something came (cancel) can stop
// anywhere and go on later.
#include <string.h>

#include "dimse/association_priv.h"
#include "dimse/stream_priv.h"

enum { STEP_COMMAND = 2, STEP_DATA, STEP_RELEASE }; // and ASSOCIATION_NOT_YET

// --- bytes

static size_t there(const struct incoming *in) { return in->end - in->start; }

static void compact(struct incoming *in) {
    if (in->start == in->end) {
        in->start = in->end = 0;
    } else if (ASSOCIATION_IN_LEN - in->start < PDU_SHORT_WHOLE) {
        memmove(in->bytes, in->bytes + in->start, there(in));
        in->end = there(in);
        in->start = 0;
    }
}

// Between messages the idle time counts, in the middle of one the time without progress.
static bool idle(const struct dimse_association *a) {
    return a->state == MACHINE_ESTABLISHED && a->phase == MESSAGE_NONE && there(&a->in) == 0 &&
           a->in.pdu_left == 0;
}

static int lost(struct dimse_association *a, bool was_idle, struct err *e) {
    if (e->code == E_TIMEOUT) {
        err_set(e, E_TIMEOUT, was_idle ? "idle for %u s" : "stalled for %u s",
                (was_idle ? a->limits.idle_ms : a->limits.stall_ms) / 1000);
    }
    return association_broken(a, e);
}

static int read_more(struct dimse_association *a, struct err *e) {
    struct incoming *in = &a->in;
    bool was_idle = idle(a);
    uint32_t timeout = was_idle ? a->limits.idle_ms : in->left_ms;
    usec before = clock_monotonic(clock_system());
    size_t len = 0;
    compact(in);
    int rc = dimse_stream_read(a->stream, in->bytes + in->end, ASSOCIATION_IN_LEN - in->end,
                               timeout, &len, e);
    if (rc == E_OK && len == 0) {
        rc = err_set(e, E_CANCELLED, "the peer closed the connection");
    }
    if (rc != E_OK) {
        return lost(a, was_idle, e);
    }
    in->end += len;
    in->progress += len;
    uint64_t waited = (uint64_t)(clock_monotonic(clock_system()) - before) / 1000;
    if (was_idle || in->progress >= STREAM_PROGRESS_BYTES) {
        in->left_ms = a->limits.stall_ms;
        in->progress = 0;
    } else {
        in->left_ms -= waited < in->left_ms ? (uint32_t)waited : in->left_ms;
    }
    return E_OK;
}

int association_fill(struct dimse_association *a, size_t len, bool wait, struct err *e) {
    while (there(&a->in) < len) {
        if (!wait && !dimse_stream_ready(a->stream)) {
            return ASSOCIATION_NOT_YET;
        }
        int rc = read_more(a, e);
        if (rc != E_OK) {
            return rc;
        }
    }
    return E_OK;
}

int association_fill_by(struct dimse_association *a, size_t len, usec deadline, struct err *e) {
    while (there(&a->in) < len) {
        usec left = deadline - clock_monotonic(clock_system());
        if (left <= 0) {
            return err_set(e, E_TIMEOUT, "the peer sent nothing");
        }
        size_t more = 0;
        compact(&a->in);
        int rc =
            dimse_stream_read(a->stream, a->in.bytes + a->in.end, ASSOCIATION_IN_LEN - a->in.end,
                              (uint32_t)((left + 999) / 1000), &more, e);
        if (rc == E_OK && more == 0) {
            rc = err_set(e, E_CANCELLED, "the peer closed the connection");
        }
        if (rc != E_OK) {
            return rc;
        }
        a->in.end += more;
    }
    return E_OK;
}

static const uint8_t *take(struct incoming *in, size_t len) {
    const uint8_t *p = in->bytes + in->start;
    in->start += len;
    return p;
}

const uint8_t *association_take(struct dimse_association *a, size_t len) {
    return take(&a->in, len);
}

// --- PDUs

static int invalid(struct dimse_association *a, enum pdu_abort_reason reason, struct err *e) {
    return association_fail(a, MACHINE_E_INVALID, reason, e);
}

int association_unexpected(struct dimse_association *a, uint8_t type, struct err *e) {
    static const enum machine_event events[] = {
        [PDU_ASSOCIATE_RQ] = MACHINE_E_RQ,       [PDU_ASSOCIATE_AC] = MACHINE_E_AC,
        [PDU_ASSOCIATE_RJ] = MACHINE_E_RJ,       [PDU_DATA] = MACHINE_E_DATA,
        [PDU_RELEASE_RQ] = MACHINE_E_RELEASE_RQ, [PDU_RELEASE_RP] = MACHINE_E_RELEASE_RP};
    if (type < PDU_ASSOCIATE_RQ || type > PDU_RELEASE_RP) {
        err_set(e, E_SYNTAX, "PDU of unknown type %02XH", type);
        return invalid(a, PDU_ABORT_UNRECOGNIZED_PDU, e);
    }
    err_set(e, E_SYNTAX, "unexpected %s", pdu_type_text(type));
    return association_fail(a, events[type], PDU_ABORT_UNEXPECTED_PDU, e);
}

// Of a release or an abort, whose head is known to be there and is left there until all of it is.
static int take_short(struct dimse_association *a, const struct pdu_head *head, bool wait,
                      struct pdu_short *ret_short, struct err *e) {
    if (head->len != PDU_SHORT_LEN) {
        err_set(e, E_SYNTAX, "%s of %u bytes, not %d", pdu_type_text(head->type), head->len,
                PDU_SHORT_LEN);
        return invalid(a, PDU_ABORT_INVALID_PARAMETER, e);
    }
    int rc = association_fill(a, PDU_SHORT_WHOLE, wait, e);
    if (rc != E_OK) {
        return rc;
    }
    const uint8_t *p = take(&a->in, PDU_SHORT_WHOLE);
    return pdu_short_read((enum pdu_type)head->type, slice_of(p + PDU_HEAD_LEN, PDU_SHORT_LEN),
                          ret_short, e);
}

static int aborted(struct dimse_association *a, struct pdu_short s, struct err *e) {
    char text[PDU_TEXT_MAX];
    err_set(e, E_CANCELLED, "%s", pdu_abort_text(s, text));
    return association_fail(a, MACHINE_E_ABORT, PDU_ABORT_NOT_SPECIFIED, e);
}

static int released(struct dimse_association *a, struct err *e) {
    if (a->phase != MESSAGE_NONE) {
        err_set(e, E_SYNTAX, "A-RELEASE-RQ in the middle of a message");
        return association_fail(a, MACHINE_E_INVALID, PDU_ABORT_UNEXPECTED_PDU, e);
    }
    association_event(a, MACHINE_E_RELEASE_RQ, (struct pdu_short){0});
    return STEP_RELEASE;
}

static int take_end(struct dimse_association *a, const struct pdu_head *head, bool wait,
                    struct err *e) {
    struct pdu_short s = {0};
    int rc = take_short(a, head, wait, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    return head->type == PDU_ABORT ? aborted(a, s, e) : released(a, e);
}

static int empty(struct dimse_association *a, struct err *e) {
    if (++a->in.empties <= ASSOCIATION_EMPTY_MAX) {
        return E_OK;
    }
    err_set(e, E_LIMIT, "over %d empty presentation data values", ASSOCIATION_EMPTY_MAX);
    return invalid(a, PDU_ABORT_INVALID_PARAMETER, e);
}

static int next_pdu(struct dimse_association *a, bool wait, struct err *e) {
    int rc = association_fill(a, PDU_HEAD_LEN, wait, e);
    if (rc != E_OK) {
        return rc;
    }
    struct pdu_head head = pdu_head_read(a->in.bytes + a->in.start);
    if (head.type == PDU_RELEASE_RQ || head.type == PDU_ABORT) {
        return take_end(a, &head, wait, e);
    }
    if (head.type != PDU_DATA) {
        return association_unexpected(a, head.type, e);
    }
    if (head.len > a->limits.pdu) {
        err_set(e, E_LIMIT, "PDU of %u bytes, %u were offered", head.len, a->limits.pdu);
        return invalid(a, PDU_ABORT_INVALID_PARAMETER, e);
    }
    (void)take(&a->in, PDU_HEAD_LEN);
    a->in.pdu_left = head.len;
    return head.len == 0 ? empty(a, e) : E_OK;
}

// --- presentation data values

// Which of them may come now: a command's in between and in its middle, a data set's behind it, all
// of one message in one context.
static int check_value(struct dimse_association *a, struct err *e) {
    const struct pdv_head *v = &a->in.value;
    bool command = (v->control & PDV_COMMAND) != 0;
    if (a->phase == MESSAGE_NONE && !command) {
        err_set(e, E_SYNTAX, "data set without a command");
        return invalid(a, PDU_ABORT_UNEXPECTED_PARAMETER, e);
    }
    if ((a->phase == MESSAGE_COMMAND && !command) || (a->phase == MESSAGE_DATA && command)) {
        err_set(e, E_SYNTAX,
                command ? "command in the middle of a data set"
                        : "data set in the middle of a command");
        return invalid(a, PDU_ABORT_UNEXPECTED_PARAMETER, e);
    }
    if (a->phase != MESSAGE_NONE && v->context_id != a->message.context_id) {
        err_set(e, E_SYNTAX, "presentation context %u in a message of context %u", v->context_id,
                a->message.context_id);
        return invalid(a, PDU_ABORT_INVALID_PARAMETER, e);
    }
    const struct dimse_context *c = dimse_context_by_id(a, v->context_id);
    if (c == NULL) {
        err_set(e, E_SYNTAX, "presentation context %u is not accepted", v->context_id);
        return invalid(a, PDU_ABORT_INVALID_PARAMETER, e);
    }
    if (a->phase == MESSAGE_NONE) {
        a->phase = MESSAGE_COMMAND;
        a->message = (struct dimse_message){.context_id = v->context_id, .context = c};
        buf_clear(&a->command);
    }
    return E_OK;
}

static int next_value(struct dimse_association *a, bool wait, struct err *e) {
    struct incoming *in = &a->in;
    size_t need = in->pdu_left < PDV_HEAD_LEN ? in->pdu_left : PDV_HEAD_LEN;
    int rc = association_fill(a, need, wait, e);
    if (rc != E_OK) {
        return rc;
    }
    if (need < PDV_HEAD_LEN) {
        err_set(e, E_SYNTAX, "%zu bytes at the end of a PDU", need);
        return invalid(a, PDU_ABORT_INVALID_PARAMETER, e);
    }
    rc = pdv_head_read(in->bytes + in->start, in->pdu_left, &in->value, e);
    if (rc != E_OK) {
        return invalid(a, PDU_ABORT_INVALID_PARAMETER, e);
    }
    rc = check_value(a, e);
    if (rc != E_OK) {
        return rc;
    }
    (void)take(in, PDV_HEAD_LEN);
    in->pdu_left -= PDV_HEAD_LEN + in->value.len;
    in->in_value = true;
    in->value_left = in->value.len;
    if (in->value.len > 0) {
        in->empties = 0;
        return E_OK;
    }
    return empty(a, e);
}

// A C-STORE of one broken instance among good ones: only its SOP Instance UID is at fault. Elements
// stand in ascending order, so everything that an answer needs has been read (of who has another
// order the data set comes unannounced, and that ends the association).
static bool names_nothing(const struct dimse_command *c, const struct err *e) {
    return c->field == DIMSE_C_STORE_RQ && (e->code == E_VALUE || e->code == E_MISSING) &&
           strcmp(e->path, "(0000,1000)") == 0;
}

static int command_whole(struct dimse_association *a, struct err *e) {
    int rc = buf_check(&a->command, "command set", e);
    if (rc == E_OK) {
        rc = dimse_command_read(buf_slice(&a->command), &a->message.command, e);
    }
    a->message.wrong = (struct err){0};
    if (rc != E_OK && names_nothing(&a->message.command, e)) {
        a->message.wrong = *e;
        err_clear(e);
        rc = E_OK;
    }
    if (rc != E_OK) {
        return association_fail(a, MACHINE_E_LOCAL_ABORT, PDU_ABORT_NOT_SPECIFIED, e);
    }
    a->phase = MESSAGE_READY;
    return STEP_COMMAND;
}

static int command_bytes(struct dimse_association *a, bool wait, struct err *e) {
    struct incoming *in = &a->in;
    if (in->value_left > 0) {
        int rc = association_fill(a, 1, wait, e);
        if (rc != E_OK) {
            return rc;
        }
        size_t len = there(in) < in->value_left ? there(in) : in->value_left;
        buf_put(&a->command, take(in, len), len);
        in->value_left -= (uint32_t)len;
        if (a->command.failed) {
            buf_check(&a->command, "command set", e);
            return association_fail(a, MACHINE_E_LOCAL_ABORT, PDU_ABORT_NOT_SPECIFIED, e);
        }
    }
    if (in->value_left > 0) {
        return E_OK;
    }
    in->in_value = false;
    return (in->value.control & PDV_LAST) != 0 ? command_whole(a, e) : E_OK;
}

// One step towards the next command, release or piece of a data set. E_OK: take another.
static int step(struct dimse_association *a, bool wait, struct err *e) {
    struct incoming *in = &a->in;
    if (in->in_value && (in->value.control & PDV_COMMAND) != 0) {
        return command_bytes(a, wait, e);
    }
    if (in->in_value) {
        return STEP_DATA;
    }
    return in->pdu_left > 0 ? next_value(a, wait, e) : next_pdu(a, wait, e);
}

static int advance(struct dimse_association *a, bool wait, struct err *e) {
    int rc;
    do {
        rc = step(a, wait, e);
    } while (rc == E_OK);
    return rc;
}

// --- messages

static int answer_release(struct dimse_association *a) {
    association_event(a, MACHINE_E_LOCAL_RELEASE_ANSWER, (struct pdu_short){0});
    a->ending = DIMSE_IN_ORDER;
    return DIMSE_RELEASED;
}

int dimse_receive(struct dimse_association *a, struct dimse_message *ret_message, struct err *e) {
    int rc = association_check(a, e);
    if (rc == E_OK) {
        rc = association_send_kept(a, e);
    }
    if (rc == E_OK && a->phase == MESSAGE_DATA) {
        rc = dimse_data_skip(a, e);
    }
    if (rc != E_OK) {
        return rc;
    }
    if (a->state == MACHINE_AWAIT_LOCAL_RELEASE) {
        return answer_release(a);
    }
    if (a->phase != MESSAGE_READY) {
        rc = advance(a, true, e);
        if (rc == STEP_RELEASE) {
            return answer_release(a);
        }
        if (rc < 0) {
            return rc;
        }
    }
    *ret_message = a->message;
    a->phase = a->message.command.data_set ? MESSAGE_DATA : MESSAGE_NONE;
    a->data_len = 0;
    return DIMSE_MESSAGE;
}

bool dimse_ready(struct dimse_association *a) {
    return a->stream == NULL || a->phase == MESSAGE_READY || there(&a->in) > 0 ||
           a->state == MACHINE_AWAIT_LOCAL_RELEASE || dimse_stream_ready(a->stream);
}

static int data_piece(struct dimse_association *a, struct slice *ret_piece, struct err *e) {
    struct incoming *in = &a->in;
    int rc = association_fill(a, 1, true, e);
    if (rc != E_OK) {
        return rc;
    }
    size_t len = there(in) < in->value_left ? there(in) : in->value_left;
    a->data_len += len;
    if (a->data_len > a->limits.data_set_bytes) {
        err_set(e, E_LIMIT, "data set over %llu bytes",
                (unsigned long long)a->limits.data_set_bytes);
        return association_fail(a, MACHINE_E_LOCAL_ABORT, PDU_ABORT_NOT_SPECIFIED, e);
    }
    *ret_piece = slice_of(take(in, len), len);
    in->value_left -= (uint32_t)len;
    return E_OK;
}

int dimse_data_next(struct dimse_association *a, struct slice *ret_piece, struct err *e) {
    int rc = association_check(a, e);
    while (rc == E_OK && a->phase == MESSAGE_DATA) {
        if (a->in.in_value && a->in.value_left > 0) {
            return data_piece(a, ret_piece, e);
        }
        if (a->in.in_value) {
            a->in.in_value = false;
            a->phase = (a->in.value.control & PDV_LAST) != 0 ? MESSAGE_NONE : MESSAGE_DATA;
            continue;
        }
        rc = advance(a, true, e);
        rc = rc == STEP_DATA ? E_OK : rc;
    }
    if (rc == E_OK) {
        *ret_piece = (struct slice){0};
    }
    return rc;
}

int dimse_data_skip(struct dimse_association *a, struct err *e) {
    struct slice piece;
    int rc;
    do {
        rc = dimse_data_next(a, &piece, e);
    } while (rc == E_OK && piece.len > 0);
    return rc;
}

int dimse_data_all(struct dimse_association *a, struct buf *out, struct err *e) {
    struct slice piece;
    int rc;
    do {
        rc = dimse_data_next(a, &piece, e);
        if (rc == E_OK) {
            buf_put_slice(out, piece);
        }
    } while (rc == E_OK && piece.len > 0);
    return rc == E_OK ? buf_check(out, "data set", e) : rc;
}

int dimse_cancelled(struct dimse_association *a, uint16_t message_id, struct err *e) {
    int rc = association_check(a, e);
    if (rc != E_OK || a->phase == MESSAGE_DATA || a->state == MACHINE_AWAIT_LOCAL_RELEASE) {
        return rc;
    }
    for (;;) {
        rc = a->phase == MESSAGE_READY ? STEP_COMMAND : advance(a, false, e);
        if (rc != STEP_COMMAND) {
            return rc < 0 ? rc : 0;
        }
        if (a->message.command.field != DIMSE_C_CANCEL_RQ || a->message.command.data_set) {
            return 0;
        }
        a->phase = MESSAGE_NONE; // of an operation that is over when it is another's
        if (a->message.command.message_id == message_id) {
            return 1;
        }
    }
}
