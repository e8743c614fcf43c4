// SPDX-License-Identifier: Apache-2.0
// The inbox: what is acknowledged is durable, is judged, is found again after a crash at any point,
// and never gets lost; what is not acknowledged leaves nothing. Workers are this program itself.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "archive/archive.h"
#include "archive/archive_delete.h"
#include "archive/catalogue.h"
#include "archive/inbox.h"
#include "archive/intake.h"
#include "archive/jobs.h"
#include "archive/retrieve.h"
#include "archive/verify.h"
#include "base/clock.h"
#include "db/db.h"
#include "instance_files.h"
#include "store/inbox.h"
#include "store/store.h"
#include "worker/worker.h"

#define CT "1.2.840.10008.5.1.4.1.1.2"
#define MR "1.2.840.10008.5.1.4.1.1.4"

static char dir[64];

static int remove_one(const char *name, const struct stat *st, int kind, struct FTW *ftw) {
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(name);
}

static int setup(void **state) {
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/maclab-test-inbox-XXXXXX");
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int teardown(void **state) {
    (void)state;
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct archive *open_archive(void) {
    struct err e = {0};
    struct archive *a = NULL;
    struct archive_options options = {.data_dir = dir, .as_sent = true, .workers = 2};
    if (archive_open(&options, &a, &e) != E_OK) {
        fail_msg("archive_open: %s", e.text);
    }
    return a;
}

static struct inbox *open_inbox(struct archive *a, uint64_t backlog_max) {
    struct err e = {0};
    struct inbox *b = NULL;
    struct inbox_options options = {
        .archive = a, .backlog_max = backlog_max, .spare_bytes = 1 << 20};
    if (inbox_open(&options, &b, &e) != E_OK) {
        fail_msg("inbox_open: %s", e.text);
    }
    return b;
}

// The data set alone, as a sender's.
static struct slice body_of(struct arena *memory, const struct instance_words *words) {
    struct buf file;
    struct dcm_file opened;
    struct err e = {0};
    buf_init(&file, 1 << 22);
    instance_make(words, &file);
    struct slice copy = arena_copy(memory, buf_slice(&file));
    buf_done(&file);
    assert_int_equal(dcm_file_open(memory, copy, &opened, &e), E_OK);
    return opened.stored;
}

static struct inbox_sender sender_of(const struct instance_words *words) {
    return (struct inbox_sender){.peer = "STATION7",
                                 .sop_class = instance_or(words->sop_class, CT),
                                 .sop_instance = instance_or(words->instance, "2.25.300"),
                                 .syntax = instance_or(words->syntax, DCM_EXPLICIT_LE_UID)};
}

static struct inbox_arrival *begin(struct inbox *b, const struct inbox_sender *sender,
                                   struct slice body) {
    struct inbox_arrival *arrival = NULL;
    struct err e = {0};
    assert_int_equal(inbox_begin(b, sender, &arrival, &e), E_OK);
    assert_int_equal(inbox_write(arrival, slice_first(body, body.len / 2), &e), E_OK);
    assert_int_equal(inbox_write(arrival, slice_from(body, body.len / 2), &e), E_OK);
    return arrival;
}

static void send_as(struct inbox *b, const struct inbox_sender *sender,
                    const struct instance_words *words) {
    struct arena memory;
    struct err e = {0};
    arena_init(&memory, 1 << 24);
    assert_int_equal(inbox_end(begin(b, sender, body_of(&memory, words)), &e), E_OK);
    arena_done(&memory);
}

static void send(struct inbox *b, const struct instance_words *words) {
    struct inbox_sender sender = sender_of(words);
    send_as(b, &sender, words);
}

static uint64_t instances(struct archive *a) {
    struct err e = {0};
    struct db *db;
    struct catalogue_counts counts = {0};
    assert_int_equal(archive_reader(a, &db, &e), E_OK);
    assert_int_equal(catalogue_count(db, &counts, &e), E_OK);
    archive_reader_done(a, db);
    return counts.instances;
}

static struct custody_row row_of(struct archive *a, uint64_t number) {
    struct err e = {0};
    struct db *db;
    struct custody_row row = {.state = -1};
    assert_int_equal(archive_reader(a, &db, &e), E_OK);
    assert_true(custody_find(db, number, &row, &e) >= 0);
    archive_reader_done(a, db);
    return row;
}

static uint64_t last_number(struct archive *a) {
    struct err e = {0};
    struct db *db;
    uint64_t number = 0;
    assert_int_equal(archive_reader(a, &db, &e), E_OK);
    assert_int_equal(custody_last(db, &number, &e), E_OK);
    archive_reader_done(a, db);
    return number;
}

static enum custody_answer ask(struct inbox *b, const char *sop_class, const char *instance) {
    struct err e = {0};
    enum custody_answer answer = CUSTODY_UNKNOWN;
    assert_int_equal(inbox_ask(b, slice_str(sop_class), slice_str(instance), &answer, &e), E_OK);
    return answer;
}

// Files of the inbox that hold something.
static unsigned files_left(void) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s/inbox", dir);
    DIR *d = opendir(path);
    assert_non_null(d);
    unsigned count = 0;
    struct dirent *entry;
    while ((entry = readdir(d)) != NULL) {
        struct stat st;
        count +=
            fstatat(dirfd(d), entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
    }
    (void)closedir(d);
    return count;
}

static void take_problem(enum verify_problem problem, const char *what, const char *detail,
                         void *context) {
    ++*(unsigned *)context;
    print_message("verify %d: %s %s\n", (int)problem, what, detail);
}

static unsigned problems(void) {
    struct err e = {0};
    struct verify_sums sums;
    unsigned count = 0;
    struct verify_options options = {.data_dir = dir, .problem = take_problem, .context = &count};
    assert_int_equal(verify_run(&options, &sums, &e), E_OK);
    return count;
}

// --- the way of one instance

static void released(void **state) {
    (void)state;
    struct archive *a = open_archive();
    struct inbox *b = open_inbox(a, 0);
    send(b, &(struct instance_words){0});
    enum custody_answer at_once = ask(b, CT, "2.25.300"); // before its verdict or behind it
    assert_true(at_once == CUSTODY_WAITS || at_once == CUSTODY_SAFE);
    inbox_settle(b);
    assert_int_equal(instances(a), 1);
    assert_int_equal(ask(b, CT, "2.25.300"), CUSTODY_SAFE);
    assert_int_equal(ask(b, MR, "2.25.300"), CUSTODY_OTHER);
    assert_int_equal(ask(b, CT, "2.25.301"), CUSTODY_UNKNOWN);
    struct custody_row row = row_of(a, last_number(a));
    assert_int_equal(row.state, CUSTODY_RELEASED);
    assert_string_equal(row.peer, "STATION7");
    assert_string_equal(row.sop_class, CT);
    assert_true(row.decided >= row.received);
    assert_int_equal(files_left(), 0);
    // The same once more: success, and nothing new.
    send(b, &(struct instance_words){0});
    inbox_settle(b);
    assert_int_equal(instances(a), 1);
    assert_int_equal(row_of(a, last_number(a)).state, CUSTODY_RELEASED);
    struct inbox_counts counts;
    inbox_counts(b, &counts);
    assert_int_equal(counts.arrivals, 2);
    assert_int_equal(counts.released, 2);
    assert_int_equal(counts.backlog, 0);
    assert_int_equal(counts.backlog_bytes, 0);
    assert_int_equal(counts.oldest, 0);
    // Deleted since: not safe any more.
    uint64_t gone = 0;
    struct err e = {0};
    const struct retrieve_path path = {.study = "2.25.100", .series = "", .instance = ""};
    assert_int_equal(archive_delete(a, &path, &gone, &e), E_OK);
    assert_int_equal(ask(b, CT, "2.25.300"), CUSTODY_UNKNOWN);
    inbox_close(b);
    archive_close(a);
    assert_int_equal(problems(), 0);
}

static bool in_any_file(const char *text) {
    char command[256];
    (void)snprintf(command, sizeof command, "%s/catalogue.db", dir);
    struct buf file;
    struct err e = {0};
    buf_init(&file, 1 << 26);
    assert_int_equal(file_read(command, &file, &e), E_OK);
    bool found = memmem(file.data, file.len, text, strlen(text)) != NULL;
    buf_done(&file);
    return found;
}

// Custody knows an instance by a keyed hash only.
static void no_identifier_in_custody(void **state) {
    (void)state;
    struct archive *a = open_archive();
    struct inbox *b = open_inbox(a, 0);
    struct instance_words words = {.instance = "2.25.987654321987654321", .rows_said = 64};
    send(b, &words); // refused: its pixels are cut
    inbox_settle(b);
    struct custody_row row = row_of(a, last_number(a));
    assert_int_equal(row.state, CUSTODY_REFUSED);
    assert_string_equal(row.reason, "pixels-cut");
    assert_int_equal(ask(b, CT, words.instance), CUSTODY_NOT_KEPT);
    assert_int_equal(files_left(), 1);
    inbox_close(b);
    archive_close(a);
    assert_false(in_any_file("987654321987654321"));
    // Another folder has another key.
    struct custody_key one = {{1}}, other = {{2}};
    struct hash x = custody_instance_key(&one, slice_str("2.25.1"));
    struct hash y = custody_instance_key(&other, slice_str("2.25.1"));
    assert_false(hash_eq(&x, &y));
}

static void verdicts_after_the_acknowledgement(void **state) {
    (void)state;
    struct archive *a = open_archive();
    struct inbox *b = open_inbox(a, 0);
    send(b, &(struct instance_words){0});
    inbox_settle(b);
    // Another object under the same UID.
    send(b, &(struct instance_words){.fill = 7});
    inbox_settle(b);
    struct custody_row row = row_of(a, last_number(a));
    assert_int_equal(row.state, CUSTODY_CONFLICT);
    assert_int_equal(ask(b, CT, "2.25.300"), CUSTODY_SAFE); // the first is
    // The command named another instance, and another class.
    struct instance_words words = {.instance = "2.25.301"};
    struct inbox_sender sender = sender_of(&words);
    sender.sop_instance = "2.25.302";
    send_as(b, &sender, &words);
    inbox_settle(b);
    row = row_of(a, last_number(a));
    assert_int_equal(row.state, CUSTODY_REFUSED);
    assert_string_equal(row.reason, "mismatch");
    assert_non_null(strstr(row.words, "(0008,0018)"));
    sender = sender_of(&words);
    sender.sop_class = MR;
    send_as(b, &sender, &words);
    inbox_settle(b);
    row = row_of(a, last_number(a));
    assert_string_equal(row.reason, "mismatch");
    assert_non_null(strstr(row.words, "(0008,0016)"));
    assert_int_equal(instances(a), 1);
    assert_int_equal(files_left(), 3); // nothing that was acknowledged is thrown away
    inbox_close(b);
    archive_close(a);
    a = open_archive();
    b = open_inbox(a, 0); // neither is it judged anew
    inbox_settle(b);
    assert_int_equal(files_left(), 3);
    assert_int_equal(instances(a), 1);
    inbox_close(b);
    archive_close(a);
    assert_int_equal(problems(), 0);
}

static void nothing_of_the_abandoned(void **state) {
    (void)state;
    struct archive *a = open_archive();
    struct inbox *b = open_inbox(a, 0);
    struct inbox_sender sender = sender_of(&(struct instance_words){0});
    inbox_abandon(begin(b, &sender, slice_str("half of a data set")));
    inbox_abandon(NULL);
    assert_int_equal(files_left(), 0);
    assert_int_equal(ask(b, CT, "2.25.300"), CUSTODY_UNKNOWN);
    inbox_close(b);
    archive_close(a);
}

static void limits(void **state) {
    (void)state;
    struct archive *a = open_archive();
    struct err e = {0};
    struct inbox *b = NULL;
    struct inbox_arrival *arrival = NULL;
    struct inbox_options options = {.archive = a, .spare_bytes = UINT64_MAX};
    struct inbox_sender sender = sender_of(&(struct instance_words){0});
    assert_int_equal(inbox_open(&options, &b, &e), E_OK);
    assert_int_equal(inbox_begin(b, &sender, &arrival, &e), E_FULL);
    assert_int_equal(err_dimse(e.code), 0xA700);
    struct inbox_counts counts;
    inbox_counts(b, &counts);
    assert_int_equal(counts.turned_away, 1);
    // One owner.
    struct inbox *other = NULL;
    assert_int_equal(inbox_open(&options, &other, &e), E_LOCKED);
    assert_null(other);
    inbox_close(b);
    archive_close(a);
}

// --- many at once

#define SENDERS 4
#define EACH 60

struct one_sender {
    struct inbox *inbox;
    unsigned which;
    bool later;
};

static void *send_many(void *context) {
    struct one_sender *s = context;
    struct inbox_arrival *open[8] = {0};
    for (unsigned i = 0; i < EACH; i++) {
        char uid[32], series[32];
        struct arena memory;
        struct err e = {0};
        arena_init(&memory, 1 << 24);
        (void)snprintf(uid, sizeof uid, "2.25.%u%03u", s->which + 1, i);
        (void)snprintf(series, sizeof series, "2.25.20%u", s->which);
        struct instance_words words = {.instance = uid, .series = series};
        struct inbox_sender sender = sender_of(&words);
        struct inbox_arrival *arrival = begin(s->inbox, &sender, body_of(&memory, &words));
        arena_done(&memory);
        if (!s->later) {
            assert_int_equal(inbox_end(arrival, &e), E_OK);
            continue;
        }
        if (open[i % 8] != NULL) {
            assert_int_equal(inbox_wait(open[i % 8], &e), E_OK);
        }
        inbox_end_later(arrival);
        open[i % 8] = arrival;
    }
    for (unsigned i = 0; i < 8 && s->later; i++) {
        struct err e = {0};
        assert_int_equal(inbox_wait(open[i], &e), E_OK);
    }
    return NULL;
}

static void several_senders(void **state) {
    (void)state;
    struct archive *a = open_archive();
    struct inbox *b = open_inbox(a, 0);
    struct one_sender senders[SENDERS];
    pthread_t threads[SENDERS];
    for (unsigned i = 0; i < SENDERS; i++) {
        senders[i] = (struct one_sender){b, i, i % 2 == 1};
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &senders[i]), 0);
    }
    for (unsigned i = 0; i < SENDERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    assert_in_range(ask(b, CT, "2.25.1000"), CUSTODY_SAFE, CUSTODY_WAITS);
    assert_in_range(ask(b, CT, "2.25.4059"), CUSTODY_SAFE, CUSTODY_WAITS);
    inbox_settle(b);
    assert_int_equal(ask(b, CT, "2.25.4059"), CUSTODY_SAFE);
    assert_int_equal(instances(a), SENDERS * EACH);
    assert_int_equal(files_left(), 0);
    inbox_close(b);
    archive_close(a);
    assert_int_equal(problems(), 0);
}

// --- crashes

// A server that is killed: after so many acknowledgements, with one more half there.
static void killed_server(unsigned count, bool judged) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct archive *a = open_archive();
        struct inbox *b = open_inbox(a, 0);
        for (unsigned i = 0; i < count; i++) {
            char uid[32];
            (void)snprintf(uid, sizeof uid, "2.25.5%03u", i);
            send(b, &(struct instance_words){.instance = uid});
        }
        if (judged) {
            inbox_settle(b);
        }
        struct inbox_sender sender = sender_of(&(struct instance_words){0});
        (void)begin(b, &sender, slice_str("and a half"));
        (void)kill(getpid(), SIGKILL);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void taken_up_after_a_kill(void **state) {
    (void)state;
    for (int judged = 0; judged < 2; judged++) {
        killed_server(40, judged != 0);
        // An import comes first: it sweeps, and leaves the inbox alone.
        archive_close(open_archive());
        struct archive *a = open_archive();
        struct inbox *b = open_inbox(a, 0);
        assert_in_range(ask(b, CT, "2.25.5000"), CUSTODY_SAFE, CUSTODY_WAITS);
        assert_in_range(ask(b, CT, "2.25.5039"), CUSTODY_SAFE, CUSTODY_WAITS);
        assert_int_equal(ask(b, CT, "2.25.300"), CUSTODY_UNKNOWN);
        inbox_settle(b);
        assert_int_equal(instances(a), 40);
        assert_int_equal(files_left(), 0);
        inbox_close(b);
        archive_close(a);
        assert_int_equal(problems(), 0);
    }
}

// The points between the steps of a verdict, made by hand: a row without its receipt cut off, a
// receipt cut off without a verdict, a verdict with the file still there, a row without its file.
static void every_step_may_be_the_last(void **state) {
    (void)state;
    struct archive *a = open_archive();
    struct err e = {0};
    struct store_inbox *files = NULL;
    struct custody_key key;
    struct hash hash;
    assert_int_equal(custody_key_load(archive_store(a), &key, &e), E_OK);
    struct inbox *b = open_inbox(a, 0);
    inbox_close(b);
    killed_server(3, false);
    // As acknowledged: three receipts, numbers in the order of sending.
    assert_int_equal(store_inbox_open(archive_store(a), &files, &e), E_OK);
    uint64_t numbers[3], len;
    size_t found = 0;
    struct buf receipt;
    buf_init(&receipt, 4096);
    for (uint64_t n = 1; n < 1000 && found < 3; n++) {
        struct err ignored = {0};
        buf_clear(&receipt);
        if (store_inbox_receipt(files, n, &receipt, &len, &hash, &ignored) == 1) {
            numbers[found++] = n;
        }
    }
    assert_int_equal(found, 3);
    // 1: recorded and cut. 2: recorded as released although its file is there. 3: flipped byte.
    struct db *writer = archive_writer(a);
    assert_int_equal(db_begin(writer, &e), E_OK);
    for (size_t i = 0; i < 2; i++) {
        buf_clear(&receipt);
        assert_int_equal(store_inbox_receipt(files, numbers[i], &receipt, &len, &hash, &e), 1);
        struct custody_row row = {.number = numbers[i],
                                  .received = 5,
                                  .bytes = len,
                                  .arrival = hash,
                                  .peer = "STATION7",
                                  .sop_class = CT,
                                  .state = CUSTODY_WAITING};
        memcpy(row.instance_key.bytes, receipt.data + 12, HASH_LEN);
        memcpy(row.delivery, receipt.data + receipt.len - 16, 16);
        struct hash expected =
            custody_instance_key(&key, slice_str(i == 0 ? "2.25.5000" : "2.25.5001"));
        assert_memory_equal(expected.bytes, row.instance_key.bytes, HASH_LEN);
        assert_int_equal(custody_add(writer, &row, &e), E_OK);
        assert_int_equal(custody_add(writer, &row, &e), E_OK); // twice is once
        if (i == 1) {
            row.state = CUSTODY_RELEASED;
            assert_int_equal(custody_decide(writer, &row, &e), E_OK);
        } else {
            assert_int_equal(store_inbox_cut(files, numbers[i], len, &e), E_OK);
        }
    }
    // A row that waits for a file that nobody has.
    struct custody_row lost = {.number = 5000, .sop_class = CT, .state = CUSTODY_WAITING};
    assert_int_equal(custody_add(writer, &lost, &e), E_OK);
    assert_int_equal(db_commit(writer, &e), E_OK);
    archive_writer_done(a);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/inbox/%llu", dir, (unsigned long long)numbers[2]);
    int fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, "X", 1, 400), 1);
    (void)close(fd);
    store_inbox_close(files);
    buf_done(&receipt);
    b = open_inbox(a, 0);
    inbox_settle(b);
    assert_int_equal(row_of(a, numbers[0]).state, CUSTODY_RELEASED);
    assert_int_equal(instances(a), 1);
    assert_int_equal(row_of(a, numbers[1]).state, CUSTODY_RELEASED);
    struct custody_row damaged = row_of(a, numbers[2]);
    assert_int_equal(damaged.state, CUSTODY_HELD);
    assert_string_equal(damaged.reason, "damaged");
    assert_int_equal(files_left(), 1); // the damaged one
    lost = row_of(a, 5000);
    assert_int_equal(lost.state, CUSTODY_REFUSED);
    assert_string_equal(lost.reason, "lost");
    inbox_close(b);
    // Numbers go on behind the highest that was ever given.
    b = open_inbox(a, 0);
    send(b, &(struct instance_words){0});
    inbox_settle(b);
    assert_true(last_number(a) > 5000);
    inbox_close(b);
    archive_close(a);
}

