// SPDX-License-Identifier: Apache-2.0
// Prefetches: the table of moves, back-off, what a status means, and the queue in the catalogue
// with senders that die, are called off and are asked again.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "archive/attributes.h"
#include "archive/record.h"
#include "archive/register.h"
#include "archive/schema.h"
#include "archive/segment.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/rng.h"
#include "db/db.h"
#include "node/route_queue.h"
#include "node/route_state.h"

#define START ((usec)1000 * CLOCK_SECOND)
#define MEMORY ((size_t)16 << 20)

// --- the table of moves

static void test_moves(void **state) {
    static const struct {
        enum route_state from;
        enum route_event event;
        enum route_state to; // ROUTE_STATE_COUNT: no such move
    } rows[] = {
        {ROUTE_WAITING, ROUTE_CLAIMED, ROUTE_SENDING},
        {ROUTE_WAITING, ROUTE_COMPLETED, ROUTE_STATE_COUNT},
        {ROUTE_WAITING, ROUTE_CALLED_OFF, ROUTE_CANCELLED},
        {ROUTE_SENDING, ROUTE_CLAIMED, ROUTE_STATE_COUNT},
        {ROUTE_SENDING, ROUTE_COMPLETED, ROUTE_DONE},
        {ROUTE_SENDING, ROUTE_REFUSED, ROUTE_FAILED},
        {ROUTE_SENDING, ROUTE_BROKE_OFF, ROUTE_WAITING},
        {ROUTE_SENDING, ROUTE_RESTARTED, ROUTE_WAITING},
        {ROUTE_SENDING, ROUTE_ASKED_AGAIN, ROUTE_STATE_COUNT},
        {ROUTE_FAILED, ROUTE_ASKED_AGAIN, ROUTE_WAITING},
        {ROUTE_FAILED, ROUTE_CLAIMED, ROUTE_STATE_COUNT},
        {ROUTE_CANCELLED, ROUTE_COMPLETED, ROUTE_STATE_COUNT},
        {ROUTE_CANCELLED, ROUTE_ASKED_AGAIN, ROUTE_WAITING},
    };
    enum route_state to;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        to = ROUTE_STATE_COUNT;
        bool moved = route_move(rows[i].from, rows[i].event, &to);
        assert_int_equal(moved, rows[i].to != ROUTE_STATE_COUNT);
        assert_int_equal(to, rows[i].to);
    }
    for (int event = 0; event < ROUTE_EVENT_COUNT; event++) { // what is done stays done
        assert_false(route_move(ROUTE_DONE, (enum route_event)event, &to));
    }
    assert_false(route_move(ROUTE_STATE_COUNT, ROUTE_CLAIMED, &to));
    // From everywhere but from what is done, a person can bring it to its end, and again to its
    // beginning.
    for (int from = 0; from < ROUTE_STATE_COUNT; from++) {
        bool over = route_state_over((enum route_state)from);
        assert_int_equal(over, from != ROUTE_WAITING && from != ROUTE_SENDING);
        if (from != ROUTE_DONE && from != ROUTE_CANCELLED) {
            assert_true(route_move((enum route_state)from, ROUTE_CALLED_OFF, &to));
        }
    }
    assert_string_equal(route_state_text(ROUTE_SENDING), "sending");
    assert_string_equal(route_state_text((enum route_state)99), "unknown");
}

static void test_waits(void **state) {
    struct rng random = rng_seeded(7);
    usec nominal = ROUTE_WAIT_FIRST;
    (void)state;
    for (unsigned attempts = 1; attempts < 40; attempts++) {
        usec part = nominal / 100 * ROUTE_WAIT_JITTER_PERCENT;
        usec least = INT64_MAX, most = 0;
        for (int i = 0; i < 200; i++) {
            usec wait = route_wait(attempts, &random);
            assert_in_range(wait, (uint64_t)(nominal - part), (uint64_t)(nominal + part));
            least = wait < least ? wait : least;
            most = wait > most ? wait : most;
        }
        assert_true(most - least > part); // spread, not one value
        nominal = 2 * nominal < ROUTE_WAIT_LONGEST ? 2 * nominal : ROUTE_WAIT_LONGEST;
    }
    assert_int_equal(nominal, ROUTE_WAIT_LONGEST);
    assert_false(route_gives_up(1, START, START));
    assert_false(route_gives_up(ROUTE_ATTEMPTS_MAX - 1, START, START + ROUTE_GIVE_UP_AFTER - 1));
    assert_true(route_gives_up(ROUTE_ATTEMPTS_MAX, START, START));
    assert_true(route_gives_up(1, START, START + ROUTE_GIVE_UP_AFTER));
}

