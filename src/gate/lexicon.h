// SPDX-License-Identifier: Apache-2.0
// The lists that free text is judged by, as one table made at build from data/deid: vocabulary.csv
// (what may stay), names.csv (given and family names), places.csv (UK places, stems of hospitals
// and trusts). A word can be of several lists: that is what makes it ambiguous.
#pragma once

#include <stdint.h>

#include "base/slice.h"

// X(name): classes of data/deid/*.csv, in capitals
#define GATE_LEX_LIST(X)                                                                           \
    X(WORD)     /* safe: plain words of protocols and requests */                                  \
    X(FUNCTION) /* safe: of, with, for, to … */                                                  \
    X(BODY)     /* safe: anatomy */                                                                \
    X(SIDE)     /* safe: laterality, direction, view, position */                                  \
    X(TECH)     /* safe: modality, sequence, kernel, coil, contrast, vendor's words */             \
    X(FINDING)  /* safe: disease, sign, device in the body */                                      \
    X(UNIT)     /* safe: behind a number */                                                        \
    X(SHY)      /* a name more often than a word: safe only in safe company */                     \
    X(GIVEN)    /* a given name */                                                                 \
    X(FAMILY)   /* a family name */                                                                \
    X(PARTICLE) /* van, bin, ap, o' … of a name */                                               \
    X(TITLE)    /* Mr, Dr, Sister … */                                                           \
    X(PLACE)    /* a town, county, district */                                                     \
    X(SITE)     /* of an institution's name: hospital, infirmary, trust, ward */                   \
    X(ROLE)     /* who: consultant, referrer, radiographer … */                                  \
    X(MONTH)    /* a month's name or abbreviation */

enum gate_lex_bit {
#define X(name) GATE_LEX_BIT_##name,
    GATE_LEX_LIST(X)
#undef X
        GATE_LEX_COUNT
};
#define GATE_LEX(name) (1u << GATE_LEX_BIT_##name)
// What may stay, by itself or in company.
#define GATE_LEX_SAFE                                                                              \
    (GATE_LEX(WORD) | GATE_LEX(FUNCTION) | GATE_LEX(BODY) | GATE_LEX(SIDE) | GATE_LEX(TECH) |      \
     GATE_LEX(FINDING) | GATE_LEX(UNIT) | GATE_LEX(SHY))
#define GATE_LEX_NAME (GATE_LEX(GIVEN) | GATE_LEX(FAMILY))

// Bits of a folded word; 0 when no list has it. `hash` is gate_text_hash of it.
uint32_t gate_lex_find(struct slice folded, uint32_t hash);

// SHA-256 over the three lists, 64 hexadecimal digits.
extern const char gate_lex_digest[65];
