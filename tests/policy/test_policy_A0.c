// SPDX-License-Identifier: Apache-2.0
// Clause A0: access is limited to those whom the policy names; everything else is refused. Until
// people exist that is the local operator, at the console or on loopback.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "policy/policy.h"

static struct policy_decision decide(struct policy_subject who, int action) {
    struct policy_request r = {
        .who = who, .action = (enum policy_action)action, .what = "1.2.3", .where = "test"};
    struct policy_decision d = policy_decide(&r);
    assert_non_null(d.clause);
    assert_true(strlen(d.reason) > 10);
    return d;
}

static void a0_the_network_gets_nothing(void **state) {
    (void)state;
    static const char *const addresses[] = {
        "10.0.0.7", "192.168.1.2", "::ffff:10.0.0.7", "2001:db8::1",
        "fe80::1",  "0.0.0.0",     "localhost",       "",
        NULL};
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        for (int action = -1; action <= POLICY_ACTION_COUNT; action++) {
            struct policy_decision d = decide(policy_connection(addresses[i]), action);
            assert_false(d.allowed);
            assert_string_equal(d.clause, "A0");
        }
    }
}

static void a0_an_origin_that_is_none_gets_nothing(void **state) {
    (void)state;
    for (int origin = POLICY_ORIGIN_NETWORK; origin < 70; origin++) {
        if (origin == POLICY_ORIGIN_PEER) {
            continue;
        }
        struct policy_subject who = {"local operator", (enum policy_origin)origin, "127.0.0.1"};
        assert_false(decide(who, POLICY_IMAGE_READ).allowed);
    }
    struct policy_subject negative = {"local operator", (enum policy_origin) - 1, "127.0.0.1"};
    assert_false(decide(negative, POLICY_IMAGE_READ).allowed);
}

static void a0_a_door_without_an_action_is_shut(void **state) {
    (void)state;
    static const int actions[] = {POLICY_NONE, POLICY_ACTION_COUNT, POLICY_ACTION_COUNT + 1, -1};
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        assert_false(decide(policy_console(), actions[i]).allowed);
        assert_false(decide(policy_connection("::1"), actions[i]).allowed);
    }
}

static void a0_the_local_operator_may_work(void **state) {
    (void)state;
    for (int action = POLICY_NONE + 1; action < POLICY_ACTION_COUNT; action++) {
        struct policy_decision d = decide(policy_console(), action);
        assert_true(d.allowed);
        assert_string_equal(d.clause, policy_action_clause((enum policy_action)action));
        bool console_only = action == POLICY_SUITE_SERVE || action == POLICY_NODE_CALL ||
                            action == POLICY_HOLD_EXPIRE;
        assert_int_equal(decide(policy_connection("127.0.0.1"), action).allowed, !console_only);
        assert_int_equal(decide(policy_connection("::ffff:127.0.0.1"), action).allowed,
                         !console_only);
    }
}

// A registered DICOM peer may do what the DICOM services offer, and nothing else; who is not in the
// list of peers is the network.
static void a0_a_registered_peer_gets_the_dicom_services_only(void **state) {
    (void)state;
    static const enum policy_action offered[] = {
        POLICY_NODE_ECHO,  POLICY_NODE_QUERY,   POLICY_NODE_WORKLIST, POLICY_NODE_RETRIEVE,
        POLICY_IMAGE_SEND, POLICY_NODE_RECEIVE, POLICY_NODE_COMMIT};
    for (int action = POLICY_NONE; action <= POLICY_ACTION_COUNT; action++) {
        bool expected = false;
        for (size_t i = 0; i < sizeof offered / sizeof offered[0]; i++) {
            expected = expected || action == (int)offered[i];
        }
        struct policy_decision d = decide(policy_peer("STATION7", "192.0.2.7", NULL), action);
        assert_int_equal(d.allowed, expected);
        assert_false(decide(policy_connection("192.0.2.7"), action).allowed);
    }
    assert_int_equal(policy_peer("STATION7", "127.0.0.1", NULL).origin, POLICY_ORIGIN_LOOPBACK);
    assert_int_equal(policy_peer("STATION7", "::ffff:192.0.2.7", NULL).origin, POLICY_ORIGIN_PEER);
    assert_int_equal(policy_peer("STATION7", NULL, NULL).origin, POLICY_ORIGIN_PEER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a0_the_network_gets_nothing),
        cmocka_unit_test(a0_an_origin_that_is_none_gets_nothing),
        cmocka_unit_test(a0_a_door_without_an_action_is_shut),
        cmocka_unit_test(a0_the_local_operator_may_work),
        cmocka_unit_test(a0_a_registered_peer_gets_the_dicom_services_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
