// SPDX-License-Identifier: Apache-2.0
// First what must go (the subject's terms, what recognisers know), then what may stay: whole
// phrases, words of the vocabulary, small numbers. A word that may be a name stays only where no
// neighbour says name.
#include "gate/words_judge.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "gate/lexicon.h"
#include "gate/recognise_priv.h"
#include "gate/subject_priv.h"

#define PHRASE_TOKENS 12
#define SMALL_NUMBER 3  // digits that tell nobody apart
#define RUN_DIGITS 4    // in a run with letters: "b1000"
#define SPREAD_DIGITS 7 // in numbers that stand together

static const struct gate_token *tok(const struct gate_judged *j, uint32_t i) {
    return gate_token_at(&j->text, i);
}

static bool is_number(const struct gate_judged *j, uint32_t i) {
    return i < j->text.count && gate_token_is_number(&j->text.tokens[i]);
}

static bool lex(const struct gate_judged *j, uint32_t i, uint32_t bits) {
    return gate_token_lex(&j->text, i, bits);
}

static void drop(struct gate_judged *j, uint32_t from, uint32_t count, enum gate_kind kind) {
    for (uint32_t i = from; i < from + count && i < j->text.count; i++) {
        j->state[i] = (uint8_t)(GATE_WORD_DROPPED + kind);
    }
}

static bool dropped(const struct gate_judged *j, uint32_t i) {
    return i < j->text.count && j->state[i] >= GATE_WORD_DROPPED;
}

static bool dropped_name(const struct gate_judged *j, uint32_t i) {
    return i < j->text.count && j->state[i] == GATE_WORD_DROPPED + GATE_KIND_PERSON_NAME;
}

// --- what must go ---------------------------------------------------------------------------

static void drop_identifiers(const struct gate_words *w, struct gate_judged *j) {
    for (uint32_t i = 0; i < j->text.count;) {
        enum gate_kind kind = GATE_KIND_UNKNOWN, other = GATE_KIND_UNKNOWN;
        uint32_t taken =
            w->subject != NULL ? gate_subject_at(w->subject, &j->text, i, false, &kind) : 0;
        uint32_t more = gate_recognise_at(&j->text, i, &other);
        if (more > taken) {
            kind = other;
            taken = more;
        }
        // inside of a long hit another may begin that reaches further
        uint32_t step = taken > 0 ? taken : 1;
        for (uint32_t k = 1; k < step; k++) {
            uint32_t inner = w->subject != NULL && i + k < j->text.count
                                 ? gate_subject_at(w->subject, &j->text, i + k, false, &other)
                                 : 0;
            taken = k + inner > taken ? k + inner : taken;
        }
        drop(j, i, taken, kind);
        i += step;
    }
}

// --- runs: tokens without a gap between ------------------------------------------------------

static uint32_t run_end(const struct gate_judged *j, uint32_t first) {
    uint32_t last = first;
    while (last + 1 < j->text.count && gate_token_joined(&j->text.tokens[last + 1])) {
        last++;
    }
    return last;
}

static uint32_t whole_lex(const struct gate_judged *j, uint32_t first, uint32_t last) {
    struct slice folded = gate_text_fold(&j->text, first, last);
    return gate_lex_find(folded, gate_text_hash(folded));
}

// "sagknee", "leftfoot": a side or direction and what it is of, written together.
static bool side_and_more(const struct gate_judged *j, uint32_t i) {
    const struct gate_token *k = tok(j, i);
    struct slice word = gate_text_fold(&j->text, i, i);
    if (k->lex != 0 || word.len < 6 || word.len > 40) {
        return false;
    }
    uint32_t never = GATE_LEX_NAME | GATE_LEX(SHY) | GATE_LEX(PLACE);
    uint32_t hash = gate_text_hash(slice_first(word, 2));
    for (size_t cut = 3; cut + 3 <= word.len; cut++) {
        hash = gate_text_hash_on(hash, word.ptr + cut - 1, 1);
        uint32_t side = gate_lex_find(slice_first(word, cut), hash);
        struct slice rest = slice_from(word, cut);
        uint32_t more = gate_lex_find(rest, gate_text_hash(rest));
        bool part =
            (more & GATE_LEX(BODY)) != 0 || ((more & GATE_LEX(TECH)) != 0 && (more & never) == 0);
        if ((side & GATE_LEX(SIDE)) != 0 && (side & never) == 0 && part) {
            return true;
        }
    }
    return false;
}

