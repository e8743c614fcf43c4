// SPDX-License-Identifier: Apache-2.0
// Reading what is known of deliveries; the rows of files and pixels.
#include <stdio.h>
#include <string.h>

#include "archive/delivery.h"
#include "archive/delivery_priv.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "db/db.h"

void delivery_copy(char *out, size_t size, struct slice text) {
    size_t len = text.len < size - 1 ? text.len : size - 1;
    if (len > 0) {
        memcpy(out, text.ptr, len);
    }
    out[len] = '\0';
}

static struct slice hash_slice(const struct hash *h) { return slice_of(h->bytes, HASH_LEN); }

// --- files

int source_find(struct db *db, const struct hash *mac, struct source_row *ret_row, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "SELECT delivery, verdict, sop_instance, study_uid, series_uid, patient,"
                        " hold FROM source WHERE mac = ?",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_blob(s, 1, hash_slice(mac));
    rc = db_step(s, e);
    if (rc == 1) {
        *ret_row = (struct source_row){.mac = *mac, .verdict = (int)db_i64(s, 1)};
        delivery_copy(ret_row->delivery, sizeof ret_row->delivery, db_text(s, 0));
        delivery_copy(ret_row->sop_instance, sizeof ret_row->sop_instance, db_text(s, 2));
        delivery_copy(ret_row->study, sizeof ret_row->study, db_text(s, 3));
        delivery_copy(ret_row->series, sizeof ret_row->series, db_text(s, 4));
        delivery_copy(ret_row->patient, sizeof ret_row->patient, db_text(s, 5));
        ret_row->hold = db_i64(s, 6);
        db_reset(s);
    }
    return rc;
}

int source_put(struct db *writer, const struct source_row *row, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(writer,
                        "INSERT OR REPLACE INTO source (mac, delivery, verdict, sop_instance,"
                        " study_uid, series_uid, patient, hold) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_blob(s, 1, hash_slice(&row->mac));
    db_bind_text(s, 2, slice_str(row->delivery));
    db_bind_i64(s, 3, row->verdict);
    db_bind_text(s, 4, slice_str(row->sop_instance));
    db_bind_text(s, 5, slice_str(row->study));
    db_bind_text(s, 6, slice_str(row->series));
    db_bind_text(s, 7, slice_str(row->patient));
    db_bind_i64(s, 8, row->hold);
    return db_run(s, e);
}

int source_count_series(struct db *db, const char *series, uint32_t *ret_count, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "SELECT (SELECT coalesce(sum(instance_count), 0) FROM series"
                        "         WHERE series_uid = ?1)"
                        " + (SELECT count(*) FROM hold WHERE series_uid = ?1 AND state <= 1)",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(series));
    rc = db_step(s, e);
    if (rc == 1) {
        int64_t count = db_i64(s, 0);
        *ret_count = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
        db_reset(s);
    }
    return rc < 0 ? rc : E_OK;
}

// --- pixels

int pixels_find(struct db *db, const struct hash *digest, const char *delivery, bool *ret_known,
                struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "SELECT 1 FROM pixels p WHERE digest = ?1 AND delivery <> ?2 AND EXISTS"
                        " (SELECT 1 FROM instance i WHERE i.sop_instance = p.sop_instance) LIMIT 1",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_blob(s, 1, hash_slice(digest));
    db_bind_text(s, 2, slice_str(delivery));
    rc = db_step(s, e);
    if (rc >= 0) {
        *ret_known = rc == 1;
        db_reset(s);
    }
    return rc < 0 ? rc : E_OK;
}

