// SPDX-License-Identifier: Apache-2.0
// Query (C-FIND) as SCP of Study Root and Patient Root (PS3.4 C.4.1). Rows of the catalogue become
// responses one by one: memory does not grow with their number.
//
// FF01 instead of FF00 when the identifier has a key that is not matched here or not known; such
// keys come back empty. Over node_matches_max matches: so many are sent, then A700.
#pragma once

#include <stdint.h>

struct db;
struct dimse_message;
struct err;
struct node_session;

#define FIND_MATCHES_MAX 25000 // where the node is not told another number
#define FIND_CANCEL_EVERY 16   // responses between two looks for a C-CANCEL

int node_find_serve(struct node_session *s, const struct dimse_message *message, struct err *e);

// The status of a C-FIND that failed with that error.
uint16_t node_find_status(int rc);

// How the peer sees the archive now: looked up anew for each request, in s->view, and forgotten at
// its end.
int node_session_view(struct node_session *s, struct db *db, struct err *e);
void node_session_view_done(struct node_session *s);