// --- a person's wishes

static void wait_for_state(struct archive *a, uint64_t number, int state) {
    for (int i = 0; i < 1000 && row_of(a, number).state != state; i++) {
        (void)usleep(10000);
    }
    assert_int_equal(row_of(a, number).state, state);
}

static void retried_and_disposed_of(void **state) {
    (void)state;
    struct archive *a = open_archive();
    struct inbox *b = open_inbox(a, 0);
    struct err e = {0};
    send(b, &(struct instance_words){0});
    inbox_settle(b);
    send(b, &(struct instance_words){.fill = 9});
    inbox_settle(b);
    uint64_t number = last_number(a);
    assert_int_equal(custody_wish(a, number - 1, CUSTODY_DISPOSING, &e), E_CONFLICT); // released
    assert_int_equal(custody_wish(a, 99999, CUSTODY_RETRY, &e), E_NOT_FOUND);
    assert_int_equal(row_of(a, number).state, CUSTODY_CONFLICT);
    // The other one goes, then this one may come.
    uint64_t gone = 0;
    const struct retrieve_path path = {.study = "2.25.100", .series = "", .instance = ""};
    assert_int_equal(archive_delete(a, &path, &gone, &e), E_OK);
    assert_int_equal(custody_wish(a, number, CUSTODY_RETRY, &e), E_OK);
    wait_for_state(a, number, CUSTODY_RELEASED);
    assert_int_equal(instances(a), 1);
    send(b, &(struct instance_words){.rows_said = 80, .instance = "2.25.77"});
    inbox_settle(b);
    number = last_number(a);
    assert_int_equal(files_left(), 1);
    inbox_close(b);
    // While no server runs; the next one fulfils it.
    assert_int_equal(custody_wish(a, number, CUSTODY_DISPOSING, &e), E_OK);
    b = open_inbox(a, 0);
    wait_for_state(a, number, CUSTODY_DISPOSED);
    assert_int_equal(files_left(), 0);
    assert_int_equal(ask(b, CT, "2.25.77"), CUSTODY_NOT_KEPT);
    inbox_close(b);
    archive_close(a);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "worker") == 0) {
        struct worker_job jobs[ARCHIVE_JOBS];
        archive_jobs_list(jobs);
        return worker_main(jobs, ARCHIVE_JOBS);
    }
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(released),
        TEST(no_identifier_in_custody),
        TEST(verdicts_after_the_acknowledgement),
        TEST(nothing_of_the_abandoned),
        TEST(limits),
        TEST(several_senders),
        TEST(taken_up_after_a_kill),
        TEST(every_step_may_be_the_last),
        TEST(retried_and_disposed_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
