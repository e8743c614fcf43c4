// SPDX-License-Identifier: Apache-2.0
// Names by what stands beside them: titles, the other half of the name, initials, labels. A word
// that may stay in a text ("hand", "long") is a name only where its neighbours say so.
#include "gate/dates.h"
#include "gate/recognise_priv.h"

#define NAME_WORDS 5 // of one person, behind a title

static const struct gate_token *tok(const struct gate_text *t, uint32_t i) {
    return gate_token_at(t, i);
}

static bool word(const struct gate_text *t, uint32_t i) {
    return i < t->count && !gate_token_is_number(&t->tokens[i]);
}

static bool safe(const struct gate_text *t, uint32_t i) {
    return gate_token_lex(t, i, GATE_LEX_SAFE);
}

#define EXAM (GATE_LEX(BODY) | GATE_LEX(SIDE) | GATE_LEX(TECH))

// Title, stop and space, hyphen or apostrophe inside of a name: what may stand between its parts.
static bool name_gap(const struct gate_token *k) {
    uint32_t inside = GATE_GAP_SPACE | GATE_GAP_DOT | GATE_GAP_DASH | GATE_GAP_APOSTROPHE |
                      GATE_GAP_CARET | GATE_GAP_UNDER;
    return (k->gap & ~inside) == 0 && k->gap_len <= 3;
}

// Whether the word can be part of a name where one is expected.
static bool name_like(const struct gate_text *t, uint32_t i, bool first) {
    const struct gate_token *k = tok(t, i);
    const struct gate_token *next = tok(t, i + 1);
    bool particle =
        (k->lex & GATE_LEX(PARTICLE)) != 0 && name_gap(next) &&
        ((next->flags & GATE_TOKEN_CAPITAL) != 0 || (next->lex & GATE_LEX(PARTICLE)) != 0);
    if (word(t, i) && (particle || (k->len == 1 && (k->flags & GATE_TOKEN_CAPITAL) != 0))) {
        return true; // an initial, or "van" of "van Dijk"
    }
    if (!word(t, i) || (k->lex & (GATE_LEX(SITE) | GATE_LEX(ROLE) | GATE_LEX(FUNCTION)))) {
        return false;
    }
    if ((k->lex & GATE_LEX_NAME) != 0) {
        return first || (k->lex & GATE_LEX_SAFE) == 0 ||
               ((k->flags & GATE_TOKEN_CAPITAL) != 0 && (k->flags & GATE_TOKEN_UPPER) == 0);
    }
    bool capital = (k->flags & GATE_TOKEN_CAPITAL) != 0;
    if ((k->lex & GATE_LEX_SAFE) == 0) {
        return first || capital || k->len == 1 || k->gap == GATE_GAP_APOSTROPHE || k->gap == 0;
    }
    return first && capital && (k->flags & GATE_TOKEN_UPPER) == 0;
}

// Words of a name from i on.
static uint32_t name_run(const struct gate_text *t, uint32_t i) {
    uint32_t n = 0;
    while (n < NAME_WORDS && word(t, i + n) && (n == 0 || name_gap(tok(t, i + n))) &&
           name_like(t, i + n,
                     n == 0 || gate_token_lex(t, i + n - 1, GATE_LEX(PARTICLE)) ||
                         tok(t, i + n - 1)->len == 1)) {
        n++;
    }
    return n;
}

// MR, MS, DR, SR are modalities or diseases too.
static bool modality_word(const struct gate_text *t, uint32_t i) {
    return gate_token_is(t, i, "mr") || gate_token_is(t, i, "ms") || gate_token_is(t, i, "dr") ||
           gate_token_is(t, i, "sr") || gate_token_is(t, i, "fr") || gate_token_is(t, i, "pt") ||
           gate_token_is(t, i, "rev") || gate_token_is(t, i, "sir") || gate_token_is(t, i, "mx");
}

