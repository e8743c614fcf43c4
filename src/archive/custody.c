// SPDX-License-Identifier: Apache-2.0
#include "archive/custody.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "base/err.h"
#include "db/db.h"
#include "store/store.h"

#define KEY_NAME "custody"

const char *custody_state_word(int state) {
    static const char *const words[CUSTODY_STATE_COUNT] = {
#define X(name, word) [CUSTODY_##name] = word,
        CUSTODY_STATE_LIST(X)
#undef X
    };
    return state >= 0 && state < CUSTODY_STATE_COUNT ? words[state] : "unknown";
}

int custody_key_load(struct store *s, struct custody_key *ret_key, struct err *e) {
    return store_key(s, KEY_NAME, ret_key->bytes, sizeof ret_key->bytes, e);
}

struct hash custody_instance_key(const struct custody_key *key, struct slice sop_instance) {
    struct hash h = {{0}};
    unsigned len = HASH_LEN;
    (void)HMAC(EVP_sha256(), key->bytes, sizeof key->bytes, sop_instance.ptr, sop_instance.len,
               h.bytes, &len);
    return h;
}

// --- writing

static struct slice hash_slice(const struct hash *h) { return slice_of(h->bytes, HASH_LEN); }

static bool is_set(const struct hash *h) {
    static const struct hash none;
    return !hash_eq(h, &none);
}

int custody_add(struct db *writer, const struct custody_row *row, struct err *e) {
    struct db_stmt *s;
    if (db_prepare(writer,
                   "INSERT INTO custody (id, received, peer, sop_class, instance_key, arrival,"
                   " bytes, state, decided, object, reason, words, delivery)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?)"
                   " ON CONFLICT (id) DO NOTHING",
                   &s, e) != E_OK) {
        return e->code;
    }
    db_bind_i64(s, 1, (int64_t)row->number);
    db_bind_i64(s, 2, row->received);
    db_bind_text(s, 3, slice_str(row->peer));
    db_bind_text(s, 4, slice_str(row->sop_class));
    db_bind_blob(s, 5, hash_slice(&row->instance_key));
    db_bind_blob(s, 6, hash_slice(&row->arrival));
    db_bind_i64(s, 7, (int64_t)row->bytes);
    db_bind_i64(s, 8, row->state);
    db_bind_i64(s, 9, row->decided);
    db_bind_text(s, 10, slice_str(row->reason));
    db_bind_text(s, 11, slice_str(row->words));
    db_bind_text(s, 12, slice_str(row->delivery));
    return db_run(s, e);
}

int custody_decide(struct db *writer, const struct custody_row *row, struct err *e) {
    struct db_stmt *s;
    if (db_prepare(writer,
                   "UPDATE custody SET state = ?2, decided = ?3, object = ?4, reason = ?5,"
                   " words = ?6, hold = ?7 WHERE id = ?1",
                   &s, e) != E_OK) {
        return e->code;
    }
    db_bind_i64(s, 1, (int64_t)row->number);
    db_bind_i64(s, 2, row->state);
    db_bind_i64(s, 3, row->decided);
    db_bind_blob(s, 4, is_set(&row->object) ? hash_slice(&row->object) : (struct slice){0});
    db_bind_text(s, 5, slice_str(row->reason));
    db_bind_text(s, 6, slice_str(row->words));
    db_bind_i64(s, 7, row->hold);
    return db_run(s, e);
}

int custody_decide_hold(struct db *writer, int64_t hold, enum custody_state state, usec decided,
                        const struct hash *object, const char *reason, const char *words,
                        struct err *e) {
    struct db_stmt *s;
    if (db_prepare(writer,
                   "UPDATE custody SET state = ?2, decided = ?3, object = ?4, reason = ?5,"
                   " words = ?6 WHERE hold = ?1 AND hold <> 0",
                   &s, e) != E_OK) {
        return e->code;
    }
    db_bind_i64(s, 1, hold);
    db_bind_i64(s, 2, (int64_t)state);
    db_bind_i64(s, 3, decided);
    db_bind_blob(s, 4, object != NULL ? hash_slice(object) : (struct slice){0});
    db_bind_text(s, 5, slice_str(reason));
    db_bind_text(s, 6, slice_first(slice_str(words), CUSTODY_WORDS_MAX));
    return db_run(s, e);
}

static int wish(struct db *db, uint64_t number, enum custody_state state, struct err *e) {
    struct custody_row row;
    int rc = custody_find(db, number, &row, e);
    if (rc != 1) {
        return rc < 0 ? rc : err_set(e, E_NOT_FOUND, "no arrival with that number");
    }
    if (row.state != CUSTODY_HELD && row.state != CUSTODY_REFUSED &&
        row.state != CUSTODY_CONFLICT) {
        return err_set(e, E_CONFLICT, "the arrival is not held: its state is '%s'",
                       custody_state_word(row.state));
    }
    if (row.hold != 0) {
        return err_set(e, E_CONFLICT, "a person decides on it: `maclab hold show %lld`",
                       (long long)row.hold);
    }
    row.state = (int)state;
    return custody_decide(db, &row, e);
}

int custody_wish(struct archive *a, uint64_t number, enum custody_state state, struct err *e) {
    struct db *db = archive_writer(a);
    int rc = db_begin(db, e);
    rc = rc == E_OK ? wish(db, number, state, e) : rc;
    rc = rc == E_OK ? db_commit(db, e) : rc;
    archive_writer_done(a);
    return rc;
}

