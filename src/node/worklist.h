// SPDX-License-Identifier: Apache-2.0
// Modality Worklist (C-FIND) as SCP (PS3.4 K): the steps of archive/worklist.h as the nested
// identifier that modalities ask for.
#pragma once

struct dimse_message;
struct err;
struct node_session;

#define WORKLIST_MATCHES_MAX 1000

int node_worklist_serve(struct node_session *s, const struct dimse_message *message, struct err *e);
