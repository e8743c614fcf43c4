// SPDX-License-Identifier: Apache-2.0
// Looking for a subject's terms. A piece that may be an ordinary word ("hand"), a short number or a
// name of one or two letters counts only in company; where company and context say nothing, it
// counts.
#include "gate/lexicon.h"
#include "gate/recognise_priv.h"
#include "gate/subject_fuzzy.h"
#include "gate/subject_table.h"

static const struct gate_token *tok(const struct gate_text *t, uint32_t i) {
    return gate_token_at(t, i);
}

static bool can_start(const struct gate_subject *s, struct slice folded) {
    return folded.len > 0 && (folded.len > 1 ? s->starts[folded.ptr[0]] >> (folded.ptr[1] & 63) & 1
                                             : s->starts[folded.ptr[0]] != 0);
}

// --- pieces ---------------------------------------------------------------------------------

// What may stand inside of a divided name, number or phrase.
static bool divides(const struct gate_token *k) {
    uint32_t marks = GATE_GAP_SPACE | GATE_GAP_DASH | GATE_GAP_DOT | GATE_GAP_SLASH |
                     GATE_GAP_UNDER | GATE_GAP_APOSTROPHE | GATE_GAP_COMMA | GATE_GAP_BRACKET |
                     GATE_GAP_CARET | GATE_GAP_BACKSLASH;
    return (k->gap & ~marks) == 0 && k->gap_len <= 3;
}

// The longest piece that the tokens from i on make.
static const struct gate_piece *piece_at(const struct gate_subject *s, const struct gate_text *t,
                                         uint32_t i, uint32_t *ret_taken) {
    uint32_t stop = i;
    while (stop + 1 < t->count && stop + 1 - i < GATE_PIECE_TOKENS &&
           divides(&t->tokens[stop + 1])) {
        stop++;
    }
    struct slice all = gate_text_fold(t, i, stop);
    struct slice bare = gate_token_is_number(&t->tokens[i]) ? gate_without_zeros(all) : all;
    if (!can_start(s, bare)) {
        return NULL;
    }
    const struct gate_piece *best = NULL;
    size_t zeros = all.len - bare.len;
    size_t done = zeros;
    uint32_t hash = GATE_HASH_START;
    for (uint32_t last = i; last <= stop; last++) {
        size_t len = t->tokens[last].fold + t->tokens[last].len - t->tokens[i].fold;
        if (len <= done || len - zeros > GATE_PIECE_MAX) {
            continue;
        }
        hash = gate_text_hash_on(hash, all.ptr + done, len - done);
        done = len;
        const struct gate_piece *p =
            gate_piece_find(s, slice_of(all.ptr + zeros, len - zeros), hash);
        if (p != NULL) {
            best = p;
            *ret_taken = last + 1 - i;
        }
    }
    return best;
}

// "handpeter", "smithj": a token that is two pieces of names, or one and an initial.
static bool two_names(const struct gate_subject *s, struct slice word) {
    uint32_t hash = GATE_HASH_START;
    if (word.len < 4 || word.len > GATE_PIECE_MAX || !can_start(s, word)) {
        return false;
    }
    for (size_t cut = 1; cut < word.len; cut++) {
        hash = gate_text_hash_on(hash, word.ptr + cut - 1, 1);
        const struct gate_piece *a =
            cut < 3 ? NULL : gate_piece_find(s, slice_first(word, cut), hash);
        struct slice rest = slice_from(word, cut);
        if (a == NULL || (a->flags & GATE_PIECE_NAME) == 0) {
            continue;
        }
        bool initial = rest.len == 1 && (s->initials >> ((rest.ptr[0] - 'a') & 31) & 1) != 0;
        const struct gate_piece *b =
            rest.len < 2 ? NULL : gate_piece_find(s, rest, gate_text_hash(rest));
        if ((initial && (a->flags & GATE_PIECE_WEAK) == 0) ||
            (b != NULL && (b->flags & GATE_PIECE_NAME) != 0)) {
            return true;
        }
    }
    return false;
}

