// SPDX-License-Identifier: Apache-2.0
#include "node/route_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"

static const char *const priorities[] = {"urgent", "normal", "low"};

const char *route_priority_text(enum route_priority p) {
    return (unsigned)p < ROUTE_PRIORITY_COUNT ? priorities[p] : "unknown";
}

bool route_priority_parse(struct slice text, enum route_priority *ret_priority) {
    for (unsigned i = 0; i < ROUTE_PRIORITY_COUNT; i++) {
        if (slice_eq_str(text, priorities[i])) {
            *ret_priority = (enum route_priority)i;
            return true;
        }
    }
    return false;
}

static void copy_text(char *out, size_t size, struct slice text) {
    (void)snprintf(out, size, "%.*s", (int)text.len, text.len > 0 ? (const char *)text.ptr : "");
}

// --- adding
static int look_up(struct db *db, const struct route_item *item, struct err *e) {
    struct db_stmt *s;
    bool whole = item->series[0] == '\0';
    int rc = db_prepare(db,
                        whole ? "SELECT 1 FROM study WHERE study_uid = ?1"
                              : "SELECT 1 FROM study JOIN series ON series.study = study.id"
                                " WHERE study_uid = ?1 AND series_uid = ?2",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(item->study));
    if (!whole) {
        db_bind_text(s, 2, slice_str(item->series));
    }
    rc = db_step(s, e);
    db_reset(s);
    if (rc == 0) {
        rc = err_set(e, E_NOT_FOUND, "%s %s is not in the archive", whole ? "study" : "series",
                     whole ? item->study : item->series);
    }
    return rc < 0 ? rc : E_OK;
}

int route_queue_check(struct db *db, const struct route_order *o, struct err *e) {
    if (o->item_count == 0 || o->station_count == 0) {
        return err_set(e, E_ARGUMENT, "an order names at least one study and one station");
    }
    if (o->item_count > ROUTE_ITEMS_MAX || o->station_count > ROUTE_STATIONS_MAX ||
        o->item_count * o->station_count > ROUTE_TASKS_MAX) {
        return err_set(e, E_LIMIT,
                       "an order names at most %u studies, %u stations, and %u of both multiplied",
                       ROUTE_ITEMS_MAX, ROUTE_STATIONS_MAX, ROUTE_TASKS_MAX);
    }
    int rc = E_OK;
    for (size_t i = 0; i < o->item_count && rc == E_OK; i++) {
        rc = look_up(db, &o->items[i], e);
    }
    return rc;
}

static int insert_order(struct db *db, const struct route_order *o, usec now, int64_t *ret_order,
                        struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(
        db, "INSERT INTO route_order (created, not_before, who) VALUES (?1, ?2, ?3)", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, now);
    db_bind_i64(s, 2, o->not_before);
    db_bind_text(s, 3, slice_str(o->who));
    rc = db_run(s, e);
    *ret_order = rc == E_OK ? db_last_id(db) : 0;
    return rc;
}

// Nothing for one that the order has already.
static int insert_task(struct db *db, const struct route_order *o, int64_t order,
                       const struct route_item *item, const char *station, usec now,
                       struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(
        db,
        "INSERT INTO route_task (route_order, study_uid, series_uid, station, state, priority,"
        " next_at, fruitless_since)"
        " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7 WHERE NOT EXISTS (SELECT 1 FROM route_task"
        " WHERE route_order = ?1 AND study_uid = ?2 AND series_uid = ?3 AND station = ?4)",
        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, order);
    db_bind_text(s, 2, slice_str(item->study));
    db_bind_text(s, 3, slice_str(item->series));
    db_bind_text(s, 4, slice_str(station));
    db_bind_i64(s, 5, ROUTE_WAITING);
    db_bind_i64(s, 6, o->priority);
    db_bind_i64(s, 7, o->not_before > now ? o->not_before : now);
    return db_run(s, e);
}

static int insert_tasks(struct db *db, const struct route_order *o, int64_t order, usec now,
                        struct err *e) {
    int rc = E_OK;
    for (size_t i = 0; i < o->item_count; i++) {
        for (size_t k = 0; k < o->station_count && rc == E_OK; k++) {
            rc = insert_task(db, o, order, &o->items[i], o->stations[k], now, e);
        }
    }
    return rc;
}

