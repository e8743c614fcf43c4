// SPDX-License-Identifier: Apache-2.0
// The recognisers one by one: each says how many tokens its identifier takes from token `i` on (0:
// none begins there) and of what kind it is. They look at neighbours, but never change anything.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/lexicon.h"
#include "gate/notes.h"
#include "gate/text.h"

typedef uint32_t gate_recogniser(const struct gate_text *t, uint32_t i, enum gate_kind *ret_kind);

// recognise_number.c
gate_recogniser gate_uk_number;    // NHS, CHI, H&C; NI; NMC; telephone; long numbers
gate_recogniser gate_postcode;     // whole: outward and inward
gate_recogniser gate_dotted;       // UIDs, IP addresses
gate_recogniser gate_hardware;     // MAC addresses
gate_recogniser gate_great_age;    // 90 and above
gate_recogniser gate_letters_code; // hospital numbers: letters before digits
// recognise_name.c
gate_recogniser gate_titled;    // Dr Hand; under the care of Mr Long
gate_recogniser gate_full_name; // given and family name, initials and family name
gate_recogniser gate_labelled;  // Name: …, DOB …, Hosp No …
// recognise_place.c
gate_recogniser gate_institution; // St Mary's Hospital, Ward 7B, … NHS Trust
gate_recogniser gate_place;       // a town; a street address
gate_recogniser gate_contact;     // e-mail and web addresses

// The token at `i`, or one without text.
const struct gate_token *gate_token_at(const struct gate_text *t, uint32_t i);
bool gate_token_is(const struct gate_text *t, uint32_t i, const char *folded);
bool gate_token_lex(const struct gate_text *t, uint32_t i, uint32_t bits);
// Nothing but spaces and dots, at most `most` bytes, before token i.
bool gate_token_beside(const struct gate_text *t, uint32_t i, uint8_t most);

// All recognisers at token i: the longest, 0 for none.
uint32_t gate_recognise_at(const struct gate_text *t, uint32_t i, enum gate_kind *ret_kind);
