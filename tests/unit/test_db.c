// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "db/db.h"

static char dir[64];
static char path[96];

static int setup(void **state) {
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/maclab-test-db-XXXXXX");
    if (mkdtemp(dir) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/t.db", dir);
    return 0;
}

static int teardown(void **state) {
    static const char *const names[] = {"t.db", "t.db-wal", "t.db-shm", "other.db"};
    char name[128];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(name, sizeof name, "%s/%s", dir, names[i]);
        (void)unlink(name);
    }
    (void)rmdir(dir);
    return 0;
}

static const struct db_migration first[] = {
    {1, "CREATE TABLE a (id {id}, word {text} NOT NULL UNIQUE, bytes {blob}){table};"}};
static const struct db_migration both[] = {
    {1, "CREATE TABLE a (id {id}, word {text} NOT NULL UNIQUE, bytes {blob}){table};"},
    {2, "CREATE TABLE b (k {int} NOT NULL, a {int} REFERENCES a(id), PRIMARY KEY (k)){clustered};"
        "ALTER TABLE a ADD COLUMN extra {text} NOT NULL DEFAULT 'x{y';"}};
static const struct db_migration broken[] = {
    {1, "CREATE TABLE a (id {id}, word {text} NOT NULL UNIQUE, bytes {blob}){table};"},
    {2, "CREATE TABLE c (id {id}){table}; CREATE TABLE a (id {id}){table};"}};

static struct db *open_it(void) {
    struct err e = {0};
    struct db *d = NULL;
    assert_int_equal(db_open(path, DB_READ_WRITE, &d, &e), E_OK);
    return d;
}

static int version_of(struct db *d) {
    struct err e = {0};
    int version = -1;
    assert_int_equal(db_version(d, &version, &e), E_OK);
    return version;
}

static void test_migrations(void **state) {
    (void)state;
    struct err e = {0};
    struct db *d = open_it();
    assert_int_equal(db_migrate(d, first, 1, &e), E_OK);
    assert_int_equal(version_of(d), 1);
    assert_int_equal(db_exec(d, "INSERT INTO a (word) VALUES ('kept')", &e), E_OK);
    assert_int_equal(db_migrate(d, both, 2, &e), E_OK);
    assert_int_equal(version_of(d), 2);
    assert_int_equal(db_migrate(d, both, 2, &e), E_OK); // again: nothing to do
    struct db_stmt *s;
    assert_int_equal(db_prepare(d, "SELECT word, extra FROM a", &s, &e), E_OK);
    assert_int_equal(db_step(s, &e), 1);
    assert_true(slice_eq_str(db_text(s, 0), "kept"));
    assert_true(slice_eq_str(db_text(s, 1), "x{y"));
    assert_int_equal(db_step(s, &e), 0);
    // A file of a newer program is refused and left alone.
    assert_int_equal(db_migrate(d, first, 1, &e), E_DATABASE);
    assert_non_null(strstr(e.text, "newer"));
    assert_int_equal(version_of(d), 2);
    db_close(d);
}

static void test_broken_migration(void **state) {
    (void)state;
    struct err e = {0};
    struct db *d = open_it();
    assert_int_equal(db_migrate(d, first, 1, &e), E_OK);
    assert_true(db_migrate(d, broken, 2, &e) < 0);
    assert_int_equal(version_of(d), 1);
    struct db_stmt *s;
    assert_true(db_prepare(d, "SELECT * FROM c", &s, &e) < 0); // rolled back as a whole
    db_close(d);
}

