// SPDX-License-Identifier: Apache-2.0
// The table of storage commitment requests.
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "base/buf.h"
#include "base/err.h"
#include "db/db.h"
#include "node/commitment.h"
#include "node/node.h"

static void copy_text(char *out, size_t size, struct slice text) {
    size_t len = text.len < size - 1 ? text.len : size - 1;
    if (len > 0) {
        memcpy(out, text.ptr, len);
    }
    out[len] = '\0';
}

static int insert(struct db *db, const struct commitment_row *row, struct buf *references,
                  usec next_try, int64_t *ret_id, struct err *e) {
    struct db_stmt *s;
    if (db_prepare(db,
                   "INSERT INTO commitment (transaction_uid, peer, received, tries, next_try,"
                   " answered, failure, report) VALUES (?, ?, ?, 0, ?, 0, '', ?)",
                   &s, e) != E_OK) {
        return e->code;
    }
    db_bind_text(s, 1, slice_str(row->transaction));
    db_bind_text(s, 2, slice_str(row->peer));
    db_bind_i64(s, 3, row->received);
    db_bind_i64(s, 4, next_try);
    db_bind_blob(s, 5, buf_slice(references));
    int rc = db_run(s, e);
    *ret_id = db_last_id(db);
    return rc;
}

int commitment_put(struct node *n, const struct commitment_row *row, struct buf *references,
                   usec next_try, int64_t *ret_id, struct err *e) {
    struct db *db = archive_writer(node_archive(n));
    int64_t id = 0;
    int rc = db_begin(db, e);
    rc = rc == E_OK ? insert(db, row, references, next_try, &id, e) : rc;
    rc = rc == E_OK ? db_commit(db, e) : rc;
    archive_writer_done(node_archive(n));
    if (rc == E_OK) {
        *ret_id = id;
    }
    return rc;
}

static void read_row(struct db_stmt *s, struct commitment_row *row) {
    memset(row, 0, sizeof *row);
    row->id = db_i64(s, 0);
    copy_text(row->transaction, sizeof row->transaction, db_text(s, 1));
    copy_text(row->peer, sizeof row->peer, db_text(s, 2));
    row->received = db_i64(s, 3);
    row->tries = db_i64(s, 4);
}

static int one_row(struct db *db, const char *sql, int64_t value, struct commitment_row *ret_row,
                   struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, sql, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, value);
    rc = db_step(s, e);
    if (rc == 1) {
        read_row(s, ret_row);
        db_reset(s);
    }
    return rc;
}

#define ROW_SQL "SELECT id, transaction_uid, peer, received, tries FROM commitment WHERE "

int commitment_due(struct db *db, usec now, struct commitment_row *ret_row, struct err *e) {
    return one_row(db, ROW_SQL "answered = 0 AND next_try <= ? ORDER BY tries, next_try LIMIT 1",
                   now, ret_row, e);
}

int commitment_row_read(struct db *db, int64_t id, struct commitment_row *ret_row, struct err *e) {
    return one_row(db, ROW_SQL "id = ? AND answered = 0", id, ret_row, e);
}

int commitment_references(struct db *db, int64_t id, struct buf *out, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, "SELECT report FROM commitment WHERE id = ?", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, id);
    rc = db_step(s, e);
    if (rc == 1) {
        buf_put_slice(out, db_blob(s, 0));
        db_reset(s);
        return buf_check(out, "storage commitment request", e);
    }
    return rc < 0 ? rc : err_set(e, E_NOT_FOUND, "no such storage commitment request");
}

// --- changes

static int update(struct node *n, const char *sql, int64_t id, const int64_t numbers[2],
                  const char *failure, struct err *e) {
    struct db *db = archive_writer(node_archive(n));
    struct db_stmt *s;
    int rc = db_begin(db, e);
    rc = rc == E_OK ? db_prepare(db, sql, &s, e) : rc;
    if (rc == E_OK) {
        db_bind_i64(s, 1, id);
        db_bind_i64(s, 2, numbers[0]);
        db_bind_i64(s, 3, numbers[1]);
        db_bind_text(s, 4, slice_str(failure));
        rc = db_run(s, e);
    }
    rc = rc == E_OK ? db_commit(db, e) : rc;
    archive_writer_done(node_archive(n));
    return rc;
}

int commitment_over(struct node *n, int64_t id, usec now, const char *failure, struct err *e) {
    const int64_t numbers[2] = {now, 1};
    return update(n,
                  "UPDATE commitment SET answered = ?2, tries = tries + ?3, failure = ?4,"
                  " report = NULL WHERE id = ?1",
                  id, numbers, failure, e);
}

int commitment_later(struct node *n, int64_t id, usec next_try, int64_t tries, const char *failure,
                     struct err *e) {
    const int64_t numbers[2] = {next_try, tries};
    return update(n,
                  "UPDATE commitment SET next_try = ?2, tries = ?3, failure = ?4"
                  " WHERE id = ?1 AND answered = 0",
                  id, numbers, failure, e);
}

int commitment_peer_later(struct node *n, const char *peer, usec now, usec next_try, int64_t tries,
                          struct err *e) {
    struct db *db = archive_writer(node_archive(n));
    struct db_stmt *s;
    int rc = db_begin(db, e);
    rc = rc == E_OK ? db_prepare(db,
                                 "UPDATE commitment SET next_try = ?3, tries = max(tries, ?4)"
                                 " WHERE answered = 0 AND next_try <= ?2 AND peer = ?1",
                                 &s, e)
                    : rc;
    if (rc == E_OK) {
        db_bind_text(s, 1, slice_str(peer));
        db_bind_i64(s, 2, now);
        db_bind_i64(s, 3, next_try);
        db_bind_i64(s, 4, tries);
        rc = db_run(s, e);
    }
    rc = rc == E_OK ? db_commit(db, e) : rc;
    archive_writer_done(node_archive(n));
    return rc;
}
