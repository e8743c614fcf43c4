// SPDX-License-Identifier: Apache-2.0
// The terms: what each is broken into, and the table of the pieces. Gathering them from a data set
// is subject_gather.c, looking for them subject_find.c.
#include "gate/subject.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "gate/lexicon.h"
#include "gate/subject_table.h"

#define SLOTS_FIRST 256

struct gate_subject *gate_subject_new(struct arena *a) {
    struct gate_subject *s = arena_new(a, struct gate_subject);
    if (s == NULL) {
        return NULL;
    }
    s->arena = a;
    s->slots = arena_array(a, SLOTS_FIRST, sizeof *s->slots);
    s->slot_count = SLOTS_FIRST;
    return s->slots != NULL ? s : NULL;
}

uint32_t gate_subject_count(const struct gate_subject *s) { return s->term_count; }

// --- the table of pieces ---------------------------------------------------------------------

const struct gate_piece *gate_piece_find(const struct gate_subject *s, struct slice folded,
                                         uint32_t hash) {
    for (uint32_t at = hash & (s->slot_count - 1);; at = (at + 1) & (s->slot_count - 1)) {
        const struct gate_piece *p = s->slots[at];
        if (p == NULL) {
            return NULL;
        }
        if (p->hash == hash && slice_eq(p->text, folded)) {
            return p;
        }
    }
}

static void place_piece(struct gate_subject *s, struct gate_piece *p) {
    uint32_t at = p->hash & (s->slot_count - 1);
    while (s->slots[at] != NULL) {
        at = (at + 1) & (s->slot_count - 1);
    }
    s->slots[at] = p;
}

