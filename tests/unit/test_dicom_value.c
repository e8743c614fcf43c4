// SPDX-License-Identifier: Apache-2.0
// Typed values: text to struct to text, refusals with their reasons, ranges of dates and times
// (PS3.4 C.2.2.2.5), names, numbers as strings, and validity by VR (PS3.5 6.2).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/buf.h"
#include "base/err.h"
#include "dicom/value.h"

static void check_buf(const struct buf *got, const char *expected) {
    char text[300];
    assert_true(got->len < sizeof text);
    if (got->len > 0) {
        memcpy(text, got->data, got->len);
    }
    text[got->len] = '\0';
    assert_string_equal(text, expected);
}

static const struct {
    enum dcm_vr vr;
    const char *text;
    const char *back; // NULL: refused
    enum dcm_precision precision;
} moments[] = {
    {DCM_VR_DA, "20260228", "20260228", DCM_PRECISION_DAY},
    {DCM_VR_DA, "20240229", "20240229", DCM_PRECISION_DAY},
    {DCM_VR_DA, "1993.08.22", "19930822", DCM_PRECISION_DAY},
    {DCM_VR_DA, "20260229", NULL, 0},
    {DCM_VR_DA, "19000229", NULL, 0},
    {DCM_VR_DA, "20261301", NULL, 0},
    {DCM_VR_DA, "20260100", NULL, 0},
    {DCM_VR_DA, "2026", NULL, 0},
    {DCM_VR_DA, "202601", NULL, 0},
    {DCM_VR_DA, "2026010", NULL, 0},
    {DCM_VR_DA, "20260101x", NULL, 0},
    {DCM_VR_DA, "1993.08", NULL, 0},
    {DCM_VR_DA, "", NULL, 0},
    {DCM_VR_TM, "07", "07", DCM_PRECISION_HOUR},
    {DCM_VR_TM, "0709", "0709", DCM_PRECISION_MINUTE},
    {DCM_VR_TM, "070907", "070907", DCM_PRECISION_SECOND},
    {DCM_VR_TM, "070907.0705", "070907.0705", DCM_PRECISION_FRACTION},
    {DCM_VR_TM, "070907.070500", "070907.070500", DCM_PRECISION_FRACTION},
    {DCM_VR_TM, "235960", "235960", DCM_PRECISION_SECOND}, // leap second
    {DCM_VR_TM, "10:59:58", "105958", DCM_PRECISION_SECOND},
    {DCM_VR_TM, "240000", NULL, 0},
    {DCM_VR_TM, "106000", NULL, 0},
    {DCM_VR_TM, "105961", NULL, 0},
    {DCM_VR_TM, "1059.5", NULL, 0},
    {DCM_VR_TM, "105958.", NULL, 0},
    {DCM_VR_TM, "105958.1234567", NULL, 0},
    {DCM_VR_TM, "1", NULL, 0},
    {DCM_VR_TM, "105", NULL, 0},
    {DCM_VR_DT, "2026", "2026", DCM_PRECISION_YEAR},
    {DCM_VR_DT, "202602", "202602", DCM_PRECISION_MONTH},
    {DCM_VR_DT, "20260228", "20260228", DCM_PRECISION_DAY},
    {DCM_VR_DT, "2026022810", "2026022810", DCM_PRECISION_HOUR},
    {DCM_VR_DT, "20260228101112.25", "20260228101112.25", DCM_PRECISION_FRACTION},
    {DCM_VR_DT, "20260228101112.250000+0530", "20260228101112.250000+0530", DCM_PRECISION_FRACTION},
    {DCM_VR_DT, "2026-0500", "2026-0500", DCM_PRECISION_YEAR},
    {DCM_VR_DT, "20260228+1400", "20260228+1400", DCM_PRECISION_DAY},
    {DCM_VR_DT, "20260228+1401", NULL, 0},
    {DCM_VR_DT, "20260228-1201", NULL, 0},
    {DCM_VR_DT, "20260228-0000", NULL, 0},
    {DCM_VR_DT, "20260228+05", NULL, 0},
    {DCM_VR_DT, "2026.02.28", NULL, 0},
    {DCM_VR_DT, "2026022810:11", NULL, 0},
    {DCM_VR_LO, "2026", NULL, 0},
};

