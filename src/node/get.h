// SPDX-License-Identifier: Apache-2.0
// C-GET as SCP of Study Root and Patient Root (PS3.4 C.4.3): instances come by C-STORE on the same
// association, in the contexts for which the requestor took the role of an SCP.
#pragma once

struct dimse_message;
struct err;
struct node_session;

int node_get_serve(struct node_session *s, const struct dimse_message *message, struct err *e);
