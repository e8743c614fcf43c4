// SPDX-License-Identifier: Apache-2.0
// Rows and keys of deliveries. Their ends: delivery_end.c; reading for people: delivery_rows.c.
#include "archive/delivery.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/archive_priv.h"
#include "archive/delivery_priv.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "db/db.h"
#include "gate/delivery.h"
#include "gate/profile.h"
#include "store/store.h"

#define DAY (86400 * CLOCK_SECOND)
#define HOLD_DAYS_AS_SENT 28

const char *delivery_state_word(int state) {
    static const char *const words[DELIVERY_STATE_COUNT] = {
#define X(name, word) [DELIVERY_##name] = word,
        DELIVERY_STATE_LIST(X)
#undef X
    };
    return state >= 0 && state < DELIVERY_STATE_COUNT ? words[state] : "unknown";
}

// --- who works on which

struct delivery_use {
    char id[SEAL_DELIVERY_LEN + 1];
    unsigned users;
};

struct delivery_uses {
    pthread_mutex_t lock;
    struct delivery_use list[DELIVERY_USES_MAX];
    size_t count;
};

struct delivery_uses *delivery_uses_new(void) {
    struct delivery_uses *u = mem_zalloc(sizeof *u);
    if (u != NULL) {
        (void)pthread_mutex_init(&u->lock, NULL);
    }
    return u;
}

void delivery_uses_free(struct delivery_uses *u) {
    if (u != NULL) {
        (void)pthread_mutex_destroy(&u->lock);
        mem_free(u);
    }
}

static struct delivery_use *find_use(struct delivery_uses *u, const char *id) {
    for (size_t i = 0; i < u->count; i++) {
        if (strcmp(u->list[i].id, id) == 0) {
            return &u->list[i];
        }
    }
    return NULL;
}

static int use(struct archive *a, const char *id, struct err *e) {
    struct delivery_uses *u = archive_delivery_uses(a);
    (void)pthread_mutex_lock(&u->lock);
    struct delivery_use *one = find_use(u, id);
    if (one == NULL && u->count < DELIVERY_USES_MAX) {
        one = &u->list[u->count++];
        *one = (struct delivery_use){0};
        (void)snprintf(one->id, sizeof one->id, "%s", id);
    }
    if (one != NULL) {
        one->users++;
    }
    (void)pthread_mutex_unlock(&u->lock);
    return one != NULL ? E_OK : err_set(e, E_BUSY, "too many deliveries at once");
}

static void unuse(struct delivery_uses *u, const char *id) {
    (void)pthread_mutex_lock(&u->lock);
    struct delivery_use *one = find_use(u, id);
    if (one != NULL && --one->users == 0) {
        *one = u->list[--u->count];
    }
    (void)pthread_mutex_unlock(&u->lock);
}

bool delivery_in_use(struct archive *a, const char *id) {
    struct delivery_uses *u = archive_delivery_uses(a);
    (void)pthread_mutex_lock(&u->lock);
    bool used = find_use(u, id) != NULL;
    (void)pthread_mutex_unlock(&u->lock);
    return used;
}

// --- taking one up, or a new one

static struct hash source_hash(struct seal_key *k, const struct delivery_from *from) {
    return seal_mac(k, from->door, from->source);
}

static int find_open(struct db *db, const struct delivery_from *from, const struct hash *source,
                     usec since, char id[SEAL_DELIVERY_LEN + 1], struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "SELECT id FROM delivery WHERE door = ?1 AND source = ?2 AND state = 0"
                        " AND last >= ?3 AND key_gone = 0 ORDER BY last DESC LIMIT 1",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(from->door));
    db_bind_blob(s, 2, slice_of(source->bytes, HASH_LEN));
    db_bind_i64(s, 3, since);
    rc = db_step(s, e);
    if (rc == 1) {
        delivery_copy(id, SEAL_DELIVERY_LEN + 1, db_text(s, 0));
        db_reset(s);
    }
    return rc;
}

static void name_it(char id[SEAL_DELIVERY_LEN + 1]) {
    static const char digits[] = "0123456789abcdef";
    struct rng r = rng_kernel();
    uint8_t bytes[SEAL_DELIVERY_LEN];
    rng_bytes(&r, bytes, sizeof bytes);
    for (size_t i = 0; i < SEAL_DELIVERY_LEN; i++) {
        id[i] = digits[bytes[i] & 15];
    }
    id[SEAL_DELIVERY_LEN] = '\0';
}

