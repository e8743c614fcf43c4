// SPDX-License-Identifier: Apache-2.0
// Searching the catalogue as C-FIND and QIDO-RS ask (PS3.4 C.2.2.2 matching, PS3.18 10.6). Answers
// are rows of attributes in UTF-8; who asks makes DICOM or JSON of them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/tag.h"
#include "dicom/vr.h"

struct arena;
struct db;
struct err;
struct view;

enum search_level { SEARCH_STUDY, SEARCH_SERIES, SEARCH_INSTANCE };

#define SEARCH_KEYS_MAX 128
#define SEARCH_VALUE_MAX 16384       // bytes of one key
#define SEARCH_ALTERNATIVES_MAX 1000 // values of one key
#define SEARCH_UIDS_MAX 10000        // of a list of UIDs
#define SEARCH_LIMIT_DEFAULT 100
#define SEARCH_LIMIT_MAX 10000  // what QIDO-RS gives at once
#define SEARCH_ROWS_MAX 100000  // what anybody gets at once
#define SEARCH_IDS_MAX 2000000u // row numbers of search_ids

// One key: an empty value (or "*") is universal matching and asks for the attribute to be returned.
// Wildcards, lists (given with backslashes), ranges as PS3.4 C.2.2.2; `""` matches empty values
// (C.2.2.2.7). Keys of a lower level are allowed: a study matches when one of its series does
// (Modality at STUDY level, which OsiriX sends). Keys inside sequences stand alone (the attribute
// says which sequence).
struct search_key {
    dcm_tag tag;
    struct slice value; // UTF-8
};

struct search_query {
    enum search_level level;
    const struct search_key *keys;
    size_t key_count;
    uint64_t offset;
    uint64_t limit; // 0: SEARCH_LIMIT_DEFAULT; never over SEARCH_ROWS_MAX
    bool fuzzy;     // PN: every word of the key begins a component
    bool combined;  // ranges of a date and of its time are one range (PS3.4 C.2.2.2.5)
    // SEARCH_STUDY: one row a patient, that of one of his studies which match: ask for attributes
    // of the patient only.
    bool patients;
    bool asked_only; // attributes that are `always` returned are left out; UIDs stay
    // Whose archive it is; NULL: all of it. Keys on replaced attributes match what stands in their
    // place and never what is stored; rows hold what stands in their place, and no sum over a
    // patient's studies. The order is not that of a replaced attribute.
    const struct view *view;
};

// The attributes a level can match and return; NULL past the end. `always` are returned unasked
// (PS3.18 Tables 10.6.1-3 to -5): those of the level searched, and of a level above unless its UID
// was given as a key; the UIDs of the levels above are always there.
struct search_attribute {
    dcm_tag tag;
    enum dcm_vr vr;
    enum search_level level; // where it lives; lower levels may return it too
    bool matches;            // false: returned only, a value given for it is ignored
    bool always;
    dcm_tag sequence; // 0, or the sequence it belongs in: RequestAttributesSequence (0040,0275)
};
const struct search_attribute *search_attributes(size_t index);
const struct search_attribute *search_attribute_find(dcm_tag tag); // NULL: not kept

// One value of a row, in the order of search_attributes. Multiple values are separated by
// backslashes in `text`. Attributes of a sequence have one value for each item.
struct search_value {
    const struct search_attribute *attribute;
    struct slice text; // UTF-8; .len 0 when empty
};

struct search_row {
    const struct search_value *values;
    size_t count;
};

// Calls row() for each match in a stable order: newest studies first, names in alphabetical order
// when a name was asked for; series and instances by number. A non-zero return ends the search and
// is returned. Unknown key tags: E_UNSUPPORTED naming the tag (the caller decides whether that is a
// warning). A value that is none of its VR (a range of dates that is no range): E_ARGUMENT.
// *ret_more (may be NULL): there are matches beyond offset+limit.
int search_run(struct db *db, const struct search_query *query,
               int (*row)(const struct search_row *row, void *context), void *context,
               bool *ret_more, struct err *e);

// The row numbers of what matches (`fuzzy` … `view` as above, limit 0: SEARCH_IDS_MAX), in the same
// order; memory from `a`. For who reads rows by number (retrieve_by_id).
int search_ids(struct db *db, const struct search_query *query, struct arena *a,
               const int64_t **ret_ids, size_t *ret_count, struct err *e);
