// SPDX-License-Identifier: Apache-2.0
// The ends of deliveries: nothing arrives any more, nothing waits any more, the time is over. The
// key goes before anything else, because what is encrypted under it is gone with it, wherever it
// lies.
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/archive_priv.h"
#include "archive/custody.h"
#include "archive/delivery.h"
#include "archive/delivery_certificate.h"
#include "archive/delivery_priv.h"
#include "archive/hold.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/db.h"
#include "policy/audit.h"
#include "store/held.h"
#include "store/store.h"

#define AT_ONCE 64

struct ids {
    char list[AT_ONCE][SEAL_DELIVERY_LEN + 1];
    size_t count;
};

static int read_ids(struct db_stmt *s, struct ids *ids, struct err *e) {
    int rc = E_OK;
    ids->count = 0;
    while (ids->count < AT_ONCE && (rc = db_step(s, e)) == 1) {
        delivery_copy(ids->list[ids->count++], SEAL_DELIVERY_LEN + 1, db_text(s, 0));
    }
    if (rc == 1) {
        db_reset(s);
    }
    return rc < 0 ? rc : E_OK;
}

// --- ending

struct ending {
    const char *id;
    usec now;
};

static int end(struct db *db, void *context, struct err *e) {
    const struct ending *ending = context;
    struct db_stmt *s;
    int rc = db_prepare(db, "UPDATE delivery SET state = 1, ended = ?2 WHERE id = ?1 AND state = 0",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(ending->id));
    db_bind_i64(s, 2, ending->now);
    return db_run(s, e);
}

int delivery_end(struct archive *a, const char *id, struct err *e) {
    struct ending ending = {id, clock_now(archive_clock(a))};
    return delivery_write(a, end, &ending, e);
}

static int find_quiet(struct archive *a, const char *door, usec before, struct ids *ids,
                      struct err *e) {
    struct db *db;
    struct db_stmt *s;
    int rc = archive_reader(a, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    // Nothing of it may wait for its verdict.
    rc = db_prepare(db,
                    "SELECT id FROM delivery d WHERE door = ?1 AND state = 0 AND last < ?2 AND"
                    " NOT EXISTS (SELECT 1 FROM custody c WHERE c.state = 0 AND c.delivery = d.id)",
                    &s, e);
    if (rc == E_OK) {
        db_bind_text(s, 1, slice_str(door));
        db_bind_i64(s, 2, before);
        rc = read_ids(s, ids, e);
    }
    archive_reader_done(a, db);
    return rc;
}

int delivery_end_quiet(struct archive *a, const char *door, usec quiet, struct err *e) {
    struct ids ids;
    int rc = find_quiet(a, door, clock_now(archive_clock(a)) - quiet, &ids, e);
    for (size_t i = 0; rc == E_OK && i < ids.count; i++) {
        if (!delivery_in_use(a, ids.list[i])) {
            rc = delivery_end(a, ids.list[i], e);
            rc = rc == E_OK ? delivery_settle(a, ids.list[i], e) : rc;
        }
    }
    return rc;
}

// --- what still waits

static int count(struct db *db, const char *sql, const char *id, uint64_t *ret_count,
                 struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, sql, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(id));
    rc = db_step(s, e);
    if (rc == 1) {
        *ret_count = (uint64_t)db_i64(s, 0);
        db_reset(s);
    }
    return rc < 0 ? rc : E_OK;
}

// Arrivals of the inbox whose bytes lie there: 4 conflict, 5 disposed, 1 released.
static int count_waiting(struct db *db, const char *id, uint64_t *ret_waiting, struct err *e) {
    uint64_t holds = 0, arrivals = 0;
    int rc = hold_count_waiting(db, id, &holds, e);
    rc = rc == E_OK ? count(db,
                            "SELECT count(*) FROM custody WHERE delivery = ? AND hold = 0"
                            " AND state NOT IN (1, 5)",
                            id, &arrivals, e)
                    : rc;
    *ret_waiting = holds + arrivals;
    return rc;
}

static int set_decided(struct db *db, void *context, struct err *e) {
    const struct ending *ending = context;
    struct db_stmt *s;
    int rc = db_prepare(db, "UPDATE delivery SET state = 2, key_gone = ?2 WHERE id = ?1", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(ending->id));
    db_bind_i64(s, 2, ending->now);
    return db_run(s, e);
}

