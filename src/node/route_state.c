// SPDX-License-Identifier: Apache-2.0
#include "node/route_state.h"

#include <stddef.h>

#include "base/rng.h"
#include "dimse/command.h"

const char *route_state_text(enum route_state state) {
    static const char *const texts[] = {
#define X(name, text) text,
        ROUTE_STATE_LIST(X)
#undef X
    };
    return (unsigned)state < ROUTE_STATE_COUNT ? texts[state] : "unknown";
}

// Every move there is. What is done stays done (sending it again is a new order), and the end of an
// attempt that finds its row cancelled leaves it so.
static const struct {
    enum route_state from;
    enum route_event event;
    enum route_state to;
} moves[] = {
    {ROUTE_WAITING, ROUTE_CLAIMED, ROUTE_SENDING},
    {ROUTE_WAITING, ROUTE_GAVE_UP, ROUTE_FAILED},
    {ROUTE_WAITING, ROUTE_CALLED_OFF, ROUTE_CANCELLED},
    {ROUTE_WAITING, ROUTE_ASKED_AGAIN, ROUTE_WAITING},
    {ROUTE_SENDING, ROUTE_COMPLETED, ROUTE_DONE},
    {ROUTE_SENDING, ROUTE_REFUSED, ROUTE_FAILED},
    {ROUTE_SENDING, ROUTE_BROKE_OFF, ROUTE_WAITING},
    {ROUTE_SENDING, ROUTE_GAVE_UP, ROUTE_FAILED},
    {ROUTE_SENDING, ROUTE_RESTARTED, ROUTE_WAITING},
    {ROUTE_SENDING, ROUTE_CALLED_OFF, ROUTE_CANCELLED},
    {ROUTE_FAILED, ROUTE_CALLED_OFF, ROUTE_CANCELLED},
    {ROUTE_FAILED, ROUTE_ASKED_AGAIN, ROUTE_WAITING},
    {ROUTE_CANCELLED, ROUTE_ASKED_AGAIN, ROUTE_WAITING},
};

bool route_move(enum route_state from, enum route_event event, enum route_state *ret_state) {
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        if (moves[i].from == from && moves[i].event == event) {
            *ret_state = moves[i].to;
            return true;
        }
    }
    return false;
}

bool route_state_over(enum route_state state) {
    return state != ROUTE_WAITING && state != ROUTE_SENDING;
}

usec route_wait(unsigned attempts, struct rng *random) {
    usec wait = ROUTE_WAIT_FIRST;
    for (unsigned i = 1; i < attempts && wait < ROUTE_WAIT_LONGEST; i++) {
        wait *= 2;
    }
    if (wait > ROUTE_WAIT_LONGEST) {
        wait = ROUTE_WAIT_LONGEST;
    }
    usec part = wait / 100 * ROUTE_WAIT_JITTER_PERCENT;
    return wait - part + (usec)rng_below(random, (uint64_t)(2 * part) + 1);
}

bool route_gives_up(unsigned attempts, usec fruitless_since, usec now) {
    return attempts >= ROUTE_ATTEMPTS_MAX || now - fruitless_since >= ROUTE_GIVE_UP_AFTER;
}

enum route_verdict route_verdict(uint16_t status) {
    switch (dimse_status_kind(status)) {
    case DIMSE_IS_SUCCESS:
    case DIMSE_IS_WARNING:
        return ROUTE_TAKEN;
    case DIMSE_IS_CANCEL:
        return ROUTE_TAKE_LATER;
    case DIMSE_IS_PENDING:
    case DIMSE_IS_FAILURE:
        break;
    }
    bool resources = (status & 0xFF00) == DIMSE_OUT_OF_RESOURCES;
    return resources || status == DIMSE_PROCESSING_FAILURE || status == DIMSE_RESOURCE_LIMITATION
               ? ROUTE_TAKE_LATER
               : ROUTE_NEVER_TAKEN;
}
