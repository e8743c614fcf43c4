// SPDX-License-Identifier: Apache-2.0
// Clause C4a: what arrives lands where no reader can reach; only what is promoted is in the
// archive, and what is not promoted goes with its delivery. (That only the server's intake promotes
// is tested with the archive.)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/err.h"
#include "store/store.h"

static char dir[64];

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static int set_up(void **state) {
    struct store *s = NULL;
    struct err e = {0};
    (void)snprintf(dir, sizeof dir, "/tmp/maclab-clause-XXXXXX");
    if (mkdtemp(dir) == NULL || store_open(dir, &s, &e) != E_OK) {
        return -1;
    }
    *state = s;
    return 0;
}

static int tear_down(void **state) {
    store_close(*state);
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int count(const struct hash *hash, const char *path, void *context) {
    (void)hash;
    (void)path;
    ++*(int *)context;
    return 0;
}

static void c4a_quarantine_is_out_of_reach(void **state) {
    struct store *s = *state;
    struct err e = {0};
    struct store_delivery *d = NULL;
    struct store_item i;
    int fd = -1, objects = 0;
    assert_int_equal(store_delivery_open(s, &d, &e), E_OK);
    assert_int_equal(store_item_begin(d, &i, &e), E_OK);
    assert_int_equal(store_item_write(&i, "arrived", 7, &e), E_OK);
    bool is_new;
    assert_int_equal(store_promote(s, &i, &is_new, &e), E_INTERNAL); // not sealed: not judged
    assert_int_equal(store_item_seal(&i, &e), E_OK);
    struct hash h = i.hash;
    assert_int_equal(store_object_open(s, &h, &fd, &e), E_NOT_FOUND);
    assert_int_equal(store_objects_each(s, count, &objects, &e), 0);
    assert_int_equal(objects, 0);
    struct stat st;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/quarantine", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 077, 0); // nor for another user of the machine
    store_delivery_close(d);
    assert_int_equal(store_object_open(s, &h, &fd, &e), E_NOT_FOUND);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_nlink, 2); // nothing is left of the delivery
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(c4a_quarantine_is_out_of_reach, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
