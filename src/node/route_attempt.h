// SPDX-License-Identifier: Apache-2.0
// One attempt to bring a study or series to a station: its entry among the peers, the list of
// instances, the association, what the station has already, and the sending. What became of each
// instance is noted as soon as the station says so.
#pragma once

#include <stdbool.h>

#include "node/route_queue.h"

#define ROUTE_ANSWER_MS 60000 // a station that takes longer for one answer is given up for now

struct db;
struct dimse_association;
struct node;

struct route_attempt {
    struct node *node;
    struct db *db; // of the thread; relaxed
    struct route_task task;
    // The association that is open (NULL: none any more), so that it can be broken off. May be
    // NULL.
    void (*opened)(void *context, struct dimse_association *a);
    bool (*stopping)(void *context);
    void *context;
    char words[ROUTE_WORDS_MAX + 1]; // how it ended, for people; "" when all is well
};

// ROUTE_COMPLETED, ROUTE_REFUSED, ROUTE_BROKE_OFF; ROUTE_GAVE_UP where no further attempt can help
// (the station is no longer a peer, the study is gone); ROUTE_RESTARTED when it was stopped;
// ROUTE_CALLED_OFF.
enum route_event route_attempt_run(struct route_attempt *a);
