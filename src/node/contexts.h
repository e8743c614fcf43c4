// SPDX-License-Identifier: Apache-2.0
// Which presentation contexts are accepted, and with which transfer syntax (PS3.7 Annex D).
//
// Storage with us as receiver: everything that the registry of transfer syntaxes knows can be kept,
// so the requestor's first choice stands; but Implicit VR Little Endian and Explicit VR Big Endian
// give way to Explicit VR Little Endian where that is proposed, too: the first loses the VRs of
// private attributes, the second is retired.
// Storage with us as sender (the requestor takes the role of SCP, as for C-GET): of the syntaxes
// proposed in the context, one in which the archive holds instances of that class, the one of most
// of them; without any the rule above.
// Everything else: Explicit VR Little Endian, then Implicit, then Explicit Big Endian.
#pragma once

#include <stdbool.h>

struct archive;
struct dimse_context;
struct dimse_proposal;
struct err;
struct node;

// Fills result, syntax, roles and answers of all contexts; memory of the proposal. E_MEMORY.
int node_contexts_choose(struct node *n, struct dimse_proposal *p, struct err *e);

// Of the transfer syntaxes proposed, which to receive in; NULL: none can be kept.
const char *node_receive_syntax(const struct dimse_context *c);
