// SPDX-License-Identifier: Apache-2.0
// Storage Commitment Push Model as SCP (PS3.4 J.3). A request is written down before it is answered
// with success; its report says for each instance, by the UIDs that the sender used, whether it is
// in our custody (archive/custody.h). The report leaves on the same association when that stays
// open and idle, else on a new one to the peer's address with the roles reversed (J.3.3), again and
// again for COMMITMENT_FOR, also after a restart.
//
// Failure reasons (J.3.1): 0112 never taken or deleted since; 0119 taken with another SOP class;
// 0110 taken and then refused (its bytes stay in the inbox for a person).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct buf;
struct db;
struct dimse_message;
struct err;
struct node;
struct node_session;

#define COMMITMENT_CLASS "1.2.840.10008.1.20.1"
#define COMMITMENT_INSTANCE "1.2.840.10008.1.20.1.1"
#define COMMITMENT_REQUEST_MAX ((size_t)16 << 20) // bytes of an N-ACTION data set
#define COMMITMENT_REFERENCES_MAX 50000
#define COMMITMENT_FOR (7 * 24 * 3600 * CLOCK_SECOND)
#define COMMITMENT_CLAIM (60 * CLOCK_SECOND) // how long an association has for its own reports

// --- for the session
int node_commitment_serve(struct node_session *s, const struct dimse_message *message,
                          struct err *e);
// While the peer is silent: sends reports of requests of this association.
int node_commitment_idle(struct node_session *s, struct err *e);
// What was not reported leaves on an association of its own.
void node_commitment_close(struct node_session *s);

// --- the table
struct commitment_row {
    int64_t id;
    char transaction[65];
    char peer[17];
    usec received;
    int64_t tries;
};
// `references`: SOP class, space, SOP instance, newline, for each.
int commitment_put(struct node *n, const struct commitment_row *row, struct buf *references,
                   usec next_try, int64_t *ret_id, struct err *e);
// Of those that are due, the one tried least, then the one due for longest; 1, 0.
int commitment_due(struct db *db, usec now, struct commitment_row *ret_row, struct err *e);
int commitment_row_read(struct db *db, int64_t id, struct commitment_row *ret_row, struct err *e);
int commitment_references(struct db *db, int64_t id, struct buf *out, struct err *e);
// Over: the report was taken, or nobody will take it (`failure`).
int commitment_over(struct node *n, int64_t id, usec now, const char *failure, struct err *e);
int commitment_later(struct node *n, int64_t id, usec next_try, int64_t tries, const char *failure,
                     struct err *e);
// The peer did not answer: all of its requests that are due wait, and count as tried as often.
int commitment_peer_later(struct node *n, const char *peer, usec now, usec next_try, int64_t tries,
                          struct err *e);

// --- reports (PS3.4 J.3.3.1): the data set in Explicit or Implicit VR Little Endian
struct commitment_report {
    uint16_t event; // 1: all are safe; 2: not all
    size_t safe, failed;
    bool waits; // for a verdict: worth asking a little later
};
int commitment_report_make(struct node *n, const struct commitment_row *row, const char *syntax,
                           struct buf *out, struct commitment_report *ret_report, struct err *e);

// --- reports on associations of their own: a thread
struct commitment_push;
int commitment_push_start(struct node *n, struct commitment_push **ret_push, struct err *e);
void commitment_push_stop(struct commitment_push *p); // NULL allowed
void commitment_push_wake(struct commitment_push *p); // NULL allowed