static void test_verdicts(void **state) {
    static const struct {
        uint16_t status;
        enum route_verdict verdict;
    } rows[] = {
        {0x0000, ROUTE_TAKEN},       {0xB000, ROUTE_TAKEN},       {0xB006, ROUTE_TAKEN},
        {0xB007, ROUTE_TAKEN},       {0xA700, ROUTE_TAKE_LATER},  {0xA702, ROUTE_TAKE_LATER},
        {0x0110, ROUTE_TAKE_LATER},  {0x0213, ROUTE_TAKE_LATER},  {0xFE00, ROUTE_TAKE_LATER},
        {0xA900, ROUTE_NEVER_TAKEN}, {0xC000, ROUTE_NEVER_TAKEN}, {0x0122, ROUTE_NEVER_TAKEN},
        {0x0124, ROUTE_NEVER_TAKEN}, {0x0117, ROUTE_NEVER_TAKEN}, {0xFF00, ROUTE_NEVER_TAKEN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(route_verdict(rows[i].status), rows[i].verdict);
    }
}

// --- the queue

static char path[64];
static struct db *db;
static struct buf segment;

static void add_instance(struct register_batch *b, const char *study, const char *series,
                         const char *instance) {
    struct err e = {0};
    struct record r = {.metadata = buf_slice(&segment),
                       .metadata_len = 2,
                       .metadata_crc = segment_crc(slice_str("{}"))};
    for (size_t i = 0; i < ATTRIBUTE_EXTRACTED; i++) {
        r.texts[i] = slice_str("");
    }
    r.texts[ATTRIBUTE_study_uid] = slice_str(study);
    r.texts[ATTRIBUTE_series_uid] = slice_str(series);
    r.texts[ATTRIBUTE_sop_instance] = slice_str(instance);
    r.texts[ATTRIBUTE_sop_class] = slice_str("1.2.840.10008.5.1.4.1.1.2");
    r.texts[ATTRIBUTE_modality] = slice_str("CT");
    r.texts[ATTRIBUTE_study_description] = slice_str("Chest");
    r.texts[ATTRIBUTE_patient_name] = slice_str("Alias^One");
    r.syntax = slice_str("1.2.840.10008.1.2.1");
    r.pixel_problem = slice_str("");
    r.frames = 1;
    struct hash object = hash_of(slice_str(instance));
    assert_int_equal(register_add(b, &r, &object, 1000, &e), E_OK);
}

static int setup(void **state) {
    struct err e = {0};
    struct register_batch *b;
    (void)state;
    (void)snprintf(path, sizeof path, "/tmp/maclab-test-route-XXXXXX");
    int fd = mkstemp(path);
    if (fd < 0 || close(fd) != 0) {
        return -1;
    }
    buf_init(&segment, 1000);
    assert_int_equal(segment_make(slice_str("{}"), &segment, &e), E_OK);
    assert_int_equal(db_open(path, DB_READ_WRITE, &db, &e), E_OK);
    assert_int_equal(schema_bring(db, &e), E_OK);
    assert_int_equal(db_relax(db, &e), E_OK);
    assert_int_equal(register_begin(db, 1, &b, &e), E_OK);
    add_instance(b, "1.1", "1.1.1", "1.1.1.1");
    add_instance(b, "1.1", "1.1.1", "1.1.1.2");
    add_instance(b, "1.1", "1.1.2", "1.1.2.1");
    add_instance(b, "1.2", "1.2.1", "1.2.1.1");
    assert_int_equal(register_commit(b, &e), E_OK);
    return 0;
}

static int teardown(void **state) {
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[80];
    (void)state;
    db_close(db);
    buf_done(&segment);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, ends[i]);
        (void)unlink(name);
    }
    return 0;
}

