// SPDX-License-Identifier: Apache-2.0
// Queries of the DICOM commands (PS3.4 C, K): information models and levels, keys from words of the
// command line, identifiers as bytes, C-FIND with answers as data sets in UTF-8.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/tag.h"
#include "dimse/association.h"

struct arena;
struct buf;
struct dcm_dataset;
struct dicom_link;
struct dimse_command;
struct err;

enum query_level { QUERY_PATIENT, QUERY_STUDY, QUERY_SERIES, QUERY_IMAGE, QUERY_WORKLIST };
enum query_service { QUERY_FIND, QUERY_MOVE, QUERY_GET };

struct query {
    enum query_level level;
    bool patient_root;
    bool relational, fuzzy;    // SOP Class Extended Negotiation (PS3.4 C.5.1.1, C.5.2.1)
    struct arena *arena;       // of `keys`; the caller's
    struct dcm_dataset *keys;  // explicit little endian
    struct slice extended;     // query_extended
    uint8_t extended_bytes[3]; // what it borrows
};

// A peer answers in the character set of the request where it can: UTF-8 loses nothing.
#define QUERY_CHARSET_DEFAULT "ISO_IR 192"
#define QUERY_CHARSET_NONE "none"
// `charset`: the terms of (0008,0005) for the request, "none": without it; NULL: the default.
// E_ARGUMENT for a term that does not exist.
int query_init(struct query *q, struct arena *arena, enum query_level level, bool patient_root,
               const char *charset, struct err *e);
const char *query_sop_class(const struct query *q, enum query_service service);
const char *query_level_word(enum query_level level); // "STUDY"; "" for the worklist
// The unique key of the level: what a UID without a keyword means. 0 for the worklist.
dcm_tag query_unique_key(enum query_level level);
// Application information for the association; empty when nothing is to be negotiated.
struct slice query_extended(struct query *q, enum query_service service);

// "PatientName=SMITH*", "0010,0020=1", "StudyDate" (asked for, not matched),
// "ScheduledProcedureStepSequence.Modality=CT". UTF-8. E_ARGUMENT names what is not understood,
// E_CHARSET what the charset cannot say.
int query_add(struct query *q, const char *word, struct err *e);
// A value for one key at the top, replacing it.
int query_put(struct query *q, dcm_tag tag, const char *value, struct err *e);
// The same of many values: a list of UIDs.
int query_put_list(struct query *q, dcm_tag tag, const char *const *values, size_t count,
                   struct err *e);
// What a person wants to see at this level, asked for unless it is there already. Puts the level.
int query_add_defaults(struct query *q, struct err *e);
// Of those, the ones that a table shows, in its order; ends with 0.
const dcm_tag *query_columns(enum query_level level);

// The keys in a transfer syntax (uncompressed), with Query/Retrieve Level. `out` is cleared.
int query_write(struct query *q, const char *syntax, struct buf *out, struct err *e);

// An association for C-FIND. `q` decides class and extended negotiation.
int query_open(const struct dicom_link *l, struct query *q, struct dimse_association **ret_a,
               struct err *e);

// Each answer, read into an arena that is emptied behind it, text in UTF-8 (what its character set
// could not say became U+FFFD). Non-zero ends the query (C-CANCEL).
typedef int (*query_answer)(void *context, struct dcm_dataset *answer);
// Runs the query. *ret_response is the final one. An answer that is no data set: E_SYNTAX and such.
int query_find(struct dimse_association *a, struct query *q, uint32_t limit, query_answer answer,
               void *context, struct dimse_command *ret_response, struct err *e);

// The first value of an answer as text, "" when absent; cut to `len`.
const char *query_text(const struct dcm_dataset *d, dcm_tag tag, char *out, size_t len);
