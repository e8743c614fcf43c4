// SPDX-License-Identifier: Apache-2.0
#include "gate/recognise.h"

#include "gate/dates.h"
#include "gate/recognise_priv.h"

const struct gate_token *gate_token_at(const struct gate_text *t, uint32_t i) {
    static const struct gate_token none = {.gap = GATE_GAP_OTHER, .gap_len = 255};
    return i < t->count ? &t->tokens[i] : &none;
}

bool gate_token_is(const struct gate_text *t, uint32_t i, const char *folded) {
    return i < t->count && t->fold[t->tokens[i].fold] == (uint8_t)folded[0] &&
           slice_eq_str(gate_text_fold(t, i, i), folded);
}

bool gate_token_lex(const struct gate_text *t, uint32_t i, uint32_t bits) {
    return i < t->count && (t->tokens[i].lex & bits) != 0;
}

bool gate_token_beside(const struct gate_text *t, uint32_t i, uint8_t most) {
    const struct gate_token *k = gate_token_at(t, i);
    return (k->gap & ~(uint32_t)(GATE_GAP_SPACE | GATE_GAP_DOT)) == 0 && k->gap_len <= most;
}

static uint32_t date(const struct gate_text *t, uint32_t i, enum gate_kind *ret_kind) {
    uint32_t taken = gate_date_at(t, i, NULL);
    if (taken > 0) { // a time of day behind it belongs to it: 2001-02-03T10:15, 03/02/2001 10:15
        uint32_t at = i + taken;
        uint32_t t_mark = gate_token_is(t, at, "t") && t->tokens[at].gap == 0;
        bool near = gate_token_at(t, at + t_mark)->gap_len <= 2;
        taken += near ? gate_time_at(t, at + t_mark, NULL) + t_mark : 0;
        *ret_kind = GATE_KIND_DATE;
        return taken;
    }
    taken = gate_time_at(t, i, NULL);
    *ret_kind = GATE_KIND_DATE;
    return taken;
}

static gate_recogniser *const number_rows[] = {
    date,           gate_uk_number, gate_dotted,       gate_hardware,
    gate_great_age, gate_place,     gate_letters_code, gate_contact};
static gate_recogniser *const word_rows[] = {
    date,         gate_uk_number, gate_postcode, gate_letters_code, gate_hardware,
    gate_titled,  gate_full_name, gate_labelled, gate_institution,  gate_place,
    gate_contact, gate_great_age};

uint32_t gate_recognise_at(const struct gate_text *t, uint32_t i, enum gate_kind *ret_kind) {
    bool number = gate_token_is_number(&t->tokens[i]);
    gate_recogniser *const *rows = number ? number_rows : word_rows;
    size_t count = number ? sizeof number_rows / sizeof number_rows[0]
                          : sizeof word_rows / sizeof word_rows[0];
    uint32_t best = 0;
    for (size_t r = 0; r < count; r++) {
        enum gate_kind kind = GATE_KIND_UNKNOWN;
        uint32_t taken = rows[r](t, i, &kind);
        if (taken > best) {
            best = taken;
            *ret_kind = kind;
        }
    }
    return best;
}

// The first hit of one stretch; those that begin where the next stretch looks too are left to it.
static bool in_stretch(const struct gate_text *t, size_t from, size_t until,
                       struct gate_hit *ret_hit) {
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->tokens[i].start < from) {
            continue;
        }
        if (t->tokens[i].start >= until) {
            return false;
        }
        enum gate_kind kind;
        uint32_t taken = gate_recognise_at(t, i, &kind);
        if (taken > 0) {
            *ret_hit = (struct gate_hit){kind, t->tokens[i].start, t->tokens[i + taken - 1].end};
            return true;
        }
    }
    return false;
}

bool gate_recognise(struct slice utf8, size_t from, struct gate_hit *ret_hit) {
    while (from < utf8.len) {
        size_t start;
        struct slice part = gate_text_stretch(utf8, from, &start);
        bool last = start + part.len >= utf8.len;
        size_t until = last || part.len < 2 * GATE_STRETCH_OVERLAP
                           ? part.len
                           : part.len - GATE_STRETCH_OVERLAP;
        until = until + start <= from ? part.len : until;
        struct gate_text t;
        struct gate_hit hit;
        if (!gate_text_init(&t, part)) { // no memory: nothing can be said to be safe
            *ret_hit = (struct gate_hit){GATE_KIND_UNKNOWN, from, utf8.len};
            return true;
        }
        bool found = in_stretch(&t, from - start, until, &hit);
        gate_text_done(&t);
        if (found) {
            *ret_hit = (struct gate_hit){hit.kind, start + hit.start, start + hit.end};
            return true;
        }
        from = start + until;
    }
    return false;
}
