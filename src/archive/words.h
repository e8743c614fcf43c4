// SPDX-License-Identifier: Apache-2.0
// What a study row sums up of its series, and the words and facets under which the catalogue page
// finds it. All within a transaction of the caller.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/slice.h"

struct buf;
struct db;
struct err;

// Counts, modalities, body parts and SOP classes of the study from its series.
int words_study_sum(struct db *db, int64_t study, usec now, struct err *e);

// SOP classes and transfer syntaxes of the study's series from their instances.
int words_series_lists(struct db *db, int64_t study, struct err *e);

// Words (name, ids, accession, descriptions, modalities, body parts) and facets, made anew.
int words_study_index(struct db *db, int64_t study, struct err *e);
// Takes them away.
int words_study_forget(struct db *db, int64_t study, struct err *e);

// `out` becomes the list with the value at its end; false (and nothing appended) when the value is
// empty or in the list already. Lists have backslashes between values.
bool words_list_add(struct slice list, struct slice value, struct buf *out);
