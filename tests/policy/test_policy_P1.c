// SPDX-License-Identifier: Apache-2.0
// Clauses P1 and U2b: images may be used for training and teaching; the list of purposes is closed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/policy.h"

static void p1_purposes_are_a_closed_list(void **state) {
    (void)state;
    static const struct {
        const char *why;
        bool allowed;
    } rows[] = {
        {NULL, true},        {"training", true},       {"teaching", true},    {"upkeep", true},
        {"research", false}, {"ai training", false},   {"commercial", false}, {"sale", false},
        {"demo", false},     {"clinical care", false}, {"", false},           {"Training", false},
        {"training ", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int action = POLICY_NONE + 1; action < POLICY_ACTION_COUNT; action++) {
            struct policy_request r = {
                .who = policy_console(), .action = (enum policy_action)action, .why = rows[i].why};
            struct policy_decision d = policy_decide(&r);
            assert_int_equal(d.allowed, rows[i].allowed);
            if (!rows[i].allowed) {
                assert_string_equal(d.clause, "P1");
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(p1_purposes_are_a_closed_list)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