int route_queue_add(struct db *db, const struct route_order *order, usec now, int64_t *ret_order,
                    struct err *e) {
    int64_t id = 0;
    int rc = db_begin(db, e);
    rc = rc == E_OK ? route_queue_check(db, order, e) : rc;
    rc = rc == E_OK ? insert_order(db, order, now, &id, e) : rc;
    rc = rc == E_OK ? insert_tasks(db, order, id, now, e) : rc;
    rc = rc == E_OK ? db_commit(db, e) : rc;
    if (rc != E_OK) {
        db_rollback(db);
        return rc;
    }
    *ret_order = id;
    return E_OK;
}

// --- reading
#define TASK_COLUMNS                                                                               \
    "t.id, t.route_order, t.study_uid, t.series_uid, t.station, t.state, t.priority, t.attempts,"  \
    " t.fruitless_since, t.next_at, t.started, t.finished, t.run, t.total, t.sent, t.present,"     \
    " t.failed, t.words"
#define TASK_COLUMN_COUNT 18

static void read_task(struct db_stmt *s, struct route_task *t) {
    *t = (struct route_task){.id = db_i64(s, 0),
                             .order = db_i64(s, 1),
                             .state = (enum route_state)db_i64(s, 5),
                             .priority = (enum route_priority)db_i64(s, 6),
                             .attempts = (unsigned)db_i64(s, 7),
                             .fruitless_since = db_i64(s, 8),
                             .next_at = db_i64(s, 9),
                             .started = db_i64(s, 10),
                             .finished = db_i64(s, 11),
                             .run = db_i64(s, 12),
                             .total = (uint64_t)db_i64(s, 13),
                             .sent = (uint64_t)db_i64(s, 14),
                             .present = (uint64_t)db_i64(s, 15),
                             .failed = (uint64_t)db_i64(s, 16)};
    copy_text(t->study, sizeof t->study, db_text(s, 2));
    copy_text(t->series, sizeof t->series, db_text(s, 3));
    copy_text(t->station, sizeof t->station, db_text(s, 4));
    copy_text(t->words, sizeof t->words, db_text(s, 17));
}

static int read_orders(struct db *db, int64_t before, unsigned limit, int64_t only, struct arena *a,
                       struct route_list *list, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        only != 0 ? "SELECT id, created, not_before, who FROM route_order"
                                    " WHERE id = ?1 LIMIT ?2"
                                  : "SELECT id, created, not_before, who FROM route_order"
                                    " WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    list->orders = arena_array(a, limit + 1, sizeof *list->orders);
    if (list->orders == NULL) {
        return err_set(e, E_MEMORY, "list of orders");
    }
    db_bind_i64(s, 1, only != 0 ? only : before == 0 ? INT64_MAX : before);
    db_bind_i64(s, 2, (int64_t)limit + 1);
    while ((rc = db_step(s, e)) == 1) {
        list->orders[list->order_count++] =
            (struct route_order_shown){.id = db_i64(s, 0),
                                       .created = db_i64(s, 1),
                                       .not_before = db_i64(s, 2),
                                       .who = arena_copy(a, db_text(s, 3))};
    }
    list->more = list->order_count > limit;
    list->order_count -= list->more;
    return rc;
}

static int count_tasks(struct db *db, int64_t order, size_t *ret_count, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, "SELECT count(*) FROM route_task WHERE route_order = ?1", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, order);
    rc = db_step(s, e);
    *ret_count = rc == 1 ? (size_t)db_i64(s, 0) : 0;
    db_reset(s);
    return rc < 0 ? rc : E_OK;
}

static int read_tasks(struct db *db, struct route_order_shown *order, struct arena *a,
                      struct err *e) {
    struct db_stmt *s;
    size_t room;
    int rc = count_tasks(db, order->id, &room, e);
    struct route_shown *tasks = rc == E_OK ? arena_array(a, room + 1, sizeof *tasks) : NULL;
    if (rc == E_OK && tasks == NULL) {
        rc = err_set(e, E_MEMORY, "list of tasks");
    }
    if (rc == E_OK) {
        rc = db_prepare(db,
                        "SELECT " TASK_COLUMNS ", study.patient_name, study.study_description,"
                        " study.modalities, series.series_description"
                        " FROM route_task t LEFT JOIN study ON study.study_uid = t.study_uid"
                        " LEFT JOIN series ON series.study = study.id"
                        " AND series.series_uid = t.series_uid"
                        " WHERE t.route_order = ?1 ORDER BY t.id",
                        &s, e);
    }
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, order->id);
    size_t n = 0;
    while ((rc = db_step(s, e)) == 1 && n < room) {
        struct route_shown *t = &tasks[n++];
        read_task(s, &t->task);
        t->patient = arena_copy(a, db_text(s, TASK_COLUMN_COUNT));
        t->description = arena_copy(a, db_text(s, TASK_COLUMN_COUNT + 1));
        t->modalities = arena_copy(a, db_text(s, TASK_COLUMN_COUNT + 2));
        t->series_description = arena_copy(a, db_text(s, TASK_COLUMN_COUNT + 3));
    }
    db_reset(s);
    order->tasks = tasks;
    order->task_count = n;
    return rc < 0 ? rc : E_OK;
}

