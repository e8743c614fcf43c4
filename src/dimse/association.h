// SPDX-License-Identifier: Apache-2.0
// An association (PS3.8 7, 9; PS3.7 Annex D): negotiated presentation contexts, then messages in
// both directions. The PS3.8 9.2 state machine runs beneath; what the peer does against it ends in
// the A-ABORT that the standard asks for, an error here and a line in the log. Memory is constant:
// two PDU buffers and one command set, whatever the size of data sets. One thread uses it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "dicom/uid.h"
#include "dimse/command.h"
#include "dimse/stream.h"

struct arena;
struct buf;

#define DIMSE_CONTEXTS_MAX 128 // odd identifiers of one byte
#define DIMSE_SYNTAXES_MAX 64  // proposed in one context; more are passed over
#define DIMSE_IDENTITY_MAX 1024
#define DIMSE_PDU_DEFAULT 131072 // what we offer to receive
#define DIMSE_PDU_MIN 4096
#define DIMSE_PDU_MAX 1048576      // we send no more, whatever the peer offers (0: no limit)
#define DIMSE_ASSOCIATE_MAX 262144 // bytes of an A-ASSOCIATE PDU

#define DIMSE_ARTIM_MS 30000 // PS3.8 9.1.5
#define DIMSE_IDLE_MS 600000 // between messages
#define DIMSE_STALL_MS 60000 // in the middle of one
#define DIMSE_ASYNC_MAX 32   // operations invoked that we let be outstanding

// Accept and reject as PS3.8 Tables 9-18, 9-21.
enum dimse_context_result {
    DIMSE_ACCEPTED = 0,
    DIMSE_USER_REJECTION = 1,
    DIMSE_NO_REASON = 2,
    DIMSE_ABSTRACT_NOT_SUPPORTED = 3,
    DIMSE_TRANSFER_NOT_SUPPORTED = 4
};

struct dimse_context {
    uint8_t id;
    uint8_t result;          // enum dimse_context_result
    bool scu_role, scp_role; // of the requestor; default true, false
    char abstract_syntax[DCM_UID_MAX + 1];
    char syntax[DCM_UID_MAX + 1]; // accepted
    const char *const *proposed;  // transfer syntaxes in the order proposed
    size_t proposed_count;
    struct slice extended; // SOP Class Extended Negotiation, service-class application information
    struct slice answered; // the acceptor's answer to it; empty: none
    bool roles_proposed;   // by SCP/SCU Role Selection; otherwise the roles cannot be changed
    // Service Class of SOP Class Common Extended Negotiation ("1.2.840.10008.4.2": storage); ""
    char service_class[DCM_UID_MAX + 1];
};

enum dimse_identity_type {
    DIMSE_IDENTITY_NONE = 0,
    DIMSE_IDENTITY_USER = 1,
    DIMSE_IDENTITY_PASSCODE = 2,
    DIMSE_IDENTITY_KERBEROS = 3,
    DIMSE_IDENTITY_SAML = 4,
    DIMSE_IDENTITY_JWT = 5
};

// What a requestor proposes, as the acceptor sees it; what was agreed once it is established.
struct dimse_proposal {
    char calling[DIMSE_AET_MAX + 1]; // without leading and trailing spaces
    char called[DIMSE_AET_MAX + 1];
    char implementation_class[DCM_UID_MAX + 1];
    char implementation_version[DIMSE_AET_MAX + 1];
    uint32_t max_pdu;                    // the peer receives; 0: no limit
    uint16_t max_invoked, max_performed; // asynchronous operations window (of the requestor); 1, 1
    struct dimse_context *contexts;
    size_t context_count;
    uint8_t identity_type; // enum dimse_identity_type
    bool identity_response_wanted;
    struct slice identity, passcode; // wiped when the association is up or refused
    // Of an acceptor: memory that lives as long as the association, for answers and what
    // `negotiate` wants to leave to the association's life in `own`.
    struct arena *memory;
    void *own;
};

// PS3.8 Table 9-21.
enum dimse_reject_result { DIMSE_REJECT_PERMANENT = 1, DIMSE_REJECT_TRANSIENT = 2 };
struct dimse_rejection {
    uint8_t result; // 0: not rejected
    uint8_t source; // 1 service user, 2 provider (ACSE), 3 provider (presentation)
    uint8_t reason;
};
#define DIMSE_REJECT_CALLED_UNKNOWN ((struct dimse_rejection){1, 1, 7})
#define DIMSE_REJECT_CALLING_UNKNOWN ((struct dimse_rejection){1, 1, 3})
#define DIMSE_REJECT_NO_REASON ((struct dimse_rejection){1, 1, 1})
#define DIMSE_REJECT_CONGESTION ((struct dimse_rejection){2, 3, 1})
#define DIMSE_REJECT_LIMIT ((struct dimse_rejection){2, 3, 2})

struct dimse_association;

// --- to be an acceptor

// Decides: sets result, syntax, roles and `answered` of each context, or fills *ret_rejection.
// A negative return aborts the association.
typedef int (*dimse_negotiate)(void *context, struct dimse_stream *stream,
                               struct dimse_proposal *proposal,
                               struct dimse_rejection *ret_rejection, struct err *e);

struct dimse_limits { // 0: the defaults above
    uint32_t pdu;     // that we receive
    uint32_t artim_ms, idle_ms, stall_ms;
    uint64_t data_set_bytes; // of one received; 0: DIMSE_DATA_SET_MAX
};
#define DIMSE_DATA_SET_MAX ((uint64_t)16 << 30)

