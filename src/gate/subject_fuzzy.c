// SPDX-License-Identifier: Apache-2.0
#include "gate/subject_fuzzy.h"

#include "gate/lexicon.h"
#include "gate/recognise_priv.h"

#define SHAPES_MAX 80
#define RUN_TOKENS 8 // that a number read from pixels may fall into

// One letter for all that look alike.
static uint8_t shape_of(uint8_t c) {
    switch (c) {
    case '0':
    case 'q':
    case 'd': // D and O of capitals
        return 'o';
    case '1':
    case 'l':
    case 'j':
    case 't': // T and I of thin faces
        return 'i';
    case '5':
        return 's';
    case '8':
        return 'b';
    case '2':
        return 'z';
    case '6':
    case '9':
        return 'g';
    case 'v':
        return 'u';
    case 'c':
        return 'e';
    default:
        return c;
    }
}

// rn and m, vv and w, cl and d.
static uint32_t shapes(struct slice folded, uint8_t out[SHAPES_MAX]) {
    uint32_t n = 0;
    for (size_t i = 0; i < folded.len && n < SHAPES_MAX; i++) {
        uint8_t c = folded.ptr[i];
        uint8_t next = i + 1 < folded.len ? folded.ptr[i + 1] : 0;
        if (c == 'r' && next == 'n') {
            out[n++] = 'm';
            i++;
        } else if ((c == 'v' && next == 'v') || (c == 'u' && next == 'u')) {
            out[n++] = 'w';
            i++;
        } else if (c == 'c' && next == 'l') {
            out[n++] = shape_of('d');
            i++;
        } else {
            out[n++] = shape_of(c);
        }
    }
    return n;
}

// Whether at most `most` letters differ (put in, left out, or another).
static bool near(const uint8_t *a, uint32_t a_len, const uint8_t *b, uint32_t b_len,
                 uint32_t most) {
    uint32_t row[SHAPES_MAX + 1];
    uint32_t differ = a_len > b_len ? a_len - b_len : b_len - a_len;
    if (differ > most) {
        return false;
    }
    for (uint32_t k = 0; k <= b_len; k++) {
        row[k] = k;
    }
    for (uint32_t i = 1; i <= a_len; i++) {
        uint32_t corner = row[0];
        row[0] = i;
        for (uint32_t k = 1; k <= b_len; k++) {
            uint32_t other = corner + (a[i - 1] != b[k - 1]);
            corner = row[k];
            uint32_t least = row[k] < row[k - 1] ? row[k] + 1 : row[k - 1] + 1;
            row[k] = other < least ? other : least;
        }
    }
    return row[b_len] <= most;
}

static bool piece_fits(const struct gate_piece *p, const uint8_t *text, uint32_t len) {
    uint8_t piece[SHAPES_MAX];
    if ((p->flags & (GATE_PIECE_SHORT | GATE_PIECE_HAN)) != 0 || p->text.len < 3 ||
        ((p->flags & GATE_PIECE_CODE) != 0 && (p->flags & GATE_PIECE_WEAK) != 0)) {
        return false;
    }
    uint32_t piece_len = shapes(p->text, piece);
    return near(text, len, piece, piece_len, piece_len / 6);
}

// Dates: the digits that the letters among them look like, read as a date anew.
static uint32_t digits_of(struct slice folded, uint8_t out[SHAPES_MAX]) {
    static const char from[] = "oqdiljtszbgae";
    static const char to[] = "0001111528648";
    uint32_t real = 0;
    uint32_t n = 0;
    for (size_t i = 0; i < folded.len && n < SHAPES_MAX; i++) {
        const char *at = memchr(from, folded.ptr[i], sizeof from - 1);
        bool digit = folded.ptr[i] >= '0' && folded.ptr[i] <= '9';
        if (!digit && at == NULL) {
            return 0;
        }
        real += digit;
        out[n++] = digit ? folded.ptr[i] : (uint8_t)to[at - from];
    }
    return 2 * real >= n ? n : 0;
}

static bool date_fits(const struct gate_subject *s, const uint8_t *digits, uint32_t len,
                      enum gate_kind *ret_kind) {
    uint32_t v = 0;
    for (uint32_t i = 0; i < len; i++) {
        v = v * 10 + (uint32_t)(digits[i] - '0');
    }
    for (uint32_t k = 0; k < s->date_count; k++) {
        uint32_t d = s->dates[k].date;
        uint32_t year = d / 10000, month = d / 100 % 100, day = d % 100;
        bool eight = len == 8 && (v == d || v == day * 1000000 + month * 10000 + year ||
                                  v == month * 1000000 + day * 10000 + year);
        bool six = len == 6 && (v == d % 1000000 || v == day * 10000 + month * 100 + year % 100 ||
                                v == month * 10000 + day * 100 + year % 100);
        if (eight || six) {
            *ret_kind = s->dates[k].birth ? GATE_KIND_BIRTH_DATE : GATE_KIND_DATE;
            return true;
        }
    }
    return false;
}

uint32_t gate_fuzzy_at(const struct gate_subject *s, const struct gate_text *t, uint32_t i,
                       enum gate_kind *ret_kind) {
    for (uint32_t last = i; last < t->count && last - i < RUN_TOKENS; last++) {
        const struct gate_token *k = &t->tokens[last];
        if (last > i && k->gap_len > 2) {
            return 0;
        }
        if (last == i && (k->lex & GATE_LEX_SAFE) != 0 && k->len > 2) {
            continue; // read as a word that it may well be; in a run it is looked at
        }
        struct slice folded = gate_text_fold(t, i, last);
        uint8_t text[SHAPES_MAX];
        if (folded.len > SHAPES_MAX) {
            return 0;
        }
        uint32_t len = digits_of(folded, text);
        if ((len == 6 || len == 8) && date_fits(s, text, len, ret_kind)) {
            return last + 1 - i;
        }
        len = shapes(folded, text);
        for (const struct gate_piece *p = s->pieces; len >= 3 && p != NULL; p = p->next) {
            if (piece_fits(p, text, len)) {
                *ret_kind = (enum gate_kind)p->kind;
                return last + 1 - i;
            }
        }
    }
    return 0;
}
