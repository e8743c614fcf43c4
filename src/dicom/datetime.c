// SPDX-License-Identifier: Apache-2.0
// DA, TM and DT by a cursor over the text (PS3.5 6.2), instants in the proleptic Gregorian
// calendar, ranges (PS3.4 C.2.2.2.5). It knows no time zones but the offset that stands in the
// value.
#include "dicom/datetime.h"

#include "base/buf.h"
#include "base/err.h"

#define USEC_SECOND INT64_C(1000000)
#define USEC_DAY (INT64_C(86400) * USEC_SECOND)
#define OFFSET_WEST_MAX (12 * 60) // PS3.5 6.2: -1200 to +1400
#define OFFSET_EAST_MAX (14 * 60)
#define DATETIME_LEN_MAX 64

// --- calendar: days from civil, after the usual eras of 400 years

int64_t dcm_days_from_date(int year, unsigned month, unsigned day) {
    int64_t y = year - (month <= 2 ? 1 : 0);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t shifted = month > 2 ? (int64_t)month - 3 : (int64_t)month + 9;
    int64_t day_of_year = (153 * shifted + 2) / 5 + (int64_t)day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void dcm_date_from_days(int64_t days, int16_t *ret_year, uint8_t *ret_month, uint8_t *ret_day) {
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    *ret_day = (uint8_t)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *ret_month = (uint8_t)month;
    *ret_year = (int16_t)(year_of_era + era * 400 + (month <= 2 ? 1 : 0));
}

static unsigned days_in_month(int year, unsigned month) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29u : days[month - 1];
}

// --- reading

struct cursor {
    struct slice rest;
    bool colons; // hh:mm seen
};

static bool take_digits(struct cursor *c, size_t count, unsigned *ret_value) {
    unsigned value = 0;
    if (c->rest.len < count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t digit = c->rest.ptr[i];
        if (digit < '0' || digit > '9') {
            return false;
        }
        value = value * 10 + digit - '0';
    }
    c->rest = slice_from(c->rest, count);
    *ret_value = value;
    return true;
}

static bool take_byte(struct cursor *c, uint8_t byte) {
    if (c->rest.len == 0 || c->rest.ptr[0] != byte) {
        return false;
    }
    c->rest = slice_from(c->rest, 1);
    return true;
}

static bool at_digit(const struct cursor *c) {
    return c->rest.len > 0 && c->rest.ptr[0] >= '0' && c->rest.ptr[0] <= '9';
}

static int refuse(struct err *e, const char *what, struct slice text) {
    return err_set(e, E_VALUE, "%s in \"%.*s\"", what,
                   (int)(text.len < DATETIME_LEN_MAX ? text.len : DATETIME_LEN_MAX),
                   text.len == 0 ? "" : (const char *)text.ptr);
}

static int check_date(const struct dcm_datetime *v, struct slice text, struct err *e) {
    if (v->precision >= DCM_PRECISION_MONTH && (v->month < 1 || v->month > 12)) {
        return refuse(e, "no such month", text);
    }
    if (v->precision >= DCM_PRECISION_DAY &&
        (v->day < 1 || v->day > days_in_month(v->year, v->month))) {
        return refuse(e, "no such day", text);
    }
    return E_OK;
}

// Year, month and day as far as they go. `whole`: all three must be there (DA).
static int take_date(struct cursor *c, bool whole, struct slice text, struct dcm_datetime *v,
                     struct err *e) {
    unsigned year;
    unsigned month;
    unsigned day;
    if (!take_digits(c, 4, &year)) {
        return refuse(e, "no year of four digits", text);
    }
    v->year = (int16_t)year;
    v->precision = DCM_PRECISION_YEAR;
    bool dots = whole && take_byte(c, '.');
    if (dots || at_digit(c)) {
        if (!take_digits(c, 2, &month)) {
            return refuse(e, "no month of two digits", text);
        }
        v->month = (uint8_t)month;
        v->precision = DCM_PRECISION_MONTH;
        if (dots && !take_byte(c, '.')) {
            return refuse(e, "no second dot", text);
        }
        if (at_digit(c)) {
            if (!take_digits(c, 2, &day)) {
                return refuse(e, "no day of two digits", text);
            }
            v->day = (uint8_t)day;
            v->precision = DCM_PRECISION_DAY;
        }
    }
    v->old_form = dots;
    if (whole && v->precision != DCM_PRECISION_DAY) {
        return refuse(e, "a date needs year, month and day", text);
    }
    return check_date(v, text, e);
}

