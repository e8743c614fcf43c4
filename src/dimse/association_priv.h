// SPDX-License-Identifier: Apache-2.0
// Inside of an association: what its sources (association.c: state and ending, accept.c and
// associate.c: negotiation, ending.c, receive.c, send.c) share.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "dimse/association.h"
#include "dimse/machine.h"
#include "dimse/pdu.h"

// Received and not looked at yet: an A-ASSOCIATE PDU whole, everything else in pieces.
#define ASSOCIATION_IN_LEN ((size_t)DIMSE_ASSOCIATE_MAX + 4096)
#define ASSOCIATION_ARENA_MAX ((size_t)4 << 20) // of what was negotiated
#define ASSOCIATION_EMPTY_MAX 1000              // PDUs and PDVs without content in a row
#define ASSOCIATION_CLOSE_MS 5000               // Sta13: for the peer to close the connection

// A P-DATA-TF that is being received.
struct incoming {
    uint8_t *bytes; // of ASSOCIATION_IN_LEN, allocated with the first read
    size_t start, end;
    uint32_t pdu_left; // of the PDU behind `start`, heads of its PDVs included
    bool in_value;     // in the middle of a PDV
    struct pdv_head value;
    uint32_t value_left;
    unsigned empties;
    uint32_t left_ms; // that may still be waited for the next STREAM_PROGRESS_BYTES
    size_t progress;
};

enum message_phase {
    MESSAGE_NONE,    // nothing of the next one came
    MESSAGE_COMMAND, // in the middle of its command set
    MESSAGE_READY,   // the command came and was not handed out
    MESSAGE_DATA     // its data set is being read
};

struct dimse_association {
    struct dimse_stream *stream; // NULL: closed
    bool requestor;
    enum machine_state state;
    struct dimse_limits limits; // no zeros
    struct arena arena;
    struct dimse_proposal agreed;
    uint32_t peer_pdu; // that we send at most
    uint16_t last_id;
    struct incoming in;
    enum message_phase phase;
    struct buf command; // bytes of the one that is coming in
    struct dimse_message message;
    uint64_t data_len;
    struct buf out;   // the command that is being sent
    struct buf later; // PDUs that wait for more (dimse_send_later)
    struct err why;   // code: E_OK until it ends otherwise than by release
    enum dimse_ending ending;
};

// --- association.c

// The stream becomes the association's, also when it fails.
int association_new(struct dimse_stream *stream, bool requestor, const struct dimse_limits *limits,
                    struct dimse_association **ret_association, struct err *e);
void association_free(struct dimse_association *a);

// Moves the state machine and does what its table says but for indications to the user, which are
// the caller's. `detail`: of an A-ASSOCIATE-RJ or A-ABORT that is to be sent.
void association_event(struct dimse_association *a, enum machine_event event,
                       struct pdu_short detail);
// The association ends by an error: event, and *e is kept as the reason. Returns e->code.
int association_fail(struct dimse_association *a, enum machine_event event,
                     enum pdu_abort_reason reason, struct err *e);
// An error of the stream, in time or not: E_TIMEOUT aborts, everything else closes.
int association_broken(struct dimse_association *a, struct err *e);
// E_OK while it is up, otherwise why it is not.
int association_check(const struct dimse_association *a, struct err *e);

// The most that is sent in one PDU.
uint32_t association_peer_pdu(const struct dimse_proposal *agreed);

// --- receive.c

// Reads until at least `len` bytes are there. Positive: they are not and it may not wait.
int association_fill(struct dimse_association *a, size_t len, bool wait, struct err *e);
#define ASSOCIATION_NOT_YET 1
// The same, waiting until `deadline` (monotonic) all in all. E_TIMEOUT: nothing was done about it.
int association_fill_by(struct dimse_association *a, size_t len, usec deadline, struct err *e);
const uint8_t *association_take(struct dimse_association *a, size_t len);
// A PDU that its state does not have: the event of its type.
int association_unexpected(struct dimse_association *a, uint8_t type, struct err *e);

// --- send.c

// What dimse_send_later has kept.
int association_send_kept(struct dimse_association *a, struct err *e);
#define ASSOCIATION_KEPT_MAX ((size_t)16 << 20) // with the one message that goes beyond

// --- ending.c

// Sta7, Sta10, Sta11: what comes until the release is settled or ARTIM's time is up.
int association_await_release(struct dimse_association *a, struct err *e);
// Sta13: what comes until the peer closes or the time is up; nothing of it counts.
void association_await_close(struct dimse_association *a);
