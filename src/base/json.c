// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <assert.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/utf8.h"

void json_init(struct json *j, struct buf *out) { *j = (struct json){.out = out}; }

static bool bit_of(const struct json *j) {
    return (j->has_member[j->depth / 64] >> (j->depth % 64) & 1) != 0;
}

static void set_bit(struct json *j, bool on) {
    uint64_t mask = (uint64_t)1 << (j->depth % 64);
    uint64_t *word = &j->has_member[j->depth / 64];
    *word = on ? *word | mask : *word & ~mask;
}

static void before_value(struct json *j) {
    if (j->after_name) {
        j->after_name = false;
        return;
    }
    if (j->depth > 0 && bit_of(j)) {
        buf_put_byte(j->out, ',');
    }
    set_bit(j, true);
}

static void begin(struct json *j, uint8_t mark) {
    before_value(j);
    buf_put_byte(j->out, mark);
    assert(j->depth + 1 < JSON_DEPTH_MAX);
    j->depth++;
    set_bit(j, false);
}

static void end(struct json *j, uint8_t mark) {
    assert(j->depth > 0);
    j->depth--;
    buf_put_byte(j->out, mark);
}

void json_begin_object(struct json *j) { begin(j, '{'); }
void json_end_object(struct json *j) { end(j, '}'); }
void json_begin_array(struct json *j) { begin(j, '['); }
void json_end_array(struct json *j) { end(j, ']'); }

void json_name(struct json *j, const char *name) {
    before_value(j);
    buf_put_byte(j->out, '"');
    buf_put_str(j->out, name);
    buf_put(j->out, "\":", 2);
    j->after_name = true;
}

static void put_escaped(struct buf *out, uint8_t c) {
    static const char shorthand[] = "btn?fr"; // for 8 to 13
    if (c == '"' || c == '\\') {
        buf_put_byte(out, '\\');
        buf_put_byte(out, c);
    } else if (c >= 8 && c <= 13 && c != 11) {
        buf_put_byte(out, '\\');
        buf_put_byte(out, (uint8_t)shorthand[c - 8]);
    } else {
        buf_printf(out, "\\u%04x", c);
    }
}

static size_t plain_run(struct slice s) {
    size_t n = 0;
    while (n < s.len && s.ptr[n] >= 0x20 && s.ptr[n] < 0x7F && s.ptr[n] != '"' &&
           s.ptr[n] != '\\') {
        n++;
    }
    return n;
}

void json_slice(struct json *j, struct slice utf8) {
    before_value(j);
    buf_put_byte(j->out, '"');
    while (utf8.len > 0) {
        size_t run = plain_run(utf8);
        buf_put(j->out, utf8.ptr, run);
        utf8 = slice_from(utf8, run);
        if (utf8.len == 0) {
            break;
        }
        if (utf8.ptr[0] < 0x80) {
            put_escaped(j->out, utf8.ptr[0]);
            utf8 = slice_from(utf8, 1);
            continue;
        }
        uint32_t code_point;
        size_t taken = utf8_decode(utf8, &code_point);
        if (taken == 0) {
            buf_put_str(j->out, "\xEF\xBF\xBD");
            utf8 = slice_from(utf8, 1);
        } else {
            buf_put(j->out, utf8.ptr, taken);
            utf8 = slice_from(utf8, taken);
        }
    }
    buf_put_byte(j->out, '"');
}

void json_str(struct json *j, const char *utf8) {
    if (utf8 == NULL) {
        json_null(j);
    } else {
        json_slice(j, slice_str(utf8));
    }
}

void json_raw(struct json *j, struct slice text) {
    before_value(j);
    buf_put_slice(j->out, text);
}

void json_i64(struct json *j, int64_t value) {
    char text[24];
    int len = snprintf(text, sizeof text, "%lld", (long long)value);
    json_raw(j, slice_of(text, (size_t)len));
}

void json_u64(struct json *j, uint64_t value) {
    char text[24];
    int len = snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    json_raw(j, slice_of(text, (size_t)len));
}

void json_double(struct json *j, double value) {
    char text[40];
    if (!isfinite(value)) {
        json_null(j);
        return;
    }
    int len = 0;
    for (int digits = 15; digits <= 17; digits++) {
        len = snprintf(text, sizeof text, "%.*g", digits, value);
        for (int i = 0; i < len; i++) {
            text[i] = text[i] == ',' ? '.' : text[i];
        }
        double back;
        if (num_parse_double(slice_of(text, (size_t)len), &back) && back == value) {
            break;
        }
    }
    json_raw(j, slice_of(text, (size_t)len));
}

void json_bool(struct json *j, bool value) { json_raw(j, slice_str(value ? "true" : "false")); }

void json_null(struct json *j) { json_raw(j, slice_str("null")); }

void json_member_str(struct json *j, const char *name, const char *utf8) {
    json_name(j, name);
    json_str(j, utf8);
}

void json_member_slice(struct json *j, const char *name, struct slice utf8) {
    json_name(j, name);
    json_slice(j, utf8);
}

void json_member_i64(struct json *j, const char *name, int64_t value) {
    json_name(j, name);
    json_i64(j, value);
}

void json_member_bool(struct json *j, const char *name, bool value) {
    json_name(j, name);
    json_bool(j, value);
}
