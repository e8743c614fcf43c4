// SPDX-License-Identifier: Apache-2.0
// The one place that says yes or no. Every door (HTTP, DICOMweb, DIMSE, command line, export) asks
// policy_decide() before its handler runs and passes the answer's clause on. The clauses are those
// of docs/policy.md; each action names the clause it stands under. Until people exist it knows two
// kinds of subject: the local operator, on loopback or at the console, and DICOM nodes that the
// operator has registered as peers. What is not allowed by a row of the table is refused (clause
// A0). It decides; it does not write anything down (audit.h does).
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Of the policy text in force; each line of the audit log cites it (clause S1).
#define POLICY_VERSION "2014.1"

// Where an action may come from, as bits.
#define POLICY_FROM(origin) (1U << (origin))
#define POLICY_AT_CONSOLE POLICY_FROM(POLICY_ORIGIN_CONSOLE)
#define POLICY_ON_MACHINE (POLICY_AT_CONSOLE | POLICY_FROM(POLICY_ORIGIN_LOOPBACK))
#define POLICY_TO_PEERS (POLICY_ON_MACHINE | POLICY_FROM(POLICY_ORIGIN_PEER))

// X(name, text for the log, clause it stands under, origins, custody). Custody: the archive
// changes; the line in the audit log is on disk before the action begins.
#define POLICY_ACTION_LIST(X)                                                                      \
    X(SUITE_SHOW, "suite.show", "A0", POLICY_ON_MACHINE, false)                                    \
    X(SUITE_SERVE, "suite.serve", "A0", POLICY_AT_CONSOLE, true)                                   \
    X(SUITE_HEALTH, "suite.health", "A0", POLICY_ON_MACHINE, false)                                \
    X(POLICY_SHOW, "policy.show", "S1", POLICY_ON_MACHINE, false)                                  \
    X(CATALOGUE_SEARCH, "catalogue.search", "A0", POLICY_ON_MACHINE, false)                        \
    X(IMAGE_READ, "image.read", "U1", POLICY_ON_MACHINE, false)                                    \
    X(IMAGE_RECEIVE, "image.receive", "C4a", POLICY_ON_MACHINE, true)                              \
    /* the gate: deliveries and holds; a look at what was not cleaned is on disk before it happens \
     */                                                                                            \
    X(GATE_SHOW, "gate.show", "C1b", POLICY_ON_MACHINE, false)                                     \
    X(HOLD_LOOK, "hold.look", "N14", POLICY_ON_MACHINE, true)                                      \
    X(HOLD_DECIDE, "hold.decide", "N5", POLICY_ON_MACHINE, true)                                   \
    X(HOLD_EXPIRE, "hold.expire", "C1b", POLICY_AT_CONSOLE, true)                                  \
    X(IMAGE_DISPOSE, "image.dispose", "D3", POLICY_ON_MACHINE, true)                               \
    X(ARCHIVE_VERIFY, "archive.verify", "O1", POLICY_ON_MACHINE, false)                            \
    X(FILE_INSPECT, "file.inspect", "C1b", POLICY_ON_MACHINE, false)                               \
    X(FILE_DEIDENTIFY, "file.deidentify", "C1b", POLICY_ON_MACHINE, false)                         \
    X(DEMO_MAKE, "demo.make", "A0", POLICY_ON_MACHINE, true)                                       \
    X(AUDIT_READ, "audit.read", "S1", POLICY_ON_MACHINE, false)                                    \
    /* what a DICOM node asks of us */                                                             \
    X(NODE_ECHO, "node.echo", "A0", POLICY_TO_PEERS, false)                                        \
    X(NODE_QUERY, "node.query", "A0", POLICY_TO_PEERS, false)                                      \
    X(NODE_WORKLIST, "node.worklist", "A0", POLICY_TO_PEERS, false)                                \
    X(NODE_RETRIEVE, "node.retrieve", "U1", POLICY_TO_PEERS, false)                                \
    X(NODE_RECEIVE, "node.receive", "C4a", POLICY_TO_PEERS, true)                                  \
    X(NODE_COMMIT, "node.commit", "C4a", POLICY_TO_PEERS, false)                                   \
    /* what we do to one; the subject of image.send is who gets them */                            \
    X(IMAGE_SEND, "image.send", "U1", POLICY_TO_PEERS, false)                                      \
    X(NODE_CALL, "node.call", "A0", POLICY_AT_CONSOLE, false)                                      \
    X(PEER_SHOW, "peer.show", "A0", POLICY_ON_MACHINE, false)                                      \
    X(PEER_MANAGE, "peer.manage", "A0", POLICY_ON_MACHINE, true)                                   \
    X(ROUTE_SHOW, "route.show", "A0", POLICY_ON_MACHINE, false)                                    \
    X(ROUTE_ORDER, "route.order", "U1", POLICY_ON_MACHINE, true)                                   \
    X(INBOX_SHOW, "inbox.show", "C4a", POLICY_ON_MACHINE, false)                                   \
    X(INBOX_MANAGE, "inbox.manage", "C4a", POLICY_ON_MACHINE, true)