static int insert(struct archive *a, struct db *db, const struct delivery_from *from,
                  const struct hash *source, const char *id, struct err *e) {
    const struct gate_profile *profile = archive_profile(a);
    usec now = clock_now(archive_clock(a));
    usec days = profile == NULL ? HOLD_DAYS_AS_SENT : (usec)profile->hold_days;
    char words[160] = "as sent";
    struct db_stmt *s;
    if (profile != NULL) {
        (void)snprintf(words, sizeof words, "%.60s %s", profile->name, profile->digest);
    }
    int rc = db_prepare(db,
                        "INSERT INTO delivery (id, door, source, label, state, begun, last, ended,"
                        " expires, key_gone, profile) VALUES (?, ?, ?, ?, 0, ?5, ?5, 0, ?6, 0, ?7)",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(id));
    db_bind_text(s, 2, slice_str(from->door));
    db_bind_blob(s, 3, slice_of(source->bytes, HASH_LEN));
    db_bind_text(s, 4, slice_first(slice_str(from->label), DELIVERY_LABEL_MAX));
    db_bind_i64(s, 5, now);
    db_bind_i64(s, 6, now + days * DAY);
    db_bind_text(s, 7, slice_str(words));
    return db_run(s, e);
}

static int keys_of(struct delivery *d, struct err *e) {
    d->gate = gate_key_new();
    if (d->gate == NULL) {
        return err_set(e, E_MEMORY, "no locked memory for a key");
    }
    seal_key_derive(d->seal, "pseudonyms", d->gate->bytes);
    return E_OK;
}

// In a transaction, so that two of one source share a delivery.
static int take(struct archive *a, struct db *db, const struct delivery_from *from,
                const struct hash *source, struct delivery *d, struct err *e) {
    struct store *store = archive_store(a);
    usec since = from->quiet == 0 ? 0 : clock_now(archive_clock(a)) - from->quiet;
    int rc = find_open(db, from, source, since, d->id, e);
    if (rc == 1) {
        rc = store_delivery_key_load(store, d->id, &d->seal, e);
        if (rc != E_NOT_FOUND) {
            return rc;
        }
        err_clear(e); // a restored catalogue without its keys: a new delivery
        rc = 0;
    }
    if (rc == 0) {
        name_it(d->id);
        rc = store_delivery_key_make(store, d->id, &d->seal, e);
        rc = rc == E_OK ? insert(a, db, from, source, d->id, e) : rc;
    }
    return rc;
}

int delivery_take(struct archive *a, const struct delivery_from *from, struct delivery **ret_d,
                  struct err *e) {
    struct seal_key *sources = NULL;
    struct delivery *d = mem_zalloc(sizeof *d);
    int rc = d == NULL ? err_set(e, E_MEMORY, "delivery")
                       : store_seal_key(archive_store(a), "sources", &sources, e);
    if (rc != E_OK) {
        mem_free(d);
        return rc;
    }
    struct hash source = source_hash(sources, from);
    seal_key_free(sources);
    struct db *db = archive_writer(a);
    rc = db_begin(db, e);
    rc = rc == E_OK ? take(a, db, from, &source, d, e) : rc;
    rc = rc == E_OK ? use(a, d->id, e) : rc;
    d->uses = rc == E_OK ? archive_delivery_uses(a) : NULL;
    rc = rc == E_OK ? db_commit(db, e) : rc;
    archive_writer_done(a);
    rc = rc == E_OK ? keys_of(d, e) : rc;
    if (rc != E_OK) {
        delivery_free(d);
        return rc;
    }
    *ret_d = d;
    return E_OK;
}

int delivery_load(struct archive *a, const char *id, struct delivery **ret_d, struct err *e) {
    struct delivery *d = mem_zalloc(sizeof *d);
    if (d == NULL) {
        return err_set(e, E_MEMORY, "delivery");
    }
    (void)snprintf(d->id, sizeof d->id, "%s", id);
    int rc = use(a, id, e);
    d->uses = rc == E_OK ? archive_delivery_uses(a) : NULL;
    rc = rc == E_OK ? store_delivery_key_load(archive_store(a), id, &d->seal, e) : rc;
    rc = rc == E_OK ? keys_of(d, e) : rc;
    if (rc != E_OK) {
        delivery_free(d);
        return rc == E_NOT_FOUND
                   ? err_set(e, E_NOT_FOUND, "the key of delivery %s was destroyed", id)
                   : rc;
    }
    *ret_d = d;
    return E_OK;
}