static void test_binding(void **state) {
    (void)state;
    struct err e = {0};
    struct db *d = open_it();
    assert_int_equal(db_migrate(d, first, 1, &e), E_OK);
    struct db_stmt *s;
    static const uint8_t bytes[] = {0, 1, 0, 2};
    assert_int_equal(db_prepare(d, "INSERT INTO a (word, bytes) VALUES (?, ?)", &s, &e), E_OK);
    db_bind_text(s, 1, slice_str("Müller"));
    db_bind_blob(s, 2, slice_of(bytes, sizeof bytes));
    assert_int_equal(db_run(s, &e), E_OK);
    assert_int_equal(db_last_id(d), 1);
    // Uniqueness, STRICT typing, NOT NULL.
    assert_int_equal(db_prepare(d, "INSERT INTO a (word, bytes) VALUES (?, ?)", &s, &e), E_OK);
    db_bind_text(s, 1, slice_str("Müller"));
    assert_int_equal(db_run(s, &e), E_CONFLICT);
    assert_int_equal(db_prepare(d, "INSERT INTO a (word, bytes) VALUES (?, ?)", &s, &e), E_OK);
    db_bind_null(s, 1);
    assert_int_equal(db_run(s, &e), E_CONFLICT);
    assert_int_equal(db_prepare(d, "INSERT INTO a (word, bytes) VALUES ('t', ?)", &s, &e), E_OK);
    db_bind_text(s, 1, slice_str("text in a blob"));
    assert_int_equal(db_run(s, &e), E_CONFLICT);
    // A parameter that the statement does not have fails at the step.
    assert_int_equal(db_prepare(d, "SELECT ?", &s, &e), E_OK);
    db_bind_i64(s, 2, 1);
    assert_true(db_step(s, &e) < 0);
    assert_int_equal(db_prepare(d, "SELECT word, bytes, NULL, 2.5 FROM a", &s, &e), E_OK);
    assert_int_equal(db_step(s, &e), 1);
    assert_true(slice_eq(db_blob(s, 1), slice_of(bytes, sizeof bytes)));
    assert_true(db_is_null(s, 2));
    assert_null(db_text(s, 2).ptr);
    assert_true(db_double(s, 3) == 2.5);
    db_reset(s);
    db_close(d);
}

static void test_statement_cache(void **state) {
    (void)state;
    struct err e = {0};
    struct db *d = open_it();
    struct db_stmt *first_one;
    struct db_stmt *again;
    assert_int_equal(db_prepare(d, "SELECT 1", &first_one, &e), E_OK);
    assert_int_equal(db_prepare(d, "SELECT 1", &again, &e), E_OK); // held: a second one
    assert_ptr_not_equal(first_one, again);
    assert_int_equal(db_run(first_one, &e), E_OK);
    assert_int_equal(db_run(again, &e), E_OK);
    for (int i = 0; i < 3 * DB_STATEMENTS_MAX; i++) { // more texts than are kept
        char sql[64];
        struct db_stmt *s;
        (void)snprintf(sql, sizeof sql, "SELECT %d", i);
        assert_int_equal(db_prepare(d, sql, &s, &e), E_OK);
        assert_int_equal(db_step(s, &e), 1);
        assert_int_equal(db_i64(s, 0), i);
        db_reset(s);
    }
    struct db_stmt *held[DB_STATEMENTS_MAX + 1];
    int rc = E_OK;
    size_t count = 0;
    while (rc == E_OK && count <= DB_STATEMENTS_MAX) { // never one that a caller holds
        rc = db_prepare(d, "SELECT 'held'", &held[count], &e);
        count += rc == E_OK ? 1 : 0;
    }
    assert_int_equal(count, DB_STATEMENTS_MAX);
    assert_int_equal(rc, E_INTERNAL);
    db_close(d);
}

static void test_transactions(void **state) {
    (void)state;
    struct err e = {0};
    struct db *d = open_it();
    assert_int_equal(db_migrate(d, both, 2, &e), E_OK);
    assert_int_equal(db_begin(d, &e), E_OK);
    assert_int_equal(db_exec(d, "INSERT INTO a (word) VALUES ('gone')", &e), E_OK);
    db_rollback(d);
    db_rollback(d); // nothing to do
    assert_int_equal(db_begin(d, &e), E_OK);
    assert_int_equal(db_exec(d, "INSERT INTO b (k, a) VALUES (1, 99)", &e),
                     E_CONFLICT); // foreign key
    db_rollback(d);
    assert_int_equal(db_begin(d, &e), E_OK);
    assert_int_equal(db_exec(d, "INSERT INTO a (word) VALUES ('kept')", &e), E_OK);
    assert_int_equal(db_commit(d, &e), E_OK);
    struct db *reader;
    assert_int_equal(db_open(path, DB_READ_ONLY, &reader, &e), E_OK);
    struct db_stmt *s;
    assert_int_equal(db_prepare(reader, "SELECT count(*) FROM a", &s, &e), E_OK);
    assert_int_equal(db_step(s, &e), 1);
    assert_int_equal(db_i64(s, 0), 1);
    db_reset(s);
    assert_true(db_exec(reader, "DELETE FROM a", &e) < 0);
    // LIKE is case-sensitive, as in the other engine.
    assert_int_equal(db_prepare(reader, "SELECT 'abc' LIKE 'A%'", &s, &e), E_OK);
    assert_int_equal(db_step(s, &e), 1);
    assert_int_equal(db_i64(s, 0), 0);
    db_reset(s);
    db_close(reader);
    db_close(d);
}