static int take_fraction(struct cursor *c, struct slice text, struct dcm_datetime *v,
                         struct err *e) {
    unsigned value = 0;
    uint8_t digits = 0;
    while (at_digit(c) && digits < 6) {
        value = value * 10 + c->rest.ptr[0] - '0';
        c->rest = slice_from(c->rest, 1);
        digits++;
    }
    if (digits == 0 || at_digit(c)) {
        return refuse(e, "a fraction has one to six digits", text);
    }
    v->fraction_digits = digits;
    for (uint8_t i = digits; i < 6; i++) {
        value *= 10;
    }
    v->micros = value;
    v->precision = DCM_PRECISION_FRACTION;
    return E_OK;
}

// The next two digits of a time, with a colon before them in the old form. false: not there.
static bool take_part(struct cursor *c, bool first, unsigned *ret_value) {
    struct cursor before = *c;
    if (!first && take_byte(c, ':')) {
        c->colons = true;
    }
    if (take_digits(c, 2, ret_value)) {
        return true;
    }
    *c = before;
    return false;
}

static int check_time(const struct dcm_datetime *v, struct slice text, struct err *e) {
    if (v->hour > 23) {
        return refuse(e, "no such hour", text);
    }
    if (v->minute > 59) {
        return refuse(e, "no such minute", text);
    }
    return v->second > 60 ? refuse(e, "no such second", text) : E_OK;
}

static int take_time(struct cursor *c, struct slice text, struct dcm_datetime *v, struct err *e) {
    uint8_t *const parts[] = {&v->hour, &v->minute, &v->second};
    int taken = 0;
    for (; taken < 3; taken++) {
        unsigned value;
        if (!take_part(c, taken == 0, &value)) {
            break;
        }
        *parts[taken] = (uint8_t)value;
        v->precision = (uint8_t)(DCM_PRECISION_HOUR + taken);
    }
    if (taken == 0) {
        return refuse(e, "no hour of two digits", text);
    }
    v->old_form = v->old_form || c->colons;
    if (take_byte(c, '.')) {
        if (taken < 3) {
            return refuse(e, "a fraction without seconds", text);
        }
        int rc = take_fraction(c, text, v, e);
        if (rc != E_OK) {
            return rc;
        }
    }
    return check_time(v, text, e);
}

static int take_offset(struct cursor *c, struct slice text, struct dcm_datetime *v, struct err *e) {
    bool west = c->rest.len > 0 && c->rest.ptr[0] == '-';
    if (!west && !(c->rest.len > 0 && c->rest.ptr[0] == '+')) {
        return E_OK;
    }
    c->rest = slice_from(c->rest, 1);
    unsigned hours;
    unsigned minutes;
    if (!take_digits(c, 2, &hours) || !take_digits(c, 2, &minutes)) {
        return refuse(e, "no offset of four digits", text);
    }
    unsigned total = hours * 60 + minutes;
    if (minutes > 59 || total > (unsigned)(west ? OFFSET_WEST_MAX : OFFSET_EAST_MAX) ||
        (west && total == 0)) {
        return refuse(e, "no such offset from UTC", text);
    }
    v->has_offset = true;
    v->offset_minutes = (int16_t)(west ? -(int)total : (int)total);
    return E_OK;
}

static int take_all(enum dcm_vr vr, struct cursor *c, struct slice text, struct dcm_datetime *v,
                    struct err *e) {
    int rc = E_OK;
    if (vr == DCM_VR_TM) {
        return take_time(c, text, v, e);
    }
    rc = take_date(c, vr == DCM_VR_DA, text, v, e);
    if (rc != E_OK || vr == DCM_VR_DA) {
        return rc;
    }
    if (v->precision == DCM_PRECISION_DAY && at_digit(c)) {
        rc = take_time(c, text, v, e);
    }
    return rc != E_OK ? rc : take_offset(c, text, v, e);
}

