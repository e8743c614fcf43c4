// SPDX-License-Identifier: Apache-2.0
// Request targets, media types, Accept, ranges, frame lists, Host and Origin.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "web/accept.h"
#include "web/frame_list.h"
#include "web/headers.h"
#include "web/listen.h"
#include "web/media.h"
#include "web/range.h"
#include "web/url.h"

#define MEMORY ((size_t)1 << 20)

static void test_url_targets(void **state) {
    static const struct {
        const char *target;
        int code;
        size_t segments, params;
        const char *first; // segment
    } rows[] = {
        {"/", E_OK, 0, 0, NULL},
        {"/a", E_OK, 1, 0, "a"},
        {"/a/", E_OK, 2, 0, "a"},
        {"/a%20b/c?x=1&y", E_OK, 2, 2, "a b"},
        {"/%C3%A9", E_OK, 1, 0, "\xC3\xA9"},
        {"http://localhost:8080/a/b", E_OK, 2, 0, "a"},
        {"http://localhost", E_OK, 0, 0, NULL},
        {"/a?&&x=1&", E_OK, 1, 1, "a"},
        {"/a#b?c=d", E_OK, 1, 0, "a"},
        {"", E_SYNTAX, 0, 0, NULL},
        {"a", E_SYNTAX, 0, 0, NULL},
        {"/../etc/passwd", E_SYNTAX, 0, 0, NULL},
        {"/a/%2e%2e/b", E_SYNTAX, 0, 0, NULL},
        {"/a%2Fb", E_SYNTAX, 0, 0, NULL},
        {"/a%5Cb", E_SYNTAX, 0, 0, NULL},
        {"/a%00b", E_SYNTAX, 0, 0, NULL},
        {"/%", E_SYNTAX, 0, 0, NULL},
        {"/%4", E_SYNTAX, 0, 0, NULL},
        {"/%4g", E_SYNTAX, 0, 0, NULL},
        {"/%ff", E_SYNTAX, 0, 0, NULL},
        {"/a?x=%ff", E_SYNTAX, 0, 0, NULL},
        {"/a?x=%00", E_SYNTAX, 0, 0, NULL},
        {"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", E_NOT_FOUND, 0, 0, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena a;
        struct web_url u = {0};
        struct err e = {0};
        arena_init(&a, MEMORY);
        print_message("%s\n", rows[i].target);
        assert_int_equal(web_url_parse(&a, slice_str(rows[i].target), &u, &e), rows[i].code);
        if (rows[i].code == E_OK) {
            assert_int_equal(u.segment_count, rows[i].segments);
            assert_int_equal(u.param_count, rows[i].params);
        }
        if (rows[i].first != NULL) {
            assert_true(slice_eq_str(u.segments[0], rows[i].first));
        }
        arena_done(&a);
    }
}

static void test_url_params(void **state) {
    struct arena a;
    struct web_url u;
    struct err e = {0};
    (void)state;
    arena_init(&a, MEMORY);
    assert_int_equal(
        web_url_parse(&a, slice_str("/s?PatientName=M%C3%BCller%5E*+x&limit=5&limit=6&e="), &u, &e),
        E_OK);
    assert_true(slice_eq_str(web_url_param(&u, "PatientName"), "M\xC3\xBCller^* x"));
    assert_true(slice_eq_str(web_url_param(&u, "limit"), "5"));
    assert_true(web_url_has(&u, "e"));
    assert_int_equal(web_url_param(&u, "e").len, 0);
    assert_null(web_url_param(&u, "f").ptr);
    arena_done(&a);
}

static void test_media(void **state) {
    struct arena a;
    struct web_media m;
    struct err e = {0};
    (void)state;
    arena_init(&a, MEMORY);
    assert_int_equal(web_media_parse(&a,
                                     slice_str("Multipart/Related; type=\"application/dicom\" ;"
                                               "transfer-syntax=*;boundary=\"a\\\"b,;\""),
                                     &m, &e),
                     E_OK);
    assert_true(web_media_is(&m, "multipart", "related"));
    assert_true(slice_eq_str(web_media_param(&m, "TYPE"), "application/dicom"));
    assert_true(slice_eq_str(web_media_param(&m, "transfer-syntax"), "*"));
    assert_true(slice_eq_str(web_media_param(&m, "boundary"), "a\"b,;"));
    assert_int_equal(web_media_parse(&a, slice_str("a/b; type=application/dicom"), &m, &e), E_OK);
    assert_true(slice_eq_str(web_media_param(&m, "type"), "application/dicom"));
    static const char *const wrong[] = {"",       "a",          "a/",      "/b",   "a/b c",
                                        "a/b; x", "a/b; x=\"y", "a/b; =y", "a b/c"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        print_message("%s\n", wrong[i]);
        assert_int_equal(web_media_parse(&a, slice_str(wrong[i]), &m, &e), E_SYNTAX);
    }
    arena_done(&a);
}

static void test_list(void **state) {
    struct slice rest = slice_str(" a , ,\"b,c\" ;q=1,,d\\e");
    struct slice part;
    (void)state;
    assert_true(web_list_next(&rest, &part) && slice_eq_str(part, "a"));
    assert_true(web_list_next(&rest, &part) && slice_eq_str(part, "\"b,c\" ;q=1"));
    assert_true(web_list_next(&rest, &part) && slice_eq_str(part, "d\\e"));
    assert_false(web_list_next(&rest, &part));
}

#define LE "1.2.840.10008.1.2.1"
#define RLE "1.2.840.10008.1.2.5"
static const struct web_offer rle_frame[] = {
    {"image/dicom-rle", RLE, true, true},            // 0
    {"image/dicom-rle", RLE, false, true},           // 1
    {"application/octet-stream", RLE, true, false},  // 2
    {"application/octet-stream", RLE, false, false}, // 3
    {"application/octet-stream", LE, true, true},    // 4
    {"application/octet-stream", LE, false, true},   // 5
};

static void test_accept(void **state) {
    static const struct {
        const char *field;
        int chosen;
    } rows[] = {
        {"", 0},
        {"*/*", 0},
        {"multipart/related; type=\"application/octet-stream\"; transfer-syntax=*", 2},
        {"multipart/related; type=\"application/octet-stream\"", 4},
        {"multipart/related; type=application/octet-stream; transfer-syntax=" LE, 4},
        {"application/octet-stream; transfer-syntax=" RLE, 3},
        {"application/octet-stream", 5},
        {"application/octet-stream; transfer-syntax=1.2.3", -1},
        {"image/dicom-rle", 1},
        {"image/*", 1},
        {"multipart/related; type=\"image/*\"", 0},
        {"multipart/related", 0},
        {"image/jpeg", -1},
        {"image/dicom-rle;q=0", -1},
        {"image/dicom-rle;q=0, application/octet-stream;q=0.5", 5},
        {"image/dicom-rle;q=0.4, application/octet-stream;q=0.5", 5},
        {"image/jpeg, */*;q=0.1", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena a;
        struct web_accept accept;
        struct err e = {0};
        arena_init(&a, MEMORY);
        print_message("%s\n", rows[i].field);
        assert_int_equal(web_accept_parse(&a, slice_str(rows[i].field), &accept, &e), E_OK);
        assert_int_equal(web_accept_choose(&accept, rle_frame, 6), rows[i].chosen);
        arena_done(&a);
    }
}

static void test_accept_any_without_default(void **state) {
    static const struct web_offer stored[] = {{"image/jls", "1.2.840.10008.1.2.4.81", true, false}};
    struct arena a;
    struct web_accept accept;
    struct err e = {0};
    (void)state;
    arena_init(&a, MEMORY);
    assert_int_equal(web_accept_parse(&a, slice_str("*/*"), &accept, &e), E_OK);
    assert_int_equal(web_accept_choose(&accept, stored, 1), 0);
    assert_int_equal(
        web_accept_parse(&a, slice_str("multipart/related; type=\"image/jls\""), &accept, &e),
        E_OK);
    assert_int_equal(web_accept_choose(&accept, stored, 1), -1);
    assert_int_equal(web_accept_parse(&a, slice_str("text/html;q=2"), &accept, &e), E_SYNTAX);
    assert_int_equal(web_accept_parse(&a, slice_str("text"), &accept, &e), E_SYNTAX);
    arena_done(&a);
}

static void test_codings(void **state) {
    (void)state;
    assert_true(web_accepts_coding(slice_str("gzip"), "gzip"));
    assert_true(web_accepts_coding(slice_str("br, GZIP;q=0.5"), "gzip"));
    assert_true(web_accepts_coding(slice_str("*"), "gzip"));
    assert_false(web_accepts_coding(slice_str("gzip;q=0, *"), "gzip"));
    assert_false(web_accepts_coding(slice_str("br"), "gzip"));
    assert_false(web_accepts_coding(slice_str(""), "gzip"));
}

static void test_ranges(void **state) {
    static const struct {
        const char *field, *if_range;
        uint64_t total;
        enum web_range_verdict verdict;
        uint64_t first, len;
    } rows[] = {
        {"", "", 100, WEB_RANGE_WHOLE, 0, 0},
        {"bytes=0-0", "", 100, WEB_RANGE_PART, 0, 1},
        {"bytes=10-19", "", 100, WEB_RANGE_PART, 10, 10},
        {"bytes=90-", "", 100, WEB_RANGE_PART, 90, 10},
        {"bytes=90-1000", "", 100, WEB_RANGE_PART, 90, 10},
        {"bytes=-10", "", 100, WEB_RANGE_PART, 90, 10},
        {"bytes=-1000", "", 100, WEB_RANGE_PART, 0, 100},
        {"bytes=100-", "", 100, WEB_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-0", "", 100, WEB_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=0-", "", 0, WEB_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=5-4", "", 100, WEB_RANGE_WHOLE, 0, 0},
        {"bytes=0-1,3-4", "", 100, WEB_RANGE_WHOLE, 0, 0},
        {"bytes=a-b", "", 100, WEB_RANGE_WHOLE, 0, 0},
        {"bytes=+1-2", "", 100, WEB_RANGE_WHOLE, 0, 0},
        {"bytes=--5", "", 100, WEB_RANGE_WHOLE, 0, 0},
        {"bytes=99999999999999999999-", "", 100, WEB_RANGE_WHOLE, 0, 0},
        {"items=0-1", "", 100, WEB_RANGE_WHOLE, 0, 0},
        {"bytes=0-1", "\"x\"", 100, WEB_RANGE_PART, 0, 2},
        {"bytes=0-1", "\"y\"", 100, WEB_RANGE_WHOLE, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct web_range range = {0, 0};
        print_message("%s\n", rows[i].field);
        assert_int_equal(web_range_parse(slice_str(rows[i].field), slice_str(rows[i].if_range),
                                         "\"x\"", rows[i].total, &range),
                         rows[i].verdict);
        if (rows[i].verdict == WEB_RANGE_PART) {
            assert_int_equal(range.first, rows[i].first);
            assert_int_equal(range.len, rows[i].len);
        }
    }
}

static void test_etags(void **state) {
    (void)state;
    assert_true(web_etag_listed(slice_str("\"a\", W/\"b\""), "\"b\""));
    assert_true(web_etag_listed(slice_str("*"), "\"b\""));
    assert_false(web_etag_listed(slice_str("\"a\""), "\"b\""));
    assert_false(web_etag_listed(slice_str(""), "\"b\""));
}

static void test_frame_lists(void **state) {
    static const struct {
        const char *text;
        int code;
        size_t count;
    } rows[] = {{"1", E_OK, 1},
                {"1,3,5", E_OK, 3},
                {"5,1", E_OK, 2},
                {"0", E_ARGUMENT, 0},
                {"6", E_NOT_FOUND, 0},
                {"1,", E_ARGUMENT, 0},
                {"-1", E_ARGUMENT, 0},
                {"+1", E_ARGUMENT, 0},
                {"x", E_ARGUMENT, 0},
                {"1,2,3,4,5", E_LIMIT, 0},
                {"99999999999999999999", E_ARGUMENT, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t numbers[4];
        size_t count = 0;
        struct err e = {0};
        print_message("%s\n", rows[i].text);
        assert_int_equal(web_frame_list_parse(slice_str(rows[i].text), 5, numbers, 4, &count, &e),
                         rows[i].code);
        assert_int_equal(count, rows[i].count);
    }
}

static void test_hosts(void **state) {
    static const char *const extra[] = {"suite.example"};
    static const char *const origins[] = {"https://viewer.example"};
    const struct web_names_allowed allowed = {extra, 1, origins, 1};
    (void)state;
    assert_true(web_host_allowed(slice_str("localhost:8080"), &allowed));
    assert_true(web_host_allowed(slice_str("LOCALHOST"), &allowed));
    assert_true(web_host_allowed(slice_str("127.0.0.1:1"), &allowed));
    assert_true(web_host_allowed(slice_str("[::1]:8080"), &allowed));
    assert_true(web_host_allowed(slice_str("suite.example:80"), &allowed));
    assert_false(web_host_allowed(slice_str("evil.example"), &allowed));
    assert_false(web_host_allowed(slice_str("localhost.evil.example"), &allowed));
    assert_false(web_host_allowed(slice_str("localhost:80x"), &allowed));
    assert_false(web_host_allowed(slice_str("127.0.0.1:80@evil"), &allowed));
    assert_false(web_host_allowed(slice_str(""), &allowed));
    struct slice host = slice_str("localhost:8080");
    assert_true(web_origin_allowed(slice_str(""), host, &allowed));
    assert_true(web_origin_allowed(slice_str("http://localhost:8080"), host, &allowed));
    assert_true(web_origin_allowed(slice_str("https://viewer.example"), host, &allowed));
    assert_false(web_origin_allowed(slice_str("http://localhost:8081"), host, &allowed));
    assert_false(web_origin_allowed(slice_str("null"), host, &allowed));
    assert_false(web_origin_allowed(slice_str("https://evil.example"), host, &allowed));
}

static void test_listen_only_on_loopback(void **state) {
    static const struct {
        const char *text;
        int parse, listen;
    } rows[] = {{"127.0.0.1:0", E_OK, E_OK},
                {"localhost:0", E_OK, E_OK},
                {"127.8.9.1:0", E_OK, E_OK},
                {"0.0.0.0:0", E_OK, E_DENIED},
                {"[::]:0", E_OK, E_DENIED},
                {"192.0.2.1:80", E_OK, E_DENIED},
                {"[::ffff:127.0.0.1]:0", E_OK, E_DENIED},
                {"example.org:80", E_OK, E_ARGUMENT},
                {"127.0.0.1", E_ARGUMENT, 0},
                {"127.0.0.1:65536", E_ARGUMENT, 0},
                {":80", E_ARGUMENT, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct web_address address;
        struct err e = {0};
        int fd = -1;
        uint16_t port = 0;
        print_message("%s\n", rows[i].text);
        assert_int_equal(web_address_parse(rows[i].text, &address, &e), rows[i].parse);
        if (rows[i].parse == E_OK) {
            assert_int_equal(web_listen(&address, &fd, &port, &e), rows[i].listen);
        }
        if (fd >= 0) {
            assert_true(port > 0);
            struct web_address same = address;
            int second = -1;
            same.port = port;
            assert_int_equal(web_listen(&same, &second, &port, &e), E_LOCKED);
            (void)close(fd);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url_targets), cmocka_unit_test(test_url_params),
        cmocka_unit_test(test_media),       cmocka_unit_test(test_list),
        cmocka_unit_test(test_accept),      cmocka_unit_test(test_accept_any_without_default),
        cmocka_unit_test(test_codings),     cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_etags),       cmocka_unit_test(test_frame_lists),
        cmocka_unit_test(test_hosts),       cmocka_unit_test(test_listen_only_on_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