static bool grow(struct gate_subject *s) {
    struct gate_piece **old = s->slots;
    uint32_t count = s->slot_count;
    struct gate_piece **slots = arena_array(s->arena, 2 * (size_t)count, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    s->slots = slots;
    s->slot_count = 2 * count;
    for (uint32_t i = 0; i < count; i++) {
        if (old[i] != NULL) {
            place_piece(s, old[i]);
        }
    }
    return true;
}

// The strictest of several uses counts.
static void put_piece(struct gate_subject *s, struct slice folded, enum gate_kind kind,
                      uint8_t flags) {
    uint32_t hash = gate_text_hash(folded);
    struct gate_piece *known = NULL;
    for (uint32_t at = hash & (s->slot_count - 1); s->slots[at] != NULL;
         at = (at + 1) & (s->slot_count - 1)) {
        if (s->slots[at]->hash == hash && slice_eq(s->slots[at]->text, folded)) {
            known = s->slots[at];
        }
    }
    if (known != NULL) {
        bool weak = (known->flags & flags & GATE_PIECE_WEAK) != 0;
        known->flags =
            (uint8_t)((known->flags | flags) & ~GATE_PIECE_WEAK) | (weak ? GATE_PIECE_WEAK : 0);
        return;
    }
    struct gate_piece *p = arena_new(s->arena, struct gate_piece);
    struct slice copy = arena_copy(s->arena, folded);
    if (p == NULL || copy.ptr == NULL || (2 * s->piece_count >= s->slot_count && !grow(s))) {
        s->failed = true;
        return;
    }
    *p = (struct gate_piece){.text = copy, .hash = hash, .kind = (uint8_t)kind, .flags = flags};
    p->next = s->pieces;
    s->pieces = p;
    s->piece_count++;
    s->han = s->han || (flags & GATE_PIECE_HAN) != 0;
    if (folded.len > 0) {
        s->starts[folded.ptr[0]] |= folded.len > 1 ? 1ull << (folded.ptr[1] & 63) : ~0ull;
    }
    place_piece(s, p);
}

// --- names ----------------------------------------------------------------------------------

static bool no_name(struct slice folded) {
    static const char *const words[] = {"anonymous", "anonymized", "anonymised",  "anon",
                                        "unknown",   "none",       "null",        "deidentified",
                                        "removed",   "patient",    "unspecified", "noname",
                                        "withheld",  "nil",        "test",        "na"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (slice_eq_str(folded, words[i])) {
            return true;
        }
    }
    return false;
}

static void name_word(struct gate_subject *s, enum gate_kind kind, struct slice folded,
                      uint32_t lex, bool han) {
    uint8_t flags = GATE_PIECE_NAME;
    bool title = (lex & GATE_LEX(TITLE)) != 0 && (lex & GATE_LEX_NAME) == 0;
    if (folded.len == 0 || folded.len > GATE_PIECE_MAX || no_name(folded) || title) {
        return;
    }
    if (han) {
        flags |= GATE_PIECE_HAN;
    } else if (folded.len <= 2 || (lex & (GATE_LEX(PARTICLE) | GATE_LEX(TITLE)))) {
        flags |= GATE_PIECE_SHORT;
    } else if ((lex & (GATE_LEX_SAFE | GATE_LEX(MONTH) | GATE_LEX(SITE) | GATE_LEX(ROLE)))) {
        flags |= GATE_PIECE_WEAK;
    }
    if (folded.len == 1 && folded.ptr[0] >= 'a' && folded.ptr[0] <= 'z') {
        s->initials |= 1u << (folded.ptr[0] - 'a');
        return;
    }
    if (folded.ptr[0] >= 'a' && folded.ptr[0] <= 'z' && !(flags & GATE_PIECE_HAN)) {
        s->initials |= 1u << (folded.ptr[0] - 'a');
    }
    put_piece(s, folded, kind, flags);
}

static const char *const joined_prefixes[] = {"mac", "mc"};

// "McDonald" is met as "Mc Donald" and "Donald" too, where the name itself shows the border.
static void name_rest(struct gate_subject *s, enum gate_kind kind, const struct gate_text *t,
                      uint32_t i) {
    struct slice word = gate_text_fold(t, i, i);
    for (size_t p = 0; p < sizeof joined_prefixes / sizeof joined_prefixes[0]; p++) {
        struct slice rest = slice_from(word, strlen(joined_prefixes[p]));
        if (slice_starts(word, slice_str(joined_prefixes[p])) && rest.len >= 5) {
            uint32_t hash = gate_text_hash(rest);
            name_word(s, kind, rest, gate_lex_find(rest, hash), false);
        }
    }
}

static void add_name(struct gate_subject *s, enum gate_kind kind, const struct gate_text *t) {
    for (uint32_t i = 0; i < t->count; i++) {
        const struct gate_token *k = &t->tokens[i];
        if (gate_token_is_number(k)) {
            continue;
        }
        name_word(s, kind, gate_text_fold(t, i, i), k->lex, (k->flags & GATE_TOKEN_HAN) != 0);
        name_rest(s, kind, t, i);
        // O'Neill, Smith-Jones, McDonald: as one word too
        uint32_t marks = GATE_GAP_DASH | GATE_GAP_APOSTROPHE;
        for (uint32_t last = i + 1; last < t->count && (t->tokens[last].gap & ~marks) == 0 &&
                                    !gate_token_is_number(&t->tokens[last]);
             last++) {
            struct slice whole = gate_text_fold(t, i, last);
            if (whole.len <= GATE_PIECE_MAX) {
                name_word(s, kind, whole, gate_lex_find(whole, gate_text_hash(whole)), false);
            }
        }
    }
}

// --- codes ----------------------------------------------------------------------------------

static uint32_t count_digits(struct slice folded) {
    uint32_t digits = 0;
    for (size_t i = 0; i < folded.len; i++) {
        digits += folded.ptr[i] >= '0' && folded.ptr[i] <= '9';
    }
    return digits;
}

struct slice gate_without_zeros(struct slice folded) {
    while (folded.len > 1 && folded.ptr[0] == '0') {
        folded = slice_from(folded, 1);
    }
    return folded;
}

static void code_piece(struct gate_subject *s, enum gate_kind kind, struct slice folded) {
    folded = gate_without_zeros(folded);
    uint32_t digits = count_digits(folded);
    uint32_t lex = gate_lex_find(folded, gate_text_hash(folded));
    if (folded.len < 2 || folded.len > GATE_PIECE_MAX || no_name(folded) ||
        (digits == 0 && (folded.len < 4 || (lex & GATE_LEX_SAFE) != 0))) {
        return;
    }
    bool strong = digits >= 5 || (digits >= 2 && folded.len >= 6) || (digits == 0 && lex == 0);
    put_piece(s, folded, kind, (uint8_t)(GATE_PIECE_CODE | (strong ? 0 : GATE_PIECE_WEAK)));
}

static void add_code(struct gate_subject *s, enum gate_kind kind, const struct gate_text *t) {
    if (t->count == 0) {
        return;
    }
    code_piece(s, kind, gate_text_fold(t, 0, t->count - 1));
    for (uint32_t i = 0; i < t->count; i++) { // "RX1234567" is met as 1234567 too
        if (gate_token_is_number(&t->tokens[i]) && t->tokens[i].len >= 6) {
            code_piece(s, kind, gate_text_fold(t, i, i));
        }
    }
}

// --- places ---------------------------------------------------------------------------------

static void add_place(struct gate_subject *s, enum gate_kind kind, const struct gate_text *t) {
    uint32_t common = GATE_LEX_SAFE | GATE_LEX(SITE) | GATE_LEX(ROLE) | GATE_LEX(TITLE) |
                      GATE_LEX(MONTH) | GATE_LEX(PARTICLE);
    for (uint32_t i = 0; i < t->count; i++) {
        const struct gate_token *k = &t->tokens[i];
        struct slice word = gate_text_fold(t, i, i);
        bool han = (k->flags & GATE_TOKEN_HAN) != 0;
        if (gate_token_is_number(k) || (k->lex & common) != 0 || (word.len < 3 && !han) ||
            word.len > GATE_PIECE_MAX || no_name(word)) {
            continue;
        }
        put_piece(s, word, kind, (uint8_t)(GATE_PIECE_PLACE | (han ? GATE_PIECE_HAN : 0)));
    }
    struct slice whole = t->count > 1 ? gate_text_fold(t, 0, t->count - 1) : slice_of(NULL, 0);
    if (whole.len >= 6 && whole.len <= GATE_PIECE_MAX && t->count <= GATE_PIECE_TOKENS) {
        put_piece(s, whole, kind, GATE_PIECE_PLACE);
    }
}

// --- dates ----------------------------------------------------------------------------------

static void add_date(struct gate_subject *s, enum gate_kind kind, struct slice text) {
    uint64_t v;
    if (text.len < 8 || !num_parse_u64(slice_first(text, 8), 99999999, &v)) {
        return;
    }
    uint32_t packed = (uint32_t)v;
    if (!gate_date_valid((int)(v / 10000), (unsigned)(v / 100 % 100), (unsigned)(v % 100))) {
        return;
    }
    for (uint32_t i = 0; i < s->date_count; i++) {
        if (s->dates[i].date == packed) {
            s->dates[i].birth = s->dates[i].birth || kind == GATE_KIND_BIRTH_DATE;
            return;
        }
    }
    if (s->date_count < GATE_SUBJECT_DATES_MAX) {
        s->dates[s->date_count++] =
            (struct gate_subject_date){packed, kind == GATE_KIND_BIRTH_DATE};
    }
}

static void add_time(struct gate_subject *s, struct slice text) {
    uint64_t v;
    if (text.len < 6 || !num_parse_u64(slice_first(text, 6), 235959, &v) ||
        s->time_count >= GATE_SUBJECT_TIMES_MAX) {
        return;
    }
    uint32_t seconds = (uint32_t)(v / 10000 * 3600 + v / 100 % 100 * 60 + v % 100);
    for (uint32_t i = 0; i < s->time_count; i++) {
        if (s->times[i] == seconds) {
            return;
        }
    }
    if (seconds != 0) {
        s->times[s->time_count++] = seconds;
    }
}

// --- terms ----------------------------------------------------------------------------------

static void break_up(struct gate_subject *s, enum gate_kind kind, enum gate_term_form form,
                     struct slice utf8) {
    struct gate_text t;
    if (form == GATE_TERM_DATE || form == GATE_TERM_TIME) {
        form == GATE_TERM_DATE ? add_date(s, kind, utf8) : add_time(s, utf8);
        return;
    }
    if (!gate_text_init(&t, utf8)) {
        s->failed = true;
        return;
    }
    if (form == GATE_TERM_NAME) {
        add_name(s, kind, &t);
    } else if (form == GATE_TERM_CODE) {
        add_code(s, kind, &t);
    } else {
        add_place(s, kind, &t);
    }
    gate_text_done(&t);
}

// Whether the same term was added before; else it is remembered.
static bool remember(struct gate_subject *s, enum gate_kind kind, enum gate_term_form form,
                     struct slice utf8) {
    uint32_t hash =
        gate_text_hash(utf8) ^ (uint32_t)form * 0x9E3779B9u ^ (uint32_t)kind * 0x85EBCA6Bu;
    struct gate_known_term **at = &s->term_hash[hash % GATE_SUBJECT_BUCKETS];
    for (struct gate_known_term *m = *at; m != NULL; m = m->chain) {
        if (m->kind == kind && m->form == form && slice_eq(m->text, utf8)) {
            return true;
        }
    }
    struct gate_known_term *m = arena_new(s->arena, struct gate_known_term);
    struct slice copy = arena_copy(s->arena, utf8);
    if (m == NULL || copy.ptr == NULL) {
        s->failed = true;
        return true;
    }
    *m = (struct gate_known_term){
        .text = copy, .kind = (uint8_t)kind, .form = (uint8_t)form, .chain = *at};
    *at = m;
    *(s->last_term != NULL ? &s->last_term->next : &s->terms) = m;
    s->last_term = m;
    s->term_count++;
    return false;
}

int gate_subject_term(struct gate_subject *s, enum gate_kind kind, enum gate_term_form form,
                      struct slice utf8, struct err *e) {
    utf8 = slice_trim(utf8, " \t\r\n");
    bool clock = form == GATE_TERM_DATE || form == GATE_TERM_TIME;
    utf8 = clock ? slice_first(utf8, form == GATE_TERM_DATE ? 8 : 6) : utf8;
    if (utf8.len == 0 || (form == GATE_TERM_TIME && s->time_count >= GATE_SUBJECT_TIMES_MAX)) {
        return E_OK;
    }
    utf8 = slice_first(utf8, GATE_TERM_MAX);
    if (s->term_count >= GATE_SUBJECT_TERMS_MAX) {
        return err_set(e, E_LIMIT, "more than %d names, numbers and dates", GATE_SUBJECT_TERMS_MAX);
    }
    if (!remember(s, kind, form, utf8)) {
        break_up(s, kind, form, utf8);
    }
    return s->failed ? err_set(e, E_MEMORY, "the names and numbers of an instance") : E_OK;
}

static enum gate_term_form form_of(enum gate_kind kind) {
    switch (kind) {
    case GATE_KIND_PERSON_NAME:
        return GATE_TERM_NAME;
    case GATE_KIND_BIRTH_DATE:
    case GATE_KIND_DATE:
        return GATE_TERM_DATE;
    case GATE_KIND_ADDRESS:
    case GATE_KIND_INSTITUTION:
        return GATE_TERM_PLACE;
    default:
        return GATE_TERM_CODE;
    }
}

void gate_subject_add(struct gate_subject *s, enum gate_kind kind, struct slice utf8) {
    struct err ignored = {0};
    if (gate_subject_term(s, kind, form_of(kind), utf8, &ignored) != E_OK) {
        s->failed = true;
    }
}

// --- bytes ----------------------------------------------------------------------------------

#define PACK_MAGIC "GST1"

void gate_subject_pack(const struct gate_subject *s, struct buf *out) {
    uint8_t head[8];
    memcpy(head, PACK_MAGIC, 4);
    num_put_le32(head + 4, s->term_count);
    buf_put(out, head, sizeof head);
    for (const struct gate_known_term *m = s->terms; m != NULL; m = m->next) {
        uint8_t row[4] = {m->kind, m->form};
        num_put_le16(row + 2, (uint16_t)m->text.len);
        buf_put(out, row, sizeof row);
        buf_put_slice(out, m->text);
    }
}

int gate_subject_unpack(struct gate_subject *s, struct slice bytes, struct err *e) {
    if (bytes.len < 8 || memcmp(bytes.ptr, PACK_MAGIC, 4) != 0) {
        return err_set(e, E_CORRUPT, "no packed terms");
    }
    uint32_t count = num_le32(bytes.ptr + 4);
    struct slice rest = slice_from(bytes, 8);
    for (uint32_t i = 0; i < count; i++) {
        size_t len = rest.len >= 4 ? num_le16(rest.ptr + 2) : 0;
        if (rest.len < 4 || rest.len - 4 < len || rest.ptr[0] >= GATE_KIND_COUNT ||
            rest.ptr[1] >= GATE_TERM_FORMS) {
            return err_set(e, E_CORRUPT, "packed term %u of %u", i + 1, count);
        }
        int rc = gate_subject_term(s, (enum gate_kind)rest.ptr[0], (enum gate_term_form)rest.ptr[1],
                                   slice_first(slice_from(rest, 4), len), e);
        if (rc != E_OK) {
            return rc;
        }
        rest = slice_from(rest, 4 + len);
    }
    return rest.len == 0 ? E_OK : err_set(e, E_CORRUPT, "bytes behind the packed terms");
}
