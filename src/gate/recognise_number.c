// SPDX-License-Identifier: Apache-2.0
// Numbers of persons and things by their form and check digit.
#include "gate/recognise_priv.h"

#define DIGITS_MAX 20
#define LONG_NUMBER 7 // digits from which a plain number is some register's

// Digits of neighbours that stand together: "943 476 5919", "(020) 7946-0018".
struct digits {
    uint8_t at[DIGITS_MAX];
    uint32_t len;
    uint32_t tokens;
    uint8_t groups[DIGITS_MAX]; // lengths
};

static bool number(const struct gate_text *t, uint32_t i) {
    return i < t->count && gate_token_is_number(&t->tokens[i]);
}

static bool group_gap(const struct gate_token *k) {
    uint32_t gap = k->gap;
    return k->gap_len <= 3 && gap != 0 &&
           (gap & ~(uint32_t)(GATE_GAP_SPACE | GATE_GAP_DASH | GATE_GAP_BRACKET)) == 0;
}

static void collect(const struct gate_text *t, uint32_t i, uint32_t most, struct digits *ret) {
    *ret = (struct digits){0};
    for (; number(t, i) && ret->tokens < most; i++) {
        struct slice s = gate_text_fold(t, i, i);
        if (ret->len + s.len > DIGITS_MAX || (ret->tokens > 0 && !group_gap(&t->tokens[i]))) {
            break;
        }
        memcpy(ret->at + ret->len, s.ptr, s.len);
        ret->groups[ret->tokens++] = (uint8_t)s.len;
        ret->len += (uint32_t)s.len;
    }
}

// NHS number (England, Wales), CHI number (Scotland), Health and Care number (Northern Ireland):
// weights 10 to 2, the check digit makes the sum 0 modulo 11.
static bool modulo_11(const uint8_t digits[10]) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 9; i++) {
        sum += (10 - i) * (uint32_t)(digits[i] - '0');
    }
    uint32_t check = (11 - sum % 11) % 11;
    return check < 10 && check == (uint32_t)(digits[9] - '0');
}

static bool part_of_decimal(const struct gate_text *t, uint32_t i) {
    const struct gate_token *k = &t->tokens[i];
    return i > 0 && number(t, i - 1) && k->gap == GATE_GAP_DOT && k->gap_len == 1;
}

// 3-3-4, 6-4, 10, and other ways of dividing ten digits.
static uint32_t ten_digits(const struct gate_text *t, uint32_t i, enum gate_kind *ret_kind) {
    for (uint32_t most = 4; most >= 1; most--) {
        struct digits d;
        collect(t, i, most, &d);
        bool usual =
            d.tokens == 1 || (d.tokens == 3 && d.groups[0] == 3 && d.groups[1] == 3) ||
            (d.tokens == 2 && (d.groups[0] == 6 || d.groups[0] == 5 || d.groups[0] == 3)) ||
            (d.tokens == 4 && d.groups[0] == 2 && d.groups[3] == 4);
        if (d.len == 10 && usual) {
            bool checked = modulo_11(d.at);
            if (!checked && d.tokens > 1 && d.tokens != 3) {
                return 0;
            }
            *ret_kind = checked ? GATE_KIND_NHS_NUMBER : GATE_KIND_HOSPITAL_NUMBER;
            return d.tokens;
        }
    }
    return 0;
}

static uint32_t extension(const struct gate_text *t, uint32_t i) {
    bool word = gate_token_is(t, i, "ext") || gate_token_is(t, i, "extn") ||
                gate_token_is(t, i, "extension") || gate_token_is(t, i, "x");
    return word && number(t, i + 1) && gate_token_at(t, i)->gap_len <= 2 ? 2 : 0;
}

// UK: 0 and 9 or 10 digits; abroad: + or 00, a country, 8 to 12 digits.
static uint32_t telephone(const struct gate_text *t, uint32_t i) {
    for (uint32_t most = 6; most >= 1; most--) {
        struct digits d;
        collect(t, i, most, &d);
        if (d.tokens != most) {
            continue;
        }
        bool plus = (t->tokens[i].gap & GATE_GAP_PLUS) != 0 && d.len >= 9 && d.len <= 15;
        bool abroad =
            d.at[0] == '0' && d.at[1] == '0' && d.at[2] != '0' && d.len >= 11 && d.len <= 17;
        bool country =
            d.at[0] == '4' && d.at[1] == '4' && (d.len == 12 || d.len == 11) && d.groups[0] == 2;
        bool home =
            d.at[0] == '0' && d.at[1] != '0' && (d.len == 11 || d.len == 10) && d.groups[0] >= 3;
        if (plus || abroad || country || home) {
            return most + extension(t, i + most);
        }
    }
    return 0;
}

