// SPDX-License-Identifier: Apache-2.0
// RLE (PS3.5 Annex G): round trips, the standard's rules for runs, and tables that lie.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rng.h"
#include "pixel/rle.h"

#define ROWS 33u
#define COLUMNS 301u
#define PIXELS (ROWS * COLUMNS)
#define BYTES_MAX (PIXELS * 12u)

static uint8_t original[BYTES_MAX];
static uint8_t decoded[BYTES_MAX + 64];

enum filling { FILL_ZERO, FILL_NOISE, FILL_RAMP, FILL_RUNS, FILL_COUNT };

static void fill(enum filling how, size_t len) {
    struct rng rng = rng_seeded(7);
    uint8_t value = 0;
    size_t left = 0;
    for (size_t i = 0; i < len; i++) {
        if (how == FILL_RUNS && left == 0) {
            left = 1 + (size_t)rng_below(&rng, 300);
            value = (uint8_t)rng_u64(&rng);
        }
        left -= left > 0;
        uint8_t noise = (uint8_t)rng_u64(&rng);
        original[i] = how == FILL_NOISE ? noise : how == FILL_RAMP ? (uint8_t)(i / 5) : value;
    }
}

static void comes_back(const struct px_rle_shape *shape, enum filling how) {
    CLEANUP(cleanup_buf) struct buf coded;
    struct err e = {0};
    size_t len = (size_t)shape->pixels * shape->samples * shape->sample_bytes;
    buf_init(&coded, (size_t)1 << 24);
    fill(how, len);
    assert_int_equal(px_rle_encode(original, shape, COLUMNS, &coded, &e), E_OK);
    assert_int_equal(coded.len % 2, 0);
    memset(decoded, 0xAA, sizeof decoded);
    assert_int_equal(px_rle_decode(buf_slice(&coded), shape, decoded, &e), E_OK);
    assert_memory_equal(decoded, original, len);
    for (size_t i = len; i < len + 64; i++) {
        assert_int_equal(decoded[i], 0xAA);
    }
}

static void test_round_trips(void **state) {
    (void)state;
    static const struct px_rle_shape shapes[] = {
        {PIXELS, 1, 1}, {PIXELS, 1, 2}, {PIXELS, 1, 4}, {PIXELS, 3, 1},  {PIXELS, 3, 2},
        {PIXELS, 3, 4}, {1, 1, 1},      {2, 3, 2},      {COLUMNS, 1, 2},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        for (int how = 0; how < FILL_COUNT; how++) {
            comes_back(&shapes[i], (enum filling)how);
        }
    }
}

// A frame with one segment holding these bytes.
static struct slice frame_of(const uint8_t *segment, size_t len, uint8_t room[256]) {
    memset(room, 0, PX_RLE_HEADER);
    num_put_le32(room, 1);
    num_put_le32(room + 4, PX_RLE_HEADER);
    memcpy(room + PX_RLE_HEADER, segment, len);
    return slice_of(room, PX_RLE_HEADER + len);
}

// PS3.5 G.3.2: literals of n + 1, runs of 1 - n, 128 does nothing.
static void test_pack_bits(void **state) {
    (void)state;
    static const uint8_t segment[] = {2, 'a', 'b', 'c', 128, 254, 'x', 0, 'y', 0xFF, 'z', 0};
    uint8_t room[256];
    struct err e = {0};
    struct px_rle_shape shape = {9, 1, 1};
    assert_int_equal(px_rle_decode(frame_of(segment, sizeof segment, room), &shape, decoded, &e),
                     E_OK);
    assert_memory_equal(decoded, "abcxxxyzz", 9);
}

// PS3.5 G.2: byte planes come most significant first.
static void test_plane_order(void **state) {
    (void)state;
    CLEANUP(cleanup_buf) struct buf coded;
    struct err e = {0};
    struct px_rle_shape shape = {1, 1, 2};
    buf_init(&coded, 4096);
    assert_int_equal(px_rle_encode((const uint8_t[]){0x34, 0x12}, &shape, 1, &coded, &e), E_OK);
    assert_int_equal(num_le32(coded.data), 2);
    assert_int_equal(coded.data[num_le32(coded.data + 4) + 1], 0x12);
    assert_int_equal(coded.data[num_le32(coded.data + 8) + 1], 0x34);
}

// PS3.5 G.3.1: each row is coded on its own, so a row of one value is one run and not part of a
// longer.
static void test_runs_end_with_rows(void **state) {
    (void)state;
    CLEANUP(cleanup_buf) struct buf coded;
    struct err e = {0};
    struct px_rle_shape shape = {40, 1, 1};
    static const uint8_t zeros[40];
    static const uint8_t expected[] = {247, 0, 247, 0, 247, 0, 247, 0};
    buf_init(&coded, 4096);
    assert_int_equal(px_rle_encode(zeros, &shape, 10, &coded, &e), E_OK);
    assert_int_equal(coded.len, PX_RLE_HEADER + sizeof expected);
    assert_memory_equal(coded.data + PX_RLE_HEADER, expected, sizeof expected);
}