int route_queue_list(struct db *db, int64_t before, unsigned limit, int64_t only_order,
                     struct arena *a, struct route_list *ret_list, struct err *e) {
    struct route_list list = {0};
    if (limit > ROUTE_LIST_MAX) {
        return err_set(e, E_LIMIT, "at most %u orders are listed at once", ROUTE_LIST_MAX);
    }
    int rc = db_begin_read(db, e);
    if (rc == E_OK) {
        rc = read_orders(db, before, limit, only_order, a, &list, e);
    }
    for (size_t i = 0; i < list.order_count && rc == E_OK; i++) {
        rc = read_tasks(db, &list.orders[i], a, e);
    }
    db_rollback(db);
    if (rc == E_OK && only_order != 0 && list.order_count == 0) {
        rc = err_set(e, E_NOT_FOUND, "there is no order %lld", (long long)only_order);
    }
    if (rc == E_OK) {
        *ret_list = list;
    }
    return rc;
}

int route_queue_count(struct db *db, struct route_counts *ret_counts, struct err *e) {
    struct db_stmt *s;
    struct route_counts counts = {{0}};
    int rc = db_prepare(db, "SELECT state, count(*) FROM route_task GROUP BY state", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    while ((rc = db_step(s, e)) == 1) {
        uint64_t state = (uint64_t)db_i64(s, 0);
        if (state < ROUTE_STATE_COUNT) {
            counts.tasks[state] = (uint64_t)db_i64(s, 1);
        }
    }
    if (rc == E_OK) {
        *ret_counts = counts;
    }
    return rc;
}

// --- what a person asks for
// Tasks of an order in one state.
static int move_state(struct db *db, int64_t order, int64_t task, enum route_state from,
                      enum route_event event, usec now, size_t *moved, struct err *e) {
    enum route_state to;
    struct db_stmt *s;
    if (!route_move(from, event, &to)) {
        return E_OK;
    }
    bool again = event == ROUTE_ASKED_AGAIN;
    int rc = db_prepare(db,
                        again ? "UPDATE route_task SET state = ?4, finished = 0, next_at = ?5,"
                                " attempts = 0, fruitless_since = ?5, failed = 0, words = ''"
                                " WHERE route_order = ?1 AND (?2 = 0 OR id = ?2) AND state = ?3"
                              : "UPDATE route_task SET state = ?4, finished = ?5"
                                " WHERE route_order = ?1 AND (?2 = 0 OR id = ?2) AND state = ?3",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, order);
    db_bind_i64(s, 2, task);
    db_bind_i64(s, 3, from);
    db_bind_i64(s, 4, to);
    db_bind_i64(s, 5, now);
    rc = db_run(s, e);
    if (rc == E_OK) {
        *moved += (size_t)db_changes(db);
    }
    return rc;
}

// Refused instances of tasks that wait again are asked for again.
static int forget_refusals(struct db *db, int64_t order, int64_t task, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "DELETE FROM route_outcome WHERE outcome = ?4 AND task IN (SELECT id FROM"
                        " route_task WHERE route_order = ?1 AND (?2 = 0 OR id = ?2)"
                        " AND state = ?3)",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, order);
    db_bind_i64(s, 2, task);
    db_bind_i64(s, 3, ROUTE_WAITING);
    db_bind_i64(s, 4, ROUTE_NOT_TAKEN);
    return db_run(s, e);
}