int pixels_put(struct db *writer, const struct hash *digest, const char *sop_instance,
               const char *delivery, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(writer,
                        "INSERT OR REPLACE INTO pixels (digest, sop_instance, delivery)"
                        " VALUES (?, ?, ?)",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_blob(s, 1, hash_slice(digest));
    db_bind_text(s, 2, slice_str(sop_instance));
    db_bind_text(s, 3, slice_str(delivery));
    return db_run(s, e);
}

// --- for people

#define ROW_SQL                                                                                    \
    "SELECT id, door, label, state, begun, ended, expires, key_gone, certificate IS NOT NULL,"     \
    " (SELECT count(*) FROM source s WHERE s.delivery = d.id),"                                    \
    " (SELECT count(*) FROM source s WHERE s.delivery = d.id AND s.verdict = 0),"                  \
    " (SELECT count(*) FROM source s WHERE s.delivery = d.id AND s.verdict = 1),"                  \
    " (SELECT count(*) FROM source s WHERE s.delivery = d.id AND s.verdict = 2) FROM delivery d "

static void read_row(struct db_stmt *s, struct delivery_row *row) {
    *row = (struct delivery_row){.state = (int)db_i64(s, 3),
                                 .begun = db_i64(s, 4),
                                 .ended = db_i64(s, 5),
                                 .expires = db_i64(s, 6),
                                 .key_gone = db_i64(s, 7) != 0,
                                 .has_certificate = db_i64(s, 8) != 0,
                                 .files = (uint64_t)db_i64(s, 9),
                                 .released = (uint64_t)db_i64(s, 10),
                                 .held = (uint64_t)db_i64(s, 11),
                                 .refused = (uint64_t)db_i64(s, 12)};
    delivery_copy(row->id, sizeof row->id, db_text(s, 0));
    delivery_copy(row->door, sizeof row->door, db_text(s, 1));
    delivery_copy(row->label, sizeof row->label, db_text(s, 2));
}

int delivery_find(struct db *db, const char *id, struct delivery_row *ret_row, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, ROW_SQL "WHERE id = ?", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(id));
    rc = db_step(s, e);
    if (rc == 1) {
        read_row(s, ret_row);
        db_reset(s);
    }
    return rc == 0 ? err_set(e, E_NOT_FOUND, "there is no such delivery") : rc < 0 ? rc : E_OK;
}

#define STATE_SQL "(?1 < 0 OR (state = 2) = (?1 > 0))"

static int count_all(struct db *db, int decided, uint64_t *ret_total, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, "SELECT count(*) FROM delivery WHERE " STATE_SQL, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, decided);
    rc = db_step(s, e);
    if (rc == 1) {
        *ret_total = (uint64_t)db_i64(s, 0);
        db_reset(s);
    }
    return rc < 0 ? rc : E_OK;
}

int delivery_list(struct db *db, int decided, uint64_t offset, uint64_t limit, struct arena *m,
                  struct delivery_row **ret_rows, size_t *ret_count, uint64_t *ret_total,
                  struct err *e) {
    struct db_stmt *s;
    size_t count = 0;
    struct delivery_row *rows = arena_array(m, (size_t)limit + 1, sizeof *rows);
    int rc =
        rows == NULL ? err_set(e, E_MEMORY, "deliveries") : count_all(db, decided, ret_total, e);
    rc = rc == E_OK ? db_prepare(db,
                                 ROW_SQL "WHERE " STATE_SQL " ORDER BY begun DESC, id"
                                         " LIMIT ?2 OFFSET ?3",
                                 &s, e)
                    : rc;
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, decided);
    db_bind_i64(s, 2, (int64_t)limit);
    db_bind_i64(s, 3, (int64_t)offset);
    while (count < limit && (rc = db_step(s, e)) == 1) {
        read_row(s, &rows[count++]);
    }
    if (rc == 1) {
        db_reset(s);
    }
    *ret_rows = rows;
    *ret_count = count;
    return rc < 0 ? rc : E_OK;
}

int delivery_counts(struct db *db, const char *id,
                    int (*visit)(struct slice what, int64_t count, void *context), void *context,
                    struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(
        db, "SELECT what, count FROM delivery_count WHERE delivery = ? ORDER BY what", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(id));
    while ((rc = db_step(s, e)) == 1) {
        int answer = visit(db_text(s, 0), db_i64(s, 1), context);
        if (answer != 0) {
            db_reset(s);
            return answer;
        }
    }
    return rc;
}

int delivery_certificate(struct db *db, const char *id, bool pdf, struct buf *out, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        pdf ? "SELECT certificate_pdf FROM delivery WHERE id = ?"
                            : "SELECT certificate FROM delivery WHERE id = ?",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, slice_str(id));
    rc = db_step(s, e);
    if (rc == 1) {
        struct slice bytes = pdf ? db_blob(s, 0) : db_text(s, 0);
        rc = bytes.ptr != NULL ? 1 : 0;
        buf_put_slice(out, bytes);
        db_reset(s);
    }
    return rc == 1   ? buf_check(out, "certificate", e)
           : rc == 0 ? err_set(e, E_NOT_FOUND, "the delivery has no certificate yet")
                     : rc;
}
