// SPDX-License-Identifier: Apache-2.0
// Between the files of header.h: what the pass over one instance's header knows and keeps, and the
// steps on a single element. Elements are changed where they lie and dropped by compacting each
// data set once, so that a pass costs what the header's size says.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "dicom/charset.h"
#include "dicom/dataset.h"
#include "gate/context.h"
#include "gate/header.h"
#include "gate/identity.h"
#include "gate/rules.h"

#define GATE_UID_CACHE 64
#define GATE_TEXT_CACHE 64
#define GATE_VALUE_MAX ((size_t)64 << 20) // of one text value that is cleaned

struct err;

// UIDs repeat (study, frame of reference, classes of references).
struct gate_uid_slot {
    struct slice from;
    char to[DCM_UID_MAX + 1];
};

// Times of an instance whose real dates go: those that a value must have all the same are put at
// the same distances from a day that nobody was examined on.
#define GATE_CLOCK_PAIRS 3
struct gate_clock {
    bool has_zero;
    bool is_injection; // PET: uptake is reckoned from the injection
    int64_t zero;      // microseconds since 1970-01-01 of what becomes the dummy day's midnight
    int64_t midnight;  // of the dummy day, once it is known
    // Instants of series, acquisition and content, which have date and time in two attributes.
    bool has_pair[GATE_CLOCK_PAIRS];
    int64_t pair[GATE_CLOCK_PAIRS];
};

struct gate_walk {
    struct gate_context *c;
    struct gate_keyed keyed;
    struct gate_uid_slot uids[GATE_UID_CACHE];
    struct buf text, out; // scratch
    char patient[GATE_PSEUDONYM_MAX];
    struct gate_origin origin;
    int32_t shift_days;
    uint8_t iod;
    bool suv; // weight, height and the injection's place in time stay
    struct gate_clock clock;
    uint64_t private_count;
    bool private_kept;
    int code; // the first error, in *e
    struct err *e;
    // of the data set in hand
    struct dcm_charset charset;
    dcm_tag around; // the sequence right around it; 0 at the top
    char path[GATE_WHERE_MAX];
    size_t path_len;
};

// Of this instance; made on first use from the top-level data set. NULL: no memory (in *e).
struct gate_walk *gate_walk_of(struct gate_context *c, const struct dcm_dataset *d, struct err *e);

// What gate_header_origin said before anything was changed.
const struct gate_origin *gate_walk_origin(const struct gate_walk *w);

// Cleans `d` and everything in it; `around` is the sequence that it is an item of.
void gate_walk_dataset(struct gate_walk *w, struct dcm_dataset *d, dcm_tag around);

// Judges the elements of an item (w->around is set) that make a code, before the rest.
// *ret_usable: false when the item was a code and nothing else and has nothing left to say.
bool gate_walk_code(struct gate_walk *w, struct dcm_dataset *d, bool *ret_usable);

void gate_walk_note(struct gate_walk *w, enum gate_kind kind, enum gate_done done, dcm_tag tag);
enum gate_kind gate_walk_kind(const struct gate_rule *r, dcm_tag tag, enum dcm_vr vr);

// Gives the node another value (copied and padded). false: no memory (w->code).
bool gate_walk_set(struct gate_walk *w, struct dcm_node *n, struct slice value);

// What is done when nothing of a value may stay, by Table E.1-1 and the Type: true when the element
// stays (emptied or with a dummy).
bool gate_walk_nothing_left(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r);
// As the rule's action says, whatever the value.
bool gate_walk_act(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r,
                   enum gate_how how);

// --- header_text.c: true when something stays ---
bool gate_text_words(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r);
bool gate_text_tech(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r);
bool gate_text_label(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r);
bool gate_text_term(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r);
// Whether every value is one of its VR and names nobody.
bool gate_text_is_retainable(struct gate_walk *w, const struct dcm_node *n);
// Whether the subject or a recogniser knows something in the value.
bool gate_text_objects(struct gate_walk *w, struct slice utf8);

// --- header_value.c ---
bool gate_value_number(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r);
bool gate_value_uid(struct gate_walk *w, struct dcm_node *n, bool is_class);
bool gate_value_sex(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r);
bool gate_value_age(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r);
bool gate_value_case(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r);
bool gate_value_charset(struct gate_walk *w, struct dcm_node *n);
bool gate_value_dummy(struct gate_walk *w, struct dcm_node *n);

// --- header_dates.c ---
void gate_clock_find(struct gate_walk *w, const struct dcm_dataset *d);
bool gate_date_shift(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r);
// A dummy at its true distance from the clock's zero, where there is one.
bool gate_date_dummy(struct gate_walk *w, struct dcm_node *n);
// Whether this date or time is kept as such a dummy though the table removes it.
bool gate_date_is_needed(const struct gate_walk *w, dcm_tag tag);
// Day of the study for gate_origin.
bool gate_study_day(const struct dcm_dataset *d, int32_t *ret_day);
// An age from birth date and study date, when the instance says none. Writes AS text.
bool gate_age_between(const struct dcm_dataset *d, char out[5]);

// --- header_icc.c ---
bool gate_icc_clean(struct gate_walk *w, struct dcm_node *n);
