// SPDX-License-Identifier: Apache-2.0
// Presentation contexts that the DICOM commands propose. At most 128 fit in an association
// (PS3.8 9.3.2.2), so that for receiving it matters what is asked for first.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "dicom/uid.h"
#include "dimse/association.h"

struct arena;
struct err;

struct contexts {
    struct arena *arena; // of copied lists; the caller's
    struct dimse_want wants[DIMSE_CONTEXTS_MAX];
    size_t count;
};

#define CONTEXTS_CLASSES_MAX (DIMSE_CONTEXTS_MAX - 2)

// `syntaxes` ends with NULL and must stay. E_LIMIT when full.
int contexts_add(struct contexts *c, const char *abstract_syntax, const char *const *syntaxes,
                 bool scp_role, struct slice extended, struct err *e);

// Fills the room that is left with contexts in which we receive (as SCP) instances of the classes
// (copied; NULL: the usual ones). With few classes each transfer syntax gets a context of its own,
// so that the peer can send what it has as it is stored; with many they share. `native`: only
// uncompressed ones. E_LIMIT when there are more classes than room, E_MEMORY.
int contexts_receive(struct contexts *c, const char *const *classes, size_t class_count,
                     bool native, struct err *e);

// Answers a proposal of a peer that wants to store here: of each storage class the first syntax
// that we know; Verification too. For dimse_negotiate.
void contexts_accept_storage(struct dimse_proposal *p);

// {explicit, implicit little endian, NULL}: for queries and what is sent uncompressed.
extern const char *const contexts_native[];
