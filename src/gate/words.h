// SPDX-License-Identifier: Apache-2.0
// Free text (PS3.15 E.3.5 Clean Descriptors): what is known to be safe stays, the rest goes. The
// vocabulary is data/deid/vocabulary.csv (radiology, anatomy, technique, plain words of protocols),
// with words that are names as well ("hand", "temple", "chester") marked, so that they stay only
// where their neighbours say that they are no name. Identifiers are looked for before: the
// subject's own (subject.h) and those that recognisers know by form and check digit (recognise.h).
#pragma once

#include <stdbool.h>

#include "base/slice.h"
#include "gate/notes.h"

struct buf;
struct gate_subject;

struct gate_cleaned {
    uint32_t kept, dropped; // words
    uint32_t kinds;         // bits of enum gate_kind that were dropped
};

// Appends what may stay of one value (UTF-8), single spaces between words, punctuation that stood
// between kept words kept; nothing when no word may stay. `subject` may be NULL. Whole safe phrases
// of the profile
// (`phrases`, folded, sorted; may be empty) stay whatever they consist of, unless a recogniser or
// the subject objects.
struct gate_words {
    const struct gate_subject *subject;
    const struct slice *phrases;
    uint32_t phrase_count;
};
struct gate_cleaned gate_words_clean(const struct gate_words *w, struct slice utf8,
                                     struct buf *out);

// Whether all of the text would stay as it is.
bool gate_words_safe(const struct gate_words *w, struct slice utf8);
