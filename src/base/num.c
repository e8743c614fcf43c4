// SPDX-License-Identifier: Apache-2.0
#include "base/num.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

bool num_parse_u64(struct slice text, uint64_t max, uint64_t *ret_value) {
    uint64_t value = 0;
    if (text.len == 0) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c < '0' || c > '9' || !num_mul(value, 10, &value) ||
            !num_add(value, (uint64_t)(c - '0'), &value)) {
            return false;
        }
    }
    if (value > max) {
        return false;
    }
    *ret_value = value;
    return true;
}

bool num_parse_i64(struct slice text, int64_t min, int64_t max, int64_t *ret_value) {
    bool negative = text.len > 0 && text.ptr[0] == '-';
    bool sign = negative || (text.len > 0 && text.ptr[0] == '+');
    uint64_t magnitude;
    uint64_t most = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    if (!num_parse_u64(slice_from(text, sign ? 1 : 0), most, &magnitude)) {
        return false;
    }
    int64_t value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    if (value < min || value > max) {
        return false;
    }
    *ret_value = value;
    return true;
}

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

bool num_parse_double(struct slice text, double *ret_value) {
    char copy[65];
    if (text.len == 0 || text.len >= sizeof copy) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool allowed =
            (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E';
        if (!allowed) {
            return false;
        }
        copy[i] = (char)c;
    }
    copy[text.len] = '\0';
    (void)pthread_once(&c_locale_once, make_c_locale);
    char *end;
    double value = strtod_l(copy, &end, c_locale);
    if (end != copy + text.len || !isfinite(value)) {
        return false;
    }
    *ret_value = value;
    return true;
}
