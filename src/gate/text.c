// SPDX-License-Identifier: Apache-2.0
#include "gate/text.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/utf8.h"
#include "gate/lexicon.h"

static uint16_t gap_of(uint32_t c) {
    switch (c) {
    case ' ':
    case 0xA0:
    case 0x3000:
        return GATE_GAP_SPACE;
    case '\n':
    case '\r':
    case '\t':
    case '\f':
        return GATE_GAP_LINE;
    case ',':
        return GATE_GAP_COMMA;
    case '^':
        return GATE_GAP_CARET;
    case '.':
        return GATE_GAP_DOT;
    case ':':
        return GATE_GAP_COLON;
    case '/':
        return GATE_GAP_SLASH;
    case '-':
    case 0xAD:
        return GATE_GAP_DASH;
    case '_':
        return GATE_GAP_UNDER;
    case '@':
        return GATE_GAP_AT;
    case '\'':
    case '`':
    case 0xB4:
    case 0x2018:
    case 0x2019:
        return GATE_GAP_APOSTROPHE;
    case '\\':
        return GATE_GAP_BACKSLASH;
    case '=':
        return GATE_GAP_EQUALS;
    case '+':
        return GATE_GAP_PLUS;
    case '(':
    case ')':
    case '[':
    case ']':
    case '{':
    case '}':
    case '<':
    case '>':
    case '"':
        return GATE_GAP_BRACKET;
    default:
        return c >= 0x2010 && c <= 0x2015 ? GATE_GAP_DASH : GATE_GAP_OTHER;
    }
}

// Letters of any script: what is beyond Latin-1's signs and not general punctuation, symbols,
// private use, full-width punctuation.
static bool is_letter(uint32_t c) {
    if (c < 0x80) {
        return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    }
    if (c < 0xC0) {
        return c == 0xAA || c == 0xBA;
    }
    bool sign = c == 0xD7 || c == 0xF7 || (c >= 0x2000 && c < 0x2C00) || // punctuation to symbols
                (c >= 0x3000 && c < 0x3005) || (c >= 0x3008 && c < 0x3021) ||
                (c >= 0xE000 && c < 0xF900) || (c >= 0xFE00 && c < 0xFE70) ||
                (c >= 0xFF00 && c < 0xFF21) || c >= 0xFFF0;
    return !sign || (c >= 0x10000 && c < 0x1F000) || (c >= 0x20000 && c < 0x32000);
}

static bool is_capital(uint32_t c) {
    return (c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE) || (c >= 0x391 && c <= 0x3A9) ||
           (c >= 0x400 && c <= 0x42F) ||
           (c >= 0x100 && c < 0x180 && (c & 1) == (c >= 0x139 && c <= 0x148));
}

static bool is_han(uint32_t c) {
    return (c >= 0x3040 && c < 0xA000) || (c >= 0xAC00 && c < 0xD7B0) || c >= 0x20000;
}

// Where the tokens go while they are made.
struct maker {
    struct gate_text *t;
    uint32_t folded;
    uint32_t gap_start;
    uint16_t gap;
};

static struct gate_token *begin(struct maker *m, size_t at, uint8_t flags) {
    struct gate_token *k = &m->t->tokens[m->t->count];
    size_t gap_len = at - m->gap_start;
    *k = (struct gate_token){.start = (uint32_t)at,
                             .fold = m->folded,
                             .gap = m->gap,
                             .flags = flags,
                             .gap_len = (uint8_t)(gap_len > 255 ? 255 : gap_len)};
    m->gap = 0;
    return k;
}

static void end(struct maker *m, struct gate_token *k, size_t at) {
    k->end = (uint32_t)at;
    k->len = m->folded - k->fold;
    struct slice folded = slice_of(m->t->fold + k->fold, k->len);
    k->hash = gate_text_hash(folded);
    k->lex = gate_token_is_number(k) ? 0 : gate_lex_find(folded, k->hash);
    m->gap_start = (uint32_t)at;
    m->t->count += k->len > 0; // combining marks alone are nothing
}

static size_t make_number(struct maker *m, size_t at) {
    struct slice s = m->t->utf8;
    struct gate_token *k = begin(m, at, GATE_TOKEN_NUMBER);
    while (at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9') {
        m->t->fold[m->folded++] = s.ptr[at++];
    }
    end(m, k, at);
    return at;
}

static void fold_one(struct maker *m, struct slice letter) {
    uint8_t room[16];
    struct buf out = {.data = room, .cap = sizeof room, .max = sizeof room};
    utf8_fold(&out, letter);
    memcpy(m->t->fold + m->folded, room, out.len);
    m->folded += (uint32_t)out.len;
}

