// SPDX-License-Identifier: Apache-2.0
// C-MOVE as SCP of Study Root and Patient Root (PS3.4 C.4.2): instances go by C-STORE to a peer of
// the table that may receive, over associations of their own.
#pragma once

struct dimse_message;
struct err;
struct node_session;

int node_move_serve(struct node_session *s, const struct dimse_message *message, struct err *e);
