// SPDX-License-Identifier: Apache-2.0
// The user side of the DIMSE-C services (PS3.7 9.1) and of Storage Commitment (PS3.4 J), for the
// commands, for C-MOVE and C-GET sub-operations and for routing. Each call works on an established
// association and leaves it up unless it answers an error (a failure status is no error: it is
// returned). Errors are those of dimse_send and dimse_receive, and E_MISMATCH when the peer says
// what nobody asked for; the association is of no use then. E_NOT_ACCEPTABLE: no presentation
// context for the service was accepted.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "dimse/association.h"

struct buf;
struct err;

// E_OK with *ret_status, whatever it is.
int dimse_user_echo(struct dimse_association *a, uint16_t *ret_status, struct err *e);

// --- C-STORE, with as many requests outstanding as the window allows

// One instance: pieces are the data set in the context's transfer syntax (mappings allowed; they
// must stay until its result came).
struct dimse_store_item {
    const char *sop_class, *sop_instance;
    uint8_t context_id;
    const struct slice *pieces;
    size_t piece_count;
    const char *originator_aet; // sub-operation of a C-MOVE; NULL: none
    uint16_t originator_id;
    uint16_t priority;
    void *cookie; // handed to `done`
};
typedef void (*dimse_store_done)(void *context, void *cookie, const struct dimse_command *response);
struct dimse_sender;
int dimse_sender_open(struct dimse_association *a, dimse_store_done done, void *context,
                      struct dimse_sender **ret_sender, struct err *e);
// Sends it; waits for a response first when the window is full. `done` is called in here and in
// flush, in the order of the responses, and never again after an error: whose `done` was not called
// may or may not have arrived.
int dimse_sender_send(struct dimse_sender *s, const struct dimse_store_item *item, struct err *e);
int dimse_sender_flush(struct dimse_sender *s, struct err *e); // until all have their response
// Whether a C-CANCEL of that message was met between responses: the peer of a C-GET has one
// association for both.
bool dimse_sender_cancelled(const struct dimse_sender *s, uint16_t message_id);
void dimse_sender_close(struct dimse_sender *s); // NULL allowed

// --- C-FIND, C-MOVE, C-GET

struct dimse_query {
    const char *sop_class;
    uint8_t context_id;
    struct slice identifier; // in the context's transfer syntax
    uint16_t priority;
    const char *destination; // C-MOVE
    uint32_t limit;          // C-FIND: cancel after so many matches; 0: none
    // C-MOVE, C-GET: where the identifier of the final response goes (Failed SOP Instance UID List,
    // PS3.4 C.4.2.1.4.2), appended; what does not fit is passed over. NULL: all is passed over.
    struct buf *failed;
};
#define DIMSE_IDENTIFIER_MAX ((size_t)16 << 20)
// Calls match() with each identifier (in the context's transfer syntax, borrowed); a non-zero
// return cancels, as the limit does: no match() after either. *ret_response: the final response.
// E_LIMIT for an identifier over DIMSE_IDENTIFIER_MAX.
int dimse_user_find(struct dimse_association *a, const struct dimse_query *query,
                    int (*match)(void *context, struct slice identifier), void *context,
                    struct dimse_command *ret_response, struct err *e);
// progress() (may be NULL) sees each pending response; a non-zero return cancels.
int dimse_user_move(struct dimse_association *a, const struct dimse_query *query,
                    int (*progress)(void *context, const struct dimse_command *response),
                    void *context, struct dimse_command *ret_response, struct err *e);

// Who takes C-STORE requests that come in on an association (C-GET, and the receiving side of
// `maclab move`): begin, write…, end answer a status (an enum dimse_status). A failure of begin
// passes the data set over, and end is not called; a failure of write passes the rest over, end is
// called with false, and the status of write is the one that is sent. A warning of begin or write
// is kept and sent when end has nothing to add.
struct dimse_sink {
    uint16_t (*begin)(void *context, const struct dimse_message *message);
    uint16_t (*write)(void *context, struct slice piece);
    uint16_t (*end)(void *context, bool whole); // whole: all of the data set came
    void *context;
};
// Takes one C-STORE-RQ that dimse_receive gave: data set to the sink, response sent.
int dimse_take_store(struct dimse_association *a, const struct dimse_message *message,
                     const struct dimse_sink *sink, struct err *e);
int dimse_user_get(struct dimse_association *a, const struct dimse_query *query,
                   const struct dimse_sink *sink,
                   int (*progress)(void *context, const struct dimse_command *response),
                   void *context, struct dimse_command *ret_response, struct err *e);

// --- N-ACTION, N-EVENT-REPORT (Storage Commitment, PS3.4 J)

// Requests an action or reports an event; *ret_response is the answer.
int dimse_user_notify(struct dimse_association *a, uint8_t context_id,
                      const struct dimse_command *request, struct slice data_set,
                      struct dimse_command *ret_response, struct err *e);
