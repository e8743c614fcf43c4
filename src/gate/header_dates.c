// SPDX-License-Identifier: Apache-2.0
// Dates and times. Removed: what an instance must have all the same (Type 1) is put on a day that
// nobody was examined on, at its true distance from the instance's own beginning: a dynamic series
// keeps its intervals, a PET series the time between injection and scan (without it no uptake value
// can be reckoned), and no date of the patient is told. Shifted: whole days back, times unchanged.
#include "gate/header_dates.h"

#include <stdio.h>

#include "base/err.h"
#include "base/num.h"
#include "dicom/datetime.h"
#include "dicom/tags.h"
#include "dicom/value.h"
#include "dicom/vr.h"

#define USEC_A_SECOND ((int64_t)1000000)
#define USEC_A_DAY ((int64_t)86400 * USEC_A_SECOND)
// Midnight of 1 January 2000, and where that is a date of the subject itself, of the next days.
#define DUMMY_DAY ((int64_t)10957)
#define DUMMY_DAYS 8
#define DISTANCE_MAX (2 * USEC_A_DAY) // of anything that belongs to one acquisition
#define DATE_TEXT_MAX 32

static bool parse(enum dcm_vr vr, struct slice text, struct dcm_datetime *ret_value) {
    struct err ignored = {0};
    return text.len > 0 && dcm_datetime_parse(vr, text, ret_value, &ignored) == E_OK;
}

// The instant of a DA and a TM; false without either.
static bool instant_of(const struct dcm_dataset *d, dcm_tag date, dcm_tag time, int64_t *ret_usec) {
    struct slice day_text;
    struct slice time_text;
    struct dcm_datetime day;
    struct dcm_datetime hour;
    if (!dcm_text(d, date, 0, &day_text) || !dcm_text(d, time, 0, &time_text) ||
        !parse(DCM_VR_DA, day_text, &day) || !parse(DCM_VR_TM, time_text, &hour)) {
        return false;
    }
    *ret_usec =
        dcm_datetime_first_usec(DCM_VR_DA, &day, 0) + dcm_datetime_first_usec(DCM_VR_TM, &hour, 0);
    return true;
}

// Without its offset from UTC: what is compared comes from one machine.
static bool instant_of_dt(struct slice text, int64_t *ret_usec) {
    struct dcm_datetime value;
    if (!parse(DCM_VR_DT, text, &value) || value.precision < DCM_PRECISION_SECOND) {
        return false;
    }
    value.has_offset = false;
    *ret_usec = dcm_datetime_first_usec(DCM_VR_DT, &value, 0);
    return true;
}

static const struct {
    dcm_tag date, time;
} pairs[GATE_CLOCK_PAIRS] = {{DCM_SeriesDate, DCM_SeriesTime},
                             {DCM_AcquisitionDate, DCM_AcquisitionTime},
                             {DCM_ContentDate, DCM_ContentTime}};

// The injection: a whole instant, or a time of day right before the scan.
static bool find_injection(const struct dcm_dataset *d, int64_t *ret_usec) {
    const struct dcm_dataset *item = dcm_first_item(d, DCM_RadiopharmaceuticalInformationSequence);
    struct slice text;
    struct dcm_datetime time;
    int64_t scan;
    if (item == NULL) {
        return false;
    }
    if (dcm_text(item, DCM_RadiopharmaceuticalStartDateTime, 0, &text) &&
        instant_of_dt(text, ret_usec)) {
        return true;
    }
    bool has_scan = instant_of(d, DCM_SeriesDate, DCM_SeriesTime, &scan) ||
                    instant_of(d, DCM_AcquisitionDate, DCM_AcquisitionTime, &scan);
    if (!has_scan || !dcm_text(item, DCM_RadiopharmaceuticalStartTime, 0, &text) ||
        !parse(DCM_VR_TM, text, &time)) {
        return false;
    }
    int64_t at = dcm_datetime_first_usec(DCM_VR_TM, &time, 0);
    int64_t midnight = scan / USEC_A_DAY * USEC_A_DAY;
    *ret_usec = midnight + at <= scan ? midnight + at : midnight + at - USEC_A_DAY;
    return true;
}

