// SPDX-License-Identifier: Apache-2.0
// One small SQL face over SQLite now and PostgreSQL later: prepared statements, typed binding and
// reading, transactions, migrations. All SQL text lives in this folder's callers under archive/ and
// up, in the dialect both understand; what differs is in here.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct err;
struct db;
struct db_stmt;

enum db_mode { DB_READ_WRITE, DB_READ_ONLY };

// One connection: for one thread at a time. Made when absent (read-write). WAL, synchronous=FULL,
// foreign keys on.
int db_open(const char *path, enum db_mode mode, struct db **ret_db, struct err *e);
void db_close(struct db *d); // NULL allowed

struct db_migration {
    int version; // 1, 2, 3 …
    const char *sql;
};
// Brings the schema to the last version in one transaction each. E_DATABASE when the file is newer than
// this program knows.
int db_migrate(struct db *d, const struct db_migration *migrations, size_t count, struct err *e);

int db_exec(struct db *d, const char *sql, struct err *e); // no parameters, no rows

// Begin takes the write lock at once, so that commit does not fail for want of it.
int db_begin(struct db *d, struct err *e);
int db_commit(struct db *d, struct err *e);
void db_rollback(struct db *d);

// Prepared once for each text and kept by the connection; reset and unbound when fetched again.
int db_prepare(struct db *d, const char *sql, struct db_stmt **ret_stmt, struct err *e);

// Parameters are numbered from 1. Text and blobs must live until the statement was stepped to its end or
// reset. A slice with .ptr NULL binds NULL.
void db_bind_i64(struct db_stmt *s, int at, int64_t value);
void db_bind_double(struct db_stmt *s, int at, double value);
void db_bind_text(struct db_stmt *s, int at, struct slice text);
void db_bind_blob(struct db_stmt *s, int at, struct slice bytes);
void db_bind_null(struct db_stmt *s, int at);

// 1: a row is there; 0: finished; negative: error. Uniqueness violations are E_CONFLICT, a full disk
// E_FULL, a busy database E_BUSY after the time-out.
int db_step(struct db_stmt *s, struct err *e);
int db_run(struct db_stmt *s, struct err *e); // step to the end, then reset
void db_reset(struct db_stmt *s);

// Columns are numbered from 0. Slices are valid until the next step or reset.
int64_t db_i64(struct db_stmt *s, int column);
double db_double(struct db_stmt *s, int column);
struct slice db_text(struct db_stmt *s, int column); // .ptr NULL when NULL
struct slice db_blob(struct db_stmt *s, int column);
bool db_is_null(struct db_stmt *s, int column);

int64_t db_last_id(struct db *d);
int64_t db_changes(struct db *d);
