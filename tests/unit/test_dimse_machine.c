// SPDX-License-Identifier: Apache-2.0
// The upper layer's state machine against a transcription of PS3.8 Table 9-10 of its own: a line an
// event, as the standard prints it, with the state behind each action.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "dimse/machine.h"

// Sta1 … Sta13; "-" is an empty cell.
static const char *const table[MACHINE_EVENTS] = {
    /* Evt1  */ "AE-1 - - - - - - - - - - - -",
    /* Evt2  */ "- - - AE-2 - - - - - - - - -",
    /* Evt3  */ "- AA-1 AA-8 - AE-3 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-6",
    /* Evt4  */ "- AA-1 AA-8 - AE-4 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-6",
    /* Evt5  */ "AE-5 - - - - - - - - - - - -",
    /* Evt6  */ "- AE-6 AA-8 - AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-7",
    /* Evt7  */ "- - AE-7 - - - - - - - - - -",
    /* Evt8  */ "- - AE-8 - - - - - - - - - -",
    /* Evt9  */ "- - - - - DT-1 - AR-7 - - - - -",
    /* Evt10 */ "- AA-1 AA-8 - AA-8 DT-2 AR-6 AA-8 AA-8 AA-8 AA-8 AA-8 AA-6",
    /* Evt11 */ "- - - - - AR-1 - - - - - - -",
    /* Evt12 */ "- AA-1 AA-8 - AA-8 AR-2 AR-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-6",
    /* Evt13 */ "- AA-1 AA-8 - AA-8 AA-8 AR-3 AA-8 AA-8 AR-10 AR-3 AA-8 AA-6",
    /* Evt14 */ "- - - - - - - AR-4 AR-9 - - AR-4 -",
    /* Evt15 */ "- - AA-1 AA-2 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1 -",
    /* Evt16 */ "- AA-2 AA-3 - AA-3 AA-3 AA-3 AA-3 AA-3 AA-3 AA-3 AA-3 AA-2",
    /* Evt17 */ "- AA-5 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AR-5",
    /* Evt18 */ "- AA-2 - - - - - - - - - - AA-2",
    /* Evt19 */ "- AA-1 AA-8 - AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-7",
};

// Tables 9-6 to 9-9, "next state". AE-6 and AR-8 are looked at by themselves.
static const struct {
    const char *action;
    int next;
} next_states[] = {
    {"AE-1", 4}, {"AE-2", 5}, {"AE-3", 6},  {"AE-4", 1},   {"AE-5", 2},  {"AE-7", 6},  {"AE-8", 13},
    {"DT-1", 6}, {"DT-2", 6}, {"AR-1", 7},  {"AR-2", 8},   {"AR-3", 1},  {"AR-4", 13}, {"AR-5", 1},
    {"AR-6", 7}, {"AR-7", 8}, {"AR-9", 11}, {"AR-10", 12}, {"AA-1", 13}, {"AA-2", 1},  {"AA-3", 1},
    {"AA-4", 1}, {"AA-5", 1}, {"AA-6", 13}, {"AA-7", 13},  {"AA-8", 13},
};

static int next_state(const char *action, int state, bool requestor, bool acceptable) {
    if (strcmp(action, "-") == 0) {
        return state;
    }
    if (strcmp(action, "AE-6") == 0) {
        return acceptable ? 3 : 13;
    }
    if (strcmp(action, "AR-8") == 0) {
        return requestor ? 9 : 10;
    }
    for (size_t i = 0; i < sizeof next_states / sizeof next_states[0]; i++) {
        if (strcmp(next_states[i].action, action) == 0) {
            return next_states[i].next;
        }
    }
    fail_msg("action %s", action);
    return 0;
}

static void cell(int event, int state, char out[8]) {
    const char *p = table[event - 1];
    for (int i = 1; i < state; i++) {
        p = strchr(p, ' ') + 1;
    }
    size_t len = strcspn(p, " ");
    assert_true(len < 8);
    memcpy(out, p, len);
    out[len] = '\0';
}

static void every_cell(void **unused) {
    (void)unused;
    for (int event = 1; event <= MACHINE_EVENTS; event++) {
        for (int state = 1; state <= MACHINE_STATES; state++) {
            char want[8];
            cell(event, state, want);
            for (int bits = 0; bits < 4; bits++) {
                bool requestor = (bits & 1) != 0;
                bool acceptable = (bits & 2) != 0;
                struct machine_step step = machine_step(
                    (enum machine_state)state, (enum machine_event)event, requestor, acceptable);
                const char *got = machine_action_text(step.action);
                assert_string_equal(strcmp(got, "none") == 0 ? "-" : got, want);
                assert_int_equal(step.next, next_state(want, state, requestor, acceptable));
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_cell)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