static void test_bad_segments(void **state) {
    (void)state;
    static const struct {
        uint8_t segment[4];
        size_t len;
        int code;
    } cases[] = {
        {{0}, 0, E_TRUNCATED},           // nothing
        {{3, 'a', 'b'}, 3, E_TRUNCATED}, // a literal that is cut
        {{253}, 1, E_TRUNCATED},         // a run without its byte
        {{254, 'a'}, 2, E_TRUNCATED},    // too few bytes for the plane
        {{251, 'a'}, 2, E_CORRUPT},      // a run over the end
        {{128, 128, 128}, 3, E_TRUNCATED},
    };
    struct px_rle_shape shape = {4, 1, 1};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t room[256];
        struct err e = {0};
        struct slice bytes = frame_of(cases[i].segment, cases[i].len, room);
        assert_int_equal(px_rle_decode(bytes, &shape, decoded, &e), cases[i].code);
        assert_true(e.text[0] != '\0');
    }
}

static void test_bad_tables(void **state) {
    (void)state;
    static const struct {
        uint32_t count;
        uint32_t offsets[2];
        int code;
    } cases[] = {
        {0, {64, 66}, E_MISMATCH},        {1, {64, 0}, E_MISMATCH},
        {3, {64, 66}, E_MISMATCH},        {0xFFFFFFFF, {64, 66}, E_MISMATCH},
        {2, {63, 66}, E_CORRUPT},         {2, {0, 66}, E_CORRUPT},
        {2, {66, 64}, E_CORRUPT},         {2, {64, 69}, E_CORRUPT},
        {2, {64, 0xFFFFFFFF}, E_CORRUPT}, {2, {64, 66}, E_OK},
    };
    struct px_rle_shape shape = {2, 1, 2};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[PX_RLE_HEADER + 4] = {0};
        struct err e = {0};
        num_put_le32(bytes, cases[i].count);
        num_put_le32(bytes + 4, cases[i].offsets[0]);
        num_put_le32(bytes + 8, cases[i].offsets[1]);
        memcpy(bytes + PX_RLE_HEADER, (const uint8_t[]){255, 1, 255, 2}, 4);
        assert_int_equal(px_rle_decode(slice_of(bytes, sizeof bytes), &shape, decoded, &e),
                         cases[i].code);
    }
}

// Every shorter prefix of a frame is refused, and nothing behind the frame is written.
static void test_every_cut(void **state) {
    (void)state;
    CLEANUP(cleanup_buf) struct buf coded;
    struct err e = {0};
    struct px_rle_shape shape = {COLUMNS * 3, 1, 2};
    buf_init(&coded, (size_t)1 << 20);
    fill(FILL_RUNS, COLUMNS * 3 * 2);
    assert_int_equal(px_rle_encode(original, &shape, COLUMNS, &coded, &e), E_OK);
    size_t padding = 1; // the last segment may end in one
    for (size_t len = 0; len + padding < coded.len; len++) {
        uint8_t *exact = mem_alloc(len); // so that the sanitizer sees a read behind it
        memcpy(exact, coded.data, len);
        assert_true(px_rle_decode(slice_of(exact, len), &shape, decoded, &e) < 0);
        mem_free(exact);
    }
}

static void test_limits(void **state) {
    (void)state;
    struct err e = {0};
    struct px_rle_shape wide = {4, 4, 4};
    struct px_rle_shape none = {4, 0, 1};
    struct px_rle_shape huge = {UINT64_MAX / 2, 3, 1};
    uint8_t bytes[PX_RLE_HEADER] = {0};
    struct slice frame = slice_of(bytes, sizeof bytes);
    assert_int_equal(px_rle_decode(frame, &wide, decoded, &e), E_LIMIT);
    assert_int_equal(px_rle_decode(frame, &none, decoded, &e), E_LIMIT);
    assert_int_equal(px_rle_decode(frame, &huge, decoded, &e), E_LIMIT);
}

static void test_memory_runs_out(void **state) {
    (void)state;
    CLEANUP(cleanup_buf) struct buf coded;
    struct px_rle_shape shape = {PIXELS, 1, 2};
    fill(FILL_NOISE, PIXELS * 2);
    int code = E_MEMORY;
    for (size_t n = 0; code != E_OK; n++) {
        struct err e = {0};
        buf_init(&coded, (size_t)1 << 24);
        mem_fail_after(n);
        code = px_rle_encode(original, &shape, COLUMNS, &coded, &e);
        if (code == E_OK) {
            code = px_rle_decode(buf_slice(&coded), &shape, decoded, &e);
        }
        mem_fail_after(MEM_FAIL_NEVER);
        assert_true(code == E_OK || code == E_MEMORY || code == E_LIMIT);
        buf_done(&coded);
        assert_true(n < 1000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),     cmocka_unit_test(test_pack_bits),
        cmocka_unit_test(test_plane_order),     cmocka_unit_test(test_runs_end_with_rows),
        cmocka_unit_test(test_bad_segments),    cmocka_unit_test(test_bad_tables),
        cmocka_unit_test(test_every_cut),       cmocka_unit_test(test_limits),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
