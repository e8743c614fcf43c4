// SPDX-License-Identifier: Apache-2.0
// SQL of one search as it grows: text and the parameters bound to it. Values of a query are never
// part of the text.
#pragma once

#include <stdint.h>

#include "archive/attributes.h"
#include "base/buf.h"
#include "base/slice.h"

struct arena;
struct db_stmt;
struct err;

struct sql_param {
    struct slice text; // .ptr NULL: number
    int64_t number;
};

struct sql {
    struct buf text;
    struct buf params;   // of struct sql_param
    struct arena *arena; // holds texts
};

#define SQL_TEXT_MAX ((size_t)1 << 20)

void sql_init(struct sql *q, struct arena *a);
void sql_done(struct sql *q);
static inline void cleanup_sql(struct sql *q) { sql_done(q); }

// "?" and its value.
void sql_number(struct sql *q, int64_t value);
void sql_text(struct sql *q, struct slice value); // must live as long as q

void sql_bind(const struct sql *q, struct db_stmt *s);

// One key as a condition on the attribute's expression. E_ARGUMENT for a value that is none of its
// VR.
int sql_condition(struct sql *q, const struct attribute *a, struct slice value, bool fuzzy,
                  struct err *e);

// A date's and its time's key, both ranges, as one range of instants.
int sql_combined(struct sql *q, const struct attribute *date, struct slice date_value,
                 const struct attribute *time, struct slice time_value, struct err *e);

// Whether the value asks for nothing in particular.
bool sql_universal(struct slice value);
