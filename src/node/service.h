// SPDX-License-Identifier: Apache-2.0
// The DICOM services of the node: one row a SOP class and request, with the policy action that its
// door asks and what the peer must be allowed to (peers.h). A row without an action does not
// compile. The session (session.c) finds the row, asks policy through the audit log, and calls.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dimse/association.h"
#include "policy/policy.h"

struct archive;
struct err;
struct node;
struct node_peer;
struct view;

// One association at work.
struct node_session {
    struct node *node;
    struct archive *archive;
    struct dimse_association *association;
    const struct node_peer *peer; // the allow-list's row of the calling AE
    struct view *view;            // how this peer sees the archive
    struct policy_subject who;
    void *inbox;      // of the storage service: what this association delivers
    void *commitment; // of storage commitment: requests that wait for their report
};

struct node_service {
    const char *name;      // "Study Root Query/Retrieve - FIND"
    const char *sop_class; // NULL: every storage SOP class
    uint16_t command;      // the request that it answers
    enum policy_action action;
    unsigned may; // NODE_MAY_… of the peer; 0: any registered peer
    // Answers one request whose policy decision was yes. A negative return ends the association
    // (aborted); everything else is a status that was sent.
    int (*serve)(struct node_session *s, const struct dimse_message *message, struct err *e);
};
// The row for a request; NULL: none.
const struct node_service *node_service_find(const char *sop_class, uint16_t command);

size_t node_service_count(void);
const struct node_service *node_service_row(size_t row);
size_t node_service_index(const struct node_service *service);
// The row of a response that we are sent (N-EVENT-REPORT-RSP and the like) is nobody's: the calls
// of dimse/user.h take it.

// Whether a presentation context of that abstract syntax is accepted: a row is there for it, or it
// is a storage SOP class (of the registry, or of the private ones that the node was told of).
bool node_service_known(const struct node *n, const char *abstract_syntax);