enum policy_action {
    POLICY_NONE, // no row may carry this; POLICY_CHECKED refuses to compile it
#define X(name, text, clause, origins, custody) POLICY_##name,
    POLICY_ACTION_LIST(X)
#undef X
        POLICY_ACTION_COUNT
};

// For tables of doors: `.action = POLICY_CHECKED(POLICY_IMAGE_READ)`.
// clang-format off
#define POLICY_CHECKED(action)                                                                     \
    ((enum policy_action)((action) + 0 * sizeof(struct {                                           \
         _Static_assert((action) > POLICY_NONE && (action) < POLICY_ACTION_COUNT,                  \
                        "a door without an action");                                               \
         int member;                                                                               \
     })))
// clang-format on

enum policy_origin {
    POLICY_ORIGIN_CONSOLE,
    POLICY_ORIGIN_LOOPBACK,
    POLICY_ORIGIN_NETWORK,
    POLICY_ORIGIN_PEER // a registered DICOM peer elsewhere than on this machine
};

struct policy_subject {
    const char *name; // for the log
    enum policy_origin origin;
    const char *address; // numeric, or "console"
    const char *claimed; // a user that the other side names without proof; NULL: none
};

// Purposes, a closed list (clauses P1, U2b): X(name, text). Anything else is refused.
#define POLICY_PURPOSE_LIST(X)                                                                     \
    X(TRAINING, "training")                                                                        \
    X(TEACHING, "teaching")                                                                        \
    X(UPKEEP, "upkeep")

struct policy_request {
    struct policy_subject who;
    enum policy_action action;
    // Study/series/instance UIDs or the name of a resource; never an identifier of a person.
    const char *what;
    const char *where; // the door as its row names it: "http GET /dicom-web/studies", "cli import"
    const char *why;   // purpose: "training" …; NULL: training within the suite (clause U1)
};

struct policy_decision {
    bool allowed;
    const char *clause; // never NULL
    const char *reason; // a sentence for the person refused; never NULL
};

struct policy_decision policy_decide(const struct policy_request *request);

const char *policy_action_text(enum policy_action action);   // "none" for what is not in the list
const char *policy_action_clause(enum policy_action action); // "A0" for what is not in the list
bool policy_action_custody(enum policy_action action);       // true for what is not in the list
// Whether alike ones that follow each other may be counted in the log instead of written: what
// changes nothing, and images received in one delivery, of which the custody records tell each.
bool policy_action_counted(enum policy_action action);
const char *policy_origin_text(enum policy_origin origin);

// The subject of a command line and of a connection from `address` (numeric text, kept by pointer).
// What is no address of this machine's loopback, or no address at all, is the network.
struct policy_subject policy_console(void);
struct policy_subject policy_connection(const char *address);
// The subject of an association by a DICOM node that was found in the list of peers (by AE title,
// address and, where one is pinned, certificate). On loopback it stays the machine itself.
struct policy_subject policy_peer(const char *aet, const char *address, const char *claimed);
