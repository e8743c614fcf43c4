// SPDX-License-Identifier: Apache-2.0
// Places, institutions and how to reach them.
#include "gate/recognise_priv.h"

#define SITE_WORDS 7 // of an institution's name before the word that says what it is

static const struct gate_token *tok(const struct gate_text *t, uint32_t i) {
    return gate_token_at(t, i);
}

static bool word(const struct gate_text *t, uint32_t i) {
    return i < t->count && !gate_token_is_number(&t->tokens[i]);
}

static bool saint(const struct gate_text *t, uint32_t i) {
    return gate_token_is(t, i, "st") || gate_token_is(t, i, "saint");
}

static bool linking(const struct gate_text *t, uint32_t i) {
    return gate_token_is(t, i, "of") || gate_token_is(t, i, "and") || gate_token_is(t, i, "the") ||
           gate_token_is(t, i, "s") || gate_token_is(t, i, "for") || gate_token_is(t, i, "upon");
}

static bool site_gap(const struct gate_token *k) {
    uint32_t inside = GATE_GAP_SPACE | GATE_GAP_DOT | GATE_GAP_APOSTROPHE | GATE_GAP_DASH |
                      GATE_GAP_OTHER | GATE_GAP_UNDER;
    return (k->gap & ~inside) == 0 && k->gap_len <= 3;
}

// Ward 7B, Ward Seacole, Bay 3: what follows is on the spot.
static uint32_t ward(const struct gate_text *t, uint32_t i) {
    static const char *const heads[] = {"ward",    "bay",  "bed",   "theatre",
                                        "theater", "room", "clinic"};
    bool head = false;
    for (size_t h = 0; h < sizeof heads / sizeof heads[0]; h++) {
        head = head || gate_token_is(t, i, heads[h]);
    }
    const struct gate_token *k = tok(t, i + 1);
    if (!head || k->gap_len > 2 || (k->gap & ~(uint32_t)(GATE_GAP_SPACE | GATE_GAP_COLON)) != 0) {
        return 0;
    }
    if (gate_token_is_number(k)) {
        bool letter = word(t, i + 2) && tok(t, i + 2)->gap == 0 && tok(t, i + 2)->len == 1;
        return 2 + letter;
    }
    bool single = k->len <= 2 && (k->flags & GATE_TOKEN_UPPER) != 0;
    if (single && gate_token_is_number(tok(t, i + 2)) && tok(t, i + 2)->gap_len <= 1 &&
        i + 2 < t->count) {
        return 3; // Ward A3
    }
    bool name = (k->flags & GATE_TOKEN_CAPITAL) != 0 && (k->lex & GATE_LEX_SAFE) == 0;
    return single || name ? 2 : 0;
}

// The words up to Hospital, Infirmary, Trust …: at least one of them must say which one.
uint32_t gate_institution(const struct gate_text *t, uint32_t i, enum gate_kind *ret_kind) {
    *ret_kind = GATE_KIND_INSTITUTION;
    uint32_t here = ward(t, i);
    if (here > 0) {
        return here;
    }
    const struct gate_token *k = tok(t, i);
    if ((k->flags & GATE_TOKEN_CAPITAL) == 0 && (k->lex & GATE_LEX(PLACE)) == 0) {
        return 0;
    }
    bool which = false;
    uint32_t last = 0;
    for (uint32_t n = 0; n < SITE_WORDS && word(t, i + n); n++) {
        k = tok(t, i + n);
        if (n > 0 && !site_gap(k)) {
            break;
        }
        if ((k->lex & GATE_LEX(SITE)) != 0 && which) {
            last = n + 1;
            continue;
        }
        bool site = (k->lex & GATE_LEX(SITE)) != 0;
        bool capital = (k->flags & GATE_TOKEN_CAPITAL) != 0 || k->gap == GATE_GAP_APOSTROPHE;
        bool function = (k->lex & GATE_LEX(FUNCTION)) != 0 && !linking(t, i + n);
        if ((!capital && !linking(t, i + n) && !site) || function) {
            break;
        }
        which = which || saint(t, i + n) ||
                ((k->lex & GATE_LEX_SAFE) == 0 && !site && k->len > 1) ||
                (k->lex & GATE_LEX(PLACE)) != 0;
    }
    return last;
}