void gate_clock_find(struct gate_walk *w, const struct dcm_dataset *d) {
    struct slice text;
    w->clock = (struct gate_clock){0};
    for (size_t i = 0; i < GATE_CLOCK_PAIRS; i++) {
        w->clock.has_pair[i] = instant_of(d, pairs[i].date, pairs[i].time, &w->clock.pair[i]);
    }
    if (w->suv && find_injection(d, &w->clock.zero)) {
        w->clock.has_zero = true;
        w->clock.is_injection = true;
    } else if (dcm_text(d, DCM_AcquisitionDateTime, 0, &text) &&
               instant_of_dt(text, &w->clock.zero)) {
        w->clock.has_zero = true;
    }
}

bool gate_date_is_needed(const struct gate_walk *w, dcm_tag tag) {
    if (!w->suv || !w->clock.is_injection) {
        return false;
    }
    return tag == DCM_RadiopharmaceuticalStartTime || tag == DCM_RadiopharmaceuticalStartDateTime ||
           tag == DCM_AcquisitionDate || tag == DCM_AcquisitionTime || tag == DCM_SeriesDate ||
           tag == DCM_SeriesTime || tag == DCM_AcquisitionDateTime ||
           tag == DCM_DecayCorrectionDateTime;
}

// --- dummies ---

static int64_t dummy_midnight(struct gate_walk *w) {
    int64_t day = DUMMY_DAY;
    if (w->clock.midnight != 0) {
        return w->clock.midnight;
    }
    for (; day < DUMMY_DAY + DUMMY_DAYS && w->c->subject != NULL; day++) {
        char text[DATE_TEXT_MAX];
        struct gate_hit hit;
        int16_t year;
        uint8_t month;
        uint8_t of_month;
        dcm_date_from_days(day, &year, &month, &of_month);
        (void)snprintf(text, sizeof text, "%04d%02u%02u", year, month, of_month);
        if (!gate_subject_find(w->c->subject, slice_str(text), 0, false, &hit)) {
            break;
        }
    }
    w->clock.midnight = day * USEC_A_DAY;
    return w->clock.midnight;
}

static bool put_instant(struct gate_walk *w, struct dcm_node *n, int64_t usec) {
    struct dcm_datetime value = {.precision = DCM_PRECISION_SECOND};
    int64_t days = usec / USEC_A_DAY - (usec % USEC_A_DAY < 0);
    int64_t rest = usec - days * USEC_A_DAY;
    dcm_date_from_days(days, &value.year, &value.month, &value.day);
    value.hour = (uint8_t)(rest / (3600 * USEC_A_SECOND));
    value.minute = (uint8_t)(rest / (60 * USEC_A_SECOND) % 60);
    value.second = (uint8_t)(rest / USEC_A_SECOND % 60);
    value.micros = (uint32_t)(rest % USEC_A_SECOND);
    if (value.micros != 0) {
        value.precision = DCM_PRECISION_FRACTION;
        value.fraction_digits = 6;
    }
    if (n->vr == DCM_VR_DA) {
        value.precision = DCM_PRECISION_DAY;
    }
    buf_clear(&w->out);
    dcm_datetime_put(n->vr, &value, &w->out);
    return gate_walk_set(w, n, buf_slice(&w->out));
}

// The instant that the node's own value stands for.
static bool instant_of_node(const struct gate_walk *w, const struct dcm_node *n,
                            int64_t *ret_usec) {
    struct slice text = dcm_value_trim(n->vr, n->value);
    if (n->vr == DCM_VR_DT) {
        return instant_of_dt(text, ret_usec);
    }
    if (n->tag == DCM_RadiopharmaceuticalStartTime && w->clock.is_injection) {
        *ret_usec = w->clock.zero;
        return true;
    }
    for (size_t i = 0; i < GATE_CLOCK_PAIRS && w->around == 0; i++) {
        if (n->tag == pairs[i].date || n->tag == pairs[i].time) {
            *ret_usec = w->clock.pair[i];
            return w->clock.has_pair[i];
        }
    }
    return false;
}

bool gate_date_dummy(struct gate_walk *w, struct dcm_node *n) {
    int64_t usec;
    int64_t midnight = dummy_midnight(w);
    if (!instant_of_node(w, n, &usec)) {
        return put_instant(w, n, midnight);
    }
    if (!w->clock.has_zero) { // the first one met
        w->clock.has_zero = true;
        w->clock.zero = usec;
    }
    int64_t distance = usec - w->clock.zero;
    bool near = distance <= DISTANCE_MAX && distance >= -DISTANCE_MAX;
    return put_instant(w, n, midnight + (near ? distance : 0));
}