static void dates_and_times_round_trip(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        struct dcm_datetime v;
        struct err e = {0};
        int rc = dcm_datetime_parse(moments[i].vr, slice_str(moments[i].text), &v, &e);
        if ((rc == E_OK) != (moments[i].back != NULL)) {
            print_message("%s: %s\n", moments[i].text, e.text);
        }
        assert_int_equal(rc == E_OK, moments[i].back != NULL);
        if (rc != E_OK) {
            assert_true(e.text[0] != '\0');
            continue;
        }
        assert_int_equal(v.precision, moments[i].precision);
        assert_int_equal(v.old_form, strcmp(moments[i].text, moments[i].back) != 0);
        struct buf out;
        buf_init(&out, 64);
        dcm_datetime_put(moments[i].vr, &v, &out);
        check_buf(&out, moments[i].back);
        buf_done(&out);
    }
}

static void days_count_both_ways(void **state) {
    (void)state;
    assert_int_equal(dcm_days_from_date(1970, 1, 1), 0);
    assert_int_equal(dcm_days_from_date(2000, 3, 1), 11017);
    assert_int_equal(dcm_days_from_date(1969, 12, 31), -1);
    int64_t day = dcm_days_from_date(1, 1, 1);
    int16_t year;
    uint8_t month;
    uint8_t dom;
    for (; day < dcm_days_from_date(9999, 12, 31); day += 13) {
        dcm_date_from_days(day, &year, &month, &dom);
        assert_int_equal(dcm_days_from_date(year, month, dom), day);
    }
}

static struct dcm_datetime moment(enum dcm_vr vr, const char *text) {
    struct dcm_datetime v = {0};
    struct err e = {0};
    assert_int_equal(dcm_datetime_parse(vr, slice_str(text), &v, &e), E_OK);
    return v;
}

static void values_cover_their_precision(void **state) {
    (void)state;
    struct dcm_datetime v = moment(DCM_VR_DT, "1970");
    assert_int_equal(dcm_datetime_first_usec(DCM_VR_DT, &v, 0), 0);
    assert_int_equal(dcm_datetime_last_usec(DCM_VR_DT, &v, 0), INT64_C(31535999999999));
    v = moment(DCM_VR_DT, "1970010101+0100");
    assert_int_equal(dcm_datetime_first_usec(DCM_VR_DT, &v, 0), 0);
    assert_int_equal(dcm_datetime_first_usec(DCM_VR_DT, &v, 300), 0); // its own offset wins
    v = moment(DCM_VR_DT, "1970010101");
    assert_int_equal(dcm_datetime_first_usec(DCM_VR_DT, &v, 60), 0);
    v = moment(DCM_VR_TM, "000001.5");
    assert_int_equal(dcm_datetime_first_usec(DCM_VR_TM, &v, 0), 1500000);
    assert_int_equal(dcm_datetime_last_usec(DCM_VR_TM, &v, 0), 1599999);
    v = moment(DCM_VR_DA, "19700228");
    assert_int_equal(dcm_datetime_last_usec(DCM_VR_DA, &v, 0) -
                         dcm_datetime_first_usec(DCM_VR_DA, &v, 0),
                     INT64_C(86399999999));
}

