// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json_in.h"
#include "base/mem.h"
#include "policy/audit.h"
#include "policy/audit_line.h"

#define HOUR (3600 * CLOCK_SECOND)

struct fixture {
    char dir[64];
    usec now;
    struct clock clock;
    struct audit *audit;
};

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static struct audit *open_audit(struct fixture *f) {
    struct audit *a = NULL;
    struct err e = {0};
    if (audit_open(f->dir, &f->clock, &a, &e) != E_OK) {
        fail_msg("%s", e.text);
    }
    return a;
}

static int set_up(void **state) {
    struct fixture *f = mem_zalloc(sizeof *f);
    struct civil_time t = {2026, 11, 22, 9, 8, 50, 0};
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/maclab-audit-XXXXXX");
    if (mkdtemp(f->dir) == NULL) {
        return -1;
    }
    f->now = clock_from_civil(&t);
    f->clock = clock_fixed(&f->now);
    f->audit = open_audit(f);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    audit_close(f->audit);
    (void)nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    mem_free(f);
    return 0;
}

static bool ask(struct audit *a, enum policy_action action, const char *address, const char *what) {
    struct policy_request r = {.who = policy_connection(address),
                               .action = action,
                               .what = what,
                               .where = "http GET /dicom-web/studies/{study}",
                               .why = "training"};
    struct policy_decision d;
    bool allowed = audit_ask(a, &r, &d);
    assert_int_equal(allowed, d.allowed);
    return allowed;
}

static void read_some(struct audit *a, int count) {
    for (int i = 0; i < count; i++) {
        char uid[40];
        (void)snprintf(uid, sizeof uid, "1.2.826.%d", i);
        assert_true(ask(a, POLICY_IMAGE_READ, "127.0.0.1", uid));
    }
}

static void segment(const struct fixture *f, const char *month, char path[128]) {
    (void)snprintf(path, 128, "%s/audit/%s", f->dir, month);
}

// The whole file as text, owned by the caller.
static struct buf content(const char *path) {
    struct buf b;
    struct err e = {0};
    buf_init(&b, 10000000);
    assert_int_equal(file_read(path, &b, &e), E_OK);
    buf_put_byte(&b, 0);
    b.len--;
    return b;
}

