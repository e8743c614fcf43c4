// SPDX-License-Identifier: Apache-2.0
// The DICOM node of one archive: listens, knows its peers, answers the services of service.h, and
// calls peers (C-MOVE sub-operations, routes, storage commitment reports).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dimse/association.h"
#include "dimse/server.h"
#include "dimse/tls.h"

struct archive;
struct clock;
struct err;
struct inbox;
struct node;
struct node_peer;
struct strangers;

#define NODE_AET_DEFAULT "MACLAB"
#define NODE_PRIVATE_CLASSES_MAX 64 // storage SOP classes of no registry that are taken
#define NODE_SERVICES_MAX 64
#define NODE_CONNECT_MS 10000
#define NODE_STOP_MS 5000 // associations that run at the end may finish for so long

struct node_tls { // own certificate and who is trusted; PEM files
    const char *certificate, *key;
    // Authorities, or peers' own certificates: only who is vouched for gets in. NULL: peers are
    // recognised by their pinned certificates alone, and must have one.
    const char *trusted;
};

struct node_options {                        // texts and arrays outlive the node
    struct archive *archive;                 // outlives the node
    const char *data_dir;                    // for what log lines advise; NULL: not named
    const struct clock *clock;               // NULL: the system's
    const char *aet;                         // NULL: NODE_AET_DEFAULT
    int listen_fd;                           // plain; bound, listening; taken over; -1: none
    int tls_listen_fd;                       // likewise
    struct node_tls tls;                     // certificate NULL: no TLS, neither way
    uint32_t associations_max, per_peer_max; // 0: of dimse/server.h
    struct dimse_limits limits;
    const char *const *private_classes;
    size_t private_class_count;
    uint32_t matches_max; // of one C-FIND; 0: of node/find.h
    uint64_t backlog_max; // instances acknowledged and not yet judged; 0: of archive/inbox.h
};

// Takes up what the inbox holds and the reports that are due, then listens.
int node_start(const struct node_options *options, struct node **ret_node, struct err *e);
// No new association; NODE_STOP_MS for those that run. NULL allowed.
void node_stop(struct node *n);

struct archive *node_archive(struct node *n);
const struct clock *node_clock(const struct node *n);
const char *node_aet(const struct node *n);
uint32_t node_matches_max(const struct node *n);
struct inbox *node_inbox(struct node *n);
struct strangers *node_strangers(struct node *n); // who was turned away
bool node_stopping(const struct node *n);

// An association to a registered peer: by TLS with its pinned certificate where its row says so;
// request->calling NULL is this node's AE title, request->called NULL the peer's. Errors name the
// peer. To be ended with dimse_release or dimse_abort. The caller has asked policy (image.send).
int node_call(struct node *n, const struct node_peer *peer, const struct dimse_request *request,
              struct dimse_association **ret_association, struct err *e);

struct node_counts {
    struct dimse_server_counts plain, secure;
    uint64_t refused_calling, refused_called, refused_address, refused_certificate,
        refused_identity;
    // Requests, and those that were refused, by the row of the service table (service.h).
    uint64_t requests[NODE_SERVICES_MAX], failures[NODE_SERVICES_MAX];
    size_t rows;
};
void node_counts(struct node *n, struct node_counts *ret_counts);