static int64_t order(const char *study, const char *series, const char *station,
                     enum route_priority priority, usec not_before, usec now) {
    struct err e = {0};
    int64_t id = 0;
    const struct route_item item = {study, series};
    const struct route_order o = {.items = &item,
                                  .item_count = 1,
                                  .stations = &station,
                                  .station_count = 1,
                                  .priority = priority,
                                  .not_before = not_before,
                                  .who = "tester"};
    assert_int_equal(route_queue_add(db, &o, now, &id, &e), E_OK);
    return id;
}

// The only task of an order.
static struct route_task task_of(int64_t id) {
    struct arena a;
    struct err e = {0};
    struct route_list list;
    arena_init(&a, MEMORY);
    assert_int_equal(route_queue_list(db, 0, 10, id, &a, &list, &e), E_OK);
    assert_int_equal(list.order_count, 1);
    assert_int_equal(list.orders[0].task_count, 1);
    struct route_task t = list.orders[0].tasks[0].task;
    arena_done(&a);
    return t;
}

static int claim(usec now, struct route_task *t, usec *next) {
    struct err e = {0};
    int rc = route_queue_claim(db, 1, now, t, next, &e);
    assert_true(rc >= 0);
    return rc;
}

static void mark(const struct route_task *t, const char *uid, enum route_outcome o, uint16_t status,
                 usec now, int expected) {
    struct err e = {0};
    assert_int_equal(route_queue_mark(db, t, &uid, 1, o, status, now, &e), expected);
}

static void end(const struct route_task *t, enum route_event event, const char *words, usec next,
                usec now) {
    struct err e = {0};
    assert_int_equal(route_queue_end(db, t, event, words, next, now, &e), E_OK);
}

static void test_orders(void **state) {
    struct err e = {0};
    int64_t id = 0;
    const struct route_item items[] = {{"1.1", ""}, {"1.2", "1.2.1"}, {"1.1", ""}};
    const char *const stations[] = {"ONE", "TWO", "ONE"};
    struct route_order o = {.items = items,
                            .item_count = 3,
                            .stations = stations,
                            .station_count = 3,
                            .priority = ROUTE_NORMAL,
                            .who = "tester"};
    struct arena a;
    struct route_list list;
    struct route_counts counts;
    (void)state;
    arena_init(&a, MEMORY);
    assert_int_equal(route_queue_add(db, &o, START, &id, &e), E_OK);
    assert_int_equal(route_queue_list(db, 0, 10, 0, &a, &list, &e), E_OK);
    assert_int_equal(list.order_count, 1);
    assert_false(list.more);
    assert_int_equal(list.orders[0].id, id);
    assert_true(slice_eq_str(list.orders[0].who, "tester"));
    assert_int_equal(list.orders[0].task_count, 4); // twice named, once sent
    assert_true(slice_eq_str(list.orders[0].tasks[0].description, "Chest"));
    assert_true(slice_eq_str(list.orders[0].tasks[0].patient, "Alias^One"));
    assert_int_equal(route_queue_count(db, &counts, &e), E_OK);
    assert_int_equal(counts.tasks[ROUTE_WAITING], 4);

    // What is not there, and what is too much, leaves nothing behind.
    const struct route_item wrong[] = {{"1.1", ""}, {"1.9", ""}};
    o.items = wrong;
    o.item_count = 2;
    assert_int_equal(route_queue_add(db, &o, START, &id, &e), E_NOT_FOUND);
    assert_non_null(strstr(e.text, "study 1.9"));
    const struct route_item series = {"1.1", "1.2.1"}; // of another study
    o.items = &series;
    o.item_count = 1;
    assert_int_equal(route_queue_add(db, &o, START, &id, &e), E_NOT_FOUND);
    o.item_count = 0;
    assert_int_equal(route_queue_add(db, &o, START, &id, &e), E_ARGUMENT);
    o.item_count = ROUTE_ITEMS_MAX + 1;
    assert_int_equal(route_queue_add(db, &o, START, &id, &e), E_LIMIT);
    assert_int_equal(route_queue_list(db, 0, 10, 0, &a, &list, &e), E_OK);
    assert_int_equal(list.order_count, 1);
    assert_int_equal(route_queue_list(db, 0, 10, 999, &a, &list, &e), E_NOT_FOUND);
    assert_int_equal(route_queue_list(db, 0, ROUTE_LIST_MAX + 1, 0, &a, &list, &e), E_LIMIT);
    arena_done(&a);
}

