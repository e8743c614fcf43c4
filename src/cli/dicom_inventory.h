// SPDX-License-Identifier: Apache-2.0
// What `maclab get` asks a peer before it retrieves: which SOP classes come, for the presentation
// contexts, and which instances, so that those that are there already are not fetched again.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cli/dicom_contexts.h"
#include "cli/dicom_folder.h"
#include "cli/dicom_retrieve.h"

struct err;

// A series of which something is missing here; in the order in which the peer told.
struct inventory_series {
    struct inventory_series *next;
    const char *study, *series;
    const char **missing; // SOP Instance UIDs
    size_t missing_count, missing_room;
    size_t present;
};

struct inventory {
    struct retrieve *retrieve;
    const struct folder *folder; // NULL: nothing is there
    const char *classes[CONTEXTS_CLASSES_MAX];
    size_t class_count;
    bool classes_known; // all of them
    bool instances_known;
    struct inventory_series *first, *last;
    size_t present, missing; // instances
};

// Asks on one association. `each_instance`: also which instances, with folder_has. A peer that
// cannot be asked leaves *_known false; only what breaks the association is an error.
int inventory_take(struct inventory *i, bool each_instance, struct err *e);
