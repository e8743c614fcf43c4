// SPDX-License-Identifier: Apache-2.0
// The DICOM services of the node: one row a service class, with the policy action that its door
// asks. A row without an action does not compile.
#pragma once

#include <stdbool.h>
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
    void *inbox; // of the storage service: what this association delivers
};

struct node_service {
    const char *name;      // "Study Root Query/Retrieve - FIND"
    const char *sop_class; // NULL: every storage SOP class
    uint16_t command;      // the request that it answers
    enum policy_action action;
    // Answers one request whose policy decision was yes. A negative return ends the association
    // (aborted); everything else is a status that was sent.
    int (*serve)(struct node_session *s, const struct dimse_message *message, struct err *e);
};
// The row for a request; NULL: none.
const struct node_service *node_service_find(const char *sop_class, uint16_t command);
