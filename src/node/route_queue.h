// SPDX-License-Identifier: Apache-2.0
// The queue of prefetches in the catalogue: orders, their tasks (one study or series for one
// station), and what became of each instance. All of it is in tables: a server that was killed goes
// on where it was, and what a station acknowledged is not sent again. Who calls holds the
// connection; nothing here waits or talks to a network.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/slice.h"
#include "dicom/uid.h"
#include "dimse/command.h"
#include "node/route_state.h"

struct arena;
struct db;
struct err;

#define ROUTE_ITEMS_MAX 1000u // studies or series of one order
#define ROUTE_STATIONS_MAX 64u
#define ROUTE_TASKS_MAX 20000u // items times stations
#define ROUTE_WORDS_MAX 320
#define ROUTE_LIST_MAX 500u
#define ROUTE_KEEP (90 * 24 * 3600 * CLOCK_SECOND) // orders that are over

enum route_priority { ROUTE_URGENT, ROUTE_NORMAL, ROUTE_LOW, ROUTE_PRIORITY_COUNT };
const char *route_priority_text(enum route_priority p); // "urgent", "normal", "low"
bool route_priority_parse(struct slice text, enum route_priority *ret_priority);

// --- orders

struct route_item {
    const char *study;
    const char *series; // "": all of the study
};
struct route_order {
    const struct route_item *items;
    size_t item_count;
    const char *const *stations; // AE titles
    size_t station_count;
    enum route_priority priority;
    usec not_before; // 0: at once
    const char *who;
};
// What route_queue_add would refuse.
int route_queue_check(struct db *db, const struct route_order *order, struct err *e);
// Writes the order and its tasks down, durably. The same item or station named twice counts once.
// E_NOT_FOUND: a study or series is not in the catalogue; E_LIMIT; E_ARGUMENT: nothing to send.
int route_queue_add(struct db *db, const struct route_order *order, usec now, int64_t *ret_order,
                    struct err *e);

// A person calls off, or asks again for, all tasks of an order, or one (`task` 0: all). Tasks that
// cannot make that move are left alone; *ret_moved tells how many did. E_NOT_FOUND. Asking again
// begins at once, with the patience of a new order, and tries refused instances again.
int route_queue_cancel(struct db *db, int64_t order, int64_t task, usec now, size_t *ret_moved,
                       struct err *e);
int route_queue_again(struct db *db, int64_t order, int64_t task, usec now, size_t *ret_moved,
                      struct err *e);
// Orders that have been over for ROUTE_KEEP.
int route_queue_tidy(struct db *db, usec now, struct err *e);

// --- reading

struct route_task {
    int64_t id, order;
    char study[DCM_UID_MAX + 1], series[DCM_UID_MAX + 1];
    char station[DIMSE_AET_MAX + 1];
    enum route_state state;
    enum route_priority priority;
    unsigned attempts; // since the last instance that got through
    usec fruitless_since;
    usec next_at;                          // of a waiting one
    usec started;                          // 0: not yet
    usec finished;                         // 0: not yet
    int64_t run;                           // counts the attempts, all of them
    uint64_t total, sent, present, failed; // total 0: not known before the first attempt
    char words[ROUTE_WORDS_MAX + 1];       // why it waits or failed; "" when all is well
};
struct route_shown { // a task with what people call its study
    struct route_task task;
    struct slice patient, description, modalities, series_description;
};
struct route_order_shown {
    int64_t id;
    usec created, not_before;
    struct slice who;
    const struct route_shown *tasks;
    size_t task_count;
};
struct route_list {
    struct route_order_shown *orders; // newest first
    size_t order_count;
    bool more;
};
// Orders older than `before` (0: from the newest), at most `limit`. `only_order` not 0: that one
// (E_NOT_FOUND). Memory from `a`.
int route_queue_list(struct db *db, int64_t before, unsigned limit, int64_t only_order,
                     struct arena *a, struct route_list *ret_list, struct err *e);
struct route_counts {
    uint64_t tasks[ROUTE_STATE_COUNT];
};
int route_queue_count(struct db *db, struct route_counts *ret_counts, struct err *e);

// --- a sender's side

// What a killed server left as being sent waits again, due at once.
int route_queue_restart(struct db *db, usec now, struct err *e);

// Takes the most urgent, longest due task whose station has fewer than `per_station` at work. 1:
// *ret_task is being sent now; 0: none is due, *ret_next_at tells when one will be (0: none waits).
int route_queue_claim(struct db *db, unsigned per_station, usec now, struct route_task *ret_task,
                      usec *ret_next_at, struct err *e);

// Instances that need not be sent: those with an outcome. Sorted; memory from `a`.
struct route_known {
    const char (*uids)[DCM_UID_MAX + 1];
    size_t count;
    size_t refused; // of them
};
int route_queue_known(struct db *db, const struct route_task *task, struct arena *a,
                      struct route_known *ret_known, struct err *e);
bool route_known_has(const struct route_known *known, const char *sop_instance);

enum route_outcome { ROUTE_SENT, ROUTE_PRESENT, ROUTE_NOT_TAKEN };
// The attempt begins with so many instances to account for; counts are made anew.
int route_queue_begin(struct db *db, const struct route_task *task, uint64_t total, struct err *e);
// What became of instances. E_CANCELLED: the task is no longer this attempt's (called off).
int route_queue_mark(struct db *db, const struct route_task *task, const char *const *instances,
                     size_t count, enum route_outcome outcome, uint16_t status, usec now,
                     struct err *e);
// What the task knows now of attempts in vain, for the decision whether there is another.
int route_queue_patience(struct db *db, const struct route_task *task, unsigned *ret_attempts,
                         usec *ret_fruitless_since, struct err *e);
// The attempt's end, an event of route_state.h. `words`: "" when all is well. next_at is for one
// that waits again. One that was called off meanwhile stays so: E_OK.
int route_queue_end(struct db *db, const struct route_task *task, enum route_event event,
                    const char *words, usec next_at, usec now, struct err *e);
