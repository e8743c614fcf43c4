// SPDX-License-Identifier: Apache-2.0
// The catalogue as its page shows it: words, facets, sorting, and for each series whether the
// reader can show it. Rows are plain UTF-8; who asks makes JSON of them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct arena;
struct db;
struct err;

enum catalogue_sort {
    CATALOGUE_NEWEST, // by study date and time, newest first
    CATALOGUE_OLDEST,
    CATALOGUE_NAME,
    CATALOGUE_NAME_DOWN,
    CATALOGUE_DESCRIPTION
};

#define CATALOGUE_LIMIT_MAX 1000u
#define CATALOGUE_WORDS_MAX 16u
#define CATALOGUE_FACET_VALUES_MAX 100u

enum catalogue_facet_kind { CATALOGUE_MODALITY, CATALOGUE_BODY_PART, CATALOGUE_FACETS };

struct catalogue_query {
    struct slice words; // every word begins a word of the study (see register.h); empty: all
    const struct slice *chosen[CATALOGUE_FACETS]; // any of these; none: all
    size_t chosen_count[CATALOGUE_FACETS];
    int64_t from, to; // study date as yyyymmdd, 0: open
    enum catalogue_sort sort;
    uint64_t offset;
    uint64_t limit; // 0 to CATALOGUE_LIMIT_MAX
};

struct catalogue_facet {
    struct slice value;
    uint64_t count;
};

// Texts are empty when unknown. Lists have backslashes between.
struct catalogue_study {
    int64_t id;
    struct slice study_uid, patient_name, patient_id, sex, birth_date, age, date, time, accession;
    struct slice description, modalities, body_parts;
    uint64_t series, instances, frames;
    bool has_thumbnail;
    int64_t changed; // microseconds since 1970 UTC
};

struct catalogue_page {
    uint64_t total;
    // Most frequent first. Counts ignore the facet's own choice.
    struct catalogue_facet *facets[CATALOGUE_FACETS];
    size_t facet_count[CATALOGUE_FACETS];
    struct catalogue_study *studies;
    size_t count;
};

// Memory from `a`.
int catalogue_search(struct db *db, const struct catalogue_query *query, struct arena *a,
                     struct catalogue_page *ret_page, struct err *e);

struct catalogue_series {
    int64_t id;
    struct slice series_uid, modality, description, body_part;
    bool has_number;
    int64_t number;
    uint64_t instances, frames, rows, columns;
    struct slice sop_classes, syntaxes; // lists
    bool readable;
    const char *reason; // a sentence when not readable, else NULL
};

// One study with its series by number. E_NOT_FOUND.
int catalogue_study_read(struct db *db, const char *study_uid, struct arena *a,
                         struct catalogue_study *ret_study, struct catalogue_series **ret_series,
                         size_t *ret_count, struct err *e);

struct catalogue_counts {
    uint64_t studies, series, instances, bytes;
};
int catalogue_count(struct db *db, struct catalogue_counts *ret_counts, struct err *e);

// The instance that stands for a study or series in thumbnails: the middle one of the first series
// that can be shown. E_NOT_FOUND when there is none. `series` may be "".
int catalogue_representative(struct db *db, const char *study_uid, const char *series_uid,
                             char ret_sop_instance[65], struct err *e);