static int read_state(struct archive *a, const char *id, int *ret_state, uint64_t *ret_waiting,
                      struct err *e) {
    struct delivery_row row;
    struct db *db;
    int rc = archive_reader(a, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = delivery_find(db, id, &row, e);
    rc = rc == E_OK ? count_waiting(db, id, ret_waiting, e) : rc;
    archive_reader_done(a, db);
    *ret_state = rc == E_OK ? row.state : 0;
    return rc;
}

static int destroy_key(struct archive *a, const char *id, struct err *e) {
    struct ending ending = {id, clock_now(archive_clock(a))};
    int rc = store_delivery_key_destroy(archive_store(a), id, e);
    return rc == E_OK ? delivery_write(a, set_decided, &ending, e) : rc;
}

static int forget(struct db *db, void *context, struct err *e) {
    static const char *const statements[] = {"DELETE FROM delivery_count WHERE delivery = ?",
                                             "DELETE FROM delivery WHERE id = ?"};
    int rc = E_OK;
    for (size_t i = 0; i < 2 && rc == E_OK; i++) {
        struct db_stmt *s;
        rc = db_prepare(db, statements[i], &s, e);
        if (rc == E_OK) {
            db_bind_text(s, 1, slice_str(context));
            rc = db_run(s, e);
        }
    }
    return rc;
}

// A run that found nothing new leaves nothing behind.
static int is_empty(struct archive *a, const char *id, bool *ret_empty, struct err *e) {
    uint64_t rows = 0;
    struct db *db;
    int rc = archive_reader(a, &db, e);
    if (rc == E_OK) {
        rc = count(db,
                   "SELECT (SELECT count(*) FROM source WHERE delivery = ?1)"
                   " + (SELECT count(*) FROM hold WHERE delivery = ?1)"
                   " + (SELECT count(*) FROM hold_decision WHERE delivery = ?1)"
                   " + (SELECT count(*) FROM custody WHERE delivery = ?1)"
                   " + (SELECT count(*) FROM pixels WHERE delivery = ?1)"
                   " + (SELECT count(*) FROM delivery_count WHERE delivery = ?1)",
                   id, &rows, e);
        archive_reader_done(a, db);
    }
    *ret_empty = rc == E_OK && rows == 0;
    return rc;
}

int delivery_settle(struct archive *a, const char *id, struct err *e) {
    uint64_t waiting = 0;
    int state = 0;
    bool empty = false;
    int rc = read_state(a, id, &state, &waiting, e);
    rc = rc == E_OK && state == DELIVERY_ENDED && waiting == 0 ? is_empty(a, id, &empty, e) : rc;
    if (empty) {
        rc = store_delivery_key_destroy(archive_store(a), id, e);
        return rc == E_OK ? delivery_write(a, forget, (void *)(uintptr_t)id, e) : rc;
    }
    if (rc == E_OK && state == DELIVERY_ENDED && waiting == 0) {
        rc = destroy_key(a, id, e);
    }
    return rc == E_OK && state != DELIVERY_OPEN ? delivery_certify(a, id, e) : rc;
}

static int find_ended(struct archive *a, struct ids *ids, struct err *e) {
    struct db *db;
    struct db_stmt *s;
    int rc = archive_reader(a, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = db_prepare(db,
                    "SELECT id FROM delivery d WHERE state = 1 AND NOT EXISTS"
                    " (SELECT 1 FROM hold h WHERE h.delivery = d.id AND h.state <= 1)"
                    " AND NOT EXISTS (SELECT 1 FROM custody c WHERE c.delivery = d.id"
                    " AND c.hold = 0 AND c.state NOT IN (1, 5))",
                    &s, e);
    if (rc == E_OK) {
        rc = read_ids(s, ids, e);
    }
    archive_reader_done(a, db);
    return rc;
}

int delivery_settle_ended(struct archive *a, struct err *e) {
    struct ids ids;
    int rc = find_ended(a, &ids, e);
    for (size_t i = 0; rc == E_OK && i < ids.count; i++) {
        rc = delivery_in_use(a, ids.list[i]) ? E_OK : delivery_settle(a, ids.list[i], e);
    }
    return rc;
}

// --- the time is over

static int find_expired(struct archive *a, struct ids *ids, struct err *e) {
    struct db *db;
    struct db_stmt *s;
    int rc = archive_reader(a, &db, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = db_prepare(db, "SELECT id FROM delivery WHERE key_gone = 0 AND expires <= ?", &s, e);
    if (rc == E_OK) {
        db_bind_i64(s, 1, clock_now(archive_clock(a)));
        rc = read_ids(s, ids, e);
    }
    archive_reader_done(a, db);
    return rc;
}

struct expiring {
    struct archive *archive;
    const char *id;
    usec now;
    struct hold_row *holds;
    size_t count;
};

static const char expired_words[] = "nobody decided in time: it was destroyed";

static int expire_one(struct db *db, const struct expiring *x, const struct hold_row *h,
                      struct err *e) {
    enum hold_state to;
    struct hold_decision d = {.hold = h->id,
                              .at = x->now,
                              .who = "MacLab",
                              .what = "expire",
                              .reason = expired_words,
                              .clause = "C1b",
                              .choice = "",
                              .consent = "",
                              .outcome = hold_state_word(HOLD_EXPIRED)};
    (void)snprintf(d.delivery, sizeof d.delivery, "%s", x->id);
    int rc = hold_move((enum hold_state)h->state, HOLD_EXPIRE, &to, e);
    rc = rc == E_OK ? hold_set_state(db, h->id, to, x->now, e) : rc;
    rc = rc == E_OK ? hold_decision_put(db, &d, e) : rc;
    return rc == E_OK ? custody_decide_hold(db, h->id, CUSTODY_REFUSED, x->now, NULL, "expired",
                                            expired_words, e)
                      : rc;
}

static int expire_rows(struct db *db, void *context, struct err *e) {
    const struct expiring *x = context;
    struct db_stmt *s;
    int rc = E_OK;
    for (size_t i = 0; i < x->count && rc == E_OK; i++) {
        rc = expire_one(db, x, &x->holds[i], e);
    }
    // The inbox removes its files (inbox_fulfil); what waits there is refused when it is judged.
    rc = rc == E_OK ? db_prepare(db,
                                 "UPDATE custody SET state = 7 WHERE delivery = ? AND hold = 0"
                                 " AND state IN (2, 3, 4, 6)",
                                 &s, e)
                    : rc;
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(x->id));
    rc = db_run(s, e);
    struct ending ending = {x->id, x->now};
    rc = rc == E_OK ? end(db, &ending, e) : rc;
    return rc == E_OK ? set_decided(db, &ending, e) : rc;
}

static void note(struct archive *a, const char *id) {
    const struct policy_request request = {.who = policy_console(),
                                           .action = POLICY_HOLD_EXPIRE,
                                           .what = id,
                                           .where = "keeper",
                                           .why = "upkeep"};
    struct policy_decision decision;
    (void)audit_ask(archive_audit(a), &request, &decision);
}

static int expire(struct archive *a, const char *id, uint64_t *ret_count, struct err *e) {
    struct arena m;
    struct db *db;
    uint64_t total = 0;
    struct hold_filter filter = {.delivery = slice_str(id), .limit = UINT32_MAX};
    struct expiring x = {.archive = a, .id = id, .now = clock_now(archive_clock(a))};
    arena_init(&m, (size_t)1 << 30);
    note(a, id);
    int rc = store_delivery_key_destroy(archive_store(a), id, e);
    rc = rc == E_OK ? archive_reader(a, &db, e) : rc;
    if (rc == E_OK) {
        rc = hold_list(db, &filter, &m, &x.holds, &x.count, &total, e);
        archive_reader_done(a, db);
    }
    for (size_t i = 0; i < x.count && rc == E_OK; i++) {
        struct seal_name name = hold_name(&x.holds[i]);
        rc = store_held_remove(archive_store(a), &name, e);
    }
    rc = rc == E_OK ? delivery_write(a, expire_rows, &x, e) : rc;
    *ret_count += rc == E_OK ? x.count : 0;
    arena_done(&m);
    return rc == E_OK ? delivery_certify(a, id, e) : rc;
}

int delivery_expire(struct archive *a, uint64_t *ret_count, struct err *e) {
    struct ids ids;
    *ret_count = 0;
    int rc = find_expired(a, &ids, e);
    for (size_t i = 0; rc == E_OK && i < ids.count; i++) {
        rc = delivery_in_use(a, ids.list[i]) ? E_OK : expire(a, ids.list[i], ret_count, e);
    }
    return rc;
}

// --- files of holds that no row names

struct strays {
    struct store *store;
    struct db *db;
    struct err *e;
};

static int sweep_one(const struct seal_name *name, void *context) {
    struct strays *strays = context;
    struct db_stmt *s;
    int rc = db_prepare(strays->db,
                        "SELECT 1 FROM hold WHERE delivery = ? AND number = ? AND state <= 1", &s,
                        strays->e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(name->delivery));
    db_bind_i64(s, 2, (int64_t)name->number);
    rc = db_step(s, strays->e);
    if (rc == 1) {
        db_reset(s);
        return 0;
    }
    return rc == 0 ? store_held_remove(strays->store, name, strays->e) : rc;
}

int delivery_sweep_held(struct store *store, struct db *db, struct err *e) {
    struct strays strays = {store, db, e};
    int rc = store_held_each(store, sweep_one, &strays, e);
    return rc < 0 ? rc : E_OK;
}
