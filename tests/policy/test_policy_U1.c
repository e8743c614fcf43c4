// SPDX-License-Identifier: Apache-2.0
// Clause U1: images are for training within the suite. Today the suite is this machine: an image is
// given to the console and to loopback, and to nobody else.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/policy.h"

static void u1_images_stay_on_the_machine(void **state) {
    (void)state;
    static const struct {
        const char *address;
        bool allowed;
    } rows[] = {{"127.0.0.1", true}, {"::1", true}, {"10.0.0.1", false}, {"8.8.8.8", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct policy_request r = {.who = policy_connection(rows[i].address),
                                   .action = POLICY_IMAGE_READ,
                                   .what = "1.2.3",
                                   .why = "training"};
        struct policy_decision d = policy_decide(&r);
        assert_int_equal(d.allowed, rows[i].allowed);
        assert_string_equal(d.clause, rows[i].allowed ? "U1" : "A0");
    }
}

// Stations of the suite are registered DICOM peers until people and stations can be known better:
// they may read, each reading under this clause, and who is not registered may not.
static void u1_registered_stations_read(void **state) {
    (void)state;
    static const enum policy_action reading[] = {POLICY_NODE_RETRIEVE, POLICY_IMAGE_SEND};
    for (size_t i = 0; i < sizeof reading / sizeof reading[0]; i++) {
        struct policy_request r = {.who = policy_peer("STATION7", "192.0.2.7", "curator"),
                                   .action = reading[i],
                                   .what = "1.2.3",
                                   .where = "dicom C-MOVE"};
        struct policy_decision d = policy_decide(&r);
        assert_true(d.allowed);
        assert_string_equal(d.clause, "U1");
        r.who = policy_connection("192.0.2.7");
        assert_false(policy_decide(&r).allowed);
        r.who = policy_peer("STATION7", "192.0.2.7", NULL);
        r.why = "research";
        assert_false(policy_decide(&r).allowed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(u1_images_stay_on_the_machine),
                                       cmocka_unit_test(u1_registered_stations_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
