// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "policy/policy.h"

static void an_address_has_its_origin(void **state) {
    (void)state;
    static const struct {
        const char *address;
        enum policy_origin origin;
    } rows[] = {
        {"127.0.0.1", POLICY_ORIGIN_LOOPBACK},
        {"127.255.0.9", POLICY_ORIGIN_LOOPBACK},
        {"::1", POLICY_ORIGIN_LOOPBACK},
        {"0:0:0:0:0:0:0:1", POLICY_ORIGIN_LOOPBACK},
        {"::ffff:127.0.0.1", POLICY_ORIGIN_LOOPBACK},
        {"::ffff:7f00:1", POLICY_ORIGIN_LOOPBACK},
        {"::ffff:10.0.0.1", POLICY_ORIGIN_NETWORK},
        {"::127.0.0.1", POLICY_ORIGIN_NETWORK}, // the old "compatible" form is no loopback
        {"128.0.0.1", POLICY_ORIGIN_NETWORK},
        {"10.0.0.1", POLICY_ORIGIN_NETWORK},
        {"0.0.0.0", POLICY_ORIGIN_NETWORK},
        {"::", POLICY_ORIGIN_NETWORK},
        {"fe80::1", POLICY_ORIGIN_NETWORK},
        {"localhost", POLICY_ORIGIN_NETWORK},
        {"127.0.0.1 ", POLICY_ORIGIN_NETWORK},
        {"127.1", POLICY_ORIGIN_NETWORK},
        {"127.0.0.1:8080", POLICY_ORIGIN_NETWORK},
        {"", POLICY_ORIGIN_NETWORK},
        {NULL, POLICY_ORIGIN_NETWORK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct policy_subject s = policy_connection(rows[i].address);
        if (s.origin != rows[i].origin) {
            fail_msg("%s: %s", rows[i].address, policy_origin_text(s.origin));
        }
        assert_non_null(s.name);
        assert_non_null(s.address);
    }
    assert_int_equal(policy_console().origin, POLICY_ORIGIN_CONSOLE);
}

static void every_action_has_text_and_clause(void **state) {
    (void)state;
    for (int a = POLICY_NONE + 1; a < POLICY_ACTION_COUNT; a++) {
        const char *text = policy_action_text((enum policy_action)a);
        assert_non_null(strchr(text, '.'));
        assert_in_range(strlen(policy_action_clause((enum policy_action)a)), 2, 4);
        for (int b = a + 1; b < POLICY_ACTION_COUNT; b++) {
            assert_string_not_equal(text, policy_action_text((enum policy_action)b));
        }
    }
    static const int strange[] = {POLICY_NONE, POLICY_ACTION_COUNT, -1, 1000000};
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        assert_string_equal(policy_action_text((enum policy_action)strange[i]), "none");
        assert_true(policy_action_custody((enum policy_action)strange[i]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_its_origin),
        cmocka_unit_test(every_action_has_text_and_clause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
