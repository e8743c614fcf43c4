// SPDX-License-Identifier: Apache-2.0
// Text cut into words and numbers, for subject.h, recognise.h and words.h. A word is a run of
// letters, cut where a small letter meets a capital ("HandPeter"); a number is a run of ASCII
// digits. What stands between two tokens is no token but a set of bits in the second one. Words are
// folded (utf8_fold), one behind the other in one buffer, so that the concatenation of neighbours
// ("T" "2" "W", "943" "476" "5919") lies there ready.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define GATE_TEXT_SMALL 96   // tokens and
#define GATE_FOLD_SMALL 1024 // folded bytes for which no memory is asked

// What stands between a token and the one before it (or the text's begin).
enum gate_gap {
    GATE_GAP_SPACE = 1 << 0,
    GATE_GAP_LINE = 1 << 1, // line or page end, tab
    GATE_GAP_COMMA = 1 << 2,
    GATE_GAP_CARET = 1 << 3,
    GATE_GAP_DOT = 1 << 4,
    GATE_GAP_COLON = 1 << 5,
    GATE_GAP_SLASH = 1 << 6,
    GATE_GAP_DASH = 1 << 7,
    GATE_GAP_UNDER = 1 << 8,
    GATE_GAP_AT = 1 << 9,
    GATE_GAP_APOSTROPHE = 1 << 10,
    GATE_GAP_BACKSLASH = 1 << 11,
    GATE_GAP_EQUALS = 1 << 12,
    GATE_GAP_PLUS = 1 << 13,
    GATE_GAP_BRACKET = 1 << 14, // any kind
    GATE_GAP_OTHER = 1 << 15
};

enum gate_token_flag {
    GATE_TOKEN_NUMBER = 1, // else a word
    GATE_TOKEN_CAPITAL = 2,
    GATE_TOKEN_UPPER = 4,   // all letters are capitals
    GATE_TOKEN_FOREIGN = 8, // letters beyond ASCII
    GATE_TOKEN_HAN = 16     // of a script without spaces between words
};

struct gate_token {
    uint32_t start, end; // bytes of the text
    uint32_t fold, len;  // bytes of the folded text
    uint32_t hash;       // gate_text_hash of them
    uint32_t lex;        // gate_lex_find of a word; 0 for numbers
    uint16_t gap;        // 0: directly behind the token before it
    uint8_t flags;
    uint8_t gap_len; // bytes, 255 for more
};

struct gate_text {
    struct slice utf8;
    struct gate_token *tokens;
    uint32_t count;
    uint8_t *fold;
    void *heap; // owned; NULL while the small room is enough
    struct gate_token small[GATE_TEXT_SMALL];
    uint8_t small_fold[GATE_FOLD_SMALL];
};

// false when memory is short; the text is then empty. `utf8` must outlive it.
bool gate_text_init(struct gate_text *t, struct slice utf8);
void gate_text_done(struct gate_text *t);

// Folded bytes of the tokens first to last, gaps left out.
struct slice gate_text_fold(const struct gate_text *t, uint32_t first, uint32_t last);
static inline bool gate_token_is_number(const struct gate_token *k) {
    return (k->flags & GATE_TOKEN_NUMBER) != 0;
}
// Whether nothing but an apostrophe stands between the token and the one before it.
static inline bool gate_token_joined(const struct gate_token *k) {
    return (k->gap & ~(uint32_t)GATE_GAP_APOSTROPHE) == 0;
}
// Number of a token of at most 9 digits; -1 for longer ones and for words.
int32_t gate_token_value(const struct gate_text *t, uint32_t i);

// FNV-1a, as tools/deid_tables.py has it.
#define GATE_HASH_START 2166136261u
static inline uint32_t gate_text_hash_on(uint32_t hash, const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ bytes[i]) * 16777619u;
    }
    return hash;
}
static inline uint32_t gate_text_hash(struct slice s) {
    return gate_text_hash_on(GATE_HASH_START, s.ptr, s.len);
}

// A stretch of a long text around `from` for who goes through it hit by hit: begins some hundred
// bytes before (at a space, where there is one), is bounded, ends at a space. *ret_start is where
// it begins. Tokens of a bounded distance see each other, and the whole costs what its length says.
#define GATE_STRETCH_BEFORE 160
#define GATE_STRETCH_MAX 2048
#define GATE_STRETCH_OVERLAP 320 // hits that begin in the last bytes are the next stretch's
struct slice gate_text_stretch(struct slice utf8, size_t from, size_t *ret_start);
