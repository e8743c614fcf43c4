// SPDX-License-Identifier: Apache-2.0
// C-STORE sub-operations of C-GET and C-MOVE (PS3.4 C.4.2, C.4.3): instances as the peer's view
// shows them, in the transfer syntax that they are stored in where the receiver takes it, else
// transcoded. Files are mapped and handed to the network where they lie, the next one is read
// ahead, and as many requests are outstanding as the receiver allows. Memory does not grow with
// instances or their number, but for one row each.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/retrieve.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "dimse/command.h"

struct archive;
struct dimse_association;
struct view;

struct send_job {
    struct archive *archive;
    const struct view *view; // NULL: as stored
    const struct retrieve_instance *list;
    size_t count;
    const char *originator_aet; // of the C-MOVE; NULL: none
    uint16_t originator_id, priority;
    // The request whose C-CANCEL would come in on the receiving association (C-GET); 0: none.
    uint16_t cancel_id;
    // Called between sub-operations. Positive: it was cancelled; negative: over.
    int (*between)(void *context, struct err *e);
    // Told what the receiver answered for one (`why` is a sentence when it is a failure), or why it
    // could not be sent. Not of those that were under way when the association broke. NULL: nobody.
    void (*told)(void *context, size_t index, bool answered, uint16_t status,
                 const struct err *why);
    void *context;
    // What came of it.
    bool *settled; // by index
    size_t completed, failed, warning;
    struct buf failed_uids; // backslashes between
    struct err why;         // of the first failure
};

#define SEND_CANCELLED 1

// The job's members above `settled` are set. Memory from the arena.
int send_job_open(struct send_job *j, struct arena *a, struct err *e);
void send_job_done(struct send_job *j);

// Sends those of `which` (indexes of the list) over one association. Each of them is settled when
// it returns E_OK; SEND_CANCELLED: those that were under way are. Negative: `to` or `between`
// failed (*ret_between tells which), those that were under way have failed.
int send_over(struct send_job *j, struct dimse_association *to, const size_t *which, size_t count,
              bool *ret_between, struct err *e);
// What is not settled has failed.
void send_fail_rest(struct send_job *j, const size_t *which, size_t count, const struct err *why);

// The final response to the request: its status and counts (PS3.4 Tables C.4-2, C.4-3). Remaining
// sub-operations are told when it was cancelled.
struct dimse_command send_response(const struct send_job *j, const struct dimse_command *request,
                                   bool cancelled);
// A pending one, with counts.
struct dimse_command send_pending(const struct send_job *j, const struct dimse_command *request);
