// SPDX-License-Identifier: Apache-2.0
// The SQLite side of db.h: connections, transactions, errors. Statements are in statement.c, schema
// versions in migrate.c.
#include "db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "db/db_priv.h"

#define DB_BUSY_MS 15000
#define DB_BUSY_STEP_MS 5
#define DB_CACHE_KIB "4096"

static int code_of(int sqlite_code) {
    switch (sqlite_code & 0xFF) {
    case SQLITE_CONSTRAINT:
        return E_CONFLICT;
    case SQLITE_FULL:
        return E_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return E_BUSY;
    case SQLITE_NOMEM:
        return E_MEMORY;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
        return E_IO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return E_CORRUPT;
    case SQLITE_INTERRUPT:
        return E_CANCELLED;
    default:
        return E_DATABASE;
    }
}

int db_fail(struct db *d, int code, const char *doing, struct err *e) {
    int os = d->raw == NULL ? 0 : sqlite3_system_errno(d->raw);
    bool io = (code & 0xFF) == SQLITE_IOERR;
    if (io && (os == ENOSPC || os == EDQUOT || os == EFBIG)) {
        return err_set(e, E_FULL, "catalogue: %s: no space left", doing);
    }
    const char *words = d->raw == NULL ? sqlite3_errstr(code) : sqlite3_errmsg(d->raw);
    return err_set(e, code_of(code), "catalogue: %s: %s", doing, words);
}

static int remember_file(struct db *d, struct err *e) {
    struct stat st;
    if (stat(d->path, &st) != 0) {
        return err_set_errno(e, errno, "catalogue %s", d->path);
    }
    d->device = st.st_dev;
    d->inode = st.st_ino;
    return E_OK;
}

int db_file_check(struct db *d, struct err *e) {
    struct stat st;
    if (stat(d->path, &st) != 0) {
        return err_set(e, E_DATABASE, "the catalogue %s was removed while in use", d->path);
    }
    if (st.st_dev != d->device || st.st_ino != d->inode) {
        return err_set(e, E_DATABASE, "the catalogue %s was replaced while in use", d->path);
    }
    return E_OK;
}

// Two that open a new file at once: the one that comes second is told at once that it is locked,
// because SQLite does not ask its busy handler while a journal mode changes.
static int use_log(struct db *d, struct err *e) {
    int rc = db_exec(d, "PRAGMA journal_mode = WAL;", e);
    for (int waited = 0; rc == E_BUSY && waited < DB_BUSY_MS; waited += DB_BUSY_STEP_MS) {
        const struct timespec pause = {0, DB_BUSY_STEP_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
        err_clear(e);
        rc = db_exec(d, "PRAGMA journal_mode = WAL;", e);
    }
    return rc;
}

static int configure(struct db *d, enum db_mode mode, struct err *e) {
    sqlite3_busy_timeout(d->raw, DB_BUSY_MS);
    sqlite3_extended_result_codes(d->raw, 1);
    int rc = db_exec(d,
                     "PRAGMA foreign_keys = ON;"
                     "PRAGMA case_sensitive_like = ON;"
                     "PRAGMA trusted_schema = OFF;"
                     "PRAGMA temp_store = MEMORY;"
                     "PRAGMA mmap_size = 0;"
                     "PRAGMA cache_size = -" DB_CACHE_KIB ";"
                     "PRAGMA synchronous = FULL;",
                     e);
    if (rc == E_OK) {
        rc = mode == DB_READ_WRITE ? use_log(d, e) : db_exec(d, "PRAGMA query_only = ON;", e);
    }
    // Reads the first page, so that a file that is no database is told apart here.
    return rc == E_OK ? db_exec(d, "SELECT count(*) FROM sqlite_schema;", e) : rc;
}

// SQLite gives its other files the mode of this one: 0600 whatever the umask is.
static void make_private(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)close(fd);
    }
}

int db_open(const char *path, enum db_mode mode, struct db **ret_db, struct err *e) {
    struct db *d = mem_zalloc(sizeof *d);
    if (d == NULL || (d->path = mem_strdup(path)) == NULL) {
        db_close(d);
        return err_set(e, E_MEMORY, "catalogue connection");
    }
    if (mode == DB_READ_WRITE) {
        make_private(path);
    }
    // A reader may be the first to come after a crash and must be able to recover the log; it is
    // kept from writing by query_only. Where the file may not be written SQLite opens it for
    // reading.
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE |
                (mode == DB_READ_WRITE ? SQLITE_OPEN_CREATE : 0);
    int code = sqlite3_open_v2(path, &d->raw, flags, NULL);
    int rc = code == SQLITE_OK ? configure(d, mode, e) : db_fail(d, code, "opening", e);
    if (rc == E_OK) {
        rc = remember_file(d, e);
    }
    if (rc != E_OK) {
        db_close(d);
        return err_context(e, "%s", path);
    }
    *ret_db = d;
    return E_OK;
}

void db_close(struct db *d) {
    if (d == NULL) {
        return;
    }
    db_statements_free(d);
    (void)sqlite3_close_v2(d->raw);
    mem_free(d->path);
    mem_free(d);
}

int db_exec(struct db *d, const char *sql, struct err *e) {
    int code = sqlite3_exec(d->raw, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? E_OK : db_fail(d, code, "running", e);
}

static int step_once(struct db *d, const char *sql, const char *doing, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(d, sql, &s, e);
    if (rc != E_OK) {
        return rc;
    }
    rc = db_run(s, e);
    return rc == E_OK ? E_OK : err_context(e, "%s", doing);
}

int db_begin(struct db *d, struct err *e) {
    int rc = db_file_check(d, e);
    return rc == E_OK ? step_once(d, "BEGIN IMMEDIATE", "beginning", e) : rc;
}

int db_begin_read(struct db *d, struct err *e) {
    return step_once(d, "BEGIN DEFERRED", "beginning", e);
}

int db_commit(struct db *d, struct err *e) {
    int rc = step_once(d, "COMMIT", "committing", e);
    if (rc != E_OK) {
        db_rollback(d);
    }
    return rc;
}

void db_rollback(struct db *d) {
    if (sqlite3_get_autocommit(d->raw) == 0) {
        struct err ignored = {0};
        (void)step_once(d, "ROLLBACK", "rolling back", &ignored);
    }
}

int db_integrity(struct db *d, struct err *e) {
    struct db_stmt *s;
    int rc = db_prepare(d, "PRAGMA integrity_check(1)", &s, e);
    if (rc != E_OK) {
        return rc;
    }
    int row = db_step(s, e);
    if (row < 0) {
        return row;
    }
    struct slice words = row == 1 ? db_text(s, 0) : slice_str("no answer");
    rc = slice_eq_str(words, "ok")
             ? E_OK
             : err_set(e, E_CORRUPT, "catalogue: %.*s", (int)(words.len < 200 ? words.len : 200),
                       (const char *)words.ptr);
    db_reset(s);
    return rc;
}

int db_optimize(struct db *d, struct err *e) {
    return db_exec(d, "PRAGMA analysis_limit = 400; PRAGMA optimize;", e);
}

int64_t db_last_id(struct db *d) { return sqlite3_last_insert_rowid(d->raw); }

int64_t db_changes(struct db *d) { return sqlite3_changes64(d->raw); }

int db_relax(struct db *d, struct err *e) { return db_exec(d, "PRAGMA synchronous = NORMAL;", e); }
