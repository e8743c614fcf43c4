// SPDX-License-Identifier: Apache-2.0
// Where the node listens. On this machine (loopback) plain; elsewhere by TLS, where every peer
// shows a certificate. A plain port on the network is opened only for who asks for it by name:
// images that the gate has not proved anonymous yet (clause C1b) would pass in clear, and an
// address is all that a registered peer is known by.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct dimse_address;
struct err;

#define NODE_BACKLOG 128

// Numeric address (or localhost); port 0: any free one. E_DENIED with clause and reason where plain
// and not on loopback and not `network`; E_LOCKED: the port is taken.
int node_listen(const struct dimse_address *address, bool tls, bool network, int *ret_fd,
                uint16_t *ret_port, struct err *e);
