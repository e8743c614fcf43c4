// SPDX-License-Identifier: Apache-2.0
// SOP Class Extended Negotiation of the query/retrieve and worklist services (PS3.4 C.5.1.1,
// C.5.2.1, C.5.3.1, K.5): one byte a question.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct dimse_context;

#define NODE_EXTENDED_MAX 16

// Answers what a requestor asks of that SOP class: each question that is supported with what was
// asked, others with 0. Returns the bytes of the answer; 0: the class knows no such negotiation.
size_t node_extended_answer(const char *sop_class, struct slice asked,
                            uint8_t ret_answer[NODE_EXTENDED_MAX]);

enum node_extended {
    NODE_RELATIONAL, // FIND: keys of any level; MOVE, GET: UIDs of the level alone
    NODE_COMBINED,   // FIND: dates and their times are one range
    NODE_FUZZY       // FIND, worklist
};
// Whether it was agreed in that context.
bool node_extended(const struct dimse_context *c, enum node_extended what);
