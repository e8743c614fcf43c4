// SPDX-License-Identifier: Apache-2.0
// Verification as SCP (PS3.4 A).
#pragma once

struct dimse_message;
struct err;
struct node_session;

int node_echo_serve(struct node_session *s, const struct dimse_message *message, struct err *e);
