// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rng.h"
#include "base/utf8.h"

static void an_error_line_names_the_place(void **state) {
    (void)state;
    struct err e = {0};
    char line[600];
    assert_int_equal(err_set(&e, E_TRUNCATED, "%d of %d bytes", 3, 4), E_TRUNCATED);
    err_at(&e, 128);
    err_at(&e, 999); // the first, more precise place stays
    err_in(&e, "(0010,0010)");
    assert_string_equal(err_line(&e, line, sizeof line),
                        "ends too early: 3 of 4 bytes ((0010,0010), offset 128)");
    err_context(&e, "file %s", "x");
    assert_string_equal(e.text, "file x: 3 of 4 bytes");
    assert_int_equal(err_set_errno(&e, ENOSPC, "write"), E_FULL);
    assert_int_equal(err_http(E_FULL), 507);
    assert_int_equal(err_dimse(E_FULL), 0xA700);
    assert_string_equal(err_name(-9999), "E_INTERNAL");
}

static void numbers_are_whole_texts_in_range(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } rows[] = {{"0", true, 0},
                {"-12", true, -12},
                {"+7", true, 7},
                {"", false, 0},
                {"-", false, 0},
                {"12 ", false, 0},
                {"0x1", false, 0},
                {"2147483648", false, 0},
                {"-2147483648", true, INT32_MIN},
                {"99999999999999999999", false, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t v = 0;
        assert_int_equal(num_parse_i64(slice_str(rows[i].text), INT32_MIN, INT32_MAX, &v),
                         rows[i].ok);
        assert_int_equal(v, rows[i].value);
    }
    double d = 0;
    assert_true(num_parse_double(slice_str("-1.5e3"), &d));
    assert_true(d == -1500);
    assert_false(num_parse_double(slice_str("nan"), &d));
    assert_false(num_parse_double(slice_str("1e999"), &d));
}

static void count_handler(void *arg) { ++*(int *)arg; }

static void an_arena_keeps_its_limit_and_runs_handlers(void **state) {
    (void)state;
    struct arena a;
    int runs = 0;
    arena_init(&a, 1000);
    assert_non_null(arena_alloc(&a, 500));
    assert_null(arena_alloc(&a, 600));
    assert_null(arena_array(&a, SIZE_MAX / 2, 3));
    assert_true(arena_defer(&a, count_handler, &runs));
    arena_reset(&a);
    assert_int_equal(runs, 1);
    assert_string_equal(arena_printf(&a, "%s-%d", "x", 5), "x-5");
    arena_done(&a);
    assert_int_equal(runs, 1);
    mem_fail_after(0);
    assert_null(arena_alloc(&a, 10));
    mem_fail_after(MEM_FAIL_NEVER);
    arena_done(&a);
}

static void a_buffer_fails_once_and_for_all(void **state) {
    (void)state;
    struct buf b;
    struct err e = {0};
    buf_init(&b, 10);
    buf_put_str(&b, "12345678");
    buf_put_str(&b, "too long");
    buf_put_str(&b, "x");
    assert_int_equal(b.len, 8);
    assert_int_equal(buf_check(&b, "answer", &e), E_LIMIT);
    buf_clear(&b);
    buf_printf(&b, "%s", "1234567890");
    assert_int_equal(buf_check(&b, "answer", &e), E_OK);
    buf_done(&b);
}

static void a_long_printf_fits_exactly(void **state) {
    (void)state;
    struct buf b;
    char text[2001];
    memset(text, 'a', 2000);
    text[2000] = '\0';
    buf_init(&b, 100000);
    buf_printf(&b, "%s!", text);
    assert_int_equal(b.len, 2001);
    assert_int_equal(b.data[2000], '!');
    buf_done(&b);
}

