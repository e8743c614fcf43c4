// SPDX-License-Identifier: Apache-2.0
// multipart/related: the same parts for every split of the input, byte by byte included.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "web/multipart.h"

#define LOG_MAX ((size_t)1 << 20)

// What the parser said, as text: "<type|location>data;" for each part; "!" where one was not ended.
struct heard {
    struct buf text;
    int refuse_at; // fails when so many parts were begun
    int parts;
};

static int on_begin(void *context, const struct web_part *part, struct err *e) {
    struct heard *h = context;
    if (++h->parts == h->refuse_at) {
        return err_set(e, E_FULL, "no more");
    }
    buf_put_str(&h->text, "<");
    buf_put_slice(&h->text, part->content_type);
    buf_put_str(&h->text, "|");
    buf_put_slice(&h->text, part->content_location);
    buf_put_str(&h->text, ">");
    return E_OK;
}

static int on_data(void *context, struct slice bytes, struct err *e) {
    struct heard *h = context;
    (void)e;
    buf_put_slice(&h->text, bytes);
    return E_OK;
}

static int on_end(void *context, struct err *e) {
    struct heard *h = context;
    (void)e;
    buf_put_str(&h->text, ";");
    return E_OK;
}

static int parse(const char *boundary, struct slice body, size_t step, struct heard *h,
                 struct err *e) {
    const struct web_multipart_sink sink = {on_begin, on_data, on_end, h};
    struct web_multipart m;
    buf_init(&h->text, LOG_MAX);
    int rc = web_multipart_init(&m, slice_str(boundary), &sink, e);
    for (size_t at = 0; rc == E_OK && at < body.len; at += step) {
        rc = web_multipart_feed(&m, slice_first(slice_from(body, at), step), e);
    }
    if (rc == E_OK) {
        rc = web_multipart_finish(&m, e);
    }
    web_multipart_done(&m);
    return rc;
}

static const struct {
    const char *name, *body, *heard;
    int code;
} rows[] = {
    {"one part", "--b\r\nContent-Type: application/dicom\r\n\r\nDATA\r\n--b--\r\n",
     "<application/dicom|>DATA;", E_OK},
    {"preamble and epilogue", "hello\r\n--b\r\n\r\nx\r\n--b--epilogue\r\n--b\r\n\r\nno", "<|>x;",
     E_OK},
    {"two parts",
     "--b\r\ncontent-type:a/b\r\nContent-Location:  /u \r\n\r\n1\r\n--b\r\n\r\n2\r\n--b--",
     "<a/b|/u>1;<|>2;", E_OK},
    {"empty part", "--b\r\nA: b\r\n\r\n\r\n--b--", "<|>;", E_OK},
    {"empty part without its line end", "--b\r\nA: b\r\n\r\n--b--", "<|>;", E_OK},
    {"padding behind the delimiter", "--b  \t\r\n\r\nx\r\n--b-- ", "<|>x;", E_OK},
    {"near delimiters", "--b\r\n\r\n\r\n--a\r\r\n-\r\n--\r\n--c\r\n--b--",
     "<|>\r\n--a\r\r\n-\r\n--\r\n--c;", E_OK},
    {"data that begins like a delimiter", "--b\r\n\r\n-x\r\n--b--", "<|>-x;", E_OK},
    {"data that begins with two dashes", "--b\r\n\r\n--x\r\n--b--", "<|>--x;", E_OK},
    {"line ends at the end of the data", "--b\r\n\r\nx\r\n\r\n\r\n--b--", "<|>x\r\n\r\n;", E_OK},
    {"delimiter in the middle of a line is data", "--b\r\n\r\nx--b--\r\n--b--", "<|>x--b--;", E_OK},
    {"no part", "--b--", "", E_OK},
    {"nothing", "", "", E_TRUNCATED},
    {"never a delimiter", "hello", "", E_TRUNCATED},
    {"no closing delimiter", "--b\r\n\r\nx\r\n", "<|>x", E_TRUNCATED},
    {"closing delimiter cut", "--b\r\n\r\nx\r\n--b-", "<|>x;", E_TRUNCATED},
    {"cut in the header fields", "--b\r\nContent-Type: a", "", E_TRUNCATED},
    {"garbage behind a delimiter", "--b\r\n\r\nx\r\n--bad\r\n", "<|>x;", E_SYNTAX},
};

static void test_every_split(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice body = slice_str(rows[i].body);
        print_message("%s\n", rows[i].name);
        for (size_t step = 1; step <= body.len + 1; step++) {
            struct heard h = {.refuse_at = -1};
            struct err e = {0};
            assert_int_equal(parse("b", body, step, &h, &e), rows[i].code);
            // A part that is not ended may have kept back what might have been its delimiter.
            struct slice got = buf_slice(&h.text);
            struct slice want = slice_str(rows[i].heard);
            assert_true(slice_eq(got, want));
            buf_done(&h.text);
        }
    }
}

static void test_two_cuts(void **state) {
    struct slice body = slice_str("--b\r\nT: x\r\n\r\n\r\n-\r\n--\r\n--b\r\n\r\n\r\n\r\n--b--");
    (void)state;
    for (size_t first = 0; first <= body.len; first++) {
        for (size_t second = first; second <= body.len; second++) {
            struct heard h = {.refuse_at = -1};
            const struct web_multipart_sink sink = {on_begin, on_data, on_end, &h};
            struct web_multipart m;
            struct err e = {0};
            buf_init(&h.text, LOG_MAX);
            assert_int_equal(web_multipart_init(&m, slice_str("b"), &sink, &e), E_OK);
            assert_int_equal(web_multipart_feed(&m, slice_first(body, first), &e), E_OK);
            assert_int_equal(
                web_multipart_feed(&m, slice_first(slice_from(body, first), second - first), &e),
                E_OK);
            assert_int_equal(web_multipart_feed(&m, slice_from(body, second), &e), E_OK);
            assert_int_equal(web_multipart_finish(&m, &e), E_OK);
            assert_true(slice_eq_str(buf_slice(&h.text), "<|>\r\n-\r\n--;<|>\r\n;"));
            web_multipart_done(&m);
            buf_done(&h.text);
        }
    }
}

static void test_limits(void **state) {
    struct heard h = {.refuse_at = -1};
    struct err e = {0};
    struct buf body;
    (void)state;
    buf_init(&body, LOG_MAX);
    buf_put_str(&body, "--b\r\nX: ");
    for (size_t i = 0; i < WEB_PART_HEADERS_MAX; i++) {
        buf_put_byte(&body, 'a');
    }
    assert_int_equal(parse("b", buf_slice(&body), 4096, &h, &e), E_LIMIT);
    buf_done(&h.text);
    buf_done(&body);
    char boundary[WEB_BOUNDARY_MAX + 2];
    memset(boundary, 'x', sizeof boundary);
    boundary[WEB_BOUNDARY_MAX + 1] = '\0';
    assert_int_equal(parse(boundary, slice_str(""), 1, &h, &e), E_SYNTAX);
    assert_int_equal(parse("", slice_str(""), 1, &h, &e), E_SYNTAX);
    assert_int_equal(parse("a\nb", slice_str(""), 1, &h, &e), E_SYNTAX);
}

static void test_sink_fails(void **state) {
    struct heard h = {.refuse_at = 2};
    struct err e = {0};
    (void)state;
    assert_int_equal(parse("b", slice_str("--b\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b--"), 5, &h, &e),
                     E_FULL);
    assert_true(slice_eq_str(buf_slice(&h.text), "<|>1;"));
    buf_done(&h.text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_split),
        cmocka_unit_test(test_two_cuts),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_sink_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