static const struct {
    enum dcm_vr vr;
    const char *text;
    const char *back; // NULL: refused
} ranges[] = {
    {DCM_VR_DA, "20260101-20260131", "20260101-20260131"},
    {DCM_VR_DA, "20260101-", "20260101-"},
    {DCM_VR_DA, "-20260131", "-20260131"},
    {DCM_VR_DA, "20260101", "20260101"},
    {DCM_VR_DA, "2026.01.01-2026.01.31", "20260101-20260131"},
    {DCM_VR_DA, "20260101 - 20260131", "20260101-20260131"},
    {DCM_VR_DA, "-", NULL},
    {DCM_VR_DA, "", NULL},
    {DCM_VR_DA, "20260131-20260101", NULL},
    {DCM_VR_DA, "20260101--20260131", NULL},
    {DCM_VR_DA, "20260101-20269999", NULL},
    {DCM_VR_TM, "0700-0800", "0700-0800"},
    {DCM_VR_TM, "07-08", "07-08"},
    {DCM_VR_TM, "2200-0200", NULL},
    {DCM_VR_DT, "2001-2002", "2001-2002"},
    {DCM_VR_DT, "1994-0500", "1994-0500"}, // one value, five hours west
    {DCM_VR_DT, "1994-0500-1995", "1994-0500-1995"},
    {DCM_VR_DT, "1994-1995-0500", "1994-1995-0500"},
    {DCM_VR_DT, "1994-0500-1995-0500", "1994-0500-1995-0500"},
    {DCM_VR_DT, "-1994-0500", "-1994-0500"},
    {DCM_VR_DT, "1994-0500-", "1994-0500-"},
    {DCM_VR_DT, "20260101+0100-", "20260101+0100-"},
};

static void ranges_round_trip(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        struct dcm_datetime_range r;
        struct err e = {0};
        int rc = dcm_range_parse(ranges[i].vr, slice_str(ranges[i].text), &r, &e);
        if ((rc == E_OK) != (ranges[i].back != NULL)) {
            print_message("%s: %s\n", ranges[i].text, e.text);
        }
        assert_int_equal(rc == E_OK, ranges[i].back != NULL);
        if (rc == E_OK) {
            struct buf out;
            buf_init(&out, 64);
            dcm_range_put(ranges[i].vr, &r, &out);
            check_buf(&out, ranges[i].back);
            buf_done(&out);
        }
    }
}

static const struct {
    enum dcm_vr vr;
    const char *range;
    const char *value;
    bool matches;
} matches[] = {
    {DCM_VR_DA, "20260101-20260131", "20260101", true},
    {DCM_VR_DA, "20260101-20260131", "20260131", true},
    {DCM_VR_DA, "20260101-20260131", "20260201", false},
    {DCM_VR_DA, "20260101-", "20251231", false},
    {DCM_VR_DA, "-20260131", "19000101", true},
    {DCM_VR_DA, "20260101", "20260101", true},
    {DCM_VR_TM, "10-11", "115959.999", true}, // 11 covers its whole hour
    {DCM_VR_TM, "10-11", "12", false},
    {DCM_VR_TM, "1030", "103059", true},
    {DCM_VR_DT, "2026", "20261231235959", true},
    {DCM_VR_DT, "20260101000000+0000-20260101010000+0000", "20260101013000+0100", true},
    {DCM_VR_DT, "20260101000000+0000-20260101010000+0000", "20260101013000", false},
};

static void ranges_match(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof matches / sizeof matches[0]; i++) {
        struct dcm_datetime_range r;
        struct err e = {0};
        assert_int_equal(dcm_range_parse(matches[i].vr, slice_str(matches[i].range), &r, &e), E_OK);
        struct dcm_datetime v = moment(matches[i].vr, matches[i].value);
        assert_int_equal(dcm_range_matches(matches[i].vr, &r, &v, 0), matches[i].matches);
    }
}

static const struct {
    const char *text;
    const char *back;
    const char *display;
} names[] = {
    {"Adams^John Robert Quincy^^Rev.^B.A. M.Div.", "Adams^John Robert Quincy^^Rev.^B.A. M.Div.",
     "Rev. John Robert Quincy Adams, B.A. M.Div."}, // PS3.5 6.2.1.2
    {"Morrison-Jones^Susan^^^Ph.D., Chief Executive Officer",
     "Morrison-Jones^Susan^^^Ph.D., Chief Executive Officer",
     "Susan Morrison-Jones, Ph.D., Chief Executive Officer"},
    {"Doe^John^^^ ", "Doe^John", "John Doe"},
    {"Doe ^ John", "Doe^John", "John Doe"},
    {"Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada^Tarou=山田^太郎=やまだ^たろう",
     "Tarou Yamada"},
    {"=山田^太郎", "=山田^太郎", ""},
    {"^^^^", "", ""},
    {"", "", ""},
    {"A^B^C^D^E^F", "A^B^C^D^E^F", "D B C A, E^F"},
    {"Doe^John==ジョン", "Doe^John==ジョン", "John Doe"},
};

