// SPDX-License-Identifier: Apache-2.0
// One small SQL face over SQLite now and PostgreSQL later: prepared statements, typed binding and
// reading, transactions, migrations. All SQL text lives in this folder's callers under archive/ and
// up, in the dialect both understand; what differs is in here. LIKE is case-sensitive as in
// PostgreSQL.
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
// foreign keys on. The file is read with pread, never mapped: a file cut short under a running
// server is then an error and not a signal. E_CORRUPT for a file that is no database.
int db_open(const char *path, enum db_mode mode, struct db **ret_db, struct err *e);
void db_close(struct db *d); // NULL allowed

// In the SQL of migrations these words stand for what engines spell differently:
//   {id}         a primary key that counts by itself
//   {int} {text} {blob} {real}  column types
//   {table}      behind the closing parenthesis of a table: strict typing
//   {clustered}  the same, with the rows stored in the order of the primary key
struct db_migration {
    int version; // 1, 2, 3 … without gaps
    const char *sql;
};
// Brings the schema to the last version, a transaction a version. E_DATABASE when the file is newer
// than this program knows; it is then left as it is.
int db_migrate(struct db *d, const struct db_migration *migrations, size_t count, struct err *e);

int db_version(struct db *d, int *ret_version, struct err *e);

int db_exec(struct db *d, const char *sql, struct err *e); // no parameters, no rows

// Begin takes the write lock at once, so that commit does not fail for want of it. E_DATABASE when
// the file at the path is no longer the one that was opened (removed, replaced): nothing could be
// kept.
int db_begin(struct db *d, struct err *e);
int db_commit(struct db *d, struct err *e); // on failure the transaction is rolled back
void db_rollback(struct db *d);             // nothing when there is none

// One view of the data over several statements; ended by db_rollback.
int db_begin_read(struct db *d, struct err *e);

// Whether the file at the path is still the one that was opened.
int db_file_check(struct db *d, struct err *e);

// From now on commits of this connection outlive the process, but the last ones perhaps not the
// machine: for notes whose loss costs work, not data. Not within a transaction.
int db_relax(struct db *d, struct err *e);

// Looks through the whole file for damage. E_CORRUPT with the first finding.
int db_integrity(struct db *d, struct err *e);

// Lets the engine refresh what it knows of the sizes of tables. Cheap when there is nothing to do.
int db_optimize(struct db *d, struct err *e);

// Prepared once for each text and kept by the connection (the least recently used of more than
// DB_STATEMENTS_MAX goes). It is the caller's until db_reset, db_run's return, or db_step's 0 or
// error.
#define DB_STATEMENTS_MAX 128
int db_prepare(struct db *d, const char *sql, struct db_stmt **ret_stmt, struct err *e);

// Parameters are numbered from 1. Text and blobs must live until the statement was stepped to its
// end or reset. A slice with .ptr NULL binds NULL.
void db_bind_i64(struct db_stmt *s, int at, int64_t value);
void db_bind_double(struct db_stmt *s, int at, double value);
void db_bind_text(struct db_stmt *s, int at, struct slice text);
void db_bind_blob(struct db_stmt *s, int at, struct slice bytes);
void db_bind_null(struct db_stmt *s, int at);

// 1: a row is there; 0: finished (and reset); negative: error (and reset). A parameter that could
// not be bound fails here. Uniqueness violations are E_CONFLICT, a full disk E_FULL, a busy
// database E_BUSY after the time-out.
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
