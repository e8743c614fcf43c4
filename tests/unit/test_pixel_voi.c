// SPDX-License-Identifier: Apache-2.0
// VOI functions against the pseudo-code of PS3.3 C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2, and
// tables of C.11.1.1.1.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pixel/voi.h"

#define NEAR 1e-12

static void close_to(double a, double b) { assert_true(fabs(a - b) < NEAR); }

// The standard's own words with ymin 0 and ymax 1.
static double said_linear(double c, double w, double x) {
    if (x <= c - 0.5 - (w - 1) / 2) {
        return 0;
    }
    if (x > c - 0.5 + (w - 1) / 2) {
        return 1;
    }
    return (x - (c - 0.5)) / (w - 1) + 0.5;
}

static double said_exact(double c, double w, double x) {
    if (x <= c - w / 2) {
        return 0;
    }
    if (x > c + w / 2) {
        return 1;
    }
    return (x - c) / w + 0.5;
}

static void test_as_the_standard_says(void **state) {
    (void)state;
    static const double windows[][2] = {{2048, 4096}, {2048, 1},    {0, 100}, {0, 1},   {40, 400},
                                        {-600, 1500}, {127.5, 255}, {1.5, 2}, {0.5, 1}, {1e6, 3}};
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        struct px_window w = {.centre = windows[i][0], .width = windows[i][1]};
        double span = w.width + 4;
        for (double x = w.centre - span; x <= w.centre + span; x += span / 97) {
            w.function = PX_VOI_LINEAR;
            close_to(px_voi_window(&w, x), said_linear(w.centre, w.width, x));
            w.function = PX_VOI_LINEAR_EXACT;
            close_to(px_voi_window(&w, x), said_exact(w.centre, w.width, x));
            w.function = PX_VOI_SIGMOID;
            close_to(px_voi_window(&w, x), 1 / (1 + exp(-4 * (x - w.centre) / w.width)));
        }
    }
}

// The examples under C.11.2.1.2.1: c=2048 w=4096 maps 0 … 4095 onto everything, w=1 is a threshold.
static void test_examples(void **state) {
    (void)state;
    struct px_window whole = {.centre = 2048, .width = 4096};
    close_to(px_voi_window(&whole, 0), 0);
    close_to(px_voi_window(&whole, 4095), 1);
    close_to(px_voi_window(&whole, 2047.5), 0.5);
    struct px_window threshold = {.centre = 2048, .width = 1};
    close_to(px_voi_window(&threshold, 2047), 0);
    close_to(px_voi_window(&threshold, 2047.5), 0);
    close_to(px_voi_window(&threshold, 2048), 1);
    struct px_window small = {.centre = 0, .width = 100};
    close_to(px_voi_window(&small, -50), 0);
    close_to(px_voi_window(&small, 49), 1);
}

static void test_nan_is_no_grey(void **state) {
    (void)state;
    for (int f = PX_VOI_LINEAR; f <= PX_VOI_SIGMOID; f++) {
        struct px_window w = {.centre = 0, .width = 10, .function = (enum px_voi_function)f};
        double y = px_voi_window(&w, (double)NAN);
        assert_false(y > 0);
    }
}

static void test_tables(void **state) {
    (void)state;
    static const uint16_t entries[] = {10, 20, 30, 4095};
    struct px_lut lut = {.first = -2, .count = 4, .bits = 12, .entries = entries};
    static const struct {
        double in;
        double out;
    } cases[] = {{-100, 10}, {-3, 10},  {-2, 10},  {-1, 20},    {-0.6, 20},       {-0.4, 30},
                 {0, 30},    {1, 4095}, {2, 4095}, {1e9, 4095}, {(double)NAN, 10}};
    struct px_grey g = {.slope = 5, .intercept = 7, .modality = &lut};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        close_to(px_voi_lut(&lut, cases[i].in), cases[i].out / 4095);
        close_to(px_modality(&g, cases[i].in), cases[i].out);
    }
    g.modality = NULL;
    close_to(px_modality(&g, 3), 22);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_the_standard_says),
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_nan_is_no_grey),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