static void names_round_trip(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct dcm_person_name name;
        struct err e = {0};
        struct buf out;
        buf_init(&out, 256);
        dcm_name_parse(slice_str(names[i].text), &name);
        assert_int_equal(dcm_name_put(&name, &out, &e), E_OK);
        check_buf(&out, names[i].back);
        buf_clear(&out);
        dcm_name_put_display(&name, DCM_NAME_ALPHABETIC, &out);
        check_buf(&out, names[i].display);
        buf_done(&out);
    }
    struct dcm_person_name name;
    struct err e = {0};
    struct buf out;
    buf_init(&out, 256);
    dcm_name_parse(slice_str("a=b=c=d"), &name);
    assert_true(name.too_many_groups);
    dcm_name_parse(slice_str("Doe"), &name);
    name.parts[0][0] = slice_str("Do=e");
    assert_int_equal(dcm_name_put(&name, &out, &e), E_VALUE);
    assert_int_equal(out.len, 0);
    buf_done(&out);
}

static void decimal_strings(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
        bool exact;
    } rows[] = {{0, "0", true},
                {0.1, "0.1", true},
                {-1.5, "-1.5", true},
                {1.0 / 3, "0.33333333333333", false},
                {-1.0 / 3, "-0.3333333333333", false},
                {1e22, "1e+22", true},
                {123456789012345680.0, "1.2345678901e+17", false},
                {5e-324, "5e-324", true},
                {-1.7976931348623157e308, "-1.79769313e+308", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out;
        struct err e = {0};
        buf_init(&out, 64);
        assert_int_equal(dcm_ds_put(rows[i].value, &out, &e), E_OK);
        assert_true(out.len <= 16);
        check_buf(&out, rows[i].text);
        assert_int_equal(dcm_ds_exact(rows[i].value), rows[i].exact);
        double back;
        assert_int_equal(dcm_ds_parse(buf_slice(&out), &back, &e), E_OK);
        assert_true(fabs(back - rows[i].value) <= fabs(rows[i].value) * 1e-7);
        buf_done(&out);
    }
    struct buf out;
    struct err e = {0};
    buf_init(&out, 64);
    assert_int_equal(dcm_ds_put((double)NAN, &out, &e), E_VALUE);
    assert_int_equal(dcm_ds_put((double)INFINITY, &out, &e), E_VALUE);
    assert_false(dcm_ds_exact((double)INFINITY));
    buf_done(&out);
}

static void ages_and_tags(void **state) {
    (void)state;
    struct dcm_age age;
    dcm_tag tag;
    struct err e = {0};
    struct buf out;
    buf_init(&out, 64);
    assert_int_equal(dcm_age_parse(slice_str("018M"), &age, &e), E_OK);
    assert_int_equal(age.count, 18);
    assert_int_equal(dcm_age_put(&age, &out, &e), E_OK);
    check_buf(&out, "018M");
    assert_int_equal(dcm_age_parse(slice_str("18M"), &age, &e), E_VALUE);
    assert_int_equal(dcm_age_parse(slice_str("018m"), &age, &e), E_VALUE);
    assert_int_equal(dcm_age_parse(slice_str("+18M"), &age, &e), E_VALUE);
    age.count = 1000;
    assert_int_equal(dcm_age_put(&age, &out, &e), E_VALUE);
    buf_clear(&out);
    assert_int_equal(dcm_at_parse(slice_str("7fe00010"), &tag, &e), E_OK);
    dcm_at_put(tag, &out);
    check_buf(&out, "7FE00010");
    assert_int_equal(dcm_at_parse(slice_str("7fe0001"), &tag, &e), E_VALUE);
    assert_int_equal(dcm_at_parse(slice_str("7fe0001g"), &tag, &e), E_VALUE);
    buf_done(&out);
}

