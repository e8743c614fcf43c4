// SPDX-License-Identifier: Apache-2.0
// Schema versions of db.h: a transaction a version, and the few words in which engines differ.
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "db/db.h"
#include "db/db_priv.h"

#define MIGRATION_SQL_MAX ((size_t)1 << 20)

static const struct {
    const char *word;
    const char *sql;
} dialect[] = {
    {"{id}", "INTEGER PRIMARY KEY"},
    {"{int}", "INTEGER"},
    {"{text}", "TEXT"},
    {"{blob}", "BLOB"},
    {"{real}", "REAL"},
    {"{table}", " STRICT"},
    {"{clustered}", " STRICT, WITHOUT ROWID"},
};

static void translate(const char *sql, struct buf *out) {
    struct slice rest = slice_str(sql);
    while (rest.len > 0) {
        size_t brace = slice_find(rest, '{');
        buf_put_slice(out, slice_first(rest, brace));
        rest = slice_from(rest, brace);
        size_t taken = 0;
        for (size_t i = 0; i < sizeof dialect / sizeof dialect[0]; i++) {
            if (slice_starts(rest, slice_str(dialect[i].word))) {
                buf_put_str(out, dialect[i].sql);
                taken = strlen(dialect[i].word);
            }
        }
        if (taken == 0 && rest.len > 0) {
            buf_put_byte(out, '{');
            taken = 1;
        }
        rest = slice_from(rest, taken);
    }
    buf_put_byte(out, '\0');
}

int db_version(struct db *d, int *ret_version, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(d, "PRAGMA user_version", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = db_step(s, e);
    if (rc < 0) {
        return rc;
    }
    *ret_version = rc == 1 ? (int)db_i64(s, 0) : 0;
    db_reset(s);
    return E_OK;
}

static int apply(struct db *d, const struct db_migration *m, struct err *e) {
    struct buf sql CLEANUP(cleanup_buf);
    buf_init(&sql, MIGRATION_SQL_MAX);
    translate(m->sql, &sql);
    if (!sql.failed) {
        sql.len--;
        buf_printf(&sql, ";PRAGMA user_version = %d;", m->version);
        buf_put_byte(&sql, '\0');
    }
    int rc = buf_check(&sql, "migration", e);
    return rc == E_OK ? db_exec(d, (const char *)sql.data, e) : rc;
}

// One version, if it is the next one. The version is read under the write lock, because another
// process may be doing the same.
static int migrate_one(struct db *d, const struct db_migration *m, struct err *e) {
    int rc = db_begin(d, e);
    if (rc != E_OK) {
        return rc;
    }
    int version = 0;
    rc = db_version(d, &version, e);
    if (rc == E_OK && version == m->version - 1) {
        rc = apply(d, m, e);
    }
    if (rc != E_OK) {
        db_rollback(d);
        return err_context(e, "bringing the catalogue to version %d", m->version);
    }
    return db_commit(d, e);
}

int db_migrate(struct db *d, const struct db_migration *migrations, size_t count, struct err *e) {
    int version = 0;
    int rc = db_version(d, &version, e);
    if (rc != E_OK) {
        return rc;
    }
    int newest = count == 0 ? 0 : migrations[count - 1].version;
    if (version > newest) {
        return err_set(
            e, E_DATABASE,
            "the catalogue has schema version %d, made by a newer MacLab; this one knows "
            "up to %d",
            version, newest);
    }
    for (size_t i = 0; i < count; i++) {
        if (migrations[i].version > version) {
            rc = migrate_one(d, &migrations[i], e);
            if (rc != E_OK) {
                return rc;
            }
        }
    }
    return E_OK;
}
