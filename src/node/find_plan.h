// SPDX-License-Identifier: Apache-2.0
// What a C-FIND identifier asks (PS3.4 C.4.1): keys for the catalogue, and the elements of each
// answer in ascending order.
//
// Held against the standard: a level below the first needs the study's UID (or, Patient Root, the
// PatientID for studies) unless relational queries were agreed. Let through, since stations send
// it: IMAGE level without SeriesInstanceUID, keys of other levels, lists of UIDs at any level.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/search.h"
#include "dicom/tag.h"
#include "dicom/vr.h"

struct err;
struct identifier;

#define FIND_FIELDS_MAX 512

enum find_kind {
    FIND_EMPTY,    // asked for and not known here: zero length
    FIND_COLUMN,   // of the catalogue's row
    FIND_LEVEL,    // Query/Retrieve Level
    FIND_AET,      // Retrieve AE Title: this node's
    FIND_ONLINE,   // Instance Availability
    FIND_REQUESTS, // Request Attributes Sequence, from columns of the row
    FIND_SEQUENCE  // another sequence: empty
};

struct find_field {
    dcm_tag tag;
    enum dcm_vr vr;
    enum find_kind kind;
    const struct search_attribute *attribute; // FIND_COLUMN
};

struct find_plan {
    enum search_level level;
    bool patients;     // level PATIENT
    const char *words; // "STUDY"
    struct search_key keys[SEARCH_KEYS_MAX];
    size_t key_count;
    struct find_field fields[FIND_FIELDS_MAX]; // by tag
    size_t field_count;
    bool unsupported;             // an optional key is not supported for matching, or not known
    bool step_ids, procedure_ids; // asked for in FIND_REQUESTS
};

// `patient_root`, `relational`: of the presentation context. Values borrow from the identifier.
// Errors: what makes no sense; their path is the offending element.
int find_plan_make(struct identifier *i, bool patient_root, bool relational,
                   struct find_plan *ret_plan, struct err *e);

// The level of the identifier (also of C-MOVE and C-GET). E_MISSING, E_VALUE.
int find_level(struct identifier *i, bool patient_root, enum search_level *ret_level,
               bool *ret_patients, struct err *e);
