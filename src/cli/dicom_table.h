// SPDX-License-Identifier: Apache-2.0
// Answers of a query as an aligned table for people. Text from a peer is made harmless for a
// terminal: control characters, and what is not UTF-8, become "?".
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "dicom/tag.h"

struct dcm_dataset;
struct err;

#define TABLE_COLUMNS_MAX 64
#define TABLE_CELL_WIDTH 40 // characters, where it is not told to be wide
#define TABLE_MEMORY_MAX ((size_t)2 << 30)

struct table_row;

struct table {
    struct arena arena;
    dcm_tag columns[TABLE_COLUMNS_MAX];
    bool in_step[TABLE_COLUMNS_MAX]; // of the first item of the Scheduled Procedure Step Sequence
    size_t widths[TABLE_COLUMNS_MAX];
    size_t column_count;
    bool wide;
    struct table_row *first, *last;
    uint64_t rows;
};

void table_init(struct table *t, bool wide);
void table_done(struct table *t);
// Passed over when it is there already, or beyond TABLE_COLUMNS_MAX.
void table_column(struct table *t, dcm_tag tag, bool in_step);
// A row of the data set's values (UTF-8).
int table_add(struct table *t, const struct dcm_dataset *d, struct err *e);
void table_print(const struct table *t, FILE *out);