static void test_lost_file(void **state) {
    (void)state;
    struct err e = {0};
    char other[128];
    struct db *d = open_it();
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(db_migrate(d, first, 1, &e), E_OK);
    assert_int_equal(db_begin(d, &e), E_OK);
    db_rollback(d);
    (void)snprintf(other, sizeof other, "%s/other.db", dir);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(db_begin(d, &e), E_DATABASE);
    assert_non_null(strstr(e.text, "removed"));
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(db_begin(d, &e), E_DATABASE);
    assert_non_null(strstr(e.text, "replaced"));
    db_close(d);
}

#define OPENERS 8
#define OPENING_ROUNDS 20

// In a process of its own; true when it could open the new file and bring its schema.
static int open_in_child(int start) {
    struct err e = {0};
    struct db *d = NULL;
    char byte;
    (void)!read(start, &byte, 1); // ends for all at once
    bool done = db_open(path, DB_READ_WRITE, &d, &e) == E_OK && db_migrate(d, both, 2, &e) == E_OK;
    if (!done) {
        (void)fprintf(stderr, "%s\n", e.text);
    }
    db_close(d);
    return done ? 0 : 1;
}

static unsigned open_at_once(void) {
    int start[2];
    pid_t children[OPENERS];
    unsigned failures = 0;
    assert_int_equal(pipe(start), 0);
    for (int i = 0; i < OPENERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            (void)close(start[1]);
            _exit(open_in_child(start[0]));
        }
    }
    (void)close(start[0]);
    (void)close(start[1]);
    for (int i = 0; i < OPENERS; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        failures += status != 0;
    }
    return failures;
}

// Several imports into a folder that is not there yet.
static void test_opened_at_once(void **state) {
    for (int round = 0; round < OPENING_ROUNDS; round++) {
        assert_int_equal(open_at_once(), 0);
        (void)teardown(state); // a new file for the next round
        assert_int_equal(setup(state), 0);
    }
}

static void test_no_database(void **state) {
    (void)state;
    struct err e = {0};
    struct db *d = NULL;
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(write(fd, "this is no database, only text. ", 32), 32);
    }
    (void)close(fd);
    assert_int_equal(db_open(path, DB_READ_WRITE, &d, &e), E_CORRUPT);
    assert_null(d);
}

static void test_damage(void **state) {
    (void)state;
    struct err e = {0};
    struct db *d = open_it();
    assert_int_equal(db_migrate(d, first, 1, &e), E_OK);
    assert_int_equal(db_begin(d, &e), E_OK);
    for (int i = 0; i < 3000; i++) {
        char sql[128];
        (void)snprintf(sql, sizeof sql, "INSERT INTO a (word) VALUES ('word number %d')", i);
        assert_int_equal(db_exec(d, sql, &e), E_OK);
    }
    assert_int_equal(db_commit(d, &e), E_OK);
    assert_int_equal(db_integrity(d, &e), E_OK);
    db_close(d);
    int fd = open(path, O_WRONLY);
    char noise[4096];
    memset(noise, 0x5A, sizeof noise);
    assert_int_equal(pwrite(fd, noise, sizeof noise, 3 * 4096), 4096);
    (void)close(fd);
    if (db_open(path, DB_READ_WRITE, &d, &e) == E_OK) {
        assert_int_equal(db_integrity(d, &e), E_CORRUPT);
        db_close(d);
    } else {
        assert_int_equal(e.code, E_CORRUPT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_migrations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_migration, setup, teardown),
        cmocka_unit_test_setup_teardown(test_binding, setup, teardown),
        cmocka_unit_test_setup_teardown(test_statement_cache, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transactions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_opened_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_database, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
