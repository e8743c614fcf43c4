// SPDX-License-Identifier: Apache-2.0
#include "gate/dates.h"

#include "gate/lexicon.h"

#define YEAR_FIRST 1850
#define YEAR_LAST 2099
#define CENTURY_SPLIT 40 // two digits from here on are of the last century

static const struct {
    const char *name;
    uint8_t month;
} months[] = {
    {"january", 1},    {"jan", 1},       {"januar", 1},    {"janvier", 1},    {"enero", 1},
    {"gennaio", 1},    {"januari", 1},   {"ionawr", 1},    {"february", 2},   {"feb", 2},
    {"februar", 2},    {"fevrier", 2},   {"febrero", 2},   {"febbraio", 2},   {"februari", 2},
    {"chwefror", 2},   {"march", 3},     {"mar", 3},       {"marz", 3},       {"maerz", 3},
    {"mars", 3},       {"marzo", 3},     {"maart", 3},     {"mawrth", 3},     {"april", 4},
    {"apr", 4},        {"avril", 4},     {"abril", 4},     {"aprile", 4},     {"ebrill", 4},
    {"may", 5},        {"mai", 5},       {"mayo", 5},      {"maggio", 5},     {"mei", 5},
    {"june", 6},       {"jun", 6},       {"juni", 6},      {"juin", 6},       {"junio", 6},
    {"giugno", 6},     {"mehefin", 6},   {"july", 7},      {"jul", 7},        {"juli", 7},
    {"juillet", 7},    {"julio", 7},     {"luglio", 7},    {"gorffennaf", 7}, {"august", 8},
    {"aug", 8},        {"aout", 8},      {"agosto", 8},    {"augustus", 8},   {"awst", 8},
    {"september", 9},  {"sep", 9},       {"sept", 9},      {"septembre", 9},  {"septiembre", 9},
    {"settembre", 9},  {"medi", 9},      {"october", 10},  {"oct", 10},       {"oktober", 10},
    {"okt", 10},       {"octobre", 10},  {"octubre", 10},  {"ottobre", 10},   {"hydref", 10},
    {"november", 11},  {"nov", 11},      {"novembre", 11}, {"noviembre", 11}, {"tachwedd", 11},
    {"december", 12},  {"dec", 12},      {"dezember", 12}, {"dez", 12},       {"decembre", 12},
    {"diciembre", 12}, {"dicembre", 12}, {"rhagfyr", 12},
};

uint8_t gate_month(struct slice folded) {
    if (folded.len < 3 || folded.len > 10) {
        return 0;
    }
    for (size_t i = 0; i < sizeof months / sizeof months[0]; i++) {
        if (slice_eq_str(folded, months[i].name)) {
            return months[i].month;
        }
    }
    return 0;
}

static bool leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

bool gate_date_valid(int year, unsigned month, unsigned day) {
    static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return year >= YEAR_FIRST && year <= YEAR_LAST && month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1] && (month != 2 || day < 29 || leap(year));
}

static void put(struct gate_date_list *d, int year, int month, int day) {
    if (d->count < GATE_DATE_READINGS && month > 0 && day > 0 &&
        gate_date_valid(year, (unsigned)month, (unsigned)day)) {
        d->list[d->count++] = (struct gate_date){(int16_t)year, (uint8_t)month, (uint8_t)day};
    }
}

static int full_year(int32_t value, uint32_t digits) {
    if (digits == 2) {
        return value < CENTURY_SPLIT ? 2000 + value : 1900 + value;
    }
    return digits == 4 && value >= YEAR_FIRST && value <= YEAR_LAST ? value : 0;
}

// Two digits of a year can be of both centuries.
static void put_short(struct gate_date_list *d, int32_t yy, int month, int day) {
    put(d, 1900 + yy, month, day);
    put(d, 2000 + yy, month, day);
}

static bool number(const struct gate_text *t, uint32_t i) {
    return i < t->count && gate_token_is_number(&t->tokens[i]);
}

