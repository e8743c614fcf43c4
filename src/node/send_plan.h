// SPDX-License-Identifier: Apache-2.0
// Presentation contexts for instances that are to be sent: for each SOP class one for each transfer
// syntax that they are stored in, alone, so that the receiver's choice cannot cost a transcoding,
// and one that is uncompressed. What does not fit into one association is planned for several.
#pragma once

#include <stddef.h>

#include "archive/retrieve.h"
#include "dimse/association.h"

struct arena;
struct err;

struct send_batch { // one association
    struct dimse_want *wants;
    size_t want_count; // at most DIMSE_CONTEXTS_MAX
    size_t *which;     // indexes of the list
    size_t count;
};

// Memory from the arena; UIDs are those of the list.
int send_plan_make(const struct retrieve_instance *list, size_t count, struct arena *a,
                   struct send_batch **ret_batches, size_t *ret_count, struct err *e);
