// SPDX-License-Identifier: Apache-2.0
// Which words of a text may stay: the judgement behind words.h.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/text.h"
#include "gate/words.h"

// States of a word.
#define GATE_WORD_OPEN 0
#define GATE_WORD_KEPT 1
#define GATE_WORD_DROPPED 2 // and above: GATE_WORD_DROPPED + enum gate_kind

struct gate_judged {
    struct gate_text text;
    uint8_t *state; // a byte a token
    uint8_t small[GATE_TEXT_SMALL];
};

// false when memory is short. gate_judged_done in the end.
bool gate_words_judge(const struct gate_words *w, struct slice utf8, struct gate_judged *ret_j);
void gate_judged_done(struct gate_judged *j);