static void eight(struct gate_date_list *d, int32_t v) {
    put(d, v / 10000, v / 100 % 100, v % 100);       // yyyymmdd
    put(d, v % 10000, v / 10000 % 100, v / 1000000); // ddmmyyyy
    put(d, v % 10000, v / 1000000, v / 10000 % 100); // mmddyyyy
}

bool gate_date_six(const struct gate_text *t, uint32_t i, struct gate_date_list *ret_dates) {
    *ret_dates = (struct gate_date_list){0};
    int32_t v = gate_token_value(t, i);
    if (v < 0 || t->tokens[i].len != 6) {
        return false;
    }
    put_short(ret_dates, v % 100, v / 100 % 100, v / 10000); // ddmmyy
    put_short(ret_dates, v / 10000, v / 100 % 100, v % 100); // yymmdd
    return ret_dates->count > 0;
}

// One mark, perhaps with a space beside it; or spaces alone.
static bool date_gap(const struct gate_token *k, bool *ret_spaces) {
    uint32_t gap = k->gap & ~(uint32_t)(GATE_GAP_SPACE | GATE_GAP_LINE);
    *ret_spaces = gap == 0;
    bool mark = gap == GATE_GAP_SLASH || gap == GATE_GAP_DASH || gap == GATE_GAP_DOT ||
                gap == GATE_GAP_UNDER || gap == GATE_GAP_COLON;
    return k->gap != 0 && k->gap_len <= 3 && (mark || gap == 0);
}

// Three numbers: day month year, year month day, month day year.
static uint32_t three(const struct gate_text *t, uint32_t i, struct gate_date_list *d) {
    bool spaces[2];
    if (!number(t, i) || !number(t, i + 1) || !number(t, i + 2) ||
        !date_gap(&t->tokens[i + 1], &spaces[0]) || !date_gap(&t->tokens[i + 2], &spaces[1])) {
        return 0;
    }
    const struct gate_token *k = &t->tokens[i];
    uint32_t one = GATE_GAP_SPACE | GATE_GAP_LINE;
    if ((k[1].gap & ~one) != (k[2].gap & ~one) || (k[1].gap & GATE_GAP_COLON) != 0) {
        // 2001:02:03 is EXIF's date; all others have the same mark twice
        if ((k[1].gap & k[2].gap & GATE_GAP_COLON) == 0 || k[0].len != 4) {
            return 0;
        }
    }
    if (i > 0 && k->gap == GATE_GAP_DOT && number(t, i - 1)) {
        return 0; // inside of something longer: a UID, a version
    }
    bool dots_on = number(t, i + 3) && k[3].gap == GATE_GAP_DOT && (k[1].gap & GATE_GAP_DOT) != 0;
    int32_t a = gate_token_value(t, i), b = gate_token_value(t, i + 1),
            c = gate_token_value(t, i + 2);
    if (dots_on || a < 0 || b < 0 || c < 0 || k[1].len > 2) {
        return 0;
    }
    if (k[0].len == 4 && k[2].len <= 2) {
        put(d, full_year(a, 4), b, c);
        put(d, full_year(a, 4), c, b);
    } else if (k[0].len <= 2 && k[2].len == 4) {
        put(d, full_year(c, 4), b, a);
        put(d, full_year(c, 4), a, b);
    } else if (k[0].len <= 2 && k[2].len == 2 && (!spaces[0] || (k[0].len == 2 && k[1].len == 2))) {
        put_short(d, c, b, a);
        put_short(d, c, a, b);
        if (k[0].len == 2) {
            put_short(d, a, b, c);
        }
    }
    return d->count > 0 ? 3 : 0;
}

static bool word_is(const struct gate_text *t, uint32_t i, const char *word) {
    return i < t->count && t->fold[t->tokens[i].fold] == (uint8_t)word[0] &&
           slice_eq_str(gate_text_fold(t, i, i), word);
}

static bool ordinal(const struct gate_text *t, uint32_t i) {
    return i < t->count && t->tokens[i].gap == 0 &&
           (word_is(t, i, "st") || word_is(t, i, "nd") || word_is(t, i, "rd") ||
            word_is(t, i, "th"));
}