static bool initial_and_name(const struct gate_subject *s, struct slice word) {
    if (word.len < 5 || word.ptr[0] < 'a' || word.ptr[0] > 'z' ||
        (s->initials >> (word.ptr[0] - 'a') & 1) == 0) {
        return false;
    }
    struct slice rest = slice_from(word, 1);
    const struct gate_piece *p =
        can_start(s, rest) ? gate_piece_find(s, rest, gate_text_hash(rest)) : NULL;
    return p != NULL && (p->flags & GATE_PIECE_NAME) != 0 &&
           (p->flags & (GATE_PIECE_WEAK | GATE_PIECE_SHORT)) == 0;
}

// Scripts without spaces: a piece anywhere inside.
static bool inside(const struct gate_subject *s, struct slice word) {
    for (const struct gate_piece *p = s->pieces; p != NULL; p = p->next) {
        if ((p->flags & GATE_PIECE_HAN) != 0 && p->text.len <= word.len &&
            memmem(word.ptr, word.len, p->text.ptr, p->text.len) != NULL) {
            return true;
        }
    }
    return false;
}

// --- company --------------------------------------------------------------------------------

static bool name_beside_gap(const struct gate_token *k) {
    uint32_t marks = GATE_GAP_SPACE | GATE_GAP_COMMA | GATE_GAP_CARET | GATE_GAP_DOT |
                     GATE_GAP_DASH | GATE_GAP_UNDER | GATE_GAP_APOSTROPHE | GATE_GAP_BACKSLASH |
                     GATE_GAP_EQUALS | GATE_GAP_SLASH | GATE_GAP_BRACKET | GATE_GAP_LINE;
    return (k->gap & ~marks) == 0 && k->gap_len <= 4;
}

static bool is_initial(const struct gate_subject *s, const struct gate_text *t, uint32_t i) {
    if (i >= t->count || gate_token_is_number(&t->tokens[i]) || t->tokens[i].len != 1) {
        return false;
    }
    if (i + 1 < t->count && t->tokens[i + 1].gap == 0) {
        return false; // a word's begin: "MacDonald" is two tokens, "MR2" too
    }
    uint8_t c = gate_text_fold(t, i, i).ptr[0];
    return c >= 'a' && c <= 'z' && (s->initials >> (c - 'a') & 1) != 0 &&
           (t->tokens[i].flags & GATE_TOKEN_CAPITAL) != 0;
}

static const struct gate_piece *name_piece(const struct gate_subject *s, const struct gate_text *t,
                                           uint32_t i) {
    if (i >= t->count || gate_token_is_number(&t->tokens[i])) {
        return NULL;
    }
    const struct gate_piece *p = gate_piece_find(s, gate_text_fold(t, i, i), t->tokens[i].hash);
    return p != NULL && (p->flags & GATE_PIECE_NAME) != 0 ? p : NULL;
}

// Another part of a name, or an initial, at token j; `self` is the piece that asks.
static bool companion(const struct gate_subject *s, const struct gate_text *t, uint32_t j,
                      const struct gate_piece *self, bool *ret_initial) {
    const struct gate_piece *p = name_piece(s, t, j);
    *ret_initial = p == NULL && is_initial(s, t, j);
    bool particle = p != NULL && (p->flags & GATE_PIECE_SHORT) != 0 &&
                    gate_token_lex(t, j, GATE_LEX(PARTICLE)); // "hand AP" of Mr ap Rhys
    return (p != NULL && p != self && !particle) || *ret_initial;
}

// "seen by R HAND": then it is no side.
static bool speaks_of_person(const struct gate_text *t, uint32_t before) {
    return gate_token_is(t, before, "by") || gate_token_is(t, before, "from") ||
           gate_token_is(t, before, "to") ||
           gate_token_lex(t, before, GATE_LEX(TITLE) | GATE_LEX(ROLE));
}