static void test_turns(void **state) {
    struct route_task t, u;
    usec next = 0;
    (void)state;
    int64_t later = order("1.1", "", "ONE", ROUTE_URGENT, START + 100, START);
    int64_t low = order("1.2", "", "ONE", ROUTE_LOW, 0, START);
    int64_t normal = order("1.1", "", "ONE", ROUTE_NORMAL, 0, START + 1);
    int64_t other = order("1.2", "", "TWO", ROUTE_LOW, 0, START + 2);
    assert_int_equal(claim(START + 5, &t, &next), 1);
    assert_int_equal(t.order, normal); // before what is older and less urgent
    assert_int_equal(t.state, ROUTE_SENDING);
    assert_int_equal(t.run, 1);
    assert_int_equal(claim(START + 5, &u, &next), 1); // the same station is at work already
    assert_int_equal(u.order, other);
    assert_int_equal(claim(START + 5, &u, &next), 0);
    assert_int_equal(next, START + 100);
    end(&t, ROUTE_COMPLETED, "", 0, START + 6);
    assert_int_equal(task_of(normal).state, ROUTE_DONE);
    assert_int_equal(task_of(normal).finished, START + 6);
    assert_int_equal(claim(START + 100, &t, &next), 1); // its time has come, and it is urgent
    assert_int_equal(t.order, later);
    end(&t, ROUTE_COMPLETED, "", 0, START + 101);
    assert_int_equal(claim(START + 101, &t, &next), 1);
    assert_int_equal(t.order, low);
    assert_int_equal(claim(START + 101, &t, &next), 0);
    assert_int_equal(next, 0); // nothing waits for a time
}

static void test_outcomes_and_restart(void **state) {
    struct route_task t;
    struct route_known known;
    struct arena a;
    struct err e = {0};
    usec next;
    (void)state;
    arena_init(&a, MEMORY);
    int64_t id = order("1.1", "", "ONE", ROUTE_NORMAL, 0, START);
    assert_int_equal(claim(START, &t, &next), 1);
    assert_int_equal(route_queue_begin(db, &t, 3, &e), E_OK);
    mark(&t, "1.1.1.1", ROUTE_SENT, 0, START + 1, E_OK);
    mark(&t, "1.1.2.1", ROUTE_PRESENT, 0, START + 1, E_OK);
    // Killed here: another process finds the table as it is.
    db_close(db);
    assert_int_equal(db_open(path, DB_READ_WRITE, &db, &e), E_OK);
    assert_int_equal(task_of(id).state, ROUTE_SENDING);
    assert_int_equal(claim(START + 2, &t, &next), 0); // still at work, as far as anybody knows
    assert_int_equal(route_queue_restart(db, START + 3, &e), E_OK);
    assert_int_equal(claim(START + 2, &t, &next), 0);
    assert_int_equal(next, START + 3);
    struct route_task old = t;
    assert_int_equal(claim(START + 3, &t, &next), 1);
    assert_int_equal(t.run, 2);
    assert_int_equal(t.started, START); // of the first attempt
    assert_int_equal(route_queue_known(db, &t, &a, &known, &e), E_OK);
    assert_int_equal(known.count, 2);
    assert_true(route_known_has(&known, "1.1.1.1"));
    assert_true(route_known_has(&known, "1.1.2.1"));
    assert_false(route_known_has(&known, "1.1.1.2"));
    assert_int_equal(route_queue_begin(db, &t, 3, &e), E_OK);
    // The sender of before would find its task gone.
    old.id = t.id;
    old.run = 1;
    mark(&old, "1.1.1.2", ROUTE_SENT, 0, START + 4, E_CANCELLED);
    end(&old, ROUTE_COMPLETED, "", 0, START + 4);
    assert_int_equal(task_of(id).state, ROUTE_SENDING);
    mark(&t, "1.1.1.2", ROUTE_NOT_TAKEN, 0xA900, START + 5, E_OK);
    end(&t, ROUTE_REFUSED, "1 of 3 refused", 0, START + 6);
    struct route_task shown = task_of(id);
    assert_int_equal(shown.state, ROUTE_FAILED);
    assert_int_equal(shown.total, 3);
    assert_int_equal(shown.sent, 1);
    assert_int_equal(shown.present, 1);
    assert_int_equal(shown.failed, 1);
    assert_string_equal(shown.words, "1 of 3 refused");
    arena_done(&a);
}