static uint8_t month_at(const struct gate_text *t, uint32_t i) {
    return i < t->count && (t->tokens[i].lex & GATE_LEX(MONTH)) != 0
               ? gate_month(gate_text_fold(t, i, i))
               : 0;
}

#define NEAR_GAPS                                                                                  \
    (GATE_GAP_SPACE | GATE_GAP_COMMA | GATE_GAP_DOT | GATE_GAP_SLASH | GATE_GAP_DASH |             \
     GATE_GAP_UNDER | GATE_GAP_APOSTROPHE)
static bool near(const struct gate_text *t, uint32_t i) {
    return i < t->count && (t->tokens[i].gap & ~(uint32_t)NEAR_GAPS) == 0 &&
           t->tokens[i].gap_len <= 3;
}

// The year behind a month or day: tokens taken, 0 when none.
static uint32_t year_at(const struct gate_text *t, uint32_t i, int *ret_year) {
    if (!near(t, i) || !number(t, i) || (t->tokens[i].len != 4 && t->tokens[i].len != 2)) {
        return 0;
    }
    *ret_year = full_year(gate_token_value(t, i), t->tokens[i].len);
    return *ret_year != 0 ? 1 : 0;
}

static void put_named(struct gate_date_list *d, int year, uint32_t digits, uint8_t month, int day) {
    if (day == 0 || year == 0) {
        d->list[d->count++] = (struct gate_date){(int16_t)year, month, (uint8_t)day};
    } else if (digits == 2) {
        put_short(d, year % 100, month, day);
    } else {
        put(d, year, month, day);
    }
}

// 3 Feb 2001, 3rd of Feb, 03FEB01
static uint32_t day_month(const struct gate_text *t, uint32_t i, struct gate_date_list *d) {
    int32_t day = number(t, i) && t->tokens[i].len <= 2 ? gate_token_value(t, i) : 0;
    uint32_t at = i + 1;
    bool ordinals = ordinal(t, at);
    at += ordinals;
    at += word_is(t, at, "of") || word_is(t, at, "de");
    uint8_t month = near(t, at) ? month_at(t, at) : 0;
    if (day < 1 || day > 31 || month == 0) {
        return 0;
    }
    at++;
    int year = 0;
    uint32_t digits = at < t->count ? t->tokens[at].len : 0;
    uint32_t taken = year_at(t, at, &year);
    // "3 may show": without a year the month must look like one
    bool shy = (t->tokens[at - 1].flags & GATE_TOKEN_CAPITAL) == 0;
    if (taken == 0 && shy && !ordinals) {
        return 0;
    }
    put_named(d, year, digits, month, day);
    return d->count > 0 ? at + taken - i : 0;
}

// Feb 3rd 2001, February 2001, Feb '01, Feb 3
static uint32_t month_day(const struct gate_text *t, uint32_t i, struct gate_date_list *d) {
    uint8_t month = month_at(t, i);
    uint32_t at = i + 1;
    if (month == 0 || !number(t, at) || !near(t, at)) {
        return 0;
    }
    int year = 0;
    if (t->tokens[at].len == 4 && year_at(t, at, &year) > 0) {
        put_named(d, year, 4, month, 0);
        return 2;
    }
    int32_t day = t->tokens[at].len <= 2 ? gate_token_value(t, at) : 0;
    if (day < 1 || day > 31 || (t->tokens[i].flags & GATE_TOKEN_CAPITAL) == 0) {
        return 0;
    }
    at++;
    at += ordinal(t, at);
    uint32_t digits = at < t->count ? t->tokens[at].len : 0;
    uint32_t taken = year_at(t, at, &year);
    put_named(d, year, digits, month, day);
    return d->count > 0 ? at + taken - i : 0;
}