static void replace(const char *path, const void *bytes, size_t len) {
    int fd = open(path, O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    assert_int_equal(file_write_all(fd, bytes, len), 0);
    (void)close(fd);
}

static struct audit_summary check(const struct fixture *f) {
    struct audit_summary s = {0};
    struct err e = {0};
    if (audit_check(f->dir, &s, &e) != E_OK) {
        fail_msg("%s", e.text);
    }
    return s;
}

static void assert_broken(const struct fixture *f, const char *text) {
    struct audit_summary s;
    struct err e = {0};
    int rc = audit_check(f->dir, &s, &e);
    if (rc != E_CORRUPT || strstr(e.text, text) == NULL) {
        fail_msg("expected \"%s\", got %d \"%s\"", text, rc, e.text);
    }
}

// --- lines

static void a_line_says_what_was_decided(void **state) {
    struct fixture *f = *state;
    char path[128];
    assert_true(ask(f->audit, POLICY_IMAGE_READ, "127.0.0.1", "1.2.3/1.2.4"));
    assert_false(ask(f->audit, POLICY_IMAGE_READ, "10.1.2.3", "1.2.3"));
    segment(f, "2026-11.jsonl", path);
    struct buf b = content(path);
    const char *text = (const char *)b.data;
    static const char first[] =
        "{\"seq\":1,\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\","
        "\"time\":\"2026-11-22T09:08:50.000000Z\",\"policy\":\"" POLICY_VERSION "\","
        "\"who\":\"local operator\",\"origin\":\"loopback\",\"address\":\"127.0.0.1\","
        "\"action\":\"image.read\",\"what\":\"1.2.3/1.2.4\","
        "\"where\":\"http GET /dicom-web/studies/{study}\",\"why\":\"training\","
        "\"allowed\":true,\"clause\":\"U1\",\"hash\":\"";
    assert_int_equal(strncmp(text, first, sizeof first - 1), 0);
    const char *second = strchr(text, '\n') + 1;
    assert_int_equal(strncmp(second, "{\"seq\":2,\"prev\":\"", 17), 0);
    assert_memory_equal(second + 17, text + sizeof first - 1, HASH_HEX_LEN);
    assert_non_null(strstr(second, "\"origin\":\"network\",\"address\":\"10.1.2.3\""));
    assert_non_null(strstr(second, "\"allowed\":false,\"clause\":\"A0\""));
    // Every line is JSON.
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        struct json_in in;
        struct json_token t;
        struct err e = {0};
        json_in_init(&in, slice_of(line, (size_t)(strchr(line, '\n') - line)), 0);
        int kind;
        while ((kind = json_in_next(&in, &t, &e)) > 0) {
        }
        assert_int_equal(kind, JSON_END);
    }
    buf_done(&b);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void nothing_that_identifies_gets_into_a_line(void **state) {
    (void)state;
    static const struct {
        const char *what, *where, *found, *not_found;
    } rows[] = {
        {"SMITH^JOHN", "x", "\"what\":\"(withheld)\"", "SMITH"},
        {"smith john", "x", "\"what\":\"(withheld)\"", "smith"},
        {"9434765919", "x", "\"what\":\"(withheld)\"", "9434765919"},
        {"1.2.3/19800101", "x", "\"what\":\"(withheld)\"", "19800101"},
        {"1.2.3/2.25.123456789012345678901234567890", "x", "2.25.123456789012345678901234567890",
         "withheld"},
        {"M\xC3\xBCller", "x", "\"what\":\"(withheld)\"", "ller"},
        {"catalogue", "http GET /dicom-web/studies?PatientName=Smith",
         "\"where\":\"http GET /dicom-web/studies\"", "Smith"},
        {"x", "http GET /patients/9434765919", "\"where\":\"(withheld)\"", "9434765919"},
        {"x", "http GET /a\"b\nc", "\"where\":\"(withheld)\"", "/a"},
        {NULL, NULL, "\"what\":null,\"where\":null", "withheld"},
    };
    struct hash_stream *hashing = hash_stream_new();
    struct policy_decision d = {true, "U1", "x"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf b;
        buf_init(&b, AUDIT_LINE_MAX);
        struct audit_place at = {.seq = 1};
        struct policy_request r = {.who = policy_console(),
                                   .action = POLICY_IMAGE_READ,
                                   .what = rows[i].what,
                                   .where = rows[i].where};
        (void)audit_line_decision(&b, hashing, &at, &r, &d);
        struct audit_line l;
        assert_true(audit_line_parse(slice_first(buf_slice(&b), b.len - 1), &l));
        buf_put_byte(&b, 0);
        const char *text = (const char *)b.data;
        if (strstr(text, rows[i].found) == NULL || strstr(text, rows[i].not_found) != NULL) {
            fail_msg("row %zu: %s", i, text);
        }
        buf_done(&b);
    }
    hash_stream_free(hashing);
}

// --- the chain

static void the_chain_goes_on_across_files_and_restarts(void **state) {
    struct fixture *f = *state;
    static const int steps[] = {20, 10, 20}; // days: into December, stay, into January
    read_some(f->audit, 5);
    for (size_t i = 0; i < 3; i++) {
        f->now += steps[i] * 24 * HOUR;
        read_some(f->audit, 3);
        audit_close(f->audit);
        f->audit = open_audit(f);
        read_some(f->audit, 2);
    }
    f->now -= 50 * 24 * HOUR; // the clock goes back: the log stays in its newest file
    read_some(f->audit, 1);
    struct audit_summary s = check(f);
    assert_int_equal(s.files, 3);
    assert_int_equal(s.lines, 5 + 3 * 5 + 1 + 2); // and two notes that say where it goes on
    assert_int_equal(s.sealed, 0);
    char path[128];
    segment(f, "2027-01.jsonl", path);
    assert_int_equal(access(path, F_OK), 0);
}

static void two_processes_share_one_chain(void **state) {
    struct fixture *f = *state;
    enum { ROUNDS = 200 };
    pid_t pid = fork();
    if (pid == 0) {
        struct audit *a = NULL;
        struct err e = {0};
        bool ok = audit_open(f->dir, &f->clock, &a, &e) == E_OK;
        for (int i = 0; i < ROUNDS && ok; i++) {
            f->now += i == ROUNDS / 2 ? 31 * 24 * HOUR : 0; // one sees the new month first
            struct policy_request r = {.who = policy_console(), .action = POLICY_IMAGE_READ};
            struct policy_decision d;
            ok = audit_ask(a, &r, &d);
        }
        audit_close(a);
        _exit(ok ? 0 : 1);
    }
    read_some(f->audit, ROUNDS);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    read_some(f->audit, 1);
    struct audit_summary s = check(f);
    assert_int_equal(s.lines, 2 * ROUNDS + 1 + 1);
    assert_int_equal(s.files, 2);
}

struct load {
    struct audit *audit;
    int wrong;
};

static void *hammer(void *context) {
    struct load *l = context;
    for (int i = 0; i < 200; i++) {
        struct policy_request r = {.who = policy_connection(i % 10 == 0 ? "10.0.0.1" : "::1"),
                                   .action = POLICY_IMAGE_READ};
        struct policy_decision d;
        l->wrong += audit_ask(l->audit, &r, &d) == (i % 10 == 0);
    }
    return NULL;
}

static void threads_share_one_chain(void **state) {
    struct fixture *f = *state;
    enum { THREADS = 4 };
    struct load load[THREADS];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        load[i] = (struct load){f->audit, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, &load[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_int_equal(load[i].wrong, 0);
    }
    assert_int_equal(check(f).lines, THREADS * 200);
}

// --- crashes

static void a_torn_line_is_sealed_and_the_chain_goes_on(void **state) {
    struct fixture *f = *state;
    char path[128];
    segment(f, "2026-11.jsonl", path);
    static const char *const torn[] = {"{\"seq\":6,\"prev\":\"00", "garbage\nand more\n", "\n",
                                       "{"};
    for (size_t i = 0; i < sizeof torn / sizeof torn[0]; i++) {
        read_some(f->audit, 5);
        audit_close(f->audit);
        int fd = open(path, O_WRONLY | O_APPEND);
        assert_int_equal(file_write_all(fd, torn[i], strlen(torn[i])), 0);
        (void)close(fd);
        assert_broken(f, "torn");
        f->audit = open_audit(f);
        assert_int_equal(check(f).sealed, i + 1);
    }
    // While the log is open it is noticed as well.
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(file_write_all(fd, "half", 4), 0);
    (void)close(fd);
    read_some(f->audit, 2);
    struct audit_summary s = check(f);
    assert_int_equal(s.sealed, 5);
    assert_int_equal(s.lines, 4 * 5 + 2 + 5);
    // The seal holds: changing the sealed bytes is found.
    struct buf b = content(path);
    *(char *)memmem(b.data, b.len, "garbage", 7) = 'G';
    replace(path, b.data, b.len);
    buf_done(&b);
    assert_broken(f, "it was changed");
}

static void a_cut_at_any_byte_is_mended(void **state) {
    struct fixture *f = *state;
    char path[128];
    segment(f, "2026-11.jsonl", path);
    read_some(f->audit, 2);
    audit_close(f->audit);
    char head[128];
    segment(f, "head", head);
    struct buf b = content(path);
    for (size_t len = 0; len <= b.len; len += 7) {
        replace(path, b.data, len);
        assert_int_equal(unlink(head) == 0 || len > 0, 1);
        f->audit = open_audit(f);
        read_some(f->audit, 1);
        audit_close(f->audit);
        struct audit_summary s = check(f);
        assert_in_range(s.lines, 1, 4);
        assert_in_range(s.sealed, 0, 1);
    }
    buf_done(&b);
    f->audit = open_audit(f);
}

static void a_crash_between_two_months_is_mended(void **state) {
    struct fixture *f = *state;
    char path[128];
    read_some(f->audit, 2);
    f->now += 20 * 24 * HOUR;
    read_some(f->audit, 1);
    audit_close(f->audit);
    segment(f, "2026-12.jsonl", path);
    char head[128];
    segment(f, "head", head);
    assert_int_equal(unlink(head), 0);
    replace(path, "", 0); // made, but nothing written
    f->audit = open_audit(f);
    read_some(f->audit, 1);
    assert_int_equal(check(f).lines, 4);
    audit_close(f->audit);
    assert_int_equal(unlink(path), 0); // not even made
    (void)unlink(head);
    f->audit = open_audit(f);
    f->now -= 20 * 24 * HOUR;
    read_some(f->audit, 1);
    struct audit_summary s = check(f);
    assert_int_equal(s.lines, 4);
    assert_int_equal(s.files, 2);
}

static void killed_writers_leave_a_chain(void **state) {
    struct fixture *f = *state;
    for (int round = 0; round < 10; round++) {
        pid_t pid = fork();
        if (pid == 0) {
            struct audit *a = NULL;
            struct err e = {0};
            (void)audit_open(f->dir, &f->clock, &a, &e);
            for (;;) {
                struct policy_request r = {.who = policy_console(), .action = POLICY_IMAGE_READ};
                struct policy_decision d;
                (void)audit_ask(a, &r, &d);
            }
        }
        (void)usleep(3000 + (useconds_t)round * 700);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        read_some(f->audit, 1);
    }
    assert_in_range(check(f).lines, 20, UINT32_MAX);
}

// --- tampering

static char *line_number(struct buf *b, int number) {
    char *line = (char *)b->data;
    for (int i = 1; i < number; i++) {
        line = strchr(line, '\n') + 1;
    }
    return line;
}

static size_t line_len(const char *line) { return (size_t)(strchr(line, '\n') + 1 - line); }

static void tampering_is_found(void **state) {
    struct fixture *f = *state;
    char path[128], december[128], aside[128];
    read_some(f->audit, 5);
    f->now += 20 * 24 * HOUR;
    read_some(f->audit, 5);
    audit_close(f->audit);
    f->audit = NULL;
    segment(f, "2026-11.jsonl", path); // lines 1 to 6, the last a note
    segment(f, "2026-12.jsonl", december);
    segment(f, "aside", aside);
    (void)check(f);
    struct buf good = content(path);
    struct buf b = content(path);

    char *line = line_number(&b, 3);
    *strstr(line, "true") = 'T';
    replace(path, b.data, b.len);
    assert_broken(f, "2026-11.jsonl, line 3: it was changed");

    // Changed, and its own hash put right.
    b.len = 0;
    buf_put(&b, good.data, good.len);
    line = line_number(&b, 3);
    memcpy(strstr(line, "training"), "teaching", 8);
    char *tail = strstr(line, ",\"hash\":\"");
    struct hash h = hash_of(slice_of(line, (size_t)(tail - line)));
    char hex[HASH_HEX_LEN + 1];
    memcpy(tail + 9, hash_hex(&h, hex), HASH_HEX_LEN);
    replace(path, b.data, b.len);
    assert_broken(f, "2026-11.jsonl, line 4: it does not continue");

    // A line removed, two exchanged, one doubled, the end of an earlier file cut.
    size_t at = (size_t)(line_number(&good, 3) - (char *)good.data);
    size_t len = line_len(line_number(&good, 3));
    b.len = 0;
    buf_put(&b, good.data, at);
    buf_put(&b, good.data + at + len, good.len - at - len);
    replace(path, b.data, b.len);
    assert_broken(f, "2026-11.jsonl, line 3: lines were removed");

    size_t next = line_len(line_number(&good, 4));
    b.len = 0;
    buf_put(&b, good.data, at);
    buf_put(&b, good.data + at + len, next);
    buf_put(&b, good.data + at, len);
    buf_put(&b, good.data + at + len + next, good.len - at - len - next);
    replace(path, b.data, b.len);
    assert_broken(f, "2026-11.jsonl, line 3: lines were removed, added or put into another order");

    b.len = 0;
    buf_put(&b, good.data, at + len);
    buf_put(&b, good.data + at, good.len - at);
    replace(path, b.data, b.len);
    assert_broken(f, "2026-11.jsonl, line 4: lines were removed, added");

    replace(path, good.data, at);
    assert_broken(f, "2026-12.jsonl, line 1: lines were removed");
    assert_int_equal(rename(path, aside), 0);
    assert_broken(f, "2026-12.jsonl, line 1: lines were removed");
    replace(aside, good.data, good.len);
    assert_int_equal(rename(aside, path), 0);
    (void)check(f);

    // The end cut off, and the last file taken away: the head knows.
    struct buf last = content(december);
    replace(december, last.data, line_len((char *)last.data));
    assert_broken(f, "lines 8 to 11 are missing");
    assert_int_equal(unlink(december), 0);
    assert_broken(f, "lines 7 to 11 are missing");
    buf_done(&last);
    buf_done(&b);
    buf_done(&good);
}

// --- counting

static void repeated_reads_are_counted(void **state) {
    struct fixture *f = *state;
    struct err e = {0};
    assert_int_equal(audit_count_reads(f->audit, AUDIT_READS_WINDOW, &e), E_OK);
    for (int i = 0; i < 100; i++) { // the images of two studies, then another door and person
        char what[40];
        (void)snprintf(what, sizeof what, "1.2.%d/1.2.3/1.2.3.%d", i % 2, i);
        assert_true(ask(f->audit, POLICY_IMAGE_READ, "127.0.0.1", what));
    }
    assert_int_equal(check(f).lines, 2);
    assert_true(ask(f->audit, POLICY_IMAGE_READ, "127.0.0.2", "1.2.0"));
    assert_true(ask(f->audit, POLICY_CATALOGUE_SEARCH, "127.0.0.1", "1.2.0"));
    assert_int_equal(check(f).lines, 4);
    for (int i = 0; i < 3; i++) { // never counted
        assert_true(ask(f->audit, POLICY_IMAGE_RECEIVE, "127.0.0.1", "1.2.0"));
        assert_false(ask(f->audit, POLICY_IMAGE_READ, "10.0.0.1", "1.2.0"));
    }
    assert_int_equal(check(f).lines, 10);
    f->now += AUDIT_READS_WINDOW;
    assert_true(ask(f->audit, POLICY_IMAGE_READ, "127.0.0.1", "1.2.0")); // two notes, and the line
    assert_int_equal(check(f).lines, 13);
    assert_true(ask(f->audit, POLICY_IMAGE_READ, "127.0.0.1", "1.2.0/1.2.3"));
    assert_int_equal(check(f).lines, 13);
    audit_close(f->audit); // the last note
    f->audit = open_audit(f);
    assert_int_equal(check(f).lines, 14);
    char path[128];
    segment(f, "2026-11.jsonl", path);
    struct buf b = content(path);
    assert_non_null(strstr((char *)b.data, ",\"note\":\"repeated\",\"of\":1,\"times\":49,"));
    assert_non_null(strstr((char *)b.data, ",\"note\":\"repeated\",\"of\":2,\"times\":49,"));
    assert_non_null(strstr((char *)b.data, ",\"note\":\"repeated\",\"of\":13,\"times\":1,"));
    buf_done(&b);
}

static void no_count_is_lost_where_many_studies_are_read(void **state) {
    struct fixture *f = *state;
    struct err e = {0};
    enum { STUDIES = 1000, TIMES = 3 };
    assert_int_equal(audit_count_reads(f->audit, AUDIT_READS_WINDOW, &e), E_OK);
    for (int i = 0; i < STUDIES * TIMES; i++) {
        char what[40];
        (void)snprintf(what, sizeof what, "1.2.%d", i / TIMES);
        assert_true(ask(f->audit, POLICY_IMAGE_READ, "127.0.0.1", what));
    }
    audit_close(f->audit);
    f->audit = open_audit(f);
    assert_int_equal(check(f).lines, 2 * STUDIES);
}

// --- no room

static void what_cannot_be_written_is_refused(void **state) {
    struct fixture *f = *state;
    struct rlimit before, small;
    read_some(f->audit, 1);
    char path[128];
    struct stat st;
    segment(f, "2026-11.jsonl", path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    small = (struct rlimit){(rlim_t)st.st_size + 50, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct policy_request r = {.who = policy_console(), .action = POLICY_IMAGE_READ};
    struct policy_decision d;
    bool allowed = audit_ask(f->audit, &r, &d);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(allowed);
    assert_string_equal(d.clause, "S1");
    off_t len = st.st_size;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, len); // nothing half
    read_some(f->audit, 1);
    assert_int_equal(check(f).lines, 2);
}

static int count_line(struct slice line, void *context) {
    assert_int_equal(line.ptr[line.len - 1], '}');
    return ++*(int *)context == 7 ? 9 : 0;
}

static void lines_are_shown_in_order(void **state) {
    struct fixture *f = *state;
    struct err e = {0};
    int count = 0;
    read_some(f->audit, 3);
    assert_int_equal(audit_each(f->dir, count_line, &count, &e), 0);
    assert_int_equal(count, 3);
    read_some(f->audit, 10);
    count = 0;
    assert_int_equal(audit_each(f->dir, count_line, &count, &e), 9);
    uint64_t lines = 0;
    assert_int_equal(audit_verify(f->dir, &lines, &e), E_OK);
    assert_int_equal(lines, 13);
    assert_int_equal(audit_verify("/nonexistent", &lines, &e), E_NOT_FOUND);
}

// `test_audit bench`: microseconds for each kind of decision.
static int bench(void) {
    void *state = NULL;
    (void)set_up(&state);
    struct fixture *f = state;
    static const struct {
        const char *name, *address;
        enum policy_action action;
        int rounds;
    } rows[] = {{"allowed read", "127.0.0.1", POLICY_IMAGE_READ, 100000},
                {"custody", "127.0.0.1", POLICY_IMAGE_RECEIVE, 200},
                {"refused", "10.0.0.1", POLICY_IMAGE_READ, 200}};
    for (size_t i = 0; i < 3; i++) {
        usec at = clock_monotonic(clock_system());
        for (int n = 0; n < rows[i].rounds; n++) {
            (void)ask(f->audit, rows[i].action, rows[i].address,
                      "1.2.826.0.1.3680043.8.498.1/1.2.826.0.1.3680043.8.498.2/"
                      "1.2.826.0.1.3680043.8.498.3");
        }
        printf("%-12s %8.2f us\n", rows[i].name,
               (double)(clock_monotonic(clock_system()) - at) / rows[i].rounds);
    }
    struct err e = {0};
    (void)audit_count_reads(f->audit, AUDIT_READS_WINDOW, &e);
    usec at = clock_monotonic(clock_system());
    for (int n = 0; n < 100000; n++) {
        (void)ask(f->audit, POLICY_IMAGE_READ, "127.0.0.1", "1.2.826.0.1.3680043.8.498.1/1.2.3");
    }
    printf("counted read %8.2f us\n", (double)(clock_monotonic(clock_system()) - at) / 100000);
    at = clock_monotonic(clock_system());
    uint64_t lines = check(f).lines;
    printf("verify: %.2f us a line\n",
           (double)(clock_monotonic(clock_system()) - at) / (double)lines);
    return tear_down(&state);
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "bench") == 0) {
        return bench();
    }
#define WITH_LOG(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_LOG(a_line_says_what_was_decided),
        cmocka_unit_test(nothing_that_identifies_gets_into_a_line),
        WITH_LOG(the_chain_goes_on_across_files_and_restarts),
        WITH_LOG(two_processes_share_one_chain),
        WITH_LOG(threads_share_one_chain),
        WITH_LOG(a_torn_line_is_sealed_and_the_chain_goes_on),
        WITH_LOG(a_cut_at_any_byte_is_mended),
        WITH_LOG(a_crash_between_two_months_is_mended),
        WITH_LOG(killed_writers_leave_a_chain),
        WITH_LOG(tampering_is_found),
        WITH_LOG(repeated_reads_are_counted),
        WITH_LOG(no_count_is_lost_where_many_studies_are_read),
        WITH_LOG(what_cannot_be_written_is_refused),
        WITH_LOG(lines_are_shown_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
