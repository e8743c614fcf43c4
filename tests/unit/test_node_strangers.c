// SPDX-License-Identifier: Apache-2.0
// Who was turned away: one row a caller and reason, the last first, never more than there is room
// for, nothing unprintable; and the words of a failed call.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/err.h"
#include "node/check.h"
#include "node/strangers.h"

static struct strangers all;
static struct stranger list[STRANGERS_MAX];

static int setup(void **state) {
    (void)state;
    strangers_init(&all);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    strangers_done(&all);
    return 0;
}

static void the_same_caller_is_one_row(void **state) {
    (void)state;
    assert_int_equal(strangers_list(&all, list), 0);
    strangers_note(&all, "ONE", "MACLAB", "192.0.2.1", "no peer of that name", 10);
    strangers_note(&all, "TWO", "MACLAB", "192.0.2.2", "no peer of that name", 20);
    strangers_note(&all, "ONE", "MACLAB", "192.0.2.1", "no peer of that name", 30);
    strangers_note(&all, "ONE", "MACLAB", "192.0.2.3", "no peer of that name", 25); // elsewhere
    strangers_note(&all, "ONE", "ORTHANC", "192.0.2.1", "this node is called 'MACLAB'", 5);
    assert_int_equal(strangers_list(&all, list), 4);
    assert_string_equal(list[0].calling, "ONE"); // the last first
    assert_string_equal(list[0].address, "192.0.2.1");
    assert_int_equal(list[0].first, 10);
    assert_int_equal(list[0].last, 30);
    assert_int_equal(list[0].times, 2);
    assert_string_equal(list[1].address, "192.0.2.3");
    assert_string_equal(list[2].calling, "TWO");
    assert_string_equal(list[3].called, "ORTHANC");
    strangers_forget(&all, "ONE");
    assert_int_equal(strangers_list(&all, list), 1);
    assert_string_equal(list[0].calling, "TWO");
}

static void the_oldest_gives_way(void **state) {
    char name[16];
    (void)state;
    for (unsigned i = 0; i < STRANGERS_MAX + 10; i++) {
        (void)snprintf(name, sizeof name, "S%u", i);
        strangers_note(&all, name, "MACLAB", "192.0.2.1", "why", 100 + (usec)i);
        if (i == STRANGERS_MAX - 1) {
            strangers_note(&all, "S0", "MACLAB", "192.0.2.1", "why", 1000); // not old any more
        }
    }
    assert_int_equal(strangers_list(&all, list), STRANGERS_MAX);
    assert_string_equal(list[0].calling, "S0");
    assert_int_equal(list[0].times, 2);
    (void)snprintf(name, sizeof name, "S%u", STRANGERS_MAX + 9);
    assert_string_equal(list[1].calling, name);
    for (size_t i = 0; i < STRANGERS_MAX; i++) {
        assert_string_not_equal(list[i].calling, "S1");
    }
}

static void a_title_from_anybody_is_made_harmless(void **state) {
    (void)state;
    strangers_note(&all, "A\x1b[2J\x80\n", "\x01", "192.0.2.1", "why", 1);
    strangers_note(&all, "LONGER THAN SIXTEEN CHARACTERS", "MACLAB", "192.0.2.1", "why", 2);
    assert_int_equal(strangers_list(&all, list), 2);
    assert_string_equal(list[0].calling, "LONGER THAN SIXT");
    assert_string_equal(list[1].calling, "A?[2J??");
    assert_string_equal(list[1].called, "?");
}

static void words_do_not_repeat_the_name(void **state) {
    static const struct {
        const char *text, *words;
    } rows[] = {{"peer ONE: connect to 192.0.2.1", "connect to 192.0.2.1"},
                {"peer ONER: connect", "peer ONER: connect"},
                {"peer ONE", "peer ONE"},
                {"rejected", "rejected"},
                {"", "took too long"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = {0};
        (void)err_set(&e, E_TIMEOUT, "%s", rows[i].text);
        assert_string_equal(node_check_words("ONE", &e), rows[i].words);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_caller_is_one_row, setup, teardown),
        cmocka_unit_test_setup_teardown(the_oldest_gives_way, setup, teardown),
        cmocka_unit_test_setup_teardown(a_title_from_anybody_is_made_harmless, setup, teardown),
        cmocka_unit_test(words_do_not_repeat_the_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
