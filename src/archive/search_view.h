// SPDX-License-Identifier: Apache-2.0
// A search within a view (view.h). Keys on replaced attributes are matched against what stands in
// their place before the catalogue is asked: by the same conditions, over values instead of
// columns. What is left for the catalogue is a list of studies, and the keys on what is stored.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/search.h"

struct arena;
struct attribute;
struct db;
struct err;
struct sql;

// Zero-initialise; all zero when there is no view.
struct search_view {
    const struct view *view;
    size_t count;    // studies that the view names
    bool *candidate; // of them: no key on a replaced attribute speaks against it
    int64_t *ids;    // row numbers; 0: not in the catalogue
    bool whole;
    bool others; // of a whole view: studies that it does not name may match
};

// Memory from `a`.
int search_view_open(struct search_view *sv, struct db *db, const struct search_query *query,
                     struct arena *a, struct err *e);
// " AND …": which studies there are at all.
void search_view_studies(const struct search_view *sv, struct sql *q);

enum search_view_key {
    SEARCH_KEY_STORED, // the key is matched by its column
    SEARCH_KEY_SOME,   // search_view_exempt, then by its column: some studies are settled
    SEARCH_KEY_SETTLED // nothing is left to ask
};
enum search_view_key search_view_key(const struct search_view *sv, dcm_tag tag);
// "t.id IN (…) OR ": the studies that have it replaced.
void search_view_exempt(const struct search_view *sv, dcm_tag tag, struct sql *q);

// Whether the order of answers would tell a replaced attribute.
bool search_view_hides(const struct search_view *sv, dcm_tag tag);
// Puts what the view says into the values of one row, of the study with that UID.
void search_view_row(const struct search_view *sv, struct slice study_uid,
                     struct search_value *values, size_t count);
