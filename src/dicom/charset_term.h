// SPDX-License-Identifier: Apache-2.0
// The defined terms of Specific Character Set (PS3.3 C.12.1.1.2) and the escape sequences behind
// them (PS3.3 Tables C.12-3 and C.12-4, PS3.5 6.1.2.4), as tables; and the misspellings that people
// write.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/charset_set.h"

enum dcm_term_kind { DCM_TERM_ISO2022, DCM_TERM_UTF8, DCM_TERM_GBK, DCM_TERM_GB18030 };

struct dcm_charset_term {
    const char *plain;    // "ISO_IR 100"; NULL for sets that exist with code extensions only
    const char *extended; // "ISO 2022 IR 100"; NULL for UTF-8, GBK and GB18030
    enum dcm_term_kind kind;
    enum dcm_set g0; // active at the start when this is the first term
    enum dcm_set g1;
    enum dcm_set two_byte; // set that it brings in, or DCM_SET_NONE
};

#define DCM_TERM_DEFAULT 0 // row of ISO IR 6
extern const struct dcm_charset_term dcm_charset_terms[];
extern const uint8_t dcm_charset_terms_count;

// The row of a term without padding (the empty one is ISO IR 6), or -1. *ret_alias: it was
// misspelt; *ret_extended: it was the ISO 2022 form.
int dcm_term_find(struct slice term, bool *ret_alias, bool *ret_extended);

struct dcm_escape {
    uint8_t bytes[3]; // behind ESC; unused ones are 0
    uint8_t len;
    bool right; // designates G1, else G0
    enum dcm_set set;
};

// The sequence at the start of `s` (which begins behind ESC), or NULL.
const struct dcm_escape *dcm_escape_find(struct slice s);
// The sequence that designates `set`, NULL when there is none.
const struct dcm_escape *dcm_escape_of(enum dcm_set set);