// Waits for A-ASSOCIATE-RQ and answers. The stream becomes the association's, also when it fails.
// E_DENIED: it was rejected by `negotiate`.
int dimse_accept(struct dimse_stream *stream, const struct dimse_limits *limits,
                 dimse_negotiate negotiate, void *context,
                 struct dimse_association **ret_association, struct err *e);

// --- to be a requestor

struct dimse_want { // one presentation context
    const char *abstract_syntax;
    const char *const *syntaxes; // NULL at the end
    bool scp_role;               // offer to be SCP, too (C-GET, commitment)
    struct slice extended;
};
struct dimse_request {
    const char *calling, *called;
    const struct dimse_want *wants;
    size_t want_count;    // at most DIMSE_CONTEXTS_MAX
    uint16_t max_invoked; // operations that we would have outstanding; 0, 1: one after the other
    uint8_t identity_type;
    struct slice identity, passcode;
    struct dimse_limits limits;
};
// The stream becomes the association's, also when it fails. E_DENIED: rejected for good, E_BUSY:
// for now (transient), in words; E_CANCELLED: aborted.
int dimse_associate(struct dimse_stream *stream, const struct dimse_request *request,
                    struct dimse_association **ret_association, struct err *e);

// --- both

const struct dimse_proposal *dimse_agreed(const struct dimse_association *a);
struct dimse_stream *dimse_association_stream(struct dimse_association *a);
// The accepted context by identifier, NULL: none.
const struct dimse_context *dimse_context_by_id(const struct dimse_association *a, uint8_t id);
// The first accepted one of the abstract syntax in one of the syntaxes (`syntax` NULL: any), for
// which we have the role; NULL: none.
const struct dimse_context *dimse_context_for(const struct dimse_association *a,
                                              const char *abstract_syntax, const char *syntax,
                                              bool as_scp);
uint16_t dimse_next_message_id(struct dimse_association *a);
// Operations that may be outstanding at once towards the peer (at least 1).
uint16_t dimse_window(const struct dimse_association *a);

// Sends a command and, when command->data_set, the pieces one after the other as its data set,
// fragmented to the peer's PDU size. Nothing is copied on a plain stream: pieces may be mappings of
// files. When their length is odd a NUL follows them, for a fragment may not be odd.
int dimse_send(struct dimse_association *a, uint8_t context_id, const struct dimse_command *command,
               const struct slice *pieces, size_t count, struct err *e);

// The same for one of many small messages (answers of a query): it goes out with those behind it,
// at the latest with the next dimse_send or before dimse_receive waits. The pieces are copied.
#define DIMSE_LATER_BYTES 65536 // that wait at most
int dimse_send_later(struct dimse_association *a, uint8_t context_id,
                     const struct dimse_command *command, const struct slice *pieces, size_t count,
                     struct err *e);

struct dimse_message {
    uint8_t context_id;
    const struct dimse_context *context;
    struct dimse_command command;
    // E_OK; else its SOP Instance UID is missing or none (and "" in the command): the request is to
    // be answered with a failure, the association goes on.
    struct err wrong;
};
enum dimse_received { DIMSE_MESSAGE = 1, DIMSE_RELEASED = 0 };
// The next command; its data set, when it has one, must be read to its end or passed over before
// the next call. DIMSE_RELEASED: the peer asked for release and has its answer. A command set that
// cannot be understood: the error of dimse_command_read, the association aborted. E_TIMEOUT after
// idle_ms (aborted), E_CANCELLED: aborted by the peer or broken off (the connection closed).
int dimse_receive(struct dimse_association *a, struct dimse_message *ret_message, struct err *e);
// A message is there or on its way: dimse_receive would not wait for its first byte.
bool dimse_ready(struct dimse_association *a);

// The next piece of the data set, borrowed until the next call on the association; len 0 at its
// end.
int dimse_data_next(struct dimse_association *a, struct slice *ret_piece, struct err *e);
int dimse_data_skip(struct dimse_association *a, struct err *e);
// All of it (identifiers; `out` bounds its size: E_LIMIT, the rest is passed over).
int dimse_data_all(struct dimse_association *a, struct buf *out, struct err *e);

// Between responses: whether a C-CANCEL for that message came in; does not wait. Any other command
// that it meets stays for dimse_receive. 1, 0, or an error as of dimse_receive.
int dimse_cancelled(struct dimse_association *a, uint16_t message_id, struct err *e);

// How it stands, for the log.
enum dimse_ending {
    DIMSE_OPEN,     // still up
    DIMSE_IN_ORDER, // released
    DIMSE_REJECTED,
    DIMSE_ABORTED_BY_PEER,
    DIMSE_ABORTED_HERE,
    DIMSE_BROKEN // the connection was lost
};
// *ret_why (may be NULL): the error that ended it, E_OK when released or still up.
enum dimse_ending dimse_association_ending(const struct dimse_association *a, struct err *ret_why);

// Ends it in order (collisions as PS3.8 says), then frees it. The return tells only whether the
// peer agreed.
int dimse_release(struct dimse_association *a, struct err *e);
// Sends A-ABORT (source service-user) unless it is over already, and frees it. NULL allowed.
void dimse_abort(struct dimse_association *a);
// Frees it after DIMSE_RELEASED or an error. NULL allowed; aborts what is still up.
void dimse_association_close(struct dimse_association *a);
