// SPDX-License-Identifier: Apache-2.0
// The one place that says yes or no. Every door (HTTP, DICOMweb, DIMSE, command line, export) asks
// policy_decide() before its handler runs and passes the answer's clause on. The clauses are those
// of docs/policy.md; each action names the clause it stands under. Until people exist it knows one
// subject: the local operator, on loopback or at the console.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

// X(name, text for the log, clause)
#define POLICY_ACTION_LIST(X)                                    \
    X(SUITE_SHOW, "suite.show", "A0")                            \
    X(SUITE_SERVE, "suite.serve", "A0")                          \
    X(SUITE_HEALTH, "suite.health", "A0")                        \
    X(POLICY_SHOW, "policy.show", "S1")                          \
    X(CATALOGUE_SEARCH, "catalogue.search", "A0")                \
    X(IMAGE_READ, "image.read", "U1")                            \
    X(IMAGE_RECEIVE, "image.receive", "C4a")                     \
    X(IMAGE_DISPOSE, "image.dispose", "D3")                      \
    X(ARCHIVE_VERIFY, "archive.verify", "O1")                    \
    X(FILE_INSPECT, "file.inspect", "C1b")                       \
    X(DEMO_MAKE, "demo.make", "A0")                              \
    X(AUDIT_READ, "audit.read", "S1")

enum policy_action {
    POLICY_NONE, // no row may carry this; POLICY_CHECKED refuses to compile it
#define X(name, text, clause) POLICY_##name,
    POLICY_ACTION_LIST(X)
#undef X
        POLICY_ACTION_COUNT
};

// For tables of doors: `.action = POLICY_CHECKED(POLICY_IMAGE_READ)`.
#define POLICY_CHECKED(action)                                                                     \
    ((enum policy_action)((action) + 0 * sizeof(struct {                                           \
         _Static_assert((action) > POLICY_NONE && (action) < POLICY_ACTION_COUNT,                  \
                        "a door without an action");                                               \
         int member;                                                                               \
     })))

enum policy_origin { POLICY_ORIGIN_CONSOLE, POLICY_ORIGIN_LOOPBACK, POLICY_ORIGIN_NETWORK };

struct policy_subject {
    const char *name; // for the log
    enum policy_origin origin;
    const char *address; // numeric, or "console"
};

struct policy_request {
    struct policy_subject who;
    enum policy_action action;
    const char *what;  // study/series/instance UIDs or a resource name; never an identifier of a person
    const char *where; // the door: "http GET /dicom-web/studies", "cli import"
    const char *why;   // purpose: "training" …; may be NULL
};

struct policy_decision {
    bool allowed;
    const char *clause; // never NULL
    const char *reason; // a sentence for the person refused; never NULL
};

struct policy_decision policy_decide(const struct policy_request *request);

const char *policy_action_text(enum policy_action action);
const char *policy_action_clause(enum policy_action action);

// The subject of a command line and of a connection from `address` (numeric text).
struct policy_subject policy_console(void);
struct policy_subject policy_connection(const char *address);