// "… by MR LONG", "consultant DR HAND"
static bool speaks_of_person(const struct gate_text *t, uint32_t before) {
    static const char *const words[] = {"by", "per", "under", "from",   "attn", "cc",
                                        "to", "ref", "care",  "signed", "seen"};
    if (gate_token_lex(t, before, GATE_LEX(ROLE) | GATE_LEX(TITLE))) {
        return true;
    }
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        if (gate_token_is(t, before, words[w])) {
            return true;
        }
    }
    return false;
}

static bool is_title(const struct gate_text *t, uint32_t i) {
    if (!gate_token_lex(t, i, GATE_LEX(TITLE))) {
        return false;
    }
    const struct gate_token *k = tok(t, i);
    const struct gate_token *next = tok(t, i + 1);
    if (!word(t, i + 1) || next->gap_len > 3 || next->gap == 0) {
        return false;
    }
    if ((!modality_word(t, i) && !safe(t, i)) || speaks_of_person(t, i - 1)) {
        return true;
    }
    bool mixed = (k->flags & GATE_TOKEN_CAPITAL) != 0 && (k->flags & GATE_TOKEN_UPPER) == 0;
    bool known_name = (next->lex & (GATE_LEX_NAME | GATE_LEX(PARTICLE))) != 0;
    if ((next->gap & GATE_GAP_DOT) != 0 && (next->lex & GATE_LEX(FUNCTION)) == 0) {
        return true; // "Dr. Hand", "DR. HAND"
    }
    if (mixed) { // "Mr Brain With Contrast" is how some systems write MR
        return known_name || !safe(t, i + 1);
    }
    return !safe(t, i + 1) && (known_name || next->len > 3) && gate_token_is(t, i, "sr") == 0;
}

uint32_t gate_titled(const struct gate_text *t, uint32_t i, enum gate_kind *ret_kind) {
    *ret_kind = GATE_KIND_PERSON_NAME;
    bool care = gate_token_is(t, i, "under") || gate_token_is(t, i, "care");
    uint32_t at = i;
    if (care) { // under the care of, care of: a name follows, with a title or not
        at += gate_token_is(t, at, "under");
        at += gate_token_is(t, at, "the");
        if (!gate_token_is(t, at, "care") || !gate_token_is(t, at + 1, "of")) {
            return 0;
        }
        at += 2;
    } else if (!is_title(t, at)) {
        return 0;
    }
    while (at < i + 8 && gate_token_lex(t, at, GATE_LEX(TITLE)) && tok(t, at)->gap_len <= 3) {
        at++;
    }
    uint32_t n = at < t->count && tok(t, at)->gap_len <= 3 ? name_run(t, at) : 0;
    return n > 0 ? at + n - i : 0;
}

static bool initial(const struct gate_text *t, uint32_t i) {
    return word(t, i) && tok(t, i)->len == 1 && (tok(t, i)->flags & GATE_TOKEN_CAPITAL) != 0;
}

// The family name behind or before an initial: a known name that is no word, or a word with a stop
// between where no side can be meant.
static bool with_initial(const struct gate_text *t, uint32_t family, uint32_t at, bool stop) {
    const struct gate_token *k = tok(t, family);
    if ((k->flags & GATE_TOKEN_CAPITAL) == 0 || (k->lex & GATE_LEX(FAMILY)) == 0) {
        return false;
    }
    bool side = gate_token_is(t, at, "l") || gate_token_is(t, at, "r");
    return (k->lex & GATE_LEX_SAFE) == 0 || (stop && !side);
}

