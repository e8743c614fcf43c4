// SPDX-License-Identifier: Apache-2.0
// Listens, accepts, gives each association a thread up to a limit, and ends them all on stop.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dimse/association.h"

struct dimse_server;
struct err;

#define DIMSE_ASSOCIATIONS_MAX 64      // in total
#define DIMSE_ASSOCIATIONS_PER_PEER 16 // from one address (not counted on loopback)

struct dimse_server_options {
    int listen_fd;                           // taken over
    struct dimse_tls *tls;                   // NULL: plain; stays the caller's
    uint32_t associations_max, per_peer_max; // 0: defaults
    struct dimse_limits limits;
    dimse_negotiate negotiate; // may run in several threads at once
    // The association's life: receives until it is released or fails. It does not close it.
    void (*serve)(void *context, struct dimse_association *a);
    // On stop, before what still runs is broken off: other things that it waits for. NULL allowed.
    void (*breaking)(void *context);
    void *context;
};
// Over the limits a requestor gets a transient rejection (PS3.8 9.3.4), not silence.
int dimse_server_start(const struct dimse_server_options *options, struct dimse_server **ret_server,
                       struct err *e);
// Breaks off what still runs after `grace_ms` and waits for it. NULL allowed.
void dimse_server_stop(struct dimse_server *s, uint32_t grace_ms);

struct dimse_server_counts {
    uint64_t accepted, rejected, aborted;
    uint32_t open;
};
struct dimse_server_counts dimse_server_counts(struct dimse_server *s);