int dcm_datetime_parse(enum dcm_vr vr, struct slice text, struct dcm_datetime *ret_value,
                       struct err *e) {
    if (vr != DCM_VR_DA && vr != DCM_VR_TM && vr != DCM_VR_DT) {
        return err_set(e, E_ARGUMENT, "%s is no date or time", dcm_vr_info(vr)->name);
    }
    struct dcm_datetime v = {0};
    struct cursor c = {text, false};
    int rc = take_all(vr, &c, text, &v, e);
    if (rc != E_OK) {
        return rc;
    }
    if (c.rest.len > 0) {
        return refuse(e, "something behind the value", text);
    }
    if (vr == DCM_VR_DT && v.old_form) {
        return refuse(e, "colons", text); // DT never had the old form
    }
    *ret_value = v;
    return E_OK;
}

// --- writing

static void put_time(const struct dcm_datetime *v, struct buf *out) {
    buf_printf(out, "%02u", v->hour);
    if (v->precision >= DCM_PRECISION_MINUTE) {
        buf_printf(out, "%02u", v->minute);
    }
    if (v->precision >= DCM_PRECISION_SECOND) {
        buf_printf(out, "%02u", v->second);
    }
    if (v->precision >= DCM_PRECISION_FRACTION && v->fraction_digits > 0) {
        char digits[16];
        (void)snprintf(digits, sizeof digits, "%06u", v->micros);
        buf_put_byte(out, '.');
        buf_put(out, digits, v->fraction_digits < 6 ? v->fraction_digits : 6);
    }
}

void dcm_datetime_put(enum dcm_vr vr, const struct dcm_datetime *v, struct buf *out) {
    if (vr == DCM_VR_TM) {
        put_time(v, out);
        return;
    }
    buf_printf(out, "%04d", v->year);
    if (v->precision >= DCM_PRECISION_MONTH) {
        buf_printf(out, "%02u", v->month);
    }
    if (v->precision >= DCM_PRECISION_DAY) {
        buf_printf(out, "%02u", v->day);
    }
    if (vr != DCM_VR_DT) {
        return;
    }
    if (v->precision >= DCM_PRECISION_HOUR) {
        put_time(v, out);
    }
    if (v->has_offset) {
        int minutes = v->offset_minutes < 0 ? -v->offset_minutes : v->offset_minutes;
        buf_printf(out, "%c%02d%02d", v->offset_minutes < 0 ? '-' : '+', minutes / 60,
                   minutes % 60);
    }
}

// --- instants

static int64_t usec_of_day(const struct dcm_datetime *v) {
    int64_t seconds = v->hour * INT64_C(3600) + v->minute * INT64_C(60) + v->second;
    return seconds * USEC_SECOND + v->micros;
}

int64_t dcm_datetime_first_usec(enum dcm_vr vr, const struct dcm_datetime *v,
                                int16_t offset_minutes) {
    if (vr == DCM_VR_TM) {
        return usec_of_day(v);
    }
    unsigned month = v->precision >= DCM_PRECISION_MONTH ? v->month : 1;
    unsigned day = v->precision >= DCM_PRECISION_DAY ? v->day : 1;
    int64_t offset = v->has_offset ? v->offset_minutes : offset_minutes;
    return dcm_days_from_date(v->year, month, day) * USEC_DAY + usec_of_day(v) -
           offset * 60 * USEC_SECOND;
}

// Microseconds that the last field of `v` covers.
static int64_t span_usec(const struct dcm_datetime *v) {
    int64_t span = USEC_SECOND;
    switch ((enum dcm_precision)v->precision) {
    case DCM_PRECISION_YEAR:
        return (dcm_days_from_date(v->year + 1, 1, 1) - dcm_days_from_date(v->year, 1, 1)) *
               USEC_DAY;
    case DCM_PRECISION_MONTH:
        return days_in_month(v->year, v->month) * USEC_DAY;
    case DCM_PRECISION_NONE:
    case DCM_PRECISION_DAY:
        return USEC_DAY;
    case DCM_PRECISION_HOUR:
        return 3600 * USEC_SECOND;
    case DCM_PRECISION_MINUTE:
        return 60 * USEC_SECOND;
    case DCM_PRECISION_FRACTION:
        for (uint8_t i = 0; i < v->fraction_digits; i++) {
            span /= 10;
        }
        return span;
    case DCM_PRECISION_SECOND:
        break;
    }
    return span;
}