// J Smith, J. P. Smith, J.P.Smith; Smith J, Smith, J.P.
static uint32_t initials(const struct gate_text *t, uint32_t i) {
    if (initial(t, i) && (i == 0 || tok(t, i)->gap != 0)) {
        uint32_t n = 1;
        while (n < 4 && initial(t, i + n) && gate_token_beside(t, i + n, 2)) {
            n++;
        }
        bool near = word(t, i + n) && gate_token_beside(t, i + n, 2) && tok(t, i + n)->gap != 0;
        bool stop = (tok(t, i + n)->gap & GATE_GAP_DOT) != 0;
        return near && with_initial(t, i + n, i, stop) ? n + 1 : 0;
    }
    const struct gate_token *next = tok(t, i + 1);
    bool divided = next->gap != 0 && next->gap_len <= 2 &&
                   (next->gap & ~(uint32_t)(GATE_GAP_SPACE | GATE_GAP_COMMA | GATE_GAP_CARET)) == 0;
    if (!divided || !initial(t, i + 1) || !gate_token_lex(t, i, GATE_LEX(FAMILY)) ||
        (tok(t, i)->flags & GATE_TOKEN_CAPITAL) == 0) {
        return 0;
    }
    bool comma = (next->gap & (GATE_GAP_COMMA | GATE_GAP_CARET)) != 0;
    if (safe(t, i) || (gate_token_lex(t, i + 1, GATE_LEX(SIDE)) && !comma)) {
        return 0;
    }
    return initial(t, i + 2) && gate_token_beside(t, i + 2, 2) ? 3 : 2;
}

// Peter Hand; Hand, Peter; HAND^PETER; O'Neill-Smith Sean
static bool pair(const struct gate_text *t, uint32_t a, uint32_t b) {
    const struct gate_token *x = tok(t, a);
    const struct gate_token *y = tok(t, b);
    uint32_t gap = y->gap;
    if (gap == 0 || y->gap_len > 2 ||
        (gap & ~(uint32_t)(GATE_GAP_SPACE | GATE_GAP_COMMA | GATE_GAP_CARET | GATE_GAP_UNDER |
                           GATE_GAP_DOT)) != 0) {
        return false;
    }
    bool names = (x->lex & y->lex & GATE_LEX_NAME) != 0 ||
                 ((x->lex & GATE_LEX_NAME) != 0 && (y->lex & GATE_LEX_NAME) != 0);
    bool given = (x->lex & GATE_LEX(GIVEN)) != 0 || (y->lex & GATE_LEX(GIVEN)) != 0;
    bool capitals = (x->flags & y->flags & GATE_TOKEN_CAPITAL) != 0 || (gap & GATE_GAP_CARET) != 0;
    bool only_names = !safe(t, a) || !safe(t, b);
    // One half that is only a name and the other that can be one
    return names && given && capitals && only_names;
}

static uint32_t run_of_pairs(const struct gate_text *t, uint32_t i) {
    uint32_t n = 1;
    while (n < NAME_WORDS && word(t, i + n) &&
           (pair(t, i + n - 1, i + n) ||
            (n > 1 && initial(t, i + n) && gate_token_beside(t, i + n, 2) && !safe(t, i + n)))) {
        n++;
    }
    return n > 1 ? n : 0;
}

uint32_t gate_full_name(const struct gate_text *t, uint32_t i, enum gate_kind *ret_kind) {
    *ret_kind = GATE_KIND_PERSON_NAME;
    uint32_t letters = initials(t, i);
    if (letters > 0) {
        return letters;
    }
    uint32_t n = 0;
    if (gate_token_lex(t, i, GATE_LEX_NAME)) {
        n = run_of_pairs(t, i);
        // a middle initial or particle between: "Peter J. Hand", "Maria de Souza"
        bool between = n == 0 && word(t, i + 1) && word(t, i + 2) && name_gap(tok(t, i + 1)) &&
                       name_gap(tok(t, i + 2)) && tok(t, i + 1)->gap != 0 &&
                       (initial(t, i + 1) || gate_token_lex(t, i + 1, GATE_LEX(PARTICLE)));
        if (between && gate_token_lex(t, i, GATE_LEX(GIVEN)) && !safe(t, i) &&
            (tok(t, i)->flags & tok(t, i + 2)->flags & GATE_TOKEN_CAPITAL) != 0 &&
            (gate_token_lex(t, i + 2, GATE_LEX(FAMILY)) || !safe(t, i + 2))) {
            return 3;
        }
    }
    return n;
}

static bool label_gap(const struct gate_token *k) {
    uint32_t allowed = GATE_GAP_SPACE | GATE_GAP_COLON | GATE_GAP_EQUALS | GATE_GAP_DOT |
                       GATE_GAP_OTHER | GATE_GAP_DASH | GATE_GAP_UNDER;
    return (k->gap & ~allowed) == 0 && k->gap_len <= 4;
}

