// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/num.h"

#define SECONDS_A_DAY 86400

static usec read_clock(clockid_t id) {
    struct timespec t;
    (void)clock_gettime(id, &t);
    return (usec)t.tv_sec * CLOCK_SECOND + t.tv_nsec / 1000;
}

static usec system_now(void *context) {
    (void)context;
    return read_clock(CLOCK_REALTIME);
}

static usec system_monotonic(void *context) {
    (void)context;
    return read_clock(CLOCK_MONOTONIC);
}

const struct clock *clock_system(void) {
    static const struct clock system_clock = {system_now, system_monotonic, NULL};
    return &system_clock;
}

static usec fixed_now(void *context) { return *(usec *)context; }

struct clock clock_fixed(usec *at) {
    return (struct clock){fixed_now, fixed_now, at};
}

// Days from the civil date and back, counting years from March so that the leap day comes last.
int64_t clock_days(int year, int month, int day) {
    int64_t y = month <= 2 ? (int64_t)year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void civil_of_days(int64_t days, struct civil_time *t) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    t->day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    t->month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    t->year = (int)(year_of_era + era * 400 + (t->month <= 2));
}

struct civil_time clock_civil(usec at) {
    int64_t seconds = at / CLOCK_SECOND;
    int64_t micro = at % CLOCK_SECOND;
    if (micro < 0) {
        micro += CLOCK_SECOND;
        seconds--;
    }
    int64_t days = seconds / SECONDS_A_DAY;
    int64_t rest = seconds % SECONDS_A_DAY;
    if (rest < 0) {
        rest += SECONDS_A_DAY;
        days--;
    }
    struct civil_time t = {.hour = (int)(rest / 3600),
                           .minute = (int)(rest / 60 % 60),
                           .second = (int)(rest % 60),
                           .microsecond = (int)micro};
    civil_of_days(days, &t);
    return t;
}

usec clock_from_civil(const struct civil_time *t) {
    int64_t seconds = clock_days(t->year, t->month, t->day) * SECONDS_A_DAY + t->hour * 3600 +
                      t->minute * 60 + t->second;
    return seconds * CLOCK_SECOND + t->microsecond;
}

bool clock_civil_valid(const struct civil_time *t) {
    bool in_range = t->month >= 1 && t->month <= 12 && t->day >= 1 && t->day <= 31 &&
                    t->hour >= 0 && t->hour < 24 && t->minute >= 0 && t->minute < 60 &&
                    t->second >= 0 && t->second <= 60 && t->microsecond >= 0 &&
                    t->microsecond < CLOCK_SECOND;
    if (!in_range) {
        return false;
    }
    struct civil_time back;
    civil_of_days(clock_days(t->year, t->month, t->day), &back);
    return back.day == t->day && back.month == t->month && back.year == t->year;
}

char *clock_text(usec at, char out[CLOCK_TEXT_LEN + 1]) {
    struct civil_time t = clock_civil(at);
    char text[80];
    (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", t.year, t.month, t.day,
                   t.hour, t.minute, t.second, t.microsecond);
    (void)snprintf(out, CLOCK_TEXT_LEN + 1, "%.27s", text);
    return out;
}

// Cuts `digits` digits and the byte behind them off; `behind` 0: whatever follows stays.
static bool cut_number(struct slice *text, size_t digits, char behind, int *ret_value) {
    uint64_t value;
    size_t len = digits + (behind != 0);
    if (text->len < len || !num_parse_u64(slice_first(*text, digits), 9999, &value) ||
        (behind != 0 && text->ptr[digits] != (uint8_t)behind)) {
        return false;
    }
    *text = slice_from(*text, len);
    *ret_value = (int)value;
    return true;
}

static bool cut_fraction(struct slice *text, int *ret_microsecond) {
    int value = 0, digits = 0;
    *text = slice_from(*text, 1); // the point
    while (text->len > 0 && text->ptr[0] >= '0' && text->ptr[0] <= '9' && digits < 6) {
        value = 10 * value + (text->ptr[0] - '0');
        digits++;
        *text = slice_from(*text, 1);
    }
    for (int i = digits; i < 6; i++) {
        value *= 10;
    }
    *ret_microsecond = value;
    return digits > 0;
}

bool clock_parse(struct slice text, usec *ret_at) {
    struct civil_time t = {0};
    if (!cut_number(&text, 4, '-', &t.year) || !cut_number(&text, 2, '-', &t.month) ||
        !cut_number(&text, 2, 'T', &t.day) || !cut_number(&text, 2, ':', &t.hour) ||
        !cut_number(&text, 2, 0, &t.minute)) {
        return false;
    }
    if (text.len > 0 && text.ptr[0] == ':') {
        text = slice_from(text, 1);
        if (!cut_number(&text, 2, 0, &t.second) ||
            (text.len > 0 && text.ptr[0] == '.' && !cut_fraction(&text, &t.microsecond))) {
            return false;
        }
    }
    if (!slice_eq_str(text, "Z") || !clock_civil_valid(&t)) {
        return false;
    }
    *ret_at = clock_from_civil(&t);
    return true;
}