// --- shifting ---

// One date, or the date part of a DT of at least that precision, moved; false: not to be read.
static bool shift_one(struct gate_walk *w, enum dcm_vr vr, struct slice text) {
    struct dcm_datetime value;
    if (!parse(vr, text, &value) || value.precision < DCM_PRECISION_DAY) {
        return false;
    }
    int64_t days = dcm_days_from_date(value.year, value.month, value.day) - w->shift_days;
    dcm_date_from_days(days, &value.year, &value.month, &value.day);
    value.old_form = false;
    dcm_datetime_put(vr, &value, &w->out);
    return true;
}

bool gate_date_shift(struct gate_walk *w, struct dcm_node *n, const struct gate_rule *r) {
    struct slice rest = dcm_value_trim(n->vr, n->value);
    struct slice part;
    struct dcm_datetime time;
    bool fits = rest.len > 0;
    if (rest.len == 0) {
        return true;
    }
    buf_clear(&w->out);
    for (bool first = true; fits && slice_split(&rest, '\\', &part); first = false) {
        struct slice value = dcm_value_trim(n->vr, part);
        if (!first) {
            buf_put_byte(&w->out, '\\');
        }
        if (n->vr == DCM_VR_TM) {
            fits = value.len == 0 || parse(DCM_VR_TM, value, &time);
            buf_put_slice(&w->out, value);
        } else if (value.len > 0) {
            fits = shift_one(w, n->vr, value);
        }
    }
    if (!fits) {
        gate_walk_note(w, GATE_KIND_DATE, GATE_DONE_REMOVED, n->tag);
        return gate_walk_nothing_left(w, n, r);
    }
    if (n->vr == DCM_VR_TM) {
        return true;
    }
    gate_walk_note(w, GATE_KIND_DATE, GATE_DONE_REPLACED, n->tag);
    return gate_walk_set(w, n, buf_slice(&w->out));
}

// --- what others ask ---

static bool day_of(const struct dcm_dataset *d, dcm_tag tag, int32_t *ret_day) {
    struct slice text;
    struct dcm_datetime value;
    if (!dcm_text(d, tag, 0, &text) || !parse(DCM_VR_DA, text, &value)) {
        return false;
    }
    *ret_day = (int32_t)dcm_days_from_date(value.year, value.month, value.day);
    return true;
}

bool gate_study_day(const struct dcm_dataset *d, int32_t *ret_day) {
    static const dcm_tag tags[] = {DCM_StudyDate, DCM_SeriesDate, DCM_AcquisitionDate,
                                   DCM_ContentDate};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        if (day_of(d, tags[i], ret_day)) {
            return true;
        }
    }
    struct slice text;
    struct dcm_datetime value;
    if (dcm_text(d, DCM_AcquisitionDateTime, 0, &text) && parse(DCM_VR_DT, text, &value) &&
        value.precision >= DCM_PRECISION_DAY) {
        *ret_day = (int32_t)dcm_days_from_date(value.year, value.month, value.day);
        return true;
    }
    return false;
}

// Whole years from two, months from one month, else weeks (PS3.3 C.7.2.2 leaves the unit open).
bool gate_age_between(const struct dcm_dataset *d, char out[5]) {
    int32_t birth;
    int32_t study;
    if (!day_of(d, DCM_PatientBirthDate, &birth) || !gate_study_day(d, &study) || study < birth) {
        return false;
    }
    int16_t year[2];
    uint8_t month[2];
    uint8_t day[2];
    dcm_date_from_days(birth, &year[0], &month[0], &day[0]);
    dcm_date_from_days(study, &year[1], &month[1], &day[1]);
    int months = (year[1] - year[0]) * 12 + month[1] - month[0] - (day[1] < day[0]);
    unsigned count = months >= 24  ? (unsigned)months / 12
                     : months >= 1 ? (unsigned)months
                                   : (unsigned)(study - birth) / 7;
    char unit = months >= 24 ? 'Y' : months >= 1 ? 'M' : 'W';
    if (count > 150) {
        return false; // no age: a placeholder for a date of birth
    }
    (void)snprintf(out, 5, "%03u%c", count % 1000u, unit);
    return true;
}
