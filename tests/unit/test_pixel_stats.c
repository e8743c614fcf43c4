// SPDX-License-Identifier: Apache-2.0
// Statistics of frames against numbers counted by hand.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/num.h"
#include "pixel/stats.h"

#define SIDE 100u

static uint8_t raw[SIDE * SIDE * 8];

static struct px_frame frame(uint16_t bits, bool is_signed) {
    return (struct px_frame){.data = raw,
                             .len = sizeof raw,
                             .rows = SIDE,
                             .columns = SIDE,
                             .samples = 1,
                             .bits_allocated = bits,
                             .bits_stored = bits,
                             .high_bit = (uint16_t)(bits - 1),
                             .is_signed = is_signed,
                             .photometric = PX_MONOCHROME2};
}

static void about(double a, double b, double tolerance) { assert_true(fabs(a - b) <= tolerance); }

// -5000 … 4999, each once.
static void test_a_ramp(void **state) {
    (void)state;
    struct px_stats s;
    struct err e = {0};
    struct px_frame f = frame(16, true);
    for (int i = 0; i < 10000; i++) {
        num_put_le16(raw + 2 * i, (uint16_t)(i - 5000));
    }
    assert_int_equal(px_stats_frame(NULL, &f, &s, &e), E_OK);
    assert_int_equal(s.count, 10000);
    assert_true(s.min == -5000 && s.max == 4999);
    about(s.mean, -0.5, 1e-9);
    about(s.deviation, sqrt((1e8 - 1) / 12), 1e-6);
    static const double wanted[PX_PERCENTILES] = {-4901, -4501, -1, 4499, 4899};
    for (int i = 0; i < PX_PERCENTILES; i++) {
        about(s.percentile[i], wanted[i], 1e-9);
    }
}

static void test_padding(void **state) {
    (void)state;
    struct px_stats s;
    struct err e = {0};
    struct px_frame f = frame(8, false);
    struct px_image im = {.has_padding = true, .padding_low = 250, .padding_high = 255};
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        raw[i] = i % 2 == 0 ? 252 : 7;
    }
    assert_int_equal(px_stats_frame(&im, &f, &s, &e), E_OK);
    assert_int_equal(s.count, 5000);
    assert_int_equal(s.excluded, 5000);
    assert_true(s.min == 7 && s.max == 7 && s.mean == 7 && s.deviation == 0);
    im.padding_low = 0;
    assert_int_equal(px_stats_frame(&im, &f, &s, &e), E_OK);
    assert_true(s.count == 0 && s.max == 0);
}

static void test_wide(void **state) {
    (void)state;
    struct px_stats s;
    struct err e = {0};
    struct px_frame f = frame(32, false);
    for (uint32_t i = 0; i < 10000; i++) {
        num_put_le32(raw + 4 * (size_t)i, i * 400000);
    }
    assert_int_equal(px_stats_frame(NULL, &f, &s, &e), E_OK);
    assert_true(s.min == 0);
    about(s.max, 9999.0 * 400000, 1);
    about(s.mean, 4999.5 * 400000, 100000);
    about(s.percentile[2], 4999.0 * 400000, 100000);
}

static void test_floats(void **state) {
    (void)state;
    struct px_stats s;
    struct err e = {0};
    struct px_frame f = frame(64, false);
    f.kind = PX_PIXEL_DOUBLE;
    for (size_t i = 0; i < 10000; i++) {
        double v = i == 0 ? (double)NAN : i == 1 ? (double)INFINITY : (double)i * 1e-3;
        memcpy(raw + 8 * i, &v, sizeof v);
    }
    assert_int_equal(px_stats_frame(NULL, &f, &s, &e), E_OK);
    assert_int_equal(s.excluded, 2);
    about(s.min, 2e-3, 1e-12);
    about(s.max, 9.999, 1e-3);
    about(s.percentile[4], 9.9, 2e-3);
}

static void test_colour_has_none(void **state) {
    (void)state;
    struct px_stats s;
    struct err e = {0};
    struct px_frame f = frame(8, false);
    f.samples = 3;
    assert_int_equal(px_stats_frame(NULL, &f, &s, &e), E_UNSUPPORTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_ramp),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_wide),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_colour_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