// Whether an initial beside a part of the body is its side: "R hand", "L HAND", but "R. Hand".
static bool is_side(const struct gate_text *t, uint32_t initial, uint32_t part, bool before) {
    uint32_t stops = GATE_GAP_DOT | GATE_GAP_COMMA | GATE_GAP_CARET;
    return gate_token_lex(t, initial, GATE_LEX(SIDE)) &&
           gate_token_lex(t, part, GATE_LEX(BODY) | GATE_LEX(SIDE)) &&
           (tok(t, before ? initial + 1 : initial)->gap & stops) == 0 &&
           !(before && speaks_of_person(t, initial - 1));
}

// Whether a part of a name, an initial or a title is on one side, behind particles.
static bool named_side(const struct gate_subject *s, const struct gate_text *t, uint32_t i,
                       bool before, const struct gate_piece *self) {
    for (uint32_t step = 1; step <= 3; step++) {
        uint32_t j = before ? i - step : i + step;
        if (j >= t->count || !name_beside_gap(tok(t, before ? j + 1 : j))) {
            return false;
        }
        bool initial;
        if (companion(s, t, j, self, &initial)) {
            return !initial || !is_side(t, j, i, before);
        }
        if (!gate_token_lex(t, j, GATE_LEX(PARTICLE))) {
            return gate_token_lex(t, j, GATE_LEX(TITLE)) && before &&
                   (tok(t, j + 1)->gap & (GATE_GAP_CARET | GATE_GAP_UNDER)) == 0;
        }
    }
    return false;
}

// Words of an examination on one side: then "hand" is what was examined.
static bool exam_side(const struct gate_text *t, uint32_t i, bool before) {
    uint32_t j = before ? i - 1 : i + 1;
    if (j >= t->count) {
        return false;
    }
    const struct gate_token *k = tok(t, before ? i : j);
    uint32_t apart = GATE_GAP_CARET | GATE_GAP_COMMA | GATE_GAP_BACKSLASH | GATE_GAP_EQUALS |
                     GATE_GAP_APOSTROPHE | GATE_GAP_BRACKET;
    bool initial = before && t->tokens[j].len == 1 && speaks_of_person(t, j - 1);
    if ((k->gap & apart) != 0 || k->gap_len > 3 || initial) {
        return false;
    }
    uint32_t lex = t->tokens[j].lex;
    uint32_t clear = GATE_LEX(SIDE) | GATE_LEX(TECH) | GATE_LEX(FINDING);
    uint32_t other = GATE_LEX(SHY) | GATE_LEX(TITLE) | GATE_LEX(BODY) | GATE_LEX(FUNCTION);
    bool small = (t->tokens[i].flags & GATE_TOKEN_CAPITAL) == 0;
    return ((lex & clear) != 0 && (lex & other) == 0) ||
           (before && small && (lex & GATE_LEX(FUNCTION)) != 0 && !speaks_of_person(t, j)) ||
           (gate_token_is(t, j, "mr") && (t->tokens[j].flags & GATE_TOKEN_UPPER) != 0 &&
            gate_token_lex(t, i + 1, clear));
}

static bool possessive(const struct gate_text *t, uint32_t i) {
    return gate_token_is(t, i + 1, "s") && tok(t, i + 1)->gap == GATE_GAP_APOSTROPHE;
}

static bool weak_name_counts(const struct gate_subject *s, const struct gate_text *t, uint32_t i,
                             const struct gate_piece *p) {
    if (named_side(s, t, i, true, p) || named_side(s, t, i, false, p) || possessive(t, i)) {
        return true;
    }
    return !exam_side(t, i, true) && !exam_side(t, i, false);
}

// One or two letters: where no list knows them they go anyway, so this is about "NG", "LI", "MA".
static bool strong_beside(const struct gate_subject *s, const struct gate_text *t, uint32_t i) {
    for (uint32_t side = 0; side < 2; side++) {
        uint32_t j = side == 0 ? i - 1 : i + 1;
        const struct gate_piece *p = name_piece(s, t, j);
        if (p != NULL && (p->flags & (GATE_PIECE_WEAK | GATE_PIECE_SHORT)) == 0 &&
            name_beside_gap(tok(t, side == 0 ? i : j))) {
            return true;
        }
    }
    return false;
}

