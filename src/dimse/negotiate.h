// SPDX-License-Identifier: Apache-2.0
// What both sides of a negotiation share (PS3.7 Annex D): which PDU fields belong to which context,
// and what an answer may be.
#pragma once

#include <stdbool.h>

#include "dimse/association.h"
#include "dimse/pdu.h"

// --- acceptor

// Roles, extended negotiation and service classes of the request go to its contexts; contexts are
// refused until somebody accepts them.
void negotiate_spread(const struct pdu_associate *request);
// After the decision: nothing that was not proposed is granted. The answer to `request` is put into
// *ret_answer; its lists are in `arena`. E_MEMORY.
int negotiate_answer(struct pdu_associate *request, uint32_t own_pdu, struct arena *arena,
                     struct pdu_associate *ret_answer, struct err *e);

// --- requestor

// The request as it is sent; lists and contexts in `arena`. E_ARGUMENT, E_MEMORY.
int negotiate_request(const struct dimse_request *request, uint32_t own_pdu, struct arena *arena,
                      struct pdu_associate *ret_request, struct err *e);
// What `answer` grants of `request`, whose contexts are filled in; *ret_agreed borrows from both.
void negotiate_settle(struct pdu_associate *request, const struct pdu_associate *answer,
                      struct dimse_proposal *ret_agreed);