// Two letters, six digits, A to D: "QQ 12 34 56 C".
static uint32_t insurance(const struct gate_text *t, uint32_t i) {
    const struct gate_token *k = &t->tokens[i];
    if (gate_token_is_number(k) || k->len != 2) {
        return 0;
    }
    struct slice two = gate_text_fold(t, i, i);
    for (int c = 0; c < 2; c++) {
        if (memchr("dfiquv", two.ptr[c], 6) != NULL) {
            return 0;
        }
    }
    struct digits d;
    collect(t, i + 1, 3, &d);
    uint32_t last = i + 1 + d.tokens;
    bool suffix = last < t->count && !gate_token_is_number(&t->tokens[last]) &&
                  t->tokens[last].len == 1 && t->tokens[last].gap_len <= 1 &&
                  gate_text_fold(t, last, last).ptr[0] <= 'd';
    bool near = d.tokens > 0 && t->tokens[i + 1].gap_len <= 1;
    bool pairs = d.tokens == 1 || (d.tokens == 3 && d.groups[0] == 2 && d.groups[1] == 2);
    return d.len == 6 && pairs && near && suffix ? d.tokens + 2 : 0;
}

// Nursing and Midwifery Council: "99A1234E", two digits, letter, four digits, letter.
static uint32_t nmc_pin(const struct gate_text *t, uint32_t i) {
    const struct gate_token *k = &t->tokens[i];
    return i + 3 < t->count && number(t, i) && k[0].len == 2 && !gate_token_is_number(&k[1]) &&
                   k[1].len == 1 && k[1].gap == 0 && gate_token_is_number(&k[2]) && k[2].len == 4 &&
                   k[2].gap == 0 && !gate_token_is_number(&k[3]) && k[3].len == 1 && k[3].gap == 0
               ? 4
               : 0;
}

static bool joined_to_before(const struct gate_text *t, uint32_t i) {
    return i > 0 && t->tokens[i].gap == 0;
}

uint32_t gate_uk_number(const struct gate_text *t, uint32_t i, enum gate_kind *ret_kind) {
    if (!number(t, i)) {
        *ret_kind = GATE_KIND_NATIONAL_ID;
        return insurance(t, i);
    }
    if (part_of_decimal(t, i)) {
        return 0;
    }
    uint32_t ten = ten_digits(t, i, ret_kind);
    enum gate_kind kind = *ret_kind;
    uint32_t phone = joined_to_before(t, i) ? 0 : telephone(t, i);
    if (phone > ten || (phone > 0 && kind == GATE_KIND_HOSPITAL_NUMBER)) {
        *ret_kind = GATE_KIND_CONTACT;
        return phone;
    }
    if (ten > 0) {
        return ten;
    }
    uint32_t pin = nmc_pin(t, i);
    *ret_kind = pin > 0 ? GATE_KIND_NATIONAL_ID : GATE_KIND_HOSPITAL_NUMBER;
    bool fraction = number(t, i + 1) && t->tokens[i + 1].gap == GATE_GAP_DOT;
    return pin > 0 ? pin : t->tokens[i].len >= LONG_NUMBER && !fraction ? 1 : 0;
}

// One to four letters and five to eight digits, joined or with one mark between: RX1234567.
uint32_t gate_letters_code(const struct gate_text *t, uint32_t i, enum gate_kind *ret_kind) {
    *ret_kind = GATE_KIND_HOSPITAL_NUMBER;
    const struct gate_token *k = &t->tokens[i];
    if (gate_token_is_number(k)) { // digits before letters: 123456A
        return k->len >= 5 && k->len <= 9 && i + 1 < t->count && !gate_token_is_number(&k[1]) &&
                       k[1].gap == 0 && k[1].len <= 2 && !part_of_decimal(t, i) &&
                       (k[1].lex & GATE_LEX(UNIT)) == 0
                   ? 2
                   : 0;
    }
    if (k->len > 4 || !number(t, i + 1) || k[1].len < 5 || k[1].len > 9 ||
        (k->lex & GATE_LEX(UNIT) && k->gap == 0 && number(t, i - 1))) {
        return 0;
    }
    bool near =
        k[1].gap == 0 || (k[1].gap_len == 1 && (k[1].gap & (GATE_GAP_DASH | GATE_GAP_SLASH)));
    bool fraction = number(t, i + 2) && k[2].gap == GATE_GAP_DOT && k[1].gap != 0;
    return near && !fraction ? 2 : 0;
}

// Areas of UK postcodes.
static const char areas[] =
    "AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E "
    "EC EH EN EX FK FY G GL GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL "
    "LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX PA PE PH PL PO PR RG RH RM S SA SE SG SK SL SM "
    "SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR WS WV YO ZE ";

static bool is_area(struct slice folded) {
    char upper[4] = {0};
    if (folded.len > 2) {
        return false;
    }
    for (size_t i = 0; i < folded.len; i++) {
        upper[i] = (char)(folded.ptr[i] - 32);
    }
    upper[folded.len] = ' ';
    const char *at = areas;
    while ((at = strstr(at, upper)) != NULL) {
        if (at == areas || at[-1] == ' ') {
            return true;
        }
        at++;
    }
    return false;
}

// Letters of the inward part: not C I K M O V.
static bool is_inward(struct slice folded) {
    return folded.len == 2 && memchr("cikmov", folded.ptr[0], 6) == NULL &&
           memchr("cikmov", folded.ptr[1], 6) == NULL;
}