// Words that end a street's name.
static bool street(const struct gate_text *t, uint32_t i) {
    static const char *const words[] = {"street", "road",     "avenue",  "lane",    "close",
                                        "drive",  "crescent", "terrace", "gardens", "grove",
                                        "court",  "way",      "square",  "place",   "rd",
                                        "ave",    "cres",     "mews",    "walk",    "row"};
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        if (gate_token_is(t, i, words[w])) {
            return true;
        }
    }
    return false;
}

// 12 High Street, 3a Castle Rd
static uint32_t address(const struct gate_text *t, uint32_t i) {
    if (tok(t, i)->len > 4) {
        return 0;
    }
    uint32_t at = i + 1;
    at += word(t, at) && tok(t, at)->gap == 0 && tok(t, at)->len == 1;
    for (uint32_t n = 0; n < 4 && word(t, at + n); n++) {
        const struct gate_token *k = tok(t, at + n);
        if (k->gap == 0 || k->gap_len > 2 || (k->flags & GATE_TOKEN_CAPITAL) == 0) {
            return 0;
        }
        if (n > 0 && street(t, at + n)) {
            return at + n + 1 - i;
        }
    }
    return 0;
}

uint32_t gate_place(const struct gate_text *t, uint32_t i, enum gate_kind *ret_kind) {
    *ret_kind = GATE_KIND_ADDRESS;
    if (gate_token_is_number(&t->tokens[i])) {
        return address(t, i);
    }
    const struct gate_token *k = tok(t, i);
    uint32_t other = GATE_LEX_SAFE | GATE_LEX(SITE) | GATE_LEX(ROLE);
    return (k->lex & GATE_LEX(PLACE)) != 0 && (k->lex & other) == 0 &&
                   (k->flags & GATE_TOKEN_CAPITAL) != 0
               ? 1
               : 0;
}

// Tokens that stand together by marks of mail and web names.
static uint32_t joined_run(const struct gate_text *t, uint32_t i, uint32_t marks) {
    uint32_t n = 1;
    while (i + n < t->count && (t->tokens[i + n].gap & ~marks) == 0 &&
           t->tokens[i + n].gap_len <= 1) {
        n++;
    }
    return n;
}

#define HOST_MARKS ((uint32_t)(GATE_GAP_DOT | GATE_GAP_DASH))
#define LOCAL_MARKS                                                                                \
    ((uint32_t)(GATE_GAP_DOT | GATE_GAP_DASH | GATE_GAP_UNDER | GATE_GAP_PLUS |                    \
                GATE_GAP_APOSTROPHE))

static uint32_t web(const struct gate_text *t, uint32_t i) {
    uint32_t at = i;
    bool scheme = (gate_token_is(t, i, "http") || gate_token_is(t, i, "https") ||
                   gate_token_is(t, i, "ftp")) &&
                  tok(t, i + 1)->gap == (GATE_GAP_COLON | GATE_GAP_SLASH);
    at += scheme;
    if (!word(t, at)) {
        return scheme ? 1 : 0;
    }
    uint32_t n = joined_run(t, at, HOST_MARKS);
    static const char *const ends[] = {"uk", "com", "org",  "net",   "nhs", "edu",   "eu",
                                       "de", "fr",  "scot", "wales", "ie",  "local", "gov"};
    bool known = gate_token_is(t, at, "www") && n > 1;
    for (size_t e = 0; n > 1 && e < sizeof ends / sizeof ends[0]; e++) {
        known = known || (gate_token_is(t, at + n - 1, ends[e]) &&
                          tok(t, at + n - 1)->gap == GATE_GAP_DOT && tok(t, at)->len > 1);
    }
    if (!scheme && !known) {
        return 0;
    }
    at += n;
    uint32_t rest = 0;
    while (at + rest < t->count && tok(t, at + rest)->gap_len <= 1 &&
           (tok(t, at + rest)->gap & (GATE_GAP_SPACE | GATE_GAP_LINE | GATE_GAP_COMMA)) == 0) {
        rest++;
    }
    return at + rest - i;
}

uint32_t gate_contact(const struct gate_text *t, uint32_t i, enum gate_kind *ret_kind) {
    *ret_kind = GATE_KIND_CONTACT;
    uint32_t local = joined_run(t, i, LOCAL_MARKS);
    uint32_t host = i + local;
    if (host < t->count && t->tokens[host].gap == GATE_GAP_AT && t->tokens[host].gap_len == 1) {
        return local + joined_run(t, host, HOST_MARKS);
    }
    return web(t, i);
}