static int find_task(struct db *db, int64_t order, int64_t task, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(
        db, "SELECT 1 FROM route_task WHERE route_order = ?1 AND (?2 = 0 OR id = ?2) LIMIT 1", &s,
        e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, order);
    db_bind_i64(s, 2, task);
    rc = db_step(s, e);
    db_reset(s);
    if (rc == 0) {
        rc = task == 0 ? err_set(e, E_NOT_FOUND, "there is no order %lld", (long long)order)
                       : err_set(e, E_NOT_FOUND, "order %lld has no task %lld", (long long)order,
                                 (long long)task);
    }
    return rc < 0 ? rc : E_OK;
}

static int asked(struct db *db, int64_t order, int64_t task, enum route_event event, usec now,
                 size_t *ret_moved, struct err *e) {
    size_t moved = 0;
    int rc = db_begin(db, e);
    rc = rc == E_OK ? find_task(db, order, task, e) : rc;
    for (int from = 0; from < ROUTE_STATE_COUNT && rc == E_OK; from++) {
        // Waiting comes first: no row that was moved is met again.
        rc = move_state(db, order, task, (enum route_state)from, event, now, &moved, e);
    }
    if (rc == E_OK && event == ROUTE_ASKED_AGAIN) {
        rc = forget_refusals(db, order, task, e);
    }
    rc = rc == E_OK ? db_commit(db, e) : rc;
    if (rc != E_OK) {
        db_rollback(db);
        return rc;
    }
    *ret_moved = moved;
    return E_OK;
}

int route_queue_cancel(struct db *db, int64_t order, int64_t task, usec now, size_t *ret_moved,
                       struct err *e) {
    return asked(db, order, task, ROUTE_CALLED_OFF, now, ret_moved, e);
}

int route_queue_again(struct db *db, int64_t order, int64_t task, usec now, size_t *ret_moved,
                      struct err *e) {
    return asked(db, order, task, ROUTE_ASKED_AGAIN, now, ret_moved, e);
}

// --- statements with a few numbers
static int run(struct db *db, const char *sql, const int64_t *numbers, int count, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, sql, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    for (int i = 0; i < count; i++) {
        db_bind_i64(s, i + 1, numbers[i]);
    }
    return db_run(s, e);
}

int route_queue_tidy(struct db *db, usec now, struct err *e) {
    static const char *const steps[] = {
        "DELETE FROM route_outcome WHERE ?1 = ?1 AND task NOT IN (SELECT id FROM route_task)",
        "DELETE FROM route_order WHERE created < ?1"
        " AND NOT EXISTS (SELECT 1 FROM route_task WHERE route_order = route_order.id)"};
    int rc = db_begin(db, e);
    const int64_t over[] = {now - ROUTE_KEEP, ROUTE_WAITING, ROUTE_SENDING};
    rc = rc == E_OK
             ? run(db,
                   "DELETE FROM route_task WHERE finished < ?1 AND route_order NOT IN (SELECT"
                   " route_order FROM route_task WHERE state IN (?2, ?3) OR finished >= ?1)",
                   over, 3, e)
             : rc;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && rc == E_OK; i++) {
        rc = run(db, steps[i], over, 1, e);
    }
    rc = rc == E_OK ? db_commit(db, e) : rc;
    if (rc != E_OK) {
        db_rollback(db);
    }
    return rc;
}

// --- a sender's side
int route_queue_restart(struct db *db, usec now, struct err *e) {
    enum route_state to;
    if (!route_move(ROUTE_SENDING, ROUTE_RESTARTED, &to)) {
        return err_set(e, E_INTERNAL, "no way on for what was being sent");
    }
    const int64_t numbers[] = {ROUTE_SENDING, to, now};
    return run(db, "UPDATE route_task SET state = ?2, next_at = ?3 WHERE state = ?1", numbers, 3,
               e);
}

// 1: *ret_task is the next one due.
static int next_due(struct db *db, unsigned per_station, usec now, struct route_task *ret_task,
                    struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "SELECT " TASK_COLUMNS " FROM route_task t"
                        " WHERE t.state = ?1 AND t.next_at <= ?2 AND (SELECT count(*) FROM"
                        " route_task o WHERE o.state = ?3 AND o.station = t.station) < ?4"
                        " ORDER BY t.priority, t.next_at, t.id LIMIT 1",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, ROUTE_WAITING);
    db_bind_i64(s, 2, now);
    db_bind_i64(s, 3, ROUTE_SENDING);
    db_bind_i64(s, 4, per_station);
    rc = db_step(s, e);
    if (rc == 1) {
        read_task(s, ret_task);
    }
    db_reset(s);
    return rc;
}