enum label {
    LABEL_NONE,
    LABEL_BIRTH,
    LABEL_NUMBER,
    LABEL_NATIONAL,
    LABEL_NHS,
    LABEL_NAME,
    LABEL_PHONE
};
static const struct {
    const char *words[3]; // one behind the other
    enum label label;
} labels[] = {
    {{"dob"}, LABEL_BIRTH},
    {{"d", "o", "b"}, LABEL_BIRTH},
    {{"date", "of", "birth"}, LABEL_BIRTH},
    {{"birth", "date"}, LABEL_BIRTH},
    {{"birthdate"}, LABEL_BIRTH},
    {{"born"}, LABEL_BIRTH},
    {{"geb"}, LABEL_BIRTH},
    {{"mrn"}, LABEL_NUMBER},
    {{"pid"}, LABEL_NUMBER},
    {{"crn"}, LABEL_NUMBER},
    {{"hn"}, LABEL_NUMBER},
    {{"pas"}, LABEL_NUMBER},
    {{"hosp"}, LABEL_NUMBER},
    {{"hospital", "no"}, LABEL_NUMBER},
    {{"hospital", "number"}, LABEL_NUMBER},
    {{"hospital", "id"}, LABEL_NUMBER},
    {{"unit", "no"}, LABEL_NUMBER},
    {{"unit", "number"}, LABEL_NUMBER},
    {{"patient", "id"}, LABEL_NUMBER},
    {{"patient", "no"}, LABEL_NUMBER},
    {{"patient", "number"}, LABEL_NUMBER},
    {{"pt", "id"}, LABEL_NUMBER},
    {{"acc"}, LABEL_NUMBER},
    {{"acc", "no"}, LABEL_NUMBER},
    {{"accession"}, LABEL_NUMBER},
    {{"accession", "no"}, LABEL_NUMBER},
    {{"accession", "number"}, LABEL_NUMBER},
    {{"case", "no"}, LABEL_NUMBER},
    {{"case", "number"}, LABEL_NUMBER},
    {{"ref", "no"}, LABEL_NUMBER},
    {{"serial", "no"}, LABEL_NUMBER},
    {{"serial", "number"}, LABEL_NUMBER},
    {{"id"}, LABEL_NUMBER},
    {{"nhs"}, LABEL_NHS},
    {{"nhs", "no"}, LABEL_NHS},
    {{"nhs", "number"}, LABEL_NHS},
    {{"chi"}, LABEL_NHS},
    {{"chi", "no"}, LABEL_NHS},
    {{"chi", "number"}, LABEL_NHS},
    {{"gmc"}, LABEL_NATIONAL},
    {{"gmc", "no"}, LABEL_NATIONAL},
    {{"gmc", "number"}, LABEL_NATIONAL},
    {{"nmc"}, LABEL_NATIONAL},
    {{"nmc", "pin"}, LABEL_NATIONAL},
    {{"hcpc"}, LABEL_NATIONAL},
    {{"ni", "no"}, LABEL_NATIONAL},
    {{"nino"}, LABEL_NATIONAL},
    {{"ssn"}, LABEL_NATIONAL},
    {{"patient", "name"}, LABEL_NAME},
    {{"pt", "name"}, LABEL_NAME},
    {{"patients", "name"}, LABEL_NAME},
    {{"name"}, LABEL_NAME},
    {{"surname"}, LABEL_NAME},
    {{"forename"}, LABEL_NAME},
    {{"referrer"}, LABEL_NAME},
    {{"consultant"}, LABEL_NAME},
    {{"radiologist"}, LABEL_NAME},
    {{"radiographer"}, LABEL_NAME},
    {{"operator"}, LABEL_NAME},
    {{"reporter"}, LABEL_NAME},
    {{"sonographer"}, LABEL_NAME},
    {{"tel"}, LABEL_PHONE},
    {{"telephone"}, LABEL_PHONE},
    {{"phone"}, LABEL_PHONE},
    {{"mobile"}, LABEL_PHONE},
    {{"mob"}, LABEL_PHONE},
    {{"fax"}, LABEL_PHONE},
    {{"bleep"}, LABEL_PHONE},
    {{"pager"}, LABEL_PHONE},
    {{"ext"}, LABEL_PHONE},
    {{"extn"}, LABEL_PHONE},
    {{"extension"}, LABEL_PHONE},
};