// 02/2001, 2001-02
static uint32_t month_year(const struct gate_text *t, uint32_t i, struct gate_date_list *d) {
    bool spaces;
    if (!number(t, i) || !number(t, i + 1) || !date_gap(&t->tokens[i + 1], &spaces) || spaces ||
        (t->tokens[i + 1].gap & (GATE_GAP_COLON | GATE_GAP_UNDER | GATE_GAP_DOT)) != 0) {
        return 0;
    }
    const struct gate_token *k = &t->tokens[i];
    if (i > 0 && number(t, i - 1) && k->gap_len == 1 && (k->gap & GATE_GAP_SPACE) == 0) {
        return 0; // the rest of a whole date
    }
    int32_t a = gate_token_value(t, i), b = gate_token_value(t, i + 1);
    if (k[0].len == 4 && k[1].len == 2) {
        int32_t swap = a;
        a = b;
        b = swap;
    } else if (k[0].len > 2 || k[1].len != 4) {
        return 0;
    }
    if (a < 1 || a > 12 || b < 1900 || b > YEAR_LAST - 20) {
        return 0;
    }
    d->list[d->count++] = (struct gate_date){(int16_t)b, (uint8_t)a, 0};
    return 2;
}

uint32_t gate_date_at(const struct gate_text *t, uint32_t i, struct gate_date_list *ret_dates) {
    struct gate_date_list none;
    struct gate_date_list *d = ret_dates != NULL ? ret_dates : &none;
    *d = (struct gate_date_list){0};
    if (!number(t, i)) {
        return month_day(t, i, d);
    }
    uint32_t len = t->tokens[i].len;
    if (len == 8) {
        eight(d, gate_token_value(t, i));
        return d->count > 0 ? 1 : 0;
    }
    if (len == 12 || len == 14) { // with the time behind it
        struct slice digits = slice_first(gate_text_fold(t, i, i), 8);
        int32_t v = 0;
        for (size_t k = 0; k < digits.len; k++) {
            v = v * 10 + (digits.ptr[k] - '0');
        }
        put(d, v / 10000, v / 100 % 100, v % 100);
        return d->count > 0 ? 1 : 0;
    }
    uint32_t taken = len > 4 ? 0 : three(t, i, d);
    taken = taken == 0 && len <= 2 ? day_month(t, i, d) : taken;
    return taken == 0 && len <= 4 ? month_year(t, i, d) : taken;
}

static bool meridiem(const struct gate_text *t, uint32_t i) {
    return near(t, i) && (word_is(t, i, "am") || word_is(t, i, "pm") || word_is(t, i, "hrs") ||
                          word_is(t, i, "hours") || word_is(t, i, "uhr"));
}

uint32_t gate_time_at(const struct gate_text *t, uint32_t i, uint32_t *ret_seconds) {
    int32_t hour = number(t, i) && t->tokens[i].len <= 4 ? gate_token_value(t, i) : -1;
    if (hour < 0) {
        return 0;
    }
    const struct gate_token *k = &t->tokens[i];
    uint32_t none;
    uint32_t *seconds = ret_seconds != NULL ? ret_seconds : &none;
    if (k->len == 4) { // 1015 hrs
        *seconds = (uint32_t)(hour / 100 * 3600 + hour % 100 * 60);
        return hour / 100 < 24 && hour % 100 < 60 && meridiem(t, i + 1) &&
                       !word_is(t, i + 1, "hours")
                   ? 2
                   : 0;
    }
    bool colon = number(t, i + 1) && k[1].gap == GATE_GAP_COLON && k[1].gap_len == 1;
    bool dot = number(t, i + 1) && k[1].gap == GATE_GAP_DOT && meridiem(t, i + 2);
    int32_t minute = colon || dot ? gate_token_value(t, i + 1) : -1;
    if (hour > 23 || k->len > 2 || minute < 0 || minute > 59 || k[1].len != 2) {
        return 0;
    }
    uint32_t taken = 2;
    *seconds = (uint32_t)(hour * 3600 + minute * 60);
    if (number(t, i + 2) && k[2].gap == GATE_GAP_COLON && k[2].len == 2) {
        *seconds += (uint32_t)gate_token_value(t, i + 2);
        taken = 3;
        taken += number(t, i + 3) && k[3].gap == GATE_GAP_DOT;
    }
    return taken + meridiem(t, i + taken);
}