static int next_time(struct db *db, usec now, usec *ret_next_at, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, "SELECT min(next_at) FROM route_task WHERE state = ?1 AND next_at > ?2",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, ROUTE_WAITING);
    db_bind_i64(s, 2, now);
    rc = db_step(s, e);
    *ret_next_at = rc == 1 && !db_is_null(s, 0) ? db_i64(s, 0) : 0;
    db_reset(s);
    return rc < 0 ? rc : E_OK;
}

static int take(struct db *db, struct route_task *task, usec now, struct err *e) {
    enum route_state to;
    if (!route_move(task->state, ROUTE_CLAIMED, &to)) {
        return err_set(e, E_INTERNAL, "task %lld cannot be claimed", (long long)task->id);
    }
    const int64_t numbers[] = {task->id, to, now};
    int rc = run(db,
                 "UPDATE route_task SET state = ?2, run = run + 1,"
                 " started = CASE started WHEN 0 THEN ?3 ELSE started END WHERE id = ?1",
                 numbers, 3, e);
    task->state = to;
    task->run++;
    task->started = task->started == 0 ? now : task->started;
    return rc;
}

int route_queue_claim(struct db *db, unsigned per_station, usec now, struct route_task *ret_task,
                      usec *ret_next_at, struct err *e) {
    struct route_task task;
    int found = next_due(db, per_station, now, &task, e); // without the write lock, mostly in vain
    if (found <= 0) {
        return found < 0 ? found : next_time(db, now, ret_next_at, e);
    }
    int rc = db_begin(db, e);
    found = rc == E_OK ? next_due(db, per_station, now, &task, e) : rc;
    rc = found == 1 ? take(db, &task, now, e) : found;
    rc = rc == E_OK && found == 1 ? db_commit(db, e) : rc;
    if (rc != E_OK || found != 1) {
        db_rollback(db);
        *ret_next_at = 0;
        return rc;
    }
    *ret_task = task;
    return 1;
}

static int compare_uids(const void *a, const void *b) { return strcmp(a, b); }

int route_queue_known(struct db *db, const struct route_task *task, struct arena *a,
                      struct route_known *ret_known, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "SELECT count(*), count(CASE WHEN outcome = ?2 THEN 1 END)"
                        " FROM route_outcome WHERE task = ?1",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, task->id);
    db_bind_i64(s, 2, ROUTE_NOT_TAKEN);
    rc = db_step(s, e);
    size_t room = rc == 1 ? (size_t)db_i64(s, 0) : 0;
    size_t refused = rc == 1 ? (size_t)db_i64(s, 1) : 0;
    db_reset(s);
    char(*uids)[DCM_UID_MAX + 1] = arena_array(a, room + 1, sizeof *uids);
    if (rc < 0 || uids == NULL) {
        return rc < 0 ? rc : err_set(e, E_MEMORY, "instances sent");
    }
    // Ordered by the primary key, which is bytewise like strcmp.
    rc = db_prepare(
        db, "SELECT sop_instance FROM route_outcome WHERE task = ?1 ORDER BY sop_instance", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, task->id);
    size_t n = 0;
    while ((rc = db_step(s, e)) == 1 && n < room) {
        copy_text(uids[n++], sizeof *uids, db_text(s, 0));
    }
    db_reset(s);
    if (rc >= 0) {
        *ret_known = (struct route_known){(const char(*)[DCM_UID_MAX + 1]) uids, n, refused};
    }
    return rc < 0 ? rc : E_OK;
}

bool route_known_has(const struct route_known *known, const char *sop_instance) {
    return known->count > 0 && bsearch(sop_instance, known->uids, known->count, sizeof *known->uids,
                                       compare_uids) != NULL;
}

int route_queue_begin(struct db *db, const struct route_task *task, uint64_t total, struct err *e) {
    const int64_t numbers[] = {task->id,   task->run,     (int64_t)total,
                               ROUTE_SENT, ROUTE_PRESENT, ROUTE_NOT_TAKEN};
    return run(db,
               "UPDATE route_task SET total = ?3,"
               " sent = (SELECT count(*) FROM route_outcome WHERE task = ?1 AND outcome = ?4),"
               " present = (SELECT count(*) FROM route_outcome WHERE task = ?1 AND outcome = ?5),"
               " failed = (SELECT count(*) FROM route_outcome WHERE task = ?1 AND outcome = ?6)"
               " WHERE id = ?1 AND run = ?2",
               numbers, 6, e);
}

