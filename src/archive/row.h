// SPDX-License-Identifier: Apache-2.0
// Rows of attributes: the INSERT of a level made from the table of attributes, and its parameters.
#pragma once

#include "archive/attributes.h"
#include "base/slice.h"

struct arena;
struct db;
struct db_stmt;
struct err;
struct record;

// What the column beside a value's is called: "_fold", "_key"; NULL: it has none.
const char *row_key_suffix(enum attribute_kind kind);
// Binds a value, and what its other column holds, from parameter `at` on. Returns the parameter
// behind. Folded text lives in `a`.
int row_bind_value(struct arena *a, struct db_stmt *s, int at, enum attribute_kind kind,
                   struct slice text);

// Prepares the INSERT of a row of `table`: the columns named in `first` (`first_count` of them),
// then those of the level's attributes.
int row_prepare_insert(struct db *db, const char *table, enum search_level level, const char *first,
                       int first_count, struct db_stmt **ret_stmt, struct err *e);

// Binds the attributes of the level from parameter `at` on. Folded text lives in `a`.
void row_bind(struct arena *a, struct db_stmt *s, int at, enum search_level level,
              const struct record *r);