uint32_t gate_postcode(const struct gate_text *t, uint32_t i, enum gate_kind *ret_kind) {
    const struct gate_token *k = &t->tokens[i];
    *ret_kind = GATE_KIND_ADDRESS;
    if (k->flags & GATE_TOKEN_FOREIGN || !is_area(gate_text_fold(t, i, i)) || !number(t, i + 1) ||
        k[1].gap != 0) {
        return 0;
    }
    uint32_t at = i + 2;
    // "SW1A1AA": district and inward digit may be one number, "EC1A" has a letter behind
    bool letter = at < t->count && !gate_token_is_number(&t->tokens[at]) &&
                  t->tokens[at].len == 1 && t->tokens[at].gap == 0 && number(t, at + 1);
    at += letter;
    bool split =
        number(t, at) && t->tokens[at].len == 1 && k[1].len <= 2 && t->tokens[at].gap_len <= 2 &&
        (t->tokens[at].gap & ~(uint32_t)(GATE_GAP_SPACE | GATE_GAP_DASH | GATE_GAP_UNDER)) == 0;
    bool together = !split && !letter && (k[1].len == 2 || k[1].len == 3);
    at += split;
    bool capitals = at < t->count && ((k->flags & t->tokens[at].flags & GATE_TOKEN_UPPER) != 0 ||
                                      (k->flags & GATE_TOKEN_UPPER) == 0);
    return (split || together) && at < t->count && !gate_token_is_number(&t->tokens[at]) &&
                   t->tokens[at].gap == 0 && is_inward(gate_text_fold(t, at, at)) && capitals
               ? at + 1 - i
               : 0;
}

uint32_t gate_dotted(const struct gate_text *t, uint32_t i, enum gate_kind *ret_kind) {
    if (part_of_decimal(t, i)) {
        return 0;
    }
    uint32_t count = 1;
    bool bytes = gate_token_value(t, i) <= 255 && gate_token_value(t, i) > 0;
    while (number(t, i + count) && t->tokens[i + count].gap == GATE_GAP_DOT &&
           t->tokens[i + count].gap_len == 1) {
        int32_t value = gate_token_value(t, i + count);
        bytes = bytes && value >= 0 && value <= 255;
        count++;
    }
    uint32_t chars = t->tokens[i + count - 1].end - t->tokens[i].start;
    if (count >= 4 && (count >= 6 || chars >= 18)) {
        *ret_kind = GATE_KIND_UID;
        return count;
    }
    bool version = i > 0 && (gate_token_is(t, i - 1, "v") || gate_token_is(t, i - 1, "version") ||
                             gate_token_is(t, i - 1, "ver"));
    *ret_kind = GATE_KIND_DEVICE;
    return count == 4 && bytes && !version && chars >= 8 ? count : 0;
}

static bool hexadecimal(uint8_t c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

// Six pairs of hexadecimal digits with : or - between.
uint32_t gate_hardware(const struct gate_text *t, uint32_t i, enum gate_kind *ret_kind) {
    size_t at = t->tokens[i].start;
    struct slice s = slice_first(slice_from(t->utf8, at), 17);
    if (s.len < 17 || (s.ptr[2] != ':' && s.ptr[2] != '-') || t->tokens[i].gap == 0) {
        if (i > 0 || s.len < 17 || (s.ptr[2] != ':' && s.ptr[2] != '-')) {
            return 0;
        }
    }
    for (size_t k = 0; k < s.len; k++) {
        if (k % 3 == 2 ? s.ptr[k] != s.ptr[2] : !hexadecimal(s.ptr[k])) {
            return 0;
        }
    }
    uint32_t taken = 1;
    while (i + taken < t->count && t->tokens[i + taken].start < at + 17) {
        taken++;
    }
    *ret_kind = GATE_KIND_DEVICE;
    return t->tokens[i + taken - 1].end == at + 17 ? taken : 0;
}

static bool is_years(const struct gate_text *t, uint32_t i) {
    static const char *const words[] = {"y",  "yr", "yrs",   "year", "years", "yo",
                                        "yf", "ym", "jahre", "ans",  "anos"};
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        if (gate_token_is(t, i, words[w])) {
            return gate_token_at(t, i)->gap_len <= 1;
        }
    }
    return false;
}

uint32_t gate_great_age(const struct gate_text *t, uint32_t i, enum gate_kind *ret_kind) {
    *ret_kind = GATE_KIND_AGE;
    uint32_t word =
        gate_token_is(t, i, "age") || gate_token_is(t, i, "aged") || gate_token_is(t, i, "alter");
    uint32_t at = i + word;
    int32_t age = number(t, at) && t->tokens[at].len <= 3 ? gate_token_value(t, at) : 0;
    if (age < 90 || age > 130 || (word && gate_token_at(t, at)->gap_len > 3)) {
        return 0;
    }
    return is_years(t, at + 1) ? 2 + word : word ? 2 : 0;
}