static int mark_one(struct db *db, const struct route_task *task, const char *instance,
                    enum route_outcome outcome, uint16_t status, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "INSERT INTO route_outcome (task, sop_instance, outcome, status)"
                        " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (task, sop_instance)"
                        " DO UPDATE SET outcome = ?3, status = ?4",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, task->id);
    db_bind_text(s, 2, slice_str(instance));
    db_bind_i64(s, 3, outcome);
    db_bind_i64(s, 4, status);
    return db_run(s, e);
}

static int count_marked(struct db *db, const struct route_task *task, size_t count,
                        enum route_outcome outcome, usec now, struct err *e) {
    const int64_t n = (int64_t)count;
    const int64_t numbers[] = {task->id,
                               task->run,
                               ROUTE_SENDING,
                               outcome == ROUTE_SENT ? n : 0,
                               outcome == ROUTE_PRESENT ? n : 0,
                               outcome == ROUTE_NOT_TAKEN ? n : 0,
                               now};
    // An instance that got through renews the patience with a station.
    int rc = run(db,
                 "UPDATE route_task SET sent = sent + ?4, present = present + ?5,"
                 " failed = failed + ?6, attempts = CASE WHEN ?4 > 0 THEN 0 ELSE attempts END,"
                 " fruitless_since = CASE WHEN ?4 > 0 THEN ?7 ELSE fruitless_since END"
                 " WHERE id = ?1 AND run = ?2 AND state = ?3",
                 numbers, 7, e);
    if (rc == E_OK && db_changes(db) == 0) {
        return err_set(e, E_CANCELLED, "called off");
    }
    return rc;
}

int route_queue_mark(struct db *db, const struct route_task *task, const char *const *instances,
                     size_t count, enum route_outcome outcome, uint16_t status, usec now,
                     struct err *e) {
    int rc = db_begin(db, e);
    for (size_t i = 0; i < count && rc == E_OK; i++) {
        rc = mark_one(db, task, instances[i], outcome, status, e);
    }
    rc = rc == E_OK ? count_marked(db, task, count, outcome, now, e) : rc;
    // What a station took stays known, also of a task that was called off meanwhile.
    if (rc == E_OK || (rc == E_CANCELLED && e->code == E_CANCELLED)) {
        struct err why = *e;
        int kept = db_commit(db, e);
        if (kept == E_OK) {
            *e = why;
            return rc;
        }
        return kept;
    }
    db_rollback(db);
    return rc;
}

int route_queue_patience(struct db *db, const struct route_task *task, unsigned *ret_attempts,
                         usec *ret_fruitless_since, struct err *e) {
    struct db_stmt *s;
    int rc =
        db_prepare(db, "SELECT attempts, fruitless_since FROM route_task WHERE id = ?1", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, task->id);
    rc = db_step(s, e);
    if (rc == 1) {
        *ret_attempts = (unsigned)db_i64(s, 0);
        *ret_fruitless_since = db_i64(s, 1);
    }
    db_reset(s);
    return rc == 0  ? err_set(e, E_NOT_FOUND, "task %lld is gone", (long long)task->id)
           : rc < 0 ? rc
                    : E_OK;
}

int route_queue_end(struct db *db, const struct route_task *task, enum route_event event,
                    const char *words, usec next_at, usec now, struct err *e) {
    enum route_state to;
    struct db_stmt *s;
    if (!route_move(ROUTE_SENDING, event, &to)) {
        return err_set(e, E_INTERNAL, "task %lld cannot end so", (long long)task->id);
    }
    int rc =
        db_prepare(db,
                   "UPDATE route_task SET state = ?4, words = ?5, next_at = ?6,"
                   " finished = ?7, attempts = CASE WHEN ?8 THEN attempts + 1 ELSE attempts END"
                   " WHERE id = ?1 AND run = ?2 AND state = ?3",
                   &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, task->id);
    db_bind_i64(s, 2, task->run);
    db_bind_i64(s, 3, ROUTE_SENDING);
    db_bind_i64(s, 4, to);
    db_bind_text(s, 5, slice_first(slice_str(words), ROUTE_WORDS_MAX));
    db_bind_i64(s, 6, next_at);
    db_bind_i64(s, 7, route_state_over(to) ? now : 0);
    db_bind_i64(s, 8, event == ROUTE_BROKE_OFF || event == ROUTE_GAVE_UP);
    return db_run(s, e);
}