// A piece of a run: "t2w3mm" holds t, 2, w, 3, mm.
static bool piece_safe(const struct gate_judged *j, uint32_t i, bool has_digits) {
    const struct gate_token *k = tok(j, i);
    if (gate_token_is_number(k)) {
        return true;
    }
    bool elision = k->len == 1 && (tok(j, i + 1)->gap & GATE_GAP_APOSTROPHE) != 0; // l'épaule
    bool genitive = (k->gap & GATE_GAP_APOSTROPHE) != 0 && k->len == 1;            // women's
    return (k->lex & GATE_LEX_SAFE) != 0 || (k->len == 1 && has_digits) || elision || genitive ||
           side_and_more(j, i);
}

static bool run_safe(const struct gate_judged *j, uint32_t first, uint32_t last) {
    uint32_t digits = 0;
    for (uint32_t i = first; i <= last; i++) {
        digits += is_number(j, i) ? tok(j, i)->len : 0;
    }
    bool all = digits <= RUN_DIGITS;
    for (uint32_t i = first; i <= last && all; i++) {
        all = piece_safe(j, i, digits > 0);
    }
    uint32_t letters = 0; // "a1b2c3": single letters between digits are a code
    for (uint32_t i = first; i <= last && all; i++) {
        letters +=
            !is_number(j, i) && tok(j, i)->len == 1 && (tok(j, i)->gap & GATE_GAP_APOSTROPHE) == 0;
    }
    return all && (letters <= 2 || digits <= 2);
}

// --- numbers --------------------------------------------------------------------------------

static bool decimal_point(const struct gate_judged *j, uint32_t i) {
    return i > 0 && is_number(j, i) && is_number(j, i - 1) && tok(j, i)->gap == GATE_GAP_DOT &&
           tok(j, i)->gap_len == 1;
}

// Numbers with nothing but single marks between, as a number that is written in groups.
static uint32_t spread_digits(const struct gate_judged *j, uint32_t i) {
    uint32_t first = i;
    uint32_t apart = GATE_GAP_SPACE | GATE_GAP_DASH | GATE_GAP_DOT | GATE_GAP_SLASH;
    while (first > 0 && is_number(j, first - 1) && tok(j, first)->gap_len == 1 &&
           (tok(j, first)->gap & ~apart) == 0) {
        first--;
    }
    uint32_t sum = 0;
    for (uint32_t k = first; is_number(j, k) && (k == first || (tok(j, k)->gap_len == 1 &&
                                                                (tok(j, k)->gap & ~apart) == 0));
         k++) {
        bool fraction = decimal_point(j, k);
        sum += fraction ? 0 : tok(j, k)->len;
    }
    return sum;
}

static bool measures(const struct gate_judged *j, uint32_t i) {
    bool unit = lex(j, i + 1, GATE_LEX(UNIT)) && tok(j, i + 1)->gap_len <= 1;
    bool technique = i > 0 && lex(j, i - 1, GATE_LEX(TECH)) && tok(j, i)->gap_len <= 2;
    return unit || technique;
}

