// SPDX-License-Identifier: Apache-2.0
// Storage as SCP (PS3.4 B): data sets go into the inbox as they arrive (archive/inbox.h), the
// status is success when the instance is durable there. The data set itself is read in a worker
// later; so success means custody, and A900, C000 for what is in the data set are never answered
// (what becomes of an instance stands in custody, and Storage Commitment tells it).
//
// Statuses: 0000; A700 disk nearly full or too many wait for their verdict; C000 no data set; 0117
// the command's SOP Instance UID is none; 0110 our side failed; 0122, 0124 by the session.
//
// Where several operations may be outstanding, the next instance is received while the disk is
// still busy with those before it; their responses leave in order.
#pragma once

#include <stdint.h>

struct dimse_message;
struct err;
struct node_session;

int node_storage_serve(struct node_session *s, const struct dimse_message *message, struct err *e);

// --- for the session
struct node_storage_counts {
    uint64_t taken, bytes, failed;
};
int node_storage_open(struct node_session *s, struct err *e); // fills s->inbox
// Waits for what is not answered yet. NULL-safe; the counts of the whole association.
void node_storage_close(struct node_session *s, struct node_storage_counts *ret_counts);
// Before the session waits for the peer: answers what is durable, and waits for all of it unless
// the next message is there.
int node_storage_idle(struct node_session *s, struct err *e);
int node_storage_settle(struct node_session *s, struct err *e); // answers all
// A number for what this association delivers, for the audit log.
uint64_t node_storage_delivery(const struct node_session *s);
