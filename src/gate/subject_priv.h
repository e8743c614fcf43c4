// SPDX-License-Identifier: Apache-2.0
// The subject as words.c and the tests need it: token by token.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/subject.h"
#include "gate/text.h"

// What a term is made of decides how it is looked for.
enum gate_term_form {
    GATE_TERM_NAME,  // of a person: by its parts
    GATE_TERM_CODE,  // letters and digits in any division
    GATE_TERM_PLACE, // by its words that are not common ones, and as a whole
    GATE_TERM_DATE,  // yyyymmdd
    GATE_TERM_TIME,  // hhmmss
    GATE_TERM_FORMS
};

// Tokens that a hit beginning at token i takes; 0: none.
uint32_t gate_subject_at(const struct gate_subject *s, const struct gate_text *t, uint32_t i,
                         bool fuzzy, enum gate_kind *ret_kind);

// As gate_subject_add, with the form said; E_LIMIT over GATE_SUBJECT_TERMS_MAX, E_MEMORY.
int gate_subject_term(struct gate_subject *s, enum gate_kind kind, enum gate_term_form form,
                      struct slice utf8, struct err *e);
uint32_t gate_subject_count(const struct gate_subject *s); // terms