static bool number_stays(const struct gate_judged *j, uint32_t i, enum gate_kind *ret_kind) {
    uint32_t len = tok(j, i)->len;
    *ret_kind = GATE_KIND_HOSPITAL_NUMBER;
    if (decimal_point(j, i)) {
        return len <= 8 && !dropped(j, i - 1);
    }
    if (spread_digits(j, i) >= SPREAD_DIGITS) {
        return false;
    }
    if (len <= SMALL_NUMBER) {
        return true;
    }
    int32_t value = gate_token_value(&j->text, i);
    bool year = len == 4 && value >= 1900 && value <= 2099;
    bool unit = lex(j, i + 1, GATE_LEX(UNIT)) && tok(j, i + 1)->gap_len <= 1;
    *ret_kind = year ? GATE_KIND_DATE : GATE_KIND_HOSPITAL_NUMBER;
    return len == 4 && (year ? unit : measures(j, i));
}

// --- words that are names too ---------------------------------------------------------------

static bool beside(const struct gate_token *k) {
    uint32_t marks = GATE_GAP_SPACE | GATE_GAP_COMMA | GATE_GAP_CARET | GATE_GAP_DOT |
                     GATE_GAP_DASH | GATE_GAP_UNDER | GATE_GAP_APOSTROPHE | GATE_GAP_EQUALS |
                     GATE_GAP_BACKSLASH;
    return (k->gap & ~marks) == 0 && k->gap_len <= 3;
}

// A neighbour that says name: a name that went, or a capitalised word that nobody knows.
static bool says_name(const struct gate_judged *j, uint32_t i, uint32_t other) {
    if (other >= j->text.count || !beside(tok(j, other > i ? other : i))) {
        return false;
    }
    const struct gate_token *k = tok(j, other);
    if (dropped_name(j, other)) {
        return true;
    }
    bool capital = (k->flags & GATE_TOKEN_CAPITAL) != 0;
    bool unknown = !gate_token_is_number(k) && (k->lex & GATE_LEX_SAFE) == 0 && k->len > 1;
    return unknown && capital && (tok(j, i)->flags & GATE_TOKEN_CAPITAL) != 0 &&
           (k->lex == 0 || (k->lex & GATE_LEX_NAME) != 0) && k->gap != 0;
}

static bool says_exam(const struct gate_judged *j, uint32_t i, uint32_t other) {
    if (other >= j->text.count || dropped(j, other)) {
        return false;
    }
    const struct gate_token *k = tok(j, other > i ? other : i);
    uint32_t apart = GATE_GAP_CARET | GATE_GAP_COMMA | GATE_GAP_EQUALS | GATE_GAP_BACKSLASH;
    uint32_t exam =
        GATE_LEX(BODY) | GATE_LEX(SIDE) | GATE_LEX(TECH) | GATE_LEX(FINDING) | GATE_LEX(WORD);
    return (k->gap & apart) == 0 && k->gap_len <= 3 && lex(j, other, exam) &&
           !lex(j, other, GATE_LEX(SHY) | GATE_LEX(TITLE));
}

static bool word_stays(const struct gate_judged *j, uint32_t i) {
    const struct gate_token *k = tok(j, i);
    bool mixed_title = (k->lex & GATE_LEX(TITLE)) != 0 && (k->flags & GATE_TOKEN_CAPITAL) != 0 &&
                       (k->flags & GATE_TOKEN_UPPER) == 0;
    bool shy = (k->lex & GATE_LEX(SHY)) != 0 || mixed_title;
    bool can_be_name = shy || (k->lex & (GATE_LEX_NAME | GATE_LEX(PLACE))) != 0 || k->len == 1;
    if (!can_be_name) {
        return true;
    }
    bool before = i > 0 && says_exam(j, i, i - 1);
    bool behind = says_exam(j, i, i + 1);
    bool name_before = i > 0 && says_name(j, i, i - 1);
    bool name_behind = says_name(j, i, i + 1);
    if ((name_before && !behind) || (name_behind && !before)) {
        return false;
    }
    bool small = (k->flags & GATE_TOKEN_CAPITAL) == 0;
    bool plain = small && ((i > 0 && lex(j, i - 1, GATE_LEX(FUNCTION))) ||
                           lex(j, i + 1, GATE_LEX(FUNCTION) | GATE_LEX(WORD)));
    return !shy || before || behind || plain;
}

