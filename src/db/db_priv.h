// SPDX-License-Identifier: Apache-2.0
// What db.c, statement.c and migrate.c share of the SQLite connection.
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "db/db.h"

struct db_stmt {
    sqlite3_stmt *raw;
    struct db *db;
    char *sql; // owned
    uint64_t hash;
    uint64_t used; // tick of the last db_prepare
    bool held;     // a caller has it
    int bind_error;
};

struct db {
    sqlite3 *raw;
    char *path; // owned
    dev_t device;
    ino_t inode;
    uint64_t tick;
    size_t count;
    struct db_stmt *statements[DB_STATEMENTS_MAX];
};

// Records SQLite's result code with the connection's words. Returns the E_ code.
int db_fail(struct db *d, int code, const char *doing, struct err *e);

void db_statements_free(struct db *d);
