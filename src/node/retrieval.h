// SPDX-License-Identifier: Apache-2.0
// What C-MOVE and C-GET have in common: the identifier (PS3.4 C.4.2.1.4) and the instances that it
// names, of those that the peer may see. The level's unique key is needed, one value or a list of
// them; keys of the levels above narrow it where they are given and may be left out, which stations
// do (IMAGE level without SeriesInstanceUID).
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "node/identifier.h"
#include "node/send.h"

struct dimse_command;
struct dimse_message;
struct err;
struct node_peer;
struct node_session;
struct view;

#define RETRIEVAL_MEMORY_MAX ((size_t)256 << 20)
#define RETRIEVAL_PENDING_USEC 100000 // between two pending responses

struct retrieval {
    struct node_session *session;
    const struct dimse_message *message;
    const struct node_peer *destination; // of a C-MOVE, set by the caller; NULL: the requestor
    struct view *theirs;                 // how the destination sees the archive
    struct arena arena;
    struct identifier identifier;
    struct send_job job; // list, view, archive, priority are filled in
    size_t *which;       // all indexes, in order
    bool open;           // the job is
    int64_t told;        // monotonic, when the last pending response went out
    bool any_told;
};

// Who is sent something sees it through its own view, whoever asked for it: where the requestor has
// one, too, and is another peer, or what is asked for is not in the destination's, E_DENIED.
//
// Zeroed by the caller, ended by retrieval_done in any case. *ret_status: what to refuse the
// request with when it fails. *ret_broken: the association is.
int retrieval_open(struct node_session *s, const struct dimse_message *message,
                   struct retrieval *ret_retrieval, uint16_t *ret_status, bool *ret_broken,
                   struct err *e);
void retrieval_done(struct retrieval *r);

// For send_job.between with the retrieval as its context: pending responses now and then, and
// whether a C-CANCEL came on the session's association.
int retrieval_between(void *context, struct err *e);

// The final response, with the list of failed instances as its identifier where there is one.
int retrieval_finish(struct retrieval *r, bool cancelled, struct err *e);
int retrieval_refuse(struct node_session *s, const struct dimse_message *message, uint16_t status,
                     const struct err *why, struct err *e);
