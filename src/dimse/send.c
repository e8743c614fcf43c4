// SPDX-License-Identifier: Apache-2.0
// Sending: heads of PDUs are made beside the pieces of the message, which are handed to the stream
// where they lie, many PDUs in one call.
#include "dimse/association_priv.h"

#define BATCH_PDUS 64
#define BATCH_PIECES 256
#define HEADS_LEN (PDU_HEAD_LEN + PDV_HEAD_LEN)

struct batch {
    struct dimse_association *a;
    struct err *e;
    struct buf *later; // where to instead of the stream; NULL: the stream
    uint8_t heads[BATCH_PDUS][HEADS_LEN];
    size_t pdus;
    struct slice pieces[BATCH_PIECES];
    size_t count;
};

static int keep(struct batch *b) {
    for (size_t i = 0; i < b->count; i++) {
        buf_put_slice(b->later, b->pieces[i]);
    }
    return buf_check(b->later, "messages that wait", b->e);
}

static int flush(struct batch *b) {
    int rc = b->later != NULL ? keep(b)
                              : dimse_stream_write(b->a->stream, b->pieces, b->count,
                                                   b->a->limits.stall_ms, b->e);
    b->count = 0;
    b->pdus = 0;
    return rc;
}

static int add(struct batch *b, struct slice piece) {
    if (piece.len == 0) {
        return E_OK;
    }
    int rc = b->count == BATCH_PIECES ? flush(b) : E_OK;
    b->pieces[b->count++] = piece;
    return rc;
}

static int add_head(struct batch *b, uint32_t len, uint8_t context_id, uint8_t control) {
    int rc = b->pdus == BATCH_PDUS || b->count == BATCH_PIECES ? flush(b) : E_OK;
    uint8_t *head = b->heads[b->pdus++];
    pdu_data_head_write(head, len, context_id, control);
    b->pieces[b->count++] = slice_of(head, HEADS_LEN);
    return rc;
}

// What is to be sent, as the pieces give it.
struct rest {
    const struct slice *pieces;
    size_t count;
    size_t skip; // of the first
    uint64_t len;
};

static struct rest rest_of(const struct slice *pieces, size_t count) {
    struct rest r = {.pieces = pieces, .count = count};
    for (size_t i = 0; i < count; i++) {
        r.len += pieces[i].len;
    }
    return r;
}

static int add_content(struct batch *b, struct rest *r, size_t len) {
    int rc = E_OK;
    r->len -= len;
    while (rc == E_OK && len > 0) {
        struct slice piece = slice_first(slice_from(*r->pieces, r->skip), len);
        rc = add(b, piece);
        len -= piece.len;
        r->skip += piece.len;
        if (r->skip == r->pieces->len) {
            r->pieces++;
            r->count--;
            r->skip = 0;
        }
    }
    return rc;
}

// All of it in fragments of even length (PS3.8 E.2), at least one. A deflated data set of odd
// length gets the NUL behind it that PS3.5 A.5 asks for; nothing else that is well formed is odd.
static int add_fragments(struct batch *b, struct rest *r, uint8_t context_id, uint8_t control) {
    size_t room = (b->a->peer_pdu - PDV_HEAD_LEN) & ~(size_t)1;
    int rc;
    do {
        size_t len = r->len < room ? (size_t)r->len : room;
        uint8_t last = r->len == len ? PDV_LAST : 0;
        size_t padding = len % 2;
        rc = add_head(b, (uint32_t)(len + padding), context_id, control | last);
        if (rc == E_OK) {
            rc = add_content(b, r, len);
        }
        if (rc == E_OK && padding > 0) {
            rc = add(b, slice_of("", 1));
        }
    } while (rc == E_OK && r->len > 0);
    return rc;
}

static int check(const struct dimse_association *a, uint8_t context_id, struct err *e) {
    int rc = association_check(a, e);
    if (rc == E_OK && dimse_context_by_id(a, context_id) == NULL) {
        return err_set(e, E_ARGUMENT, "presentation context %u is not accepted", context_id);
    }
    return rc;
}

// Into `later`, or to the stream with what waits there in front of it.
static int send_message(struct dimse_association *a, uint8_t context_id,
                        const struct dimse_command *command, const struct slice *pieces,
                        size_t count, struct buf *later, struct err *e) {
    int rc = check(a, context_id, e);
    if (rc != E_OK) {
        return rc;
    }
    buf_clear(&a->out);
    rc = dimse_command_write(command, &a->out, e);
    if (rc != E_OK) {
        return rc;
    }
    struct slice set = buf_slice(&a->out);
    struct rest command_rest = rest_of(&set, 1);
    struct rest data_rest = rest_of(pieces, count);
    struct batch b;
    b.a = a;
    b.e = e;
    b.later = later;
    b.pdus = b.count = 0;
    association_event(a, MACHINE_E_LOCAL_DATA, (struct pdu_short){0}); // DT-1, AR-7
    rc = later == NULL ? add(&b, buf_slice(&a->later)) : E_OK;
    rc = rc == E_OK ? add_fragments(&b, &command_rest, context_id, PDV_COMMAND) : rc;
    if (rc == E_OK && command->data_set) {
        rc = add_fragments(&b, &data_rest, context_id, 0);
    }
    if (rc == E_OK) {
        rc = flush(&b);
    }
    if (later == NULL) {
        buf_clear(&a->later);
    }
    return rc == E_OK ? E_OK : association_broken(a, e);
}

int dimse_send(struct dimse_association *a, uint8_t context_id, const struct dimse_command *command,
               const struct slice *pieces, size_t count, struct err *e) {
    return send_message(a, context_id, command, pieces, count, NULL, e);
}

int association_send_kept(struct dimse_association *a, struct err *e) {
    if (a->later.len == 0) {
        return E_OK;
    }
    struct slice kept = buf_slice(&a->later);
    int rc = dimse_stream_write(a->stream, &kept, 1, a->limits.stall_ms, e);
    buf_clear(&a->later);
    return rc == E_OK ? E_OK : association_broken(a, e);
}

int dimse_send_later(struct dimse_association *a, uint8_t context_id,
                     const struct dimse_command *command, const struct slice *pieces, size_t count,
                     struct err *e) {
    int rc = send_message(a, context_id, command, pieces, count, &a->later, e);
    return rc == E_OK && a->later.len >= DIMSE_LATER_BYTES ? association_send_kept(a, e) : rc;
}
