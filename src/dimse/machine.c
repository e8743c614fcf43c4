// SPDX-License-Identifier: Apache-2.0
#include "dimse/machine.h"

#include <stdint.h>

#define AE(n) MACHINE_AE##n
#define DT(n) MACHINE_DT##n
#define AR(n) MACHINE_AR##n
#define AA(n) MACHINE_AA##n
#define __ MACHINE_NONE

// PS3.8 Table 9-10. A row an event, a column a state, Sta1 first.
static const uint8_t actions[MACHINE_EVENTS][MACHINE_STATES] = {
    // 1      2      3      4      5      6      7      8      9      10      11     12     13
    {AE(1), __, __, __, __, __, __, __, __, __, __, __, __},
    {__, __, __, AE(2), __, __, __, __, __, __, __, __, __},
    {__, AA(1), AA(8), __, AE(3), AA(8), AA(8), AA(8), AA(8), AA(8), AA(8), AA(8), AA(6)},
    {__, AA(1), AA(8), __, AE(4), AA(8), AA(8), AA(8), AA(8), AA(8), AA(8), AA(8), AA(6)},
    {AE(5), __, __, __, __, __, __, __, __, __, __, __, __},
    {__, AE(6), AA(8), __, AA(8), AA(8), AA(8), AA(8), AA(8), AA(8), AA(8), AA(8), AA(7)},
    {__, __, AE(7), __, __, __, __, __, __, __, __, __, __},
    {__, __, AE(8), __, __, __, __, __, __, __, __, __, __},
    {__, __, __, __, __, DT(1), __, AR(7), __, __, __, __, __},
    {__, AA(1), AA(8), __, AA(8), DT(2), AR(6), AA(8), AA(8), AA(8), AA(8), AA(8), AA(6)},
    {__, __, __, __, __, AR(1), __, __, __, __, __, __, __},
    {__, AA(1), AA(8), __, AA(8), AR(2), AR(8), AA(8), AA(8), AA(8), AA(8), AA(8), AA(6)},
    {__, AA(1), AA(8), __, AA(8), AA(8), AR(3), AA(8), AA(8), AR(10), AR(3), AA(8), AA(6)},
    {__, __, __, __, __, __, __, AR(4), AR(9), __, __, AR(4), __},
    {__, __, AA(1), AA(2), AA(1), AA(1), AA(1), AA(1), AA(1), AA(1), AA(1), AA(1), __},
    {__, AA(2), AA(3), __, AA(3), AA(3), AA(3), AA(3), AA(3), AA(3), AA(3), AA(3), AA(2)},
    {__, AA(5), AA(4), AA(4), AA(4), AA(4), AA(4), AA(4), AA(4), AA(4), AA(4), AA(4), AR(5)},
    {__, AA(2), __, __, __, __, __, __, __, __, __, __, AA(2)},
    {__, AA(1), AA(8), __, AA(8), AA(8), AA(8), AA(8), AA(8), AA(8), AA(8), AA(8), AA(7)},
};

// PS3.8 Tables 9-6 to 9-9: the state behind each action. 0: depends (AE-6, AR-8).
static const struct {
    const char *text;
    uint8_t next;
} rows[] = {
    [MACHINE_NONE] = {"none", 0}, [MACHINE_AE1] = {"AE-1", 4},  [MACHINE_AE2] = {"AE-2", 5},
    [MACHINE_AE3] = {"AE-3", 6},  [MACHINE_AE4] = {"AE-4", 1},  [MACHINE_AE5] = {"AE-5", 2},
    [MACHINE_AE6] = {"AE-6", 0},  [MACHINE_AE7] = {"AE-7", 6},  [MACHINE_AE8] = {"AE-8", 13},
    [MACHINE_DT1] = {"DT-1", 6},  [MACHINE_DT2] = {"DT-2", 6},  [MACHINE_AR1] = {"AR-1", 7},
    [MACHINE_AR2] = {"AR-2", 8},  [MACHINE_AR3] = {"AR-3", 1},  [MACHINE_AR4] = {"AR-4", 13},
    [MACHINE_AR5] = {"AR-5", 1},  [MACHINE_AR6] = {"AR-6", 7},  [MACHINE_AR7] = {"AR-7", 8},
    [MACHINE_AR8] = {"AR-8", 0},  [MACHINE_AR9] = {"AR-9", 11}, [MACHINE_AR10] = {"AR-10", 12},
    [MACHINE_AA1] = {"AA-1", 13}, [MACHINE_AA2] = {"AA-2", 1},  [MACHINE_AA3] = {"AA-3", 1},
    [MACHINE_AA4] = {"AA-4", 1},  [MACHINE_AA5] = {"AA-5", 1},  [MACHINE_AA6] = {"AA-6", 13},
    [MACHINE_AA7] = {"AA-7", 13}, [MACHINE_AA8] = {"AA-8", 13},
};

struct machine_step machine_step(enum machine_state state, enum machine_event event, bool requestor,
                                 bool acceptable) {
    enum machine_action action = (enum machine_action)actions[event - 1][state - 1];
    switch (action) {
    case MACHINE_NONE:
        return (struct machine_step){action, state};
    case MACHINE_AE6:
        return (struct machine_step){action,
                                     acceptable ? MACHINE_AWAIT_LOCAL_ANSWER : MACHINE_AWAIT_CLOSE};
    case MACHINE_AR8:
        return (struct machine_step){action, requestor ? MACHINE_COLLISION_REQUESTOR
                                                       : MACHINE_COLLISION_ACCEPTOR};
    default:
        return (struct machine_step){action, (enum machine_state)rows[action].next};
    }
}

const char *machine_action_text(enum machine_action action) { return rows[action].text; }
