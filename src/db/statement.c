// SPDX-License-Identifier: Apache-2.0
// Prepared statements of db.h: the cache, typed parameters and columns.
#include "base/err.h"
#include "base/mem.h"
#include "db/db.h"
#include "db/db_priv.h"

#include <limits.h>

static uint64_t hash_text(const char *text) {
    uint64_t h = 14695981039346656037u; // FNV-1a
    for (; *text != '\0'; text++) {
        h = (h ^ (uint8_t)*text) * 1099511628211u;
    }
    return h;
}

static void statement_free(struct db_stmt *s) {
    if (s != NULL) {
        (void)sqlite3_finalize(s->raw);
        mem_free(s->sql);
        mem_free(s);
    }
}

void db_statements_free(struct db *d) {
    for (size_t i = 0; i < d->count; i++) {
        statement_free(d->statements[i]);
    }
    d->count = 0;
}

static struct db_stmt *find_free(struct db *d, const char *sql, uint64_t hash) {
    for (size_t i = 0; i < d->count; i++) {
        struct db_stmt *s = d->statements[i];
        if (s->hash == hash && !s->held && strcmp(s->sql, sql) == 0) {
            return s;
        }
    }
    return NULL;
}

// A place in the cache: a new one, or that of the least recently used that nobody holds.
static size_t find_place(struct db *d) {
    if (d->count < DB_STATEMENTS_MAX) {
        return d->count++;
    }
    size_t oldest = DB_STATEMENTS_MAX;
    for (size_t i = 0; i < d->count; i++) {
        const struct db_stmt *s = d->statements[i];
        if (!s->held && (oldest == DB_STATEMENTS_MAX || s->used < d->statements[oldest]->used)) {
            oldest = i;
        }
    }
    if (oldest < DB_STATEMENTS_MAX) {
        statement_free(d->statements[oldest]);
    }
    return oldest;
}

static int make(struct db *d, const char *sql, uint64_t hash, struct db_stmt **ret, struct err *e) {
    struct db_stmt *s = mem_zalloc(sizeof *s);
    if (s == NULL || (s->sql = mem_strdup(sql)) == NULL) {
        statement_free(s);
        return err_set(e, E_MEMORY, "catalogue statement");
    }
    s->db = d;
    s->hash = hash;
    int code = sqlite3_prepare_v3(d->raw, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->raw, NULL);
    if (code != SQLITE_OK) {
        int rc = db_fail(d, code, "preparing", e);
        statement_free(s);
        return rc;
    }
    size_t place = find_place(d);
    if (place == DB_STATEMENTS_MAX) {
        statement_free(s);
        return err_set(e, E_INTERNAL, "more than %d statements in use", DB_STATEMENTS_MAX);
    }
    d->statements[place] = s;
    *ret = s;
    return E_OK;
}

int db_prepare(struct db *d, const char *sql, struct db_stmt **ret_stmt, struct err *e) {
    uint64_t hash = hash_text(sql);
    struct db_stmt *s = find_free(d, sql, hash);
    if (s == NULL) {
        int rc = make(d, sql, hash, &s, e);
        if (rc != E_OK) {
            return rc;
        }
    }
    s->held = true;
    s->used = ++d->tick;
    s->bind_error = SQLITE_OK;
    *ret_stmt = s;
    return E_OK;
}

static void note(struct db_stmt *s, int code) {
    if (code != SQLITE_OK && s->bind_error == SQLITE_OK) {
        s->bind_error = code;
    }
}

void db_bind_i64(struct db_stmt *s, int at, int64_t value) {
    note(s, sqlite3_bind_int64(s->raw, at, value));
}

void db_bind_double(struct db_stmt *s, int at, double value) {
    note(s, sqlite3_bind_double(s->raw, at, value));
}

void db_bind_text(struct db_stmt *s, int at, struct slice text) {
    note(s, text.ptr == NULL ? sqlite3_bind_null(s->raw, at)
                             : sqlite3_bind_text64(s->raw, at, (const char *)text.ptr, text.len,
                                                   SQLITE_STATIC, SQLITE_UTF8));
}

void db_bind_blob(struct db_stmt *s, int at, struct slice bytes) {
    note(s, bytes.ptr == NULL
                ? sqlite3_bind_null(s->raw, at)
                : sqlite3_bind_blob64(s->raw, at, bytes.ptr, bytes.len, SQLITE_STATIC));
}

void db_bind_null(struct db_stmt *s, int at) { note(s, sqlite3_bind_null(s->raw, at)); }

int db_step(struct db_stmt *s, struct err *e) {
    int code = s->bind_error != SQLITE_OK ? s->bind_error : sqlite3_step(s->raw);
    if (code == SQLITE_ROW) {
        return 1;
    }
    int rc = code == SQLITE_DONE ? E_OK : db_fail(s->db, code, "running", e);
    db_reset(s);
    return rc;
}

int db_run(struct db_stmt *s, struct err *e) {
    int rc;
    do {
        rc = db_step(s, e);
    } while (rc == 1);
    return rc;
}

void db_reset(struct db_stmt *s) {
    (void)sqlite3_reset(s->raw);
    (void)sqlite3_clear_bindings(s->raw);
    s->bind_error = SQLITE_OK;
    s->held = false;
}

int64_t db_i64(struct db_stmt *s, int column) { return sqlite3_column_int64(s->raw, column); }

double db_double(struct db_stmt *s, int column) { return sqlite3_column_double(s->raw, column); }

struct slice db_text(struct db_stmt *s, int column) {
    const unsigned char *text = sqlite3_column_text(s->raw, column);
    return slice_of(text, text == NULL ? 0 : (size_t)sqlite3_column_bytes(s->raw, column));
}

struct slice db_blob(struct db_stmt *s, int column) {
    if (db_is_null(s, column)) {
        return slice_of(NULL, 0);
    }
    const void *bytes = sqlite3_column_blob(s->raw, column);
    // SQLite gives NULL for an empty blob; ours is empty but there.
    return slice_of(bytes == NULL ? "" : bytes, (size_t)sqlite3_column_bytes(s->raw, column));
}

bool db_is_null(struct db_stmt *s, int column) {
    return sqlite3_column_type(s->raw, column) == SQLITE_NULL;
}
