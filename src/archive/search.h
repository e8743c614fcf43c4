// SPDX-License-Identifier: Apache-2.0
// Searching the catalogue as C-FIND and QIDO-RS ask (PS3.4 C.2.2.2 matching, PS3.18 10.6). Answers are
// rows of attributes in UTF-8; who asks makes DICOM or JSON of them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/tag.h"
#include "dicom/vr.h"

struct db;
struct err;

enum search_level { SEARCH_STUDY, SEARCH_SERIES, SEARCH_INSTANCE };

#define SEARCH_KEYS_MAX 64
#define SEARCH_LIMIT_DEFAULT 100
#define SEARCH_LIMIT_MAX 10000

// One key: empty value is universal matching. Wildcards, lists (backslash or comma by the caller,
// given here as backslash), ranges as PS3.4 C.2.2.2.
struct search_key {
    dcm_tag tag;
    struct slice value; // UTF-8
};

struct search_query {
    enum search_level level;
    const struct search_key *keys;
    size_t key_count;
    uint64_t offset;
    uint64_t limit;    // 0: SEARCH_LIMIT_DEFAULT
    bool fuzzy;        // PN: every word of the key begins a component
};

// The attributes a level can match and return; NULL past the end. `always` are returned unasked
// (PS3.18 Table 10.6.1-5 and the like).
struct search_attribute {
    dcm_tag tag;
    enum dcm_vr vr;
    enum search_level level; // where it lives; lower levels may return it too
    bool matches;
    bool always;
};
const struct search_attribute *search_attributes(size_t index);

// One value of a row. Multiple values are separated by backslashes in `text`.
struct search_value {
    const struct search_attribute *attribute;
    struct slice text; // UTF-8; .len 0 when empty
};

struct search_row {
    const struct search_value *values;
    size_t count;
};

// Calls row() for each match in a stable order. A non-zero return ends the search and is returned.
// Unknown key tags: E_UNSUPPORTED naming the tag (the caller decides whether that is a warning).
// *ret_more (may be NULL): there are matches beyond offset+limit.
int search_run(struct db *db, const struct search_query *query,
               int (*row)(const struct search_row *row, void *context), void *context,
               bool *ret_more, struct err *e);