static void test_patience(void **state) {
    struct route_task t;
    struct err e = {0};
    usec next, since = 0;
    unsigned attempts = 99;
    (void)state;
    int64_t id = order("1.1", "", "ONE", ROUTE_NORMAL, START + 10, START);
    assert_int_equal(claim(START + 10, &t, &next), 1);
    assert_int_equal(route_queue_patience(db, &t, &attempts, &since, &e), E_OK);
    assert_int_equal(attempts, 0);
    assert_int_equal(since, START + 10); // from its time on, not from the order
    end(&t, ROUTE_BROKE_OFF, "no answer", START + 20, START + 12);
    assert_int_equal(task_of(id).state, ROUTE_WAITING);
    assert_string_equal(task_of(id).words, "no answer");
    assert_int_equal(task_of(id).attempts, 1);
    assert_int_equal(claim(START + 19, &t, &next), 0);
    assert_int_equal(claim(START + 20, &t, &next), 1);
    assert_int_equal(t.attempts, 1);
    mark(&t, "1.1.1.1", ROUTE_SENT, 0, START + 21, E_OK); // something got through
    assert_int_equal(route_queue_patience(db, &t, &attempts, &since, &e), E_OK);
    assert_int_equal(attempts, 0);
    assert_int_equal(since, START + 21);
    end(&t, ROUTE_BROKE_OFF, "gone again", START + 30, START + 22);
    assert_int_equal(task_of(id).attempts, 1);
    assert_int_equal(claim(START + 30, &t, &next), 1);
    end(&t, ROUTE_GAVE_UP, "given up", 0, START + 31);
    assert_int_equal(task_of(id).state, ROUTE_FAILED);
    assert_int_equal(task_of(id).attempts, 2);
    assert_int_equal(claim(START + 9999, &t, &next), 0);
}

static void test_called_off_and_again(void **state) {
    struct route_task t;
    struct route_known known;
    struct arena a;
    struct err e = {0};
    size_t moved = 99;
    usec next;
    (void)state;
    arena_init(&a, MEMORY);
    int64_t id = order("1.1", "", "ONE", ROUTE_NORMAL, 0, START);
    assert_int_equal(claim(START, &t, &next), 1);
    mark(&t, "1.1.1.1", ROUTE_NOT_TAKEN, 0xC000, START, E_OK);
    mark(&t, "1.1.1.2", ROUTE_SENT, 0, START, E_OK);
    assert_int_equal(route_queue_cancel(db, id, 0, START + 1, &moved, &e), E_OK);
    assert_int_equal(moved, 1);
    // The sender learns of it with its next instance, which the station has and that stays known.
    mark(&t, "1.1.2.1", ROUTE_SENT, 0, START + 2, E_CANCELLED);
    end(&t, ROUTE_BROKE_OFF, "too late", START + 5, START + 2);
    assert_int_equal(task_of(id).state, ROUTE_CANCELLED);
    assert_string_equal(task_of(id).words, "");
    assert_int_equal(claim(START + 10, &t, &next), 0);
    assert_int_equal(route_queue_cancel(db, id, 0, START + 11, &moved, &e), E_OK);
    assert_int_equal(moved, 0);

    assert_int_equal(route_queue_again(db, id, task_of(id).id, START + 12, &moved, &e), E_OK);
    assert_int_equal(moved, 1);
    assert_int_equal(claim(START + 12, &t, &next), 1);
    assert_int_equal(route_queue_known(db, &t, &a, &known, &e), E_OK);
    assert_int_equal(known.count, 2); // refused ones are tried again, taken ones are not sent again
    assert_false(route_known_has(&known, "1.1.1.1"));
    assert_int_equal(route_queue_begin(db, &t, 3, &e), E_OK);
    assert_int_equal(task_of(id).sent, 2);
    mark(&t, "1.1.1.1", ROUTE_SENT, 0, START + 13, E_OK);
    end(&t, ROUTE_COMPLETED, "", 0, START + 14);
    assert_int_equal(task_of(id).state, ROUTE_DONE);
    assert_int_equal(task_of(id).sent, 3);
    assert_int_equal(route_queue_again(db, id, 0, START + 15, &moved, &e), E_OK);
    assert_int_equal(moved, 0); // done stays done
    assert_int_equal(route_queue_again(db, id + 1, 0, START, &moved, &e), E_NOT_FOUND);
    assert_int_equal(route_queue_cancel(db, id, 12345, START, &moved, &e), E_NOT_FOUND);
    arena_done(&a);
}

