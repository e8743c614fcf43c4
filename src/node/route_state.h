// SPDX-License-Identifier: Apache-2.0
// The life of one prefetch (a study or series on its way to one station) as a table of moves, when
// a failed attempt is made again, and what a status of C-STORE means for it. No I/O.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct rng;

// X(name, text)
#define ROUTE_STATE_LIST(X)                                                                        \
    X(WAITING, "waiting")     /* for its time, or for its turn */                                  \
    X(SENDING, "sending")     /* an association is open, or being opened */                        \
    X(DONE, "done")           /* the station has every instance */                                 \
    X(FAILED, "failed")       /* given up, or instances were refused for good */                   \
    X(CANCELLED, "cancelled") /* by a person */
enum route_state {
#define X(name, text) ROUTE_##name,
    ROUTE_STATE_LIST(X)
#undef X
        ROUTE_STATE_COUNT
};
const char *route_state_text(enum route_state state); // "unknown" for what is none

// What may happen to one.
enum route_event {
    ROUTE_CLAIMED,   // a sender takes it
    ROUTE_COMPLETED, // nothing is left to send
    ROUTE_REFUSED,   // what is left was refused for good
    ROUTE_BROKE_OFF, // an attempt failed in a way that may pass
    ROUTE_GAVE_UP,   // … too often, or for too long
    ROUTE_RESTARTED, // the server was killed while it was sending
    ROUTE_CALLED_OFF,
    ROUTE_ASKED_AGAIN, // by a person
    ROUTE_EVENT_COUNT
};
// false: the move is not in the table; *ret_state is left alone.
bool route_move(enum route_state from, enum route_event event, enum route_state *ret_state);
// Whether nothing happens to it any more unless a person asks.
bool route_state_over(enum route_state state);

// Waiting between attempts: doubled each time from the first to the longest, plus or minus a
// random part so that stations that come back together are not called together.
#define ROUTE_WAIT_FIRST (5 * CLOCK_SECOND)
#define ROUTE_WAIT_LONGEST (30 * 60 * CLOCK_SECOND)
#define ROUTE_WAIT_JITTER_PERCENT 20
// Given up after so many attempts, or so long, without one instance getting through.
#define ROUTE_ATTEMPTS_MAX 200
#define ROUTE_GIVE_UP_AFTER (3 * 24 * 3600 * CLOCK_SECOND)

// After `attempts` (at least 1) fruitless ones.
usec route_wait(unsigned attempts, struct rng *random);
bool route_gives_up(unsigned attempts, usec fruitless_since, usec now);

// What the answer to a C-STORE means (PS3.4 B.2.3, PS3.7 Annex C).
enum route_verdict {
    ROUTE_TAKEN,       // success and warnings: it is stored
    ROUTE_TAKE_LATER,  // out of resources and the like: the attempt ends, the instance comes again
    ROUTE_NEVER_TAKEN, // this instance is refused
};
enum route_verdict route_verdict(uint16_t status);