static bool short_name_counts(const struct gate_subject *s, const struct gate_text *t, uint32_t i,
                              const struct gate_piece *p) {
    const struct gate_token *k = tok(t, i);
    if ((k->flags & GATE_TOKEN_CAPITAL) == 0 && !possessive(t, i)) { // "li", "ma" need a name
        bool initial;
        return (i > 0 && companion(s, t, i - 1, p, &initial)) ||
               companion(s, t, i + 1, p, &initial);
    }
    if ((k->lex & GATE_LEX(PARTICLE)) != 0) {
        return strong_beside(s, t, i);
    }
    if (named_side(s, t, i, true, p) || named_side(s, t, i, false, p) || possessive(t, i)) {
        return true;
    }
    bool title_case = (k->flags & GATE_TOKEN_UPPER) == 0;
    return (title_case ||
            (!exam_side(t, i, true) && !exam_side(t, i, false) && (k->lex & GATE_LEX(SIDE)) == 0));
}

static bool number_label(const struct gate_text *t, uint32_t before) {
    static const char *const words[] = {"id",      "no",    "number",    "mrn",  "pid",
                                        "nr",      "acc",   "accession", "hosp", "hospital",
                                        "patient", "study", "case",      "ref"};
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        if (gate_token_is(t, before, words[w])) {
            return true;
        }
    }
    return false;
}

static bool weak_code_counts(const struct gate_subject *s, const struct gate_text *t, uint32_t i,
                             uint32_t taken) {
    if (i > 0 && ((number_label(t, i - 1) && t->tokens[i].gap_len <= 3) ||
                  (name_piece(s, t, i - 1) != NULL && name_beside_gap(tok(t, i))))) {
        return true;
    }
    return i + taken < t->count && name_piece(s, t, i + taken) != NULL &&
           name_beside_gap(tok(t, i + taken));
}

// --- dates and times ------------------------------------------------------------------------

static bool same_date(const struct gate_date *d, uint32_t packed) {
    uint32_t year = packed / 10000, month = packed / 100 % 100, day = packed % 100;
    return (d->year == 0 || (uint32_t)d->year == year) && d->month == month &&
           (d->day == 0 || d->day == day);
}

static bool known_date(const struct gate_subject *s, const struct gate_date_list *dates,
                       enum gate_kind *ret_kind) {
    for (uint32_t i = 0; i < dates->count; i++) {
        for (uint32_t k = 0; k < s->date_count; k++) {
            if (same_date(&dates->list[i], s->dates[k].date)) {
                *ret_kind = s->dates[k].birth ? GATE_KIND_BIRTH_DATE : GATE_KIND_DATE;
                return true;
            }
        }
    }
    return false;
}

static bool birth_year(const struct gate_subject *s, const struct gate_text *t, uint32_t i) {
    bool said = i > 0 && (gate_token_is(t, i - 1, "born") || gate_token_is(t, i - 1, "dob") ||
                          gate_token_is(t, i - 1, "birth") || gate_token_is(t, i - 1, "yob") ||
                          gate_token_is(t, i - 1, "in") || gate_token_is(t, i - 1, "b"));
    int32_t value = said && t->tokens[i].len == 4 ? gate_token_value(t, i) : 0;
    for (uint32_t k = 0; value > 0 && k < s->date_count; k++) {
        if (s->dates[k].birth && s->dates[k].date / 10000 == (uint32_t)value) {
            return true;
        }
    }
    return false;
}

static bool known_time(const struct gate_subject *s, uint32_t seconds, bool whole) {
    for (uint32_t k = 0; k < s->time_count; k++) {
        if (s->times[k] == seconds || (!whole && s->times[k] / 60 == seconds / 60)) {
            return true;
        }
    }
    return false;
}

