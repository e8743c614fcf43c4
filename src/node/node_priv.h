// SPDX-License-Identifier: Apache-2.0
// What node.c, admit.c, session.c and commitment_push.c share of a node.
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dimse/association.h"
#include "dimse/server.h"
#include "node/calls.h"
#include "node/node.h"
#include "node/peers.h"
#include "node/resolve.h"
#include "node/strangers.h"

struct commitment_push;

#define NODE_CLAIMED_MAX 64

// Why an association was turned away.
enum node_turned {
    TURNED_CALLED,
    TURNED_CALLING,
    TURNED_ADDRESS,
    TURNED_CERTIFICATE,
    TURNED_IDENTITY,
    TURNED_COUNT
};

struct node {
    struct node_options options;
    struct archive *archive;
    const struct clock *clock;
    char aet[DIMSE_AET_MAX + 1];
    char data_hint[256]; // " --data DIR" for the command that a log line names
    struct inbox *inbox;
    struct dimse_tls *server_tls;
    struct dimse_tls *pinned_tls; // for calls to peers with a pinned certificate
    struct dimse_server *plain, *secure;
    struct commitment_push *push;
    struct calls calls;
    struct resolver resolver;
    struct strangers strangers;
    atomic_bool stopping;
    _Atomic uint64_t turned[TURNED_COUNT];
    _Atomic uint64_t requests[NODE_SERVICES_MAX], failures[NODE_SERVICES_MAX];
};

// What the negotiation leaves to the session (dimse_proposal.own).
struct node_admission {
    struct node_peer peer;
    char claimed[NODE_CLAIMED_MAX + 1]; // user named, "" none
};

// dimse_negotiate of the node.
int node_admit(void *node, struct dimse_stream *stream, struct dimse_proposal *proposal,
               struct dimse_rejection *ret_rejection, struct err *e);
// The life of an association (dimse_server_options.serve).
void node_session_run(void *node, struct dimse_association *a);
