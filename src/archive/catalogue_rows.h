// SPDX-License-Identifier: Apache-2.0
// Rows of the catalogue page, one study or one study's series at a time.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "archive/catalogue.h"

// By row number. E_NOT_FOUND.
int catalogue_row_study(struct db *db, int64_t id, struct arena *a,
                        struct catalogue_study *ret_study, struct err *e);

int catalogue_rows_series(struct db *db, int64_t study, struct arena *a,
                          struct catalogue_series **ret_series, size_t *ret_count, struct err *e);