static void values_split_and_trim(void **state) {
    (void)state;
    struct slice rest = slice_str("a \\ b\\\\c\x20");
    struct slice value;
    static const char *const parts[] = {"a", "b", "", "c"};
    for (size_t i = 0; i < 4; i++) {
        assert_true(dcm_value_next(DCM_VR_LO, &rest, &value));
        assert_true(slice_eq_str(value, parts[i]));
    }
    assert_false(dcm_value_next(DCM_VR_LO, &rest, &value));
    rest = slice_str(" a\\b ");
    assert_true(dcm_value_next(DCM_VR_LT, &rest, &value));
    assert_true(slice_eq_str(value, " a\\b"));
    assert_false(dcm_value_next(DCM_VR_LT, &rest, &value));
}

#define CHARS_64 "1234567890123456789012345678901234567890123456789012345678901234"

static const struct {
    enum dcm_vr vr;
    const char *value;
    bool allowed;
} validity[] = {
    {DCM_VR_CS, "ORIGINAL_1 A", true},
    {DCM_VR_CS, "original", false},
    {DCM_VR_CS, "A-B", false},
    {DCM_VR_CS, "12345678901234567", false},
    {DCM_VR_AE, "MACLAB-1", true},
    {DCM_VR_AE, "ABCDEFGHIJKLMNOPQ", false},
    {DCM_VR_AE, "Ä", false},
    {DCM_VR_LO, CHARS_64, true},
    {DCM_VR_LO, CHARS_64 "5", false},
    {DCM_VR_LO, "line\nbreak", false},
    {DCM_VR_LT, "line\r\nbreak\ttab", true},
    {DCM_VR_LT, "bell\a", false},
    {DCM_VR_SH, "ÄÖÜäöüßÄÖÜäöüßÄÖ", true}, // 16 characters, 32 bytes
    {DCM_VR_SH, "ÄÖÜäöüßÄÖÜäöüßÄÖÜ", false},
    {DCM_VR_PN, CHARS_64 "=" CHARS_64 "=" CHARS_64, true},
    {DCM_VR_PN, CHARS_64 "5", false},
    {DCM_VR_PN, "a=b=c=d", false},
    {DCM_VR_PN, "a^b^c^d^e^f", false},
    {DCM_VR_UI, "1.2.840.10008.1.1", true},
    {DCM_VR_UI, "1.02", false},
    {DCM_VR_UI, "1.2.", false},
    {DCM_VR_UI, "1234567890.1234567890.1234567890.1234567890.1234567890.1234567890", false},
    {DCM_VR_UR, "https://example.org/a?b=c", true},
    {DCM_VR_UR, "with space", false},
    {DCM_VR_IS, "-2147483648", true},
    {DCM_VR_IS, "2147483648", false},
    {DCM_VR_IS, "1.0", false},
    {DCM_VR_IS, "0000000000001", false},
    {DCM_VR_DS, "-1.5E+03", true},
    {DCM_VR_DS, "1,5", false},
    {DCM_VR_DS, "12345678901234567", false},
    {DCM_VR_AS, "000D", true},
    {DCM_VR_AS, "0Y", false},
    {DCM_VR_DA, "20260101", true},
    {DCM_VR_DA, "1993.08.22", false},
    {DCM_VR_TM, "10:11:12", false},
    {DCM_VR_UT, "\xff", false},
    {DCM_VR_OB, "\xff", true},
    {DCM_VR_DA, "", true},
};

static void values_are_checked_by_vr(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof validity / sizeof validity[0]; i++) {
        struct err e = {0};
        int rc = dcm_value_check(validity[i].vr, slice_str(validity[i].value), &e);
        if ((rc == E_OK) != validity[i].allowed) {
            print_message("%s\n", validity[i].value);
        }
        assert_int_equal(rc == E_OK, validity[i].allowed);
        assert_true(rc == E_OK || (rc == E_VALUE && e.text[0] != '\0'));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_and_times_round_trip),
        cmocka_unit_test(days_count_both_ways),
        cmocka_unit_test(values_cover_their_precision),
        cmocka_unit_test(ranges_round_trip),
        cmocka_unit_test(ranges_match),
        cmocka_unit_test(names_round_trip),
        cmocka_unit_test(decimal_strings),
        cmocka_unit_test(ages_and_tags),
        cmocka_unit_test(values_split_and_trim),
        cmocka_unit_test(values_are_checked_by_vr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