// "Send now" for one that waits for its hour.
static void test_again_before_its_time(void **state) {
    struct route_task t;
    struct err e = {0};
    size_t moved;
    usec next;
    (void)state;
    int64_t id = order("1.1", "1.1.1", "ONE", ROUTE_NORMAL, START + 3600 * CLOCK_SECOND, START);
    assert_int_equal(claim(START, &t, &next), 0);
    assert_int_equal(route_queue_again(db, id, 0, START + 1, &moved, &e), E_OK);
    assert_int_equal(moved, 1);
    assert_int_equal(claim(START + 1, &t, &next), 1);
    assert_string_equal(t.series, "1.1.1");
}

static void test_tidy(void **state) {
    struct route_task t;
    struct arena a;
    struct err e = {0};
    struct route_list list;
    struct route_known known;
    usec next;
    (void)state;
    arena_init(&a, MEMORY);
    int64_t old = order("1.1", "", "ONE", ROUTE_NORMAL, 0, START);
    assert_int_equal(claim(START, &t, &next), 1);
    struct route_task gone = t;
    mark(&t, "1.1.1.1", ROUTE_SENT, 0, START, E_OK);
    end(&t, ROUTE_COMPLETED, "", 0, START);
    int64_t waiting = order("1.2", "", "TWO", ROUTE_NORMAL, 0, START);
    assert_int_equal(route_queue_tidy(db, START + ROUTE_KEEP, &e), E_OK);
    assert_int_equal(task_of(old).state, ROUTE_DONE); // just not yet
    assert_int_equal(route_queue_tidy(db, START + ROUTE_KEEP + 1, &e), E_OK);
    assert_int_equal(route_queue_list(db, 0, 10, 0, &a, &list, &e), E_OK);
    assert_int_equal(list.order_count, 1); // what waits is kept however old
    assert_int_equal(list.orders[0].id, waiting);
    assert_int_equal(route_queue_known(db, &gone, &a, &known, &e), E_OK);
    assert_int_equal(known.count, 0);
    arena_done(&a);
}

static void test_pages(void **state) {
    struct arena a;
    struct err e = {0};
    struct route_list list;
    int64_t ids[5];
    (void)state;
    arena_init(&a, MEMORY);
    for (int i = 0; i < 5; i++) {
        ids[i] = order("1.1", "", "ONE", ROUTE_NORMAL, 0, START + i);
    }
    assert_int_equal(route_queue_list(db, 0, 2, 0, &a, &list, &e), E_OK);
    assert_int_equal(list.order_count, 2);
    assert_true(list.more);
    assert_int_equal(list.orders[0].id, ids[4]); // newest first
    assert_int_equal(route_queue_list(db, ids[3], 10, 0, &a, &list, &e), E_OK);
    assert_int_equal(list.order_count, 3);
    assert_false(list.more);
    assert_int_equal(list.orders[0].id, ids[2]);
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test_setup_teardown(test_orders, setup, teardown),
        cmocka_unit_test_setup_teardown(test_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_outcomes_and_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_patience, setup, teardown),
        cmocka_unit_test_setup_teardown(test_called_off_and_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_again_before_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tidy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
