// SPDX-License-Identifier: Apache-2.0
#include "archive/archive_delete.h"

#include "archive/archive.h"
#include "archive/archive_priv.h"
#include "archive/retrieve.h"
#include "archive/words.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "db/db.h"
#include "store/store.h"

#define DELETE_MEMORY_MAX ((size_t)256 << 20)

static int run_for(struct db *db, const char *sql, int64_t id, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, sql, &s, e);
    if (rc == E_OK) {
        db_bind_i64(s, 1, id);
        rc = db_run(s, e);
    }
    return rc;
}

static int one_number(struct db *db, const char *sql, struct slice uid, int64_t *ret_number,
                      struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, sql, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_text(s, 1, uid);
    rc = db_step(s, e);
    if (rc != 1) {
        return rc < 0 ? rc : err_set(e, E_NOT_FOUND, "no such study");
    }
    *ret_number = db_i64(s, 0);
    db_reset(s);
    return E_OK;
}

// The instance's rows, and what its series and the whole counted of it.
static int delete_instance(struct db *db, const struct retrieve_instance *i, struct err *e) {
    static const char *const steps[] = {
        ("UPDATE series SET instance_count = instance_count - 1,"
         " frame_count = frame_count - (SELECT frames FROM instance WHERE id = ?1),"
         " bytes = bytes - (SELECT bytes FROM instance WHERE id = ?1)"
         " WHERE id = (SELECT series FROM instance WHERE id = ?1)"),
        ("UPDATE total SET instances = instances - 1,"
         " bytes = bytes - (SELECT bytes FROM instance WHERE id = ?1)"),
        "DELETE FROM instance_data WHERE instance = ?1",
        "DELETE FROM instance WHERE id = ?1",
    };
    int64_t id = 0;
    int rc = one_number(db, "SELECT id FROM instance WHERE sop_instance = ?",
                        slice_str(i->instance), &id, e);
    for (size_t k = 0; rc == E_OK && k < sizeof steps / sizeof steps[0]; k++) {
        rc = run_for(db, steps[k], id, e);
    }
    return rc;
}

static int delete_empty(struct db *db, int64_t study, struct err *e) {
    static const char *const steps[] = {
        ("UPDATE total SET series = series -"
         " (SELECT count(*) FROM series WHERE study = ?1 AND instance_count = 0)"),
        "DELETE FROM series WHERE study = ?1 AND instance_count = 0",
        ("UPDATE total SET studies = studies - 1"
         " WHERE NOT EXISTS (SELECT 1 FROM series WHERE study = ?1)"),
        "DELETE FROM study WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM series WHERE study = ?1)",
    };
    int rc = E_OK;
    for (size_t k = 0; rc == E_OK && k < sizeof steps / sizeof steps[0]; k++) {
        rc = run_for(db, steps[k], study, e);
    }
    return rc == E_OK ? db_exec(db,
                                "DELETE FROM patient WHERE NOT EXISTS"
                                " (SELECT 1 FROM study WHERE study.patient = patient.id)",
                                e)
                      : rc;
}

static int study_is_there(struct db *db, int64_t study, bool *ret_there, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(db, "SELECT 1 FROM study WHERE id = ?", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    db_bind_i64(s, 1, study);
    rc = db_step(s, e);
    *ret_there = rc == 1;
    if (rc == 1) {
        db_reset(s);
    }
    return rc < 0 ? rc : E_OK;
}

static int delete_rows(struct archive *a, struct db *db, const char *study_uid,
                       const struct retrieve_instance *list, size_t count, struct err *e) {
    int64_t study = 0;
    bool there = false;
    int rc =
        one_number(db, "SELECT id FROM study WHERE study_uid = ?", slice_str(study_uid), &study, e);
    rc = rc == E_OK ? words_study_forget(db, study, e) : rc;
    for (size_t i = 0; rc == E_OK && i < count; i++) {
        rc = delete_instance(db, &list[i], e);
    }
    rc = rc == E_OK ? delete_empty(db, study, e) : rc;
    rc = rc == E_OK ? study_is_there(db, study, &there, e) : rc;
    if (rc == E_OK && there) {
        rc = words_series_lists(db, study, e);
        rc = rc == E_OK ? words_study_sum(db, study, clock_now(archive_clock(a)), e) : rc;
        rc = rc == E_OK ? words_study_index(db, study, e) : rc;
    }
    return rc;
}

static int delete_listed(struct archive *a, const char *study_uid, const struct retrieve_path *path,
                         struct arena *memory, uint64_t *ret_instances, struct err *e) {
    struct retrieve_instance *list;
    size_t count = 0;
    struct db *db = archive_writer(a);
    int rc = db_begin(db, e);
    rc = rc == E_OK ? retrieve_list(db, path, memory, &list, &count, e) : rc;
    rc = rc == E_OK ? delete_rows(a, db, study_uid, list, count, e) : rc;
    rc = rc == E_OK ? db_commit(db, e) : rc;
    for (size_t i = 0; rc == E_OK && i < count; i++) {
        archive_remove_unnamed(a, db, &list[i].object);
    }
    archive_writer_done(a);
    if (rc == E_OK) {
        *ret_instances = count;
    }
    return rc;
}

int archive_delete(struct archive *a, const struct retrieve_path *path, uint64_t *ret_instances,
                   struct err *e) {
    struct arena memory;
    arena_init(&memory, DELETE_MEMORY_MAX);
    int rc = delete_listed(a, path->study, path, &memory, ret_instances, e);
    arena_done(&memory);
    return rc;
}