static uint32_t clock_at(const struct gate_subject *s, const struct gate_text *t, uint32_t i,
                         enum gate_kind *ret_kind) {
    struct gate_date_list dates;
    uint32_t taken = s->date_count > 0 ? gate_date_at(t, i, &dates) : 0;
    if (taken > 0 && known_date(s, &dates, ret_kind)) {
        return taken;
    }
    if (!gate_token_is_number(&t->tokens[i])) {
        return 0;
    }
    if (s->date_count > 0 && gate_date_six(t, i, &dates) && known_date(s, &dates, ret_kind)) {
        return 1;
    }
    if (birth_year(s, t, i)) {
        *ret_kind = GATE_KIND_BIRTH_DATE;
        return 1;
    }
    uint32_t seconds;
    taken = s->time_count > 0 ? gate_time_at(t, i, &seconds) : 0;
    if (taken > 0 && known_time(s, seconds, taken > 2)) {
        *ret_kind = GATE_KIND_DATE;
        return taken;
    }
    int32_t v = s->time_count > 0 && t->tokens[i].len == 6 ? gate_token_value(t, i) : -1;
    if (v > 0 && v % 100 != 0 && v <= 235959 &&
        known_time(s, (uint32_t)(v / 10000 * 3600 + v / 100 % 100 * 60 + v % 100), true)) {
        *ret_kind = GATE_KIND_DATE;
        return 1;
    }
    return 0;
}

// --- together -------------------------------------------------------------------------------

// A hit on a name takes what belongs to it: initials, particles between, short parts.
static uint32_t name_on(const struct gate_subject *s, const struct gate_text *t, uint32_t i,
                        uint32_t taken) {
    for (;;) {
        uint32_t j = i + taken;
        if (j >= t->count || !name_beside_gap(tok(t, j))) {
            return taken;
        }
        bool side = gate_token_lex(t, j, GATE_LEX(SIDE)) &&
                    (tok(t, j)->gap & (GATE_GAP_COMMA | GATE_GAP_CARET | GATE_GAP_DOT)) == 0;
        const struct gate_piece *p = name_piece(s, t, j);
        bool weak = p != NULL && (p->flags & GATE_PIECE_WEAK) != 0 && exam_side(t, j, false) &&
                    (tok(t, j)->flags & GATE_TOKEN_CAPITAL) == 0;
        if ((p != NULL && !weak) || (is_initial(s, t, j) && !side)) {
            taken++;
        } else if (gate_token_lex(t, j, GATE_LEX(PARTICLE)) && name_piece(s, t, j + 1) != NULL) {
            taken += 2;
        } else {
            return taken;
        }
    }
}

static uint32_t piece_counts(const struct gate_subject *s, const struct gate_text *t, uint32_t i,
                             const struct gate_piece *p, uint32_t taken) {
    if ((p->flags & GATE_PIECE_NAME) != 0) {
        bool strong = (p->flags & (GATE_PIECE_WEAK | GATE_PIECE_SHORT)) == 0 || taken > 1;
        if (strong || (p->flags & GATE_PIECE_HAN) != 0 ||
            ((p->flags & GATE_PIECE_SHORT) != 0 ? short_name_counts(s, t, i, p)
                                                : weak_name_counts(s, t, i, p))) {
            return name_on(s, t, i, taken);
        }
    }
    if ((p->flags & GATE_PIECE_CODE) != 0) {
        uint32_t dot = taken > 1 ? i + 1 : i; // "0.12345", and the second half of it
        bool decimals = dot > 0 && taken <= 2 && t->tokens[dot].gap == GATE_GAP_DOT &&
                        gate_token_is_number(&t->tokens[dot]) &&
                        gate_token_is_number(&t->tokens[dot - 1]) && t->tokens[dot - 1].len <= 3;
        return !decimals && ((p->flags & GATE_PIECE_WEAK) == 0 || weak_code_counts(s, t, i, taken))
                   ? taken
                   : 0;
    }
    return (p->flags & GATE_PIECE_PLACE) != 0 ? taken : 0;
}

