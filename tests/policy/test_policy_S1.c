// SPDX-License-Identifier: Apache-2.0
// Clause S1: one policy for the whole life of an image. Each decision is written down with the
// policy version in force and its clause; what cannot be written down is not allowed; a refusal
// names its clause and says why.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "policy/audit.h"

static char dir[64];

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static int set_up(void **state) {
    struct audit *a = NULL;
    struct err e = {0};
    (void)snprintf(dir, sizeof dir, "/tmp/maclab-clause-XXXXXX");
    if (mkdtemp(dir) == NULL || audit_open(dir, clock_system(), &a, &e) != E_OK) {
        return -1;
    }
    *state = a;
    return 0;
}

static int tear_down(void **state) {
    audit_close(*state);
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

struct found {
    int lines, cite_version, cite_clause;
};

static int look(struct slice line, void *context) {
    struct found *f = context;
    f->lines++;
    f->cite_version += memmem(line.ptr, line.len, "\"policy\":\"" POLICY_VERSION "\"",
                              sizeof "\"policy\":\"" POLICY_VERSION "\"" - 1) != NULL;
    f->cite_clause += memmem(line.ptr, line.len, "\"clause\":\"", 10) != NULL;
    return 0;
}

static void s1_every_decision_is_written_with_version_and_clause(void **state) {
    int asked = 0;
    for (int action = POLICY_NONE; action <= POLICY_ACTION_COUNT; action++) {
        static const char *const from[] = {"127.0.0.1", "10.0.0.1"};
        for (int i = 0; i < 2; i++) {
            struct policy_request r = {.who = policy_connection(from[i]),
                                       .action = (enum policy_action)action};
            struct policy_decision d;
            (void)audit_ask(*state, &r, &d);
            asked++;
        }
    }
    struct found f = {0};
    struct err e = {0};
    assert_int_equal(audit_each(dir, look, &f, &e), 0);
    assert_int_equal(f.lines, asked);
    assert_int_equal(f.cite_version, asked);
    assert_int_equal(f.cite_clause, asked);
    uint64_t lines;
    assert_int_equal(audit_verify(dir, &lines, &e), E_OK);
}

static void s1_what_cannot_be_written_is_refused(void **state) {
    struct policy_request r = {.who = policy_console(), .action = POLICY_IMAGE_READ};
    struct policy_decision d;
    assert_true(audit_ask(*state, &r, &d));
    // The folder of the log is lost while the program runs.
    char from[128];
    (void)snprintf(from, sizeof from, "%s/audit", dir);
    assert_int_equal(nftw(from, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    assert_false(audit_ask(*state, &r, &d));
    assert_false(d.allowed);
    assert_string_equal(d.clause, "S1");
    assert_non_null(strstr(d.reason, "audit log"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(s1_every_decision_is_written_with_version_and_clause,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(s1_what_cannot_be_written_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
