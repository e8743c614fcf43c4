// SPDX-License-Identifier: Apache-2.0
// Views as rows.
#include "archive/view_source.h"

#include "archive/view.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "db/db.h"

#define AET_MAX 16

CLEANUP_DEFINE(view, struct view, view_free);

static int prepare_id(struct db *db, const char *sql, int64_t id, struct db_stmt **ret_stmt,
                      struct err *e) {
    int rc = db_prepare(db, sql, ret_stmt, e);
    if (rc == E_OK) {
        db_bind_i64(*ret_stmt, 1, id);
    }
    return rc;
}

// --- reading

static int read_studies(struct db *db, int64_t id, struct view *v, struct err *e) {
    struct db_stmt *s;
    int rc = prepare_id(db, "SELECT study_uid FROM view_study WHERE view = ?", id, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    while ((rc = db_step(s, e)) == 1) {
        rc = view_add(v, db_text(s, 0), e);
        if (rc != E_OK) {
            db_reset(s);
            return rc;
        }
    }
    return rc;
}

static int read_attributes(struct db *db, int64_t id, struct view *v, struct err *e) {
    struct db_stmt *s;
    int rc = prepare_id(db, "SELECT study_uid, tag, value FROM view_attribute WHERE view = ?", id,
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    while ((rc = db_step(s, e)) == 1) {
        rc = view_replace(v, db_text(s, 0), (dcm_tag)db_i64(s, 1), db_text(s, 2), e);
        if (rc != E_OK) {
            db_reset(s);
            return rc;
        }
    }
    return rc;
}

// 1, 0: the peer is bound to no view.
static int find_bound(struct db *db, struct slice aet, int64_t *ret_id, bool *ret_whole,
                      struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db,
                        "SELECT v.id, v.whole FROM view_peer p JOIN view v ON v.id = p.view"
                        " WHERE p.aet = ?",
                        &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, aet);
    rc = db_step(s, e);
    if (rc == 1) {
        *ret_id = db_i64(s, 0);
        *ret_whole = db_i64(s, 1) != 0;
        db_reset(s);
    }
    return rc;
}

static int open_bound(struct db *db, int64_t id, bool whole, struct view **ret_view,
                      struct err *e) {
    struct view *v CLEANUP(cleanup_view) = view_new(whole);
    if (v == NULL) {
        return err_set(e, E_MEMORY, "view");
    }
    int rc = read_studies(db, id, v, e);
    rc = rc == E_OK ? read_attributes(db, id, v, e) : rc;
    if (rc == E_OK) {
        *ret_view = steal(v);
    }
    return rc;
}

static int open_tables(void *context, struct db *db, struct slice aet, struct view **ret_view,
                       struct err *e) {
    (void)context;
    int64_t id = 0;
    bool whole = false;
    struct view *v = NULL;
    int rc = find_bound(db, aet, &id, &whole, e); // most peers have none: one look
    if (rc == 1) {
        rc = db_begin_read(db, e);
        rc = rc == E_OK ? find_bound(db, aet, &id, &whole, e) : rc;
        rc = rc == 1 ? open_bound(db, id, whole, &v, e) : rc;
        db_rollback(db);
    }
    if (rc != E_OK) {
        return err_context(e, "view of the peer");
    }
    *ret_view = v;
    return E_OK;
}

const struct view_source view_source_tables = {open_tables, NULL};

// --- filling

static int find_id(struct db *db, struct slice name, int64_t *ret_id, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, "SELECT id FROM view WHERE name = ?", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, name);
    rc = db_step(s, e);
    if (rc != 1) {
        return rc < 0 ? rc : err_set(e, E_NOT_FOUND, "no such view");
    }
    *ret_id = db_i64(s, 0);
    db_reset(s);
    return E_OK;
}

static int run_id(struct db *db, const char *sql, int64_t id, struct err *e) {
    struct db_stmt *s;
    int rc = prepare_id(db, sql, id, &s, e);
    return rc == E_OK ? db_run(s, e) : rc;
}