// A word ends before a capital that follows a small letter, and before the last capital of several
// that a small letter follows ("MRHead": MR, Head).
static bool camel_border(struct slice s, size_t at, bool capital, bool last_capital) {
    if (!capital) {
        return false;
    }
    uint32_t next;
    size_t taken = utf8_decode(slice_from(s, at), &next);
    bool small_next = utf8_decode(slice_from(s, at + taken), &next) > 0 && is_letter(next) &&
                      !is_capital(next) && !is_han(next) && next != 's'; // "MRs", "CTs"
    return !last_capital || small_next;
}

static size_t make_word(struct maker *m, size_t at) {
    struct slice s = m->t->utf8;
    struct gate_token *k = begin(m, at, GATE_TOKEN_UPPER);
    bool last_capital = true;
    for (size_t first = at; at < s.len;) {
        uint32_t c;
        size_t taken = utf8_decode(slice_from(s, at), &c);
        if (taken == 0 || !is_letter(c)) {
            break;
        }
        bool capital = is_capital(c);
        if (at > first && camel_border(s, at, capital, last_capital)) {
            break;
        }
        k->flags |=
            (uint8_t)((at == first && capital ? GATE_TOKEN_CAPITAL : 0) |
                      (c >= 0x80 ? GATE_TOKEN_FOREIGN : 0) | (is_han(c) ? GATE_TOKEN_HAN : 0));
        k->flags &= (uint8_t)(capital ? 0xFF : ~GATE_TOKEN_UPPER);
        last_capital = capital;
        if (c < 0x80) {
            m->t->fold[m->folded++] = (uint8_t)(c | 0x20);
        } else {
            fold_one(m, slice_first(slice_from(s, at), taken));
        }
        at += taken;
    }
    end(m, k, at);
    return at;
}

static void make_all(struct maker *m) {
    struct slice s = m->t->utf8;
    for (size_t at = 0; at < s.len;) {
        uint32_t c = s.ptr[at];
        size_t taken = c < 0x80 ? 1 : utf8_decode(slice_from(s, at), &c);
        if (c >= '0' && c <= '9') {
            at = make_number(m, at);
        } else if (taken > 0 && is_letter(c)) {
            at = make_word(m, at);
        } else {
            m->gap |= taken == 0 ? GATE_GAP_OTHER : gap_of(c);
            at += taken == 0 ? 1 : taken;
        }
    }
}

bool gate_text_init(struct gate_text *t, struct slice utf8) {
    t->utf8 = utf8;
    t->count = 0;
    t->tokens = t->small;
    t->fold = t->small_fold;
    t->heap = NULL;
    // A token takes a byte at least, a folded letter at most twice its bytes (U+00C6: two for two).
    if (utf8.len > GATE_TEXT_SMALL || 2 * utf8.len > GATE_FOLD_SMALL) {
        if (utf8.len > UINT32_MAX / 64) {
            return false;
        }
        t->heap = malloc(utf8.len * (sizeof(struct gate_token) + 2));
        if (t->heap == NULL) {
            return false;
        }
        t->tokens = t->heap;
        t->fold = (uint8_t *)(t->tokens + utf8.len);
    }
    struct maker m = {.t = t};
    make_all(&m);
    return true;
}

void gate_text_done(struct gate_text *t) {
    free(t->heap);
    t->heap = NULL;
    t->count = 0;
}

struct slice gate_text_fold(const struct gate_text *t, uint32_t first, uint32_t last) {
    const struct gate_token *a = &t->tokens[first];
    const struct gate_token *b = &t->tokens[last];
    return slice_of(t->fold + a->fold, b->fold + b->len - a->fold);
}

int32_t gate_token_value(const struct gate_text *t, uint32_t i) {
    const struct gate_token *k = &t->tokens[i];
    uint64_t value;
    if (!gate_token_is_number(k) || k->len > 9 ||
        !num_parse_u64(gate_text_fold(t, i, i), 999999999, &value)) {
        return -1;
    }
    return (int32_t)value;
}

static bool is_space(uint8_t c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

struct slice gate_text_stretch(struct slice utf8, size_t from, size_t *ret_start) {
    size_t start = from > GATE_STRETCH_BEFORE ? from - GATE_STRETCH_BEFORE : 0;
    while (start > 0 && start < from && !is_space(utf8.ptr[start - 1])) {
        start++;
    }
    size_t stop = start + GATE_STRETCH_MAX;
    if (stop >= utf8.len) {
        stop = utf8.len;
    } else {
        size_t cut = stop;
        while (cut > stop - GATE_STRETCH_BEFORE && !is_space(utf8.ptr[cut - 1])) {
            cut--;
        }
        stop = cut > stop - GATE_STRETCH_BEFORE ? cut : stop;
    }
    *ret_start = start;
    return slice_of(utf8.ptr + start, stop - start);
}