int64_t dcm_datetime_last_usec(enum dcm_vr vr, const struct dcm_datetime *v,
                               int16_t offset_minutes) {
    return dcm_datetime_first_usec(vr, v, offset_minutes) + span_usec(v) - 1;
}

// --- ranges (PS3.4 C.2.2.2.5)

// Both sides of the hyphen at `at`; false when one of them is no value.
static bool split_at(enum dcm_vr vr, struct slice text, size_t at,
                     struct dcm_datetime_range *ret_range) {
    struct err ignored = {0};
    struct slice left = slice_trim(slice_first(text, at), " ");
    struct slice right = slice_trim(slice_from(text, at + 1), " ");
    struct dcm_datetime_range r = {.has_from = left.len > 0, .has_to = right.len > 0};
    if (!r.has_from && !r.has_to) {
        return false;
    }
    if (r.has_from && dcm_datetime_parse(vr, left, &r.from, &ignored) != E_OK) {
        return false;
    }
    if (r.has_to && dcm_datetime_parse(vr, right, &r.to, &ignored) != E_OK) {
        return false;
    }
    *ret_range = r;
    return true;
}

static bool find_split(enum dcm_vr vr, struct slice text, struct dcm_datetime_range *ret_range) {
    bool found = false;
    for (size_t at = 0; at < text.len; at++) {
        // the last possible hyphen wins: an offset belongs to the value before it
        if (text.ptr[at] == '-' && split_at(vr, text, at, ret_range)) {
            found = true;
        }
    }
    return found;
}

int dcm_range_parse(enum dcm_vr vr, struct slice text, struct dcm_datetime_range *ret_range,
                    struct err *e) {
    struct dcm_datetime_range r = {0};
    struct err first = {0};
    if (text.len > DATETIME_LEN_MAX) {
        return refuse(e, "too long", text);
    }
    int rc = dcm_datetime_parse(vr, text, &r.from, &first);
    if (rc == E_OK) {
        r.has_from = true;
        r.has_to = true;
        r.single = true;
        r.to = r.from;
        *ret_range = r;
        return E_OK;
    }
    if (rc == E_ARGUMENT || slice_find(text, '-') == text.len) {
        *e = first;
        return rc;
    }
    if (!find_split(vr, text, &r)) {
        return refuse(e, "no range of dates or times", text);
    }
    if (r.has_from && r.has_to &&
        dcm_datetime_first_usec(vr, &r.from, 0) > dcm_datetime_last_usec(vr, &r.to, 0)) {
        return refuse(e, "the end is before the start", text);
    }
    *ret_range = r;
    return E_OK;
}

void dcm_range_put(enum dcm_vr vr, const struct dcm_datetime_range *r, struct buf *out) {
    if (r->has_from) {
        dcm_datetime_put(vr, &r->from, out);
    }
    if (r->single) {
        return;
    }
    buf_put_byte(out, '-');
    if (r->has_to) {
        dcm_datetime_put(vr, &r->to, out);
    }
}

bool dcm_range_matches(enum dcm_vr vr, const struct dcm_datetime_range *r,
                       const struct dcm_datetime *value, int16_t offset_minutes) {
    int64_t first = dcm_datetime_first_usec(vr, value, offset_minutes);
    int64_t last = dcm_datetime_last_usec(vr, value, offset_minutes);
    bool late_enough =
        !r->has_from || last >= dcm_datetime_first_usec(vr, &r->from, offset_minutes);
    bool early_enough = !r->has_to || first <= dcm_datetime_last_usec(vr, &r->to, offset_minutes);
    return late_enough && early_enough;
}