static void times_convert_both_ways(void **state) {
    (void)state;
    static const struct {
        usec at;
        const char *text;
    } rows[] = {{0, "1970-01-01T00:00:00.000000Z"},
                {951782400000001, "2000-02-29T00:00:00.000001Z"},
                {-1, "1969-12-31T23:59:59.999999Z"},
                {1795338530000000, "2026-11-22T09:08:50.000000Z"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[CLOCK_TEXT_LEN + 1];
        usec back = 0;
        assert_string_equal(clock_text(rows[i].at, text), rows[i].text);
        assert_true(clock_parse(slice_str(text), &back));
        assert_int_equal(back, rows[i].at);
        struct civil_time t = clock_civil(rows[i].at);
        assert_true(clock_civil_valid(&t));
        assert_int_equal(clock_from_civil(&t), rows[i].at);
    }
    struct civil_time bad = {.year = 2023, .month = 2, .day = 29};
    assert_false(clock_civil_valid(&bad));
}

static void times_are_read_from_text(void **state) {
    (void)state;
    static const struct {
        const char *text;
        usec at; // -1: none
    } rows[] = {{"2026-11-22T09:08:50Z", 1795338530000000},
                {"2026-11-22T09:08:50.5Z", 1795338530500000},
                {"2026-11-22T09:08Z", 1795338480000000},
                {"2026-11-22T09:08:50.1234567Z", -1},
                {"2026-11-22T09:08:50.Z", -1},
                {"2026-11-22T09:08:50", -1},
                {"2026-11-22T09:08:50+01:00", -1},
                {"2026-11-22 09:08:50Z", -1},
                {"2026-02-30T09:08:50Z", -1},
                {"2026-11-22T24:00Z", -1},
                {"2026-11-22T9:08Z", -1},
                {"2026-11-22", -1},
                {"+026-11-22T09:08Z", -1},
                {"", -1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        usec at = -1;
        assert_int_equal(clock_parse(slice_str(rows[i].text), &at), rows[i].at != -1);
        assert_int_equal(at, rows[i].at);
    }
}

static void the_hash_is_sha_256(void **state) {
    (void)state;
    char hex[HASH_HEX_LEN + 1];
    struct hash h = hash_of(slice_str("abc"));
    assert_string_equal(hash_hex(&h, hex),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct hash back;
    assert_true(hash_parse(slice_str(hex), &back));
    assert_true(hash_eq(&h, &back));
    struct hash_stream *s = hash_stream_new();
    hash_stream_add(s, "a", 1);
    hash_stream_add(s, "bc", 2);
    back = hash_stream_end(s);
    assert_true(hash_eq(&h, &back));
    hash_stream_free(s);
    assert_false(hash_parse(slice_str("zz"), &back));
}

static void seeded_numbers_repeat(void **state) {
    (void)state;
    struct rng a = rng_seeded(7);
    struct rng b = rng_seeded(7);
    double sum = 0;
    for (int i = 0; i < 1000; i++) {
        assert_true(rng_u64(&a) == rng_u64(&b));
        uint64_t below = rng_below(&a, 10);
        assert_true(below < 10 && rng_below(&b, 10) == below);
        sum += rng_normal(&a);
        (void)rng_normal(&b);
    }
    assert_true(sum > -150 && sum < 150);
}

static void json_text_is_escaped_and_nested(void **state) {
    (void)state;
    struct buf b;
    struct json j;
    buf_init(&b, 4096);
    json_init(&j, &b);
    json_begin_object(&j);
    json_member_str(&j, "a", "q\"\\\n\x01 \xC3\xA9 \xFF");
    json_name(&j, "b");
    json_begin_array(&j);
    json_i64(&j, -5);
    json_double(&j, 0.1);
    json_double(&j, 1.0 / 3);
    json_null(&j);
    json_begin_object(&j);
    json_end_object(&j);
    json_end_array(&j);
    json_member_bool(&j, "c", true);
    json_end_object(&j);
    buf_put_byte(&b, 0);
    assert_string_equal((char *)b.data, "{\"a\":\"q\\\"\\\\\\n\\u0001 \xC3\xA9 \xEF\xBF\xBD\","
                                        "\"b\":[-5,0.1,0.3333333333333333,null,{}],\"c\":true}");
    buf_done(&b);
}

static void folding_drops_case_and_accents(void **state) {
    (void)state;
    static const struct {
        const char *in;
        const char *out;
    } rows[] = {{"M\xC3\xBCller", "muller"},
                {"STRA\xC3\x9F"
                 "E",
                 "strasse"},
                {"\xC3\x86r\xC3\xB8", "aero"},
                {"e\xCC\x81", "e"},
                {"\xCE\x91\xCE\xA9", "\xCE\xB1\xCF\x89"},
                {"\xD0\x9B", "\xD0\xBB"},
                {"\xE5\xB1\xB1", "\xE5\xB1\xB1"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf b;
        buf_init(&b, 100);
        utf8_fold(&b, slice_str(rows[i].in));
        buf_put_byte(&b, 0);
        assert_string_equal((char *)b.data, rows[i].out);
        buf_done(&b);
    }
    assert_false(utf8_valid(slice_str("\xC0\x80")));
    assert_false(utf8_valid(slice_str("\xED\xA0\x80")));
    assert_true(utf8_valid(slice_str("\xF0\x9F\x98\x80")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_line_names_the_place),
        cmocka_unit_test(numbers_are_whole_texts_in_range),
        cmocka_unit_test(an_arena_keeps_its_limit_and_runs_handlers),
        cmocka_unit_test(a_buffer_fails_once_and_for_all),
        cmocka_unit_test(a_long_printf_fits_exactly),
        cmocka_unit_test(times_convert_both_ways),
        cmocka_unit_test(times_are_read_from_text),
        cmocka_unit_test(the_hash_is_sha_256),
        cmocka_unit_test(seeded_numbers_repeat),
        cmocka_unit_test(json_text_is_escaped_and_nested),
        cmocka_unit_test(folding_drops_case_and_accents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
