// SPDX-License-Identifier: Apache-2.0
// Routing: studies and series that are put on the way to stations (prefetch), sent by a few threads
// of the server, one association to a station at a time. The queue lies in the catalogue
// (route_queue.h), so the command line can order and call off beside a running server. Each
// instance goes through policy, node_call and node_send like those of a C-MOVE; what the station
// has already is passed over, when it answers an IMAGE level C-FIND. Attempts that fail in a way
// that may pass are made again (route_state.h).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "node/route_queue.h"
#include "policy/policy.h"

struct archive;
struct err;
struct node;
struct route;

#define ROUTE_SENDERS 2u // threads, each with one association
#define ROUTE_PER_STATION 1u
#define ROUTE_LOOK_MS 1000 // orders of other processes are met after so long
#define ROUTE_TIDY_EVERY (3600 * CLOCK_SECOND)

// Takes up what a killed server left and begins to send. The node outlives it.
int route_start(struct node *n, struct route **ret_route, struct err *e);
// Breaks off what is being sent (it waits for the next start). NULL allowed.
void route_stop(struct route *r);
// Something changed in the queue: look at once. From any thread; NULL allowed.
void route_wake(struct route *r);

// Checks and writes an order down: every station must be a registered peer that may be sent
// studies, every study must be there, and policy is asked for each of them (route.order; the lines
// of the audit log are on disk before the order is). order->who is the subject's name. E_NOT_FOUND,
// E_DENIED with the sentence, E_LIMIT, E_ARGUMENT. `door` is for the log.
int route_order_put(struct archive *a, const struct policy_subject *who, const char *door,
                    struct route_order *order, usec now, int64_t *ret_order, struct err *e);
// As of route_queue.h, on the archive's writer.
int route_order_cancel(struct archive *a, int64_t order, int64_t task, usec now, size_t *ret_moved,
                       struct err *e);
int route_order_again(struct archive *a, int64_t order, int64_t task, usec now, size_t *ret_moved,
                      struct err *e);