// --- reading

#define ROW_SQL                                                                                    \
    "SELECT id, received, peer, sop_class, instance_key, arrival, bytes, state, decided, object,"  \
    " reason, words, delivery, hold FROM custody "

static void copy_text(char *out, size_t size, struct slice text) {
    size_t len = text.len < size - 1 ? text.len : size - 1;
    if (len > 0) {
        memcpy(out, text.ptr, len);
    }
    out[len] = '\0';
}

static void copy_hash(struct hash *out, struct slice bytes) {
    memset(out, 0, sizeof *out);
    if (bytes.len == HASH_LEN) {
        memcpy(out->bytes, bytes.ptr, HASH_LEN);
    }
}

static void read_row(struct db_stmt *s, struct custody_row *row) {
    memset(row, 0, sizeof *row);
    row->number = (uint64_t)db_i64(s, 0);
    row->received = db_i64(s, 1);
    copy_text(row->peer, sizeof row->peer, db_text(s, 2));
    copy_text(row->sop_class, sizeof row->sop_class, db_text(s, 3));
    copy_hash(&row->instance_key, db_blob(s, 4));
    copy_hash(&row->arrival, db_blob(s, 5));
    row->bytes = (uint64_t)db_i64(s, 6);
    row->state = (int)db_i64(s, 7);
    row->decided = db_i64(s, 8);
    copy_hash(&row->object, db_blob(s, 9));
    copy_text(row->reason, sizeof row->reason, db_text(s, 10));
    copy_text(row->words, sizeof row->words, db_text(s, 11));
    copy_text(row->delivery, sizeof row->delivery, db_text(s, 12));
    row->hold = db_i64(s, 13);
}

int custody_find(struct db *db, uint64_t number, struct custody_row *ret_row, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, ROW_SQL "WHERE id = ?", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, (int64_t)number);
    rc = db_step(s, e);
    if (rc == 1) {
        read_row(s, ret_row);
        db_reset(s);
    }
    return rc;
}

int custody_last(struct db *db, uint64_t *ret_number, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, "SELECT coalesce(max(id), 0) FROM custody", &s, e);
    rc = rc == E_OK ? db_step(s, e) : rc;
    if (rc == 1) {
        *ret_number = (uint64_t)db_i64(s, 0);
        db_reset(s);
    }
    return rc < 0 ? rc : E_OK;
}

int custody_each(struct db *db, unsigned states, int (*visit)(const struct custody_row *, void *),
                 void *context, struct err *e) {
    struct db_stmt *s;
    struct custody_row row;
    for (int state = 0; state < CUSTODY_STATE_COUNT; state++) {
        if ((states & 1U << state) == 0) {
            continue;
        }
        int rc = db_prepare(db, ROW_SQL "WHERE state = ? ORDER BY id", &s, e);
        if (rc != E_OK) {
            return rc;
        }
        db_bind_i64(s, 1, state);
        while ((rc = db_step(s, e)) == 1) {
            read_row(s, &row);
            int answer = visit(&row, context);
            if (answer != 0) {
                db_reset(s);
                return answer;
            }
        }
        if (rc < 0) {
            return rc;
        }
    }
    return E_OK;
}

// --- answering

#define ASK_SQL                                                                                    \
    "SELECT sop_class, state, object IS NOT NULL AND"                                              \
    " EXISTS (SELECT 1 FROM instance i WHERE i.object = custody.object)"                           \
    " FROM custody WHERE instance_key = ?"

static enum custody_answer answer_of(int64_t state, bool in_archive) {
    switch (state) {
    case CUSTODY_WAITING:
    case CUSTODY_RETRY:
        return CUSTODY_WAITS;
    case CUSTODY_HELD:
        return CUSTODY_PERSON;
    case CUSTODY_RELEASED:
        return in_archive ? CUSTODY_SAFE : CUSTODY_UNKNOWN;
    default:
        return CUSTODY_NOT_KEPT;
    }
}

// Of several arrivals of one instance the best counts.
static int rank(enum custody_answer answer) {
    static const int ranks[] = {[CUSTODY_SAFE] = 5,  [CUSTODY_WAITS] = 4,    [CUSTODY_PERSON] = 3,
                                [CUSTODY_OTHER] = 2, [CUSTODY_NOT_KEPT] = 1, [CUSTODY_UNKNOWN] = 0};
    return ranks[answer];
}

int custody_ask(struct db *db, const struct hash *instance_key, struct slice sop_class,
                enum custody_answer *ret_answer, struct err *e) {
    struct db_stmt *s;
    enum custody_answer best = CUSTODY_UNKNOWN;
    int rc = db_prepare(db, ASK_SQL, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_blob(s, 1, hash_slice(instance_key));
    while ((rc = db_step(s, e)) == 1) {
        enum custody_answer one = answer_of(db_i64(s, 1), db_i64(s, 2) != 0);
        if ((one == CUSTODY_SAFE || one == CUSTODY_WAITS) && !slice_eq(db_text(s, 0), sop_class)) {
            one = CUSTODY_OTHER;
        }
        best = rank(one) > rank(best) ? one : best;
    }
    if (rc == E_OK) {
        *ret_answer = best;
    }
    return rc;
}