static void judge_run(struct gate_judged *j, uint32_t first, uint32_t last) {
    bool gone = false;
    for (uint32_t i = first; i <= last; i++) {
        gone = gone || dropped(j, i);
    }
    uint32_t known = gone || first == last ? 0 : whole_lex(j, first, last) & GATE_LEX_SAFE;
    for (uint32_t i = first; i <= last; i++) {
        if (dropped(j, i)) {
            continue;
        }
        enum gate_kind kind = GATE_KIND_FREE_TEXT;
        bool stays = !gone;
        if (stays && first == last) {
            stays = is_number(j, i)
                        ? number_stays(j, i, &kind)
                        : (lex(j, i, GATE_LEX_SAFE) && word_stays(j, i)) || side_and_more(j, i);
        } else if (stays && known == 0) {
            stays = run_safe(j, first, last);
        }
        if (stays) {
            j->state[i] = GATE_WORD_KEPT;
        } else {
            drop(j, i, 1, kind);
        }
    }
}

// --- phrases of the profile -----------------------------------------------------------------

static bool is_phrase(const struct gate_words *w, struct slice folded) {
    uint32_t low = 0, high = w->phrase_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        int order = slice_cmp(folded, w->phrases[middle]);
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return false;
}

static uint32_t phrase_at(const struct gate_words *w, const struct gate_judged *j, uint32_t i) {
    struct buf folded CLEANUP(cleanup_buf);
    buf_init(&folded, 4096);
    uint32_t best = 0;
    for (uint32_t last = i; last < j->text.count && last - i < PHRASE_TOKENS && !dropped(j, last);
         last++) {
        size_t start = j->text.tokens[i].start;
        buf_clear(&folded);
        utf8_fold(&folded, slice_of(j->text.utf8.ptr + start, j->text.tokens[last].end - start));
        bool ends = last + 1 >= j->text.count || !gate_token_joined(&j->text.tokens[last + 1]);
        best = ends && !folded.failed && is_phrase(w, buf_slice(&folded)) ? last + 1 - i : best;
    }
    return best;
}

static void keep_phrases(const struct gate_words *w, struct gate_judged *j) {
    for (uint32_t i = 0; i < j->text.count; i++) {
        bool starts = i == 0 || !gate_token_joined(&j->text.tokens[i]);
        uint32_t taken = starts && !dropped(j, i) ? phrase_at(w, j, i) : 0;
        for (uint32_t k = 0; k < taken; k++) {
            j->state[i + k] = GATE_WORD_KEPT;
        }
        i += taken > 0 ? taken - 1 : 0;
    }
}

bool gate_words_judge(const struct gate_words *w, struct slice utf8, struct gate_judged *ret_j) {
    if (!gate_text_init(&ret_j->text, utf8)) {
        return false;
    }
    uint32_t count = ret_j->text.count;
    ret_j->state = count <= sizeof ret_j->small ? ret_j->small : malloc(count);
    if (ret_j->state == NULL) {
        gate_text_done(&ret_j->text);
        return false;
    }
    memset(ret_j->state, GATE_WORD_OPEN, count);
    drop_identifiers(w, ret_j);
    if (w->phrase_count > 0) {
        keep_phrases(w, ret_j);
    }
    for (uint32_t i = 0; i < count;) {
        uint32_t last = run_end(ret_j, i);
        if (ret_j->state[i] != GATE_WORD_KEPT) {
            judge_run(ret_j, i, last);
        }
        i = last + 1;
    }
    return true;
}

void gate_judged_done(struct gate_judged *j) {
    if (j->state != j->small) {
        free(j->state);
    }
    gate_text_done(&j->text);
}