static enum label label_at(const struct gate_text *t, uint32_t i, uint32_t *ret_taken) {
    enum label best = LABEL_NONE;
    *ret_taken = 0;
    uint8_t first = t->fold[t->tokens[i].fold];
    for (size_t r = 0; r < sizeof labels / sizeof labels[0]; r++) {
        if ((uint8_t)labels[r].words[0][0] != first) {
            continue;
        }
        uint32_t n = 0;
        while (n < 3 && labels[r].words[n] != NULL && gate_token_is(t, i + n, labels[r].words[n]) &&
               (n == 0 || tok(t, i + n)->gap_len <= 2)) {
            n++;
        }
        if (n > *ret_taken && (n == 3 || labels[r].words[n] == NULL)) {
            best = labels[r].label;
            *ret_taken = n;
        }
    }
    return best;
}

// A number or code behind its label: digits and single letters that stand together.
static uint32_t code_run(const struct gate_text *t, uint32_t i, uint32_t least) {
    uint32_t n = 0, digits = 0;
    while (n < 8 && i + n < t->count) {
        const struct gate_token *k = tok(t, i + n);
        bool number = gate_token_is_number(k);
        bool near =
            n == 0 || (k->gap_len <= 1 && (number || k->gap == 0 || k->len == 1) &&
                       (k->gap & ~(uint32_t)(GATE_GAP_SPACE | GATE_GAP_DASH | GATE_GAP_SLASH |
                                             GATE_GAP_UNDER | GATE_GAP_DOT)) == 0);
        if (!near || (!number && n == 0 && k->len > 4)) {
            break;
        }
        digits += number ? k->len : 0;
        n++;
    }
    return digits >= least ? n : 0;
}

uint32_t gate_labelled(const struct gate_text *t, uint32_t i, enum gate_kind *ret_kind) {
    uint32_t taken;
    enum label label = label_at(t, i, &taken);
    uint32_t at = i + taken;
    if (label == LABEL_NONE || at >= t->count || !label_gap(tok(t, at))) {
        return 0;
    }
    bool colon = (tok(t, at)->gap & (GATE_GAP_COLON | GATE_GAP_EQUALS)) != 0;
    uint32_t n = 0;
    if (label == LABEL_BIRTH) {
        *ret_kind = GATE_KIND_BIRTH_DATE;
        struct gate_date_list ignored;
        at += gate_token_is(t, at, "in") || gate_token_is(t, at, "on");
        n = gate_date_at(t, at, NULL);
        n = n == 0 && gate_date_six(t, at, &ignored) ? 1 : n;
        int32_t year = at < t->count ? gate_token_value(t, at) : 0;
        n = n == 0 && year >= 1880 && year <= 2060 ? 1 : n;
    } else if (label == LABEL_NAME) {
        *ret_kind = GATE_KIND_PERSON_NAME;
        bool known = gate_token_lex(t, at, GATE_LEX_NAME | GATE_LEX(TITLE)) || !safe(t, at);
        n = colon && word(t, at) && known ? name_run(t, at) : 0;
    } else {
        bool short_one = label == LABEL_PHONE || colon;
        at += gate_token_is(t, at, "no") || gate_token_is(t, at, "number");
        *ret_kind = label == LABEL_NHS        ? GATE_KIND_NHS_NUMBER
                    : label == LABEL_NATIONAL ? GATE_KIND_NATIONAL_ID
                    : label == LABEL_PHONE    ? GATE_KIND_CONTACT
                                              : GATE_KIND_HOSPITAL_NUMBER;
        n = at < t->count && label_gap(tok(t, at)) ? code_run(t, at, short_one ? 3 : 4) : 0;
    }
    return n > 0 ? at + n - i : 0;
}
