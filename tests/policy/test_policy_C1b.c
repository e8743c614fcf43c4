// SPDX-License-Identifier: Apache-2.0
// Clause C1b: that images were anonymised where they come from is a claim, which the gate proves or
// refutes. So registered peers may deliver from elsewhere, nobody else may, and nothing gets into
// an archive past the gate, whoever brings it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/intake.h"
#include "archive/jobs.h"
#include "base/err.h"
#include "policy/policy.h"

static void c1b_registered_peers_deliver_and_nobody_else(void **state) {
    (void)state;
    static const enum policy_action delivering[] = {POLICY_NODE_RECEIVE, POLICY_NODE_COMMIT};
    static const char *const addresses[] = {"127.0.0.1", "::1", "192.0.2.7", "2001:db8::7"};
    for (size_t a = 0; a < sizeof delivering / sizeof delivering[0]; a++) {
        for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
            struct policy_request r = {.who = policy_peer("STATION7", addresses[i], NULL),
                                       .action = delivering[a],
                                       .what = "delivery-0",
                                       .where = "dicom C-STORE"};
            struct policy_decision d = policy_decide(&r);
            assert_true(d.allowed);
            assert_string_equal(d.clause, "C4a");
            r.who = policy_connection("192.0.2.9");
            d = policy_decide(&r);
            assert_false(d.allowed);
            assert_string_equal(d.clause, "A0");
        }
    }
}

// A peer delivers; it does not look into the hold room or at deliveries.
static void c1b_a_peer_sees_nothing_of_the_gate(void **state) {
    (void)state;
    static const enum policy_action inside[] = {POLICY_GATE_SHOW,   POLICY_HOLD_LOOK,
                                                POLICY_HOLD_DECIDE, POLICY_HOLD_EXPIRE,
                                                POLICY_INBOX_SHOW,  POLICY_INBOX_MANAGE};
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
        struct policy_request r = {.who = policy_peer("STATION7", "192.0.2.7", NULL),
                                   .action = inside[i],
                                   .what = "hold/1",
                                   .where = "http GET /api/holds/{hold}"};
        assert_false(policy_decide(&r).allowed);
    }
    assert_true(policy_action_custody(POLICY_HOLD_LOOK)); // on disk before anything is seen
    assert_true(policy_action_custody(POLICY_HOLD_DECIDE));
}

static char dir[64];

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static int set_up(void **state) {
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/maclab-clause-XXXXXX");
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void no_result(const struct intake_result *result, void *context) {
    (void)result;
    (void)context;
}

static void c1b_no_intake_without_the_gate(void **state) {
    (void)state;
    struct archive_options options = {.data_dir = dir, .no_workers = true};
    struct archive *a = NULL;
    struct intake *i = NULL;
    struct err e = {0};
    assert_int_equal(archive_open(&options, &a, &e), E_OK);
    assert_int_equal(intake_open(a, NULL, no_result, NULL, &i, &e), E_DENIED);
    assert_null(i);
    archive_close(a);
}

// Neither program opens what the other made.
static void c1b_what_is_kept_as_sent_is_no_archive(void **state) {
    (void)state;
    struct archive_options as_sent = {.data_dir = dir, .as_sent = true, .workers = 1};
    struct archive_options whole = {.data_dir = dir, .workers = 1};
    struct archive *a = NULL;
    struct err e = {0};
    assert_int_equal(archive_open(&as_sent, &a, &e), E_OK);
    archive_close(a);
    a = NULL;
    assert_int_equal(archive_open(&whole, &a, &e), E_CONFLICT);
    assert_null(a);
    err_clear(&e);
    assert_int_equal(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    assert_int_equal(archive_open(&whole, &a, &e), E_OK);
    archive_close(a);
    a = NULL;
    assert_int_equal(archive_open(&as_sent, &a, &e), E_CONFLICT);
    assert_null(a);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "worker") == 0) {
        struct worker_job jobs[ARCHIVE_JOBS];
        archive_jobs_list(jobs);
        return worker_main(jobs, ARCHIVE_JOBS);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(c1b_registered_peers_deliver_and_nobody_else),
        cmocka_unit_test(c1b_a_peer_sees_nothing_of_the_gate),
        cmocka_unit_test_setup_teardown(c1b_no_intake_without_the_gate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(c1b_what_is_kept_as_sent_is_no_archive, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
