// SPDX-License-Identifier: Apache-2.0
// What becomes of an attribute: the rows of PS3.15 Table E.1-1 2026d and of the reviewed keep list
// (data/deid/), compiled at build, and what a profile's options and edits make of a row. Masks
// (curves, overlays), private and unknown attributes have no row: header_walk.c has their rules.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/tag.h"
#include "dicom/vr.h"

struct gate_profile;

// Column "Basic Profile" of Table E.1-1; NONE: not in the table.
enum gate_basic {
    GATE_BASIC_NONE,
    GATE_BASIC_X,
    GATE_BASIC_D,
    GATE_BASIC_U,
    GATE_BASIC_Z,
    GATE_BASIC_XD,
    GATE_BASIC_XZ,
    GATE_BASIC_XZD,
    GATE_BASIC_ZD,
    GATE_BASIC_XZU
};

// The option columns, two bits each in gate_rule.options. Modified dates name the same rows as full
// dates; Safe Private names private attributes only; the pixel options have no column.
enum gate_option {
    GATE_OPTION_UIDS,
    GATE_OPTION_DEVICE,
    GATE_OPTION_INSTITUTION,
    GATE_OPTION_CHARACTERISTICS,
    GATE_OPTION_DATES,
    GATE_OPTION_DESCRIPTORS,
    GATE_OPTION_STRUCTURED,
    GATE_OPTION_GRAPHICS
};
enum gate_option_says { GATE_SAYS_NOTHING, GATE_SAYS_KEEP, GATE_SAYS_CLEAN };

// How the keep list keeps an attribute; NONE: it does not.
enum gate_how {
    GATE_HOW_NONE,
    GATE_HOW_REMOVE,
    GATE_HOW_EMPTY,
    GATE_HOW_DUMMY,      // a value of the right form that says nothing
    GATE_HOW_TYPED,      // one of the three above, as the Type in the IOD asks
    GATE_HOW_AS_IS,      // an option of the profile retains it
    GATE_HOW_SHIFT,      // a date, moved by the patient's days
    GATE_HOW_NUMBER,     // a number of its VR
    GATE_HOW_TERM,       // code string of known terms
    GATE_HOW_WORDS,      // text by words.h
    GATE_HOW_TECH,       // designations of machines and methods
    GATE_HOW_LABEL,      // short names that other attributes refer to
    GATE_HOW_UID,        // a new UID
    GATE_HOW_CLASS,      // UIDs of definitions
    GATE_HOW_ITEMS,      // a sequence whose items are cleaned
    GATE_HOW_BULK,       // bytes that are measurements
    GATE_HOW_PIXELS,     // left to pixels.h
    GATE_HOW_CHARSET,    // Specific Character Set
    GATE_HOW_SEX,        // M, F or O
    GATE_HOW_AGE,        // banded
    GATE_HOW_SUV,        // where an uptake value needs it
    GATE_HOW_NAME,       // the patient's pseudonym
    GATE_HOW_PATIENT_ID, // the same
    GATE_HOW_CASE,       // another pseudonym, see gate_rule_domain
    GATE_HOW_CODE,       // a part of a coded concept
    GATE_HOW_ICC,        // an ICC profile
    GATE_HOW_COUNT
};

struct gate_rule {
    dcm_tag tag;
    uint32_t options;
    uint8_t vr, vr2; // of the dictionary
    uint8_t basic;   // enum gate_basic
    uint8_t how;     // enum gate_how
    uint8_t domain;
};

// NULL: nobody keeps it.
const struct gate_rule *gate_rule_find(dcm_tag tag);
enum gate_option_says gate_rule_says(const struct gate_rule *r, enum gate_option option);

// Every rule, by tag, for tests and the conformance statement.
const struct gate_rule *gate_rules(uint32_t *ret_count);

// For GATE_HOW_CASE: domain and prefix of the pseudonym.
struct gate_domain {
    const char *name, *prefix;
};
const struct gate_domain *gate_rule_domain(const struct gate_rule *r);

// What the profile does with it: never GATE_HOW_NONE.
enum gate_how gate_rule_how(const struct gate_profile *p, const struct gate_rule *r);

// What the action of Table E.1-1 alone asks, for a value that nothing was left of.
enum gate_how gate_rule_floor(const struct gate_rule *r);

// --- types (PS3.5 7.4) ---

enum gate_iod_class { GATE_IOD_OTHER, GATE_IOD_CLASSIC, GATE_IOD_PET };
// Which group of data/deid/iods.csv a SOP class belongs to.
uint8_t gate_iod_find(struct slice sop_class);
bool gate_iod_is_pet(uint8_t iod);

// Type of an attribute, as far as it decides what stands for a value: 1, 2 or 3; 0 when types.csv
// says nothing. `around` is the sequence right around the item, 0 at the top.
unsigned gate_type_find(dcm_tag tag, dcm_tag around, uint8_t iod);
// What a compound action comes to: GATE_HOW_REMOVE, _EMPTY or _DUMMY.
enum gate_how gate_rule_typed(const struct gate_rule *r, dcm_tag around, uint8_t iod);

// --- words and private attributes that are known ---

enum gate_term_class { GATE_TERM_PLAIN, GATE_TERM_WORD, GATE_TERM_BODY };
struct gate_term {
    const char *text;
    uint8_t class; // enum gate_term_class
};
const struct gate_term *gate_term_find(struct slice text); // NULL: not known
bool gate_equipment_knows(struct slice word);              // any case

struct gate_safe_private {
    const char *creator;
    uint16_t group;
    uint8_t element;
    uint8_t vr;
};
// A row of Table E.3.10-1, or of the profile; VR in *ret_vr.
bool gate_private_find(const struct gate_profile *p, uint16_t group, struct slice creator,
                       uint8_t element, enum dcm_vr *ret_vr);

const char *gate_tables_digest(void);
