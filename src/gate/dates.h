// SPDX-License-Identifier: Apache-2.0
// Dates and times of day as people and machines write them in text: 20010203, 03/02/2001, 3.2.01,
// 02-03-2001, 2001-02-03T10:15, 3 Feb 2001, Feb 3rd 2001, 3rd of February, 02/2001, 10:15:30, 10.15
// am, 1015 hrs. Which numbers they are is said where they are needed; that it is a date is said as
// a rule even where its order is not known.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/text.h"

struct gate_date {
    int16_t year; // 0: none
    uint8_t month;
    uint8_t day; // 0: none
};
#define GATE_DATE_READINGS 4
struct gate_date_list {
    struct gate_date list[GATE_DATE_READINGS]; // what it can mean
    uint8_t count;
};

// Tokens that a date beginning at token `i` takes; 0: none begins there. *ret_dates may be NULL.
uint32_t gate_date_at(const struct gate_text *t, uint32_t i, struct gate_date_list *ret_dates);
// The same for six digits (ddmmyy, yymmdd, mmddyy), which are a date only for who knows it.
bool gate_date_six(const struct gate_text *t, uint32_t i, struct gate_date_list *ret_dates);
// Tokens that a time of day takes; *ret_seconds (may be NULL) since midnight.
uint32_t gate_time_at(const struct gate_text *t, uint32_t i, uint32_t *ret_seconds);

// 1 to 12 for a month's name or abbreviation in English, German, French, Spanish, Italian, Dutch or
// Welsh, folded; else 0.
uint8_t gate_month(struct slice folded);
bool gate_date_valid(int year, unsigned month, unsigned day);
