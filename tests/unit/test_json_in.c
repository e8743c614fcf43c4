// SPDX-License-Identifier: Apache-2.0
// The JSON tokenizer: what RFC 8259 allows and forbids, texts of strings, places of errors, limits;
// every prefix of a good text is refused as cut off.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json_in.h"

// The kinds of all tokens as letters, or the error.
static int kinds(struct slice text, char *out, size_t out_len, struct err *e) {
    static const char letters[] = ".{}[]:s#tfn";
    struct json_in in;
    struct json_token t;
    size_t used = 0;
    int rc;
    json_in_init(&in, text, 0);
    while ((rc = json_in_next(&in, &t, e)) > 0) {
        if (used + 1 < out_len) {
            out[used++] = letters[t.kind];
        }
    }
    out[used] = '\0';
    return rc;
}

static const struct {
    const char *text;
    const char *kinds;
} good[] = {
    {"{}", "{}"},
    {"[]", "[]"},
    {" [ 1 , -0.5e+3 , \"x\" , true , false , null ] ", "[##stfn]"},
    {"{\"a\":{\"b\":[{}]},\"c\":\"\"}", "{:{:[{}]}:s}"},
    {"\xEF\xBB\xBF\"bom\"", "s"},
    {"0", "#"},
    {"-0", "#"},
    {"1E5", "#"},
    {"\"\\u00e9\\\"\\/\\\\\\b\\f\\n\\r\\t\"", "s"},
    {"[[[[]]]]", "[[[[]]]]"},
};

static void good_texts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char got[64];
        struct err e = {0};
        assert_int_equal(kinds(slice_str(good[i].text), got, sizeof got, &e), JSON_END);
        assert_string_equal(got, good[i].kinds);
    }
}

static void every_prefix_is_cut_off(void **state) {
    (void)state;
    static const char text[] = "{\"a\": [1.5e3, \"x\\u00e9山\\n\", {\"b\": null}], \"c\": true}";
    for (size_t len = 0; len < sizeof text - 1; len++) {
        char got[64];
        struct err e = {0};
        assert_int_equal(kinds(slice_of(text, len), got, sizeof got, &e), E_TRUNCATED);
        assert_true(e.has_offset && e.offset <= len);
    }
}

static const struct {
    const char *text;
    int code;
    uint64_t offset;
} bad[] = {
    {"", E_TRUNCATED, 0},      {"{} x", E_SYNTAX, 3},         {"{\"a\" 1}", E_SYNTAX, 5},
    {"{a:1}", E_SYNTAX, 1},    {"{\"a\":1,}", E_SYNTAX, 7},   {"[1,]", E_SYNTAX, 3},
    {"[1 2]", E_SYNTAX, 3},    {"[}", E_SYNTAX, 1},           {"{]", E_SYNTAX, 1},
    {"[01]", E_SYNTAX, 1},     {"[+1]", E_SYNTAX, 1},         {"[.5]", E_SYNTAX, 1},
    {"[1.]", E_SYNTAX, 1},     {"[1e]", E_SYNTAX, 1},         {"[- 1]", E_SYNTAX, 1},
    {"[NaN]", E_SYNTAX, 1},    {"[True]", E_SYNTAX, 1},       {"[truer]", E_SYNTAX, 5},
    {"\"\\x\"", E_SYNTAX, 1},  {"\"\\u12g4\"", E_SYNTAX, 1},  {"\"\n\"", E_SYNTAX, 1},
    {"\"\xff\"", E_SYNTAX, 1}, {"\"\xc0\x80\"", E_SYNTAX, 1}, {"'a'", E_SYNTAX, 0},
    {"[1]/**/", E_SYNTAX, 3},
};

static void bad_texts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char got[64];
        struct err e = {0};
        int rc = kinds(slice_str(bad[i].text), got, sizeof got, &e);
        if (rc != bad[i].code || e.offset != bad[i].offset) {
            print_message("%s: %d at %d\n", bad[i].text, rc, (int)e.offset);
        }
        assert_int_equal(rc, bad[i].code);
        assert_int_equal(e.offset, bad[i].offset);
    }
}

static void depth_is_bounded(void **state) {
    (void)state;
    char text[2 * JSON_IN_DEPTH_MAX + 8];
    char got[8];
    for (size_t depth = JSON_IN_DEPTH_MAX; depth <= JSON_IN_DEPTH_MAX + 1; depth++) {
        struct err e = {0};
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        int rc = kinds(slice_of(text, 2 * depth), got, sizeof got, &e);
        assert_int_equal(rc, depth <= JSON_IN_DEPTH_MAX ? JSON_END : E_NESTING);
    }
    struct json_in in;
    struct json_token t;
    struct err e = {0};
    json_in_init(&in, slice_str("[[]]"), 1);
    assert_int_equal(json_in_next(&in, &t, &e), JSON_ARRAY_BEGIN);
    assert_int_equal(json_in_next(&in, &t, &e), E_NESTING);
    assert_int_equal(json_in_next(&in, &t, &e), E_NESTING); // and stays so
}

