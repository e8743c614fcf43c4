// SPDX-License-Identifier: Apache-2.0
// Clause C1b: that images were anonymised where they come from is a claim. Until the gate of this
// program de-identifies, nothing is taken from elsewhere than this machine, whoever brings it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "policy/policy.h"

static void c1b_a_peer_elsewhere_delivers_nothing(void **state) {
    (void)state;
    static const enum policy_action delivering[] = {POLICY_NODE_RECEIVE, POLICY_NODE_COMMIT};
    static const struct {
        const char *address;
        bool allowed;
    } rows[] = {{"127.0.0.1", true}, {"::1", true},          {"192.0.2.7", false},
                {"10.0.0.1", false}, {"2001:db8::7", false}, {NULL, false}};
    for (size_t a = 0; a < sizeof delivering / sizeof delivering[0]; a++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            struct policy_request r = {.who = policy_peer("STATION7", rows[i].address, NULL),
                                       .action = delivering[a],
                                       .what = "delivery-0",
                                       .where = "dicom C-STORE"};
            struct policy_decision d = policy_decide(&r);
            assert_int_equal(d.allowed, rows[i].allowed);
            assert_string_equal(d.clause, rows[i].allowed ? "C4a" : "C1b");
            assert_int_equal(strstr(d.reason, "gate") != NULL, !rows[i].allowed);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(c1b_a_peer_elsewhere_delivers_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