static int forget(struct db *db, int64_t id, struct err *e) {
    static const char *const sql[] = {
        "DELETE FROM view_peer WHERE view = ?", "DELETE FROM view_attribute WHERE view = ?",
        "DELETE FROM view_study WHERE view = ?", "DELETE FROM view WHERE id = ?"};
    int rc = E_OK;
    for (size_t i = 0; rc == E_OK && i < sizeof sql / sizeof sql[0]; i++) {
        rc = run_id(db, sql[i], id, e);
    }
    return rc;
}

int view_rows_make(struct db *db, struct slice name, bool whole, struct err *e) {
    int64_t id;
    struct db_stmt *s;
    if (name.len == 0 || name.len > VIEW_NAME_MAX) {
        return err_set(e, E_ARGUMENT, "the name of a view has 1 to %d bytes", VIEW_NAME_MAX);
    }
    int rc = find_id(db, name, &id, e);
    rc = rc == E_OK ? forget(db, id, e) : rc == E_NOT_FOUND ? E_OK : rc;
    rc = rc == E_OK ? db_prepare(db, "INSERT INTO view (name, whole) VALUES (?, ?)", &s, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, name);
    db_bind_i64(s, 2, whole);
    return db_run(s, e);
}

int view_rows_remove(struct db *db, struct slice name, struct err *e) {
    int64_t id;
    int rc = find_id(db, name, &id, e);
    return rc == E_OK ? forget(db, id, e) : rc;
}

int view_rows_add(struct db *db, struct slice name, struct slice study_uid, struct err *e) {
    struct view *v CLEANUP(cleanup_view) = view_new(false); // it knows what is allowed
    int64_t id;
    struct db_stmt *s;
    int rc = v == NULL ? err_set(e, E_MEMORY, "view") : view_add(v, study_uid, e);
    rc = rc == E_OK ? find_id(db, name, &id, e) : rc;
    rc = rc == E_OK ? db_prepare(db,
                                 "INSERT INTO view_study (view, study_uid) VALUES (?, ?)"
                                 " ON CONFLICT DO NOTHING",
                                 &s, e)
                    : rc;
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, id);
    db_bind_text(s, 2, study_uid);
    return db_run(s, e);
}

int view_rows_replace(struct db *db, struct slice name, struct slice study_uid, dcm_tag tag,
                      struct slice text, struct err *e) {
    struct view *v CLEANUP(cleanup_view) = view_new(false);
    int64_t id;
    struct db_stmt *s;
    int rc = v == NULL ? err_set(e, E_MEMORY, "view") : view_replace(v, study_uid, tag, text, e);
    rc = rc == E_OK ? find_id(db, name, &id, e) : rc;
    rc = rc == E_OK ? db_prepare(db,
                                 "INSERT INTO view_attribute (view, study_uid, tag, value)"
                                 " VALUES (?, ?, ?, ?) ON CONFLICT (view, study_uid, tag)"
                                 " DO UPDATE SET value = excluded.value",
                                 &s, e)
                    : rc;
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, id);
    db_bind_text(s, 2, study_uid.len > 0 ? study_uid : slice_str(""));
    db_bind_i64(s, 3, tag);
    db_bind_text(s, 4, text.len > 0 ? text : slice_str(""));
    return db_run(s, e);
}

int view_rows_bind(struct db *db, struct slice aet, struct slice name, struct err *e) {
    int64_t id = 0;
    struct db_stmt *s;
    if (aet.len == 0 || aet.len > AET_MAX) {
        return err_set(e, E_ARGUMENT, "an AE title has 1 to %d characters", AET_MAX);
    }
    int rc = name.len > 0 ? find_id(db, name, &id, e) : E_OK;
    rc = rc == E_OK
             ? db_prepare(db,
                          name.len == 0
                              ? "DELETE FROM view_peer WHERE aet = ?"
                              : "INSERT INTO view_peer (aet, view) VALUES (?, ?) ON CONFLICT (aet)"
                                " DO UPDATE SET view = excluded.view",
                          &s, e)
             : rc;
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, aet);
    if (name.len > 0) {
        db_bind_i64(s, 2, id);
    }
    return db_run(s, e);
}