// Initials before the name, both of one letter or "J. H. Hand".
static uint32_t leading_initials(const struct gate_subject *s, const struct gate_text *t,
                                 uint32_t i, enum gate_kind *ret_kind) {
    uint32_t n = 0;
    while (n < 3 && is_initial(s, t, i + n) && (n == 0 || name_beside_gap(tok(t, i + n)))) {
        n++;
    }
    uint32_t taken = 0;
    const struct gate_piece *p = n > 0 && i + n < t->count && name_beside_gap(tok(t, i + n))
                                     ? piece_at(s, t, i + n, &taken)
                                     : NULL;
    if (p == NULL || (p->flags & GATE_PIECE_NAME) == 0) {
        return 0;
    }
    bool side = gate_token_lex(t, i, GATE_LEX(SIDE)) && (tok(t, i + 1)->gap & GATE_GAP_DOT) == 0;
    if (side && (p->flags & GATE_PIECE_WEAK) != 0) {
        return 0;
    }
    uint32_t counts = piece_counts(s, t, i + n, p, taken);
    *ret_kind = (enum gate_kind)p->kind;
    return counts > 0 ? n + counts : 0;
}

uint32_t gate_subject_at(const struct gate_subject *s, const struct gate_text *t, uint32_t i,
                         bool fuzzy, enum gate_kind *ret_kind) {
    const struct gate_token *k = &t->tokens[i];
    if (s->failed) {
        *ret_kind = GATE_KIND_UNKNOWN;
        return t->count - i;
    }
    uint32_t best = 0;
    if (gate_token_is_number(k) || (k->lex & GATE_LEX(MONTH)) != 0) {
        best = clock_at(s, t, i, ret_kind);
    }
    uint32_t taken = 0;
    const struct gate_piece *p = piece_at(s, t, i, &taken);
    uint32_t counts = p != NULL ? piece_counts(s, t, i, p, taken) : 0;
    if (p != NULL && counts == 0 && taken > 1) { // perhaps its first word alone does
        p = name_piece(s, t, i);
        counts = p != NULL ? piece_counts(s, t, i, p, 1) : 0;
    }
    if (counts > best) {
        best = counts;
        *ret_kind = (enum gate_kind)p->kind;
    }
    if (best == 0 && k->len == 1 && !gate_token_is_number(k)) {
        best = leading_initials(s, t, i, ret_kind);
    }
    if (best == 0 && k->lex == 0 && !gate_token_is_number(k)) {
        struct slice word = gate_text_fold(t, i, i);
        if (two_names(s, word) || initial_and_name(s, word) ||
            ((k->flags & GATE_TOKEN_HAN) != 0 && s->han && inside(s, word))) {
            *ret_kind = GATE_KIND_PERSON_NAME;
            best = name_on(s, t, i, 1);
        }
    }
    return best == 0 && fuzzy ? gate_fuzzy_at(s, t, i, ret_kind) : best;
}

static bool in_stretch(const struct gate_subject *s, const struct gate_text *t, size_t from,
                       size_t until, bool fuzzy, struct gate_hit *ret_hit) {
    for (uint32_t i = 0; i < t->count && t->tokens[i].start < until; i++) {
        enum gate_kind kind = GATE_KIND_UNKNOWN;
        uint32_t taken = t->tokens[i].start < from ? 0 : gate_subject_at(s, t, i, fuzzy, &kind);
        if (taken > 0) {
            *ret_hit = (struct gate_hit){kind, t->tokens[i].start, t->tokens[i + taken - 1].end};
            return true;
        }
    }
    return false;
}

bool gate_subject_find(const struct gate_subject *s, struct slice utf8, size_t from, bool fuzzy,
                       struct gate_hit *ret_hit) {
    while (from < utf8.len) {
        size_t start;
        struct slice part = gate_text_stretch(utf8, from, &start);
        size_t until = start + part.len >= utf8.len || part.len < 2 * GATE_STRETCH_OVERLAP
                           ? part.len
                           : part.len - GATE_STRETCH_OVERLAP;
        until = until + start <= from ? part.len : until;
        struct gate_text t;
        struct gate_hit hit;
        if (!gate_text_init(&t, part)) {
            *ret_hit = (struct gate_hit){GATE_KIND_UNKNOWN, from, utf8.len};
            return true;
        }
        bool found = in_stretch(s, &t, from - start, until, fuzzy, &hit);
        gate_text_done(&t);
        if (found) {
            *ret_hit = (struct gate_hit){hit.kind, start + hit.start, start + hit.end};
            return true;
        }
        from = start + until;
    }
    return false;
}