static void strings_unescape(void **state) {
    (void)state;
    static const struct {
        const char *json;
        const char *text; // NULL: refused
    } rows[] = {{"\"plain\"", "plain"},
                {"\"a\\\"b\\\\c\\/d\\b\\f\\n\\r\\te\"", "a\"b\\c/d\b\f\n\r\te"},
                {"\"\\u00E9\\u5c71\"", "é山"},
                {"\"\\ud83d\\ude00!\"", "\xf0\x9f\x98\x80!"},
                {"\"\\ud83d\"", NULL},
                {"\"\\ude00\"", NULL},
                {"\"\\ud83dx\"", NULL},
                {"\"\\ud83d\\u0041\"", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json_in in;
        struct json_token t;
        struct err e = {0};
        struct buf out;
        buf_init(&out, 256);
        json_in_init(&in, slice_str(rows[i].json), 0);
        assert_int_equal(json_in_next(&in, &t, &e), JSON_STRING);
        int rc = json_in_text(&t, &out, &e);
        assert_int_equal(rc, rows[i].text == NULL ? E_SYNTAX : E_OK);
        if (rows[i].text != NULL) {
            assert_true(slice_eq_str(buf_slice(&out), rows[i].text));
        }
        buf_done(&out);
    }
}

static void values_are_skipped_whole(void **state) {
    (void)state;
    struct json_in in;
    struct json_token t;
    struct err e = {0};
    json_in_init(&in, slice_str("{\"a\":[1,{\"x\":[]}],\"b\":2,\"c\":{\"d\":[3]}}"), 0);
    assert_int_equal(json_in_next(&in, &t, &e), JSON_OBJECT_BEGIN);
    static const char *const names[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(json_in_next(&in, &t, &e), JSON_NAME);
        assert_true(json_in_is(&t, names[i]));
        assert_int_equal(t.depth, 1);
        assert_int_equal(json_in_skip(&in, &t, &e), E_OK);
    }
    assert_int_equal(json_in_next(&in, &t, &e), JSON_OBJECT_END);
    assert_int_equal(json_in_next(&in, &t, &e), JSON_END);
}

static void numbers_by_type(void **state) {
    (void)state;
    struct json_in in;
    struct json_token t;
    struct err e = {0};
    int64_t i;
    uint64_t u;
    double d;
    json_in_init(&in, slice_str("[-9223372036854775808,18446744073709551615,1.5,1e400]"), 0);
    assert_int_equal(json_in_next(&in, &t, &e), JSON_ARRAY_BEGIN);
    assert_false(json_in_i64(&t, &i));
    assert_int_equal(json_in_next(&in, &t, &e), JSON_NUMBER);
    assert_true(json_in_i64(&t, &i) && i == INT64_MIN);
    assert_false(json_in_u64(&t, &u));
    assert_int_equal(json_in_next(&in, &t, &e), JSON_NUMBER);
    assert_true(json_in_u64(&t, &u) && u == UINT64_MAX);
    assert_false(json_in_i64(&t, &i));
    assert_int_equal(json_in_next(&in, &t, &e), JSON_NUMBER);
    assert_true(json_in_double(&t, &d) && d == 1.5);
    assert_int_equal(json_in_next(&in, &t, &e), JSON_NUMBER);
    assert_false(json_in_double(&t, &d));
}

static void base64_both_ways(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        const char *text;
    } rows[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"}}; // RFC 4648 section 10
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice bytes = slice_str(rows[i].bytes);
        for (size_t cut = 0; cut <= bytes.len; cut++) { // the same for every split
            struct base64 b = {0};
            struct buf out;
            buf_init(&out, 64);
            base64_put(&b, slice_first(bytes, cut), &out);
            base64_put(&b, slice_from(bytes, cut), &out);
            base64_end(&b, &out);
            assert_true(slice_eq_str(buf_slice(&out), rows[i].text));
            buf_done(&out);
        }
        struct buf out;
        buf_init(&out, 64);
        assert_true(base64_decode(slice_str(rows[i].text), &out));
        assert_true(slice_eq(buf_slice(&out), bytes));
        buf_done(&out);
    }
    static const char *const refused[] = {
        "Z", "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "Zg==Zg==", "Zm 9", "Zm9v\n", "====", "Zm-_"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct buf out;
        buf_init(&out, 64);
        assert_false(base64_decode(slice_str(refused[i]), &out));
        assert_int_equal(out.len, 0);
        buf_done(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_texts),       cmocka_unit_test(every_prefix_is_cut_off),
        cmocka_unit_test(bad_texts),        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(strings_unescape), cmocka_unit_test(values_are_skipped_whole),
        cmocka_unit_test(numbers_by_type),  cmocka_unit_test(base64_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
