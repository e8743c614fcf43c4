// SPDX-License-Identifier: Apache-2.0
// Dates and times of DICOM (PS3.5 6.2: DA TM DT) and ranges of them (PS3.4 C.2.2.2.5). Precision is
// kept as written; the forms of ACR-NEMA (yyyy.mm.dd, hh:mm:ss) are read and reported.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/vr.h"

struct buf;
struct err;

enum dcm_precision {
    DCM_PRECISION_NONE,
    DCM_PRECISION_YEAR,
    DCM_PRECISION_MONTH,
    DCM_PRECISION_DAY,
    DCM_PRECISION_HOUR,
    DCM_PRECISION_MINUTE,
    DCM_PRECISION_SECOND,
    DCM_PRECISION_FRACTION
};

// A DA has the date fields, a TM the time fields, a DT the date and perhaps the time and offset.
struct dcm_datetime {
    int16_t year;
    uint8_t month; // 1 to 12
    uint8_t day;   // 1 to 31
    uint8_t hour;
    uint8_t minute;
    uint8_t second;          // 60 in a leap second
    uint8_t fraction_digits; // 0 to 6
    uint32_t micros;
    int16_t offset_minutes; // from UTC, with has_offset
    bool has_offset;
    bool old_form;     // yyyy.mm.dd or hh:mm:ss
    uint8_t precision; // enum dcm_precision: the last field present
};

// One value without padding. E_VALUE with the reason; E_ARGUMENT for another VR than DA TM DT.
int dcm_datetime_parse(enum dcm_vr vr, struct slice text, struct dcm_datetime *ret_value,
                       struct err *e);

// Appends the standard's form with the precision that the value has.
void dcm_datetime_put(enum dcm_vr vr, const struct dcm_datetime *value, struct buf *out);

// The instants that the value covers, in microseconds since 1970-01-01 UTC (TM: since midnight):
// "2026" is from the first to the last microsecond of that year. `offset_minutes` stands in where
// the value has none.
int64_t dcm_datetime_first_usec(enum dcm_vr vr, const struct dcm_datetime *value,
                                int16_t offset_minutes);
int64_t dcm_datetime_last_usec(enum dcm_vr vr, const struct dcm_datetime *value,
                               int16_t offset_minutes);

struct dcm_datetime_range {
    bool has_from;
    bool has_to;
    bool single; // one value, from == to
    struct dcm_datetime from;
    struct dcm_datetime to;
};

// A matching key: "a-b", "a-", "-b" or a single "a". In DT a hyphen before a possible offset (hhmm
// up to 1200) belongs to the value before it. E_VALUE for "-", an empty text or an end before the
// start.
int dcm_range_parse(enum dcm_vr vr, struct slice text, struct dcm_datetime_range *ret_range,
                    struct err *e);
void dcm_range_put(enum dcm_vr vr, const struct dcm_datetime_range *range, struct buf *out);

// Whether any instant of the value lies in the range, ends included. Both without offset: compared
// as written; else `offset_minutes` stands in.
bool dcm_range_matches(enum dcm_vr vr, const struct dcm_datetime_range *range,
                       const struct dcm_datetime *value, int16_t offset_minutes);

// Days since 1970-01-01 in the Gregorian calendar, and back.
int64_t dcm_days_from_date(int year, unsigned month, unsigned day);
void dcm_date_from_days(int64_t days, int16_t *ret_year, uint8_t *ret_month, uint8_t *ret_day);