void delivery_free(struct delivery *d) {
    if (d != NULL) {
        if (d->uses != NULL) {
            unuse(d->uses, d->id);
        }
        gate_key_destroy(d->gate);
        seal_key_free(d->seal);
        mem_free(d);
    }
}

// --- what one statement does

int delivery_write(struct archive *a, int (*write)(struct db *db, void *context, struct err *e),
                   void *context, struct err *e) {
    struct db *db = archive_writer(a);
    int rc = db_begin(db, e);
    rc = rc == E_OK ? write(db, context, e) : rc;
    rc = rc == E_OK ? db_commit(db, e) : rc;
    archive_writer_done(a);
    return rc;
}

struct touching {
    const char *id;
    usec now;
};

static int touch(struct db *db, void *context, struct err *e) {
    const struct touching *t = context;
    struct db_stmt *s;
    int rc = db_prepare(db, "UPDATE delivery SET last = ?2 WHERE id = ?1", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(t->id));
    db_bind_i64(s, 2, t->now);
    return db_run(s, e);
}

int delivery_touch(struct archive *a, const char *id, struct err *e) {
    struct touching t = {id, clock_now(archive_clock(a))};
    return delivery_write(a, touch, &t, e);
}

// --- counts

struct adding {
    const char *id;
    const struct gate_tally *tally;
};

static int add(struct db *db, const char *id, const char *what, uint64_t count, bool most,
               struct err *e) {
    struct db_stmt *s;
    if (count == 0) {
        return E_OK;
    }
    const char *sql = most ? "INSERT INTO delivery_count (delivery, what, count) VALUES (?, ?, ?)"
                             " ON CONFLICT (delivery, what)"
                             " DO UPDATE SET count = max(count, excluded.count)"
                           : "INSERT INTO delivery_count (delivery, what, count) VALUES (?, ?, ?)"
                             " ON CONFLICT (delivery, what)"
                             " DO UPDATE SET count = count + excluded.count";
    int rc = db_prepare(db, sql, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(id));
    db_bind_text(s, 2, slice_str(what));
    db_bind_i64(s, 3, (int64_t)count);
    return db_run(s, e);
}

static int add_lists(struct db *db, const char *id, const struct gate_tally *t, struct err *e) {
    char what[64];
    int rc = E_OK;
    for (int i = 0; i < GATE_KIND_COUNT && rc == E_OK; i++) {
        (void)snprintf(what, sizeof what, "kind:%s", gate_kind_code((enum gate_kind)i));
        rc = add(db, id, what, t->kinds[i], false, e);
    }
    for (int i = 1; i < GATE_REASON_COUNT && rc == E_OK; i++) {
        (void)snprintf(what, sizeof what, "reason:%s", gate_reason_code((enum gate_reason)i));
        rc = add(db, id, what, t->reasons[i], false, e);
    }
    for (int i = 0; i < 13 && rc == E_OK; i++) {
        (void)snprintf(what, sizeof what, "method:%d", 113100 + i);
        rc = add(db, id, what, t->methods[i], false, e);
    }
    return rc;
}

static int add_all(struct db *db, void *context, struct err *e) {
    const struct adding *adding = context;
    const struct gate_tally *t = adding->tally;
    const struct {
        const char *what;
        uint64_t count;
        bool most;
    } rows[] = {{"bytes", t->bytes, false},
                {"failed", t->failed, false},
                {"frames-examined", t->frames_examined, false},
                {"boxes-blacked", t->boxes_blacked, false},
                {"frames-defaced", t->frames_defaced, false},
                {"risk-max", t->risk_max, true}};
    int rc = add_lists(db, adding->id, t, e);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && rc == E_OK; i++) {
        rc = add(db, adding->id, rows[i].what, rows[i].count, rows[i].most, e);
    }
    return rc;
}

int delivery_add_tally(struct archive *a, const char *id, const struct gate_tally *tally,
                       struct err *e) {
    struct adding adding = {id, tally};
    return delivery_write(a, add_all, &adding, e);
}
