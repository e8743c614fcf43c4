// SPDX-License-Identifier: Apache-2.0
// Decoding: uncompressed pixels of every packing and byte order, RLE of images, the codec table.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/uid.h"
#include "pixel/codec.h"
#include "pixel/rle.h"

#define ARENA_LIMIT ((size_t)1 << 24)

static struct px_image image(const char *uid, uint16_t rows, uint16_t columns, uint32_t frames,
                             uint16_t allocated) {
    return (struct px_image){.rows = rows,
                             .columns = columns,
                             .frames = frames,
                             .samples = 1,
                             .bits_allocated = allocated,
                             .bits_stored = allocated,
                             .high_bit = (uint16_t)(allocated - 1),
                             .photometric = PX_MONOCHROME2,
                             .pixel_vr = DCM_VR_OW,
                             .pixel_height = 1,
                             .syntax = dcm_transfer_syntax_find(slice_str(uid)),
                             .big_endian = strcmp(uid, DCM_EXPLICIT_BE_UID) == 0};
}

// Decodes frame `number` of `file`, all of which is the pixel element, and compares.
static void gives(const struct px_image *im, struct slice file, uint32_t number,
                  const uint8_t *expected, size_t len) {
    struct arena arena;
    struct px_frames t;
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    struct err e = {0};
    arena_init(&arena, ARENA_LIMIT);
    // A copy of the exact size, so that the sanitizer sees reads behind it.
    uint8_t *exact = mem_alloc(file.len);
    memcpy(exact, file.ptr, file.len);
    file.ptr = exact;
    assert_int_equal(px_frames_native(&arena, im, 0, file.len, &t, &e), E_OK);
    assert_int_equal(px_decode(im, &t, file, number, &f, &e), E_OK);
    assert_int_equal(f.len, len);
    assert_memory_equal(f.data, expected, len);
    mem_free(exact);
    arena_done(&arena);
}

static void test_words_of_both_orders(void **state) {
    (void)state;
    static const struct {
        const char *uid;
        uint16_t allocated;
        enum dcm_vr vr;
        uint8_t file[16];
        uint8_t frame[16];
        size_t len;
    } cases[] = {
        {DCM_EXPLICIT_LE_UID, 16, DCM_VR_OW, {1, 2, 3, 4}, {1, 2, 3, 4}, 4},
        {DCM_EXPLICIT_BE_UID, 16, DCM_VR_OW, {1, 2, 3, 4}, {2, 1, 4, 3}, 4},
        {DCM_EXPLICIT_BE_UID, 16, DCM_VR_OB, {1, 2, 3, 4}, {2, 1, 4, 3}, 4},
        {DCM_EXPLICIT_BE_UID, 32, DCM_VR_OW, {1, 2, 3, 4, 5, 6, 7, 8}, {4, 3, 2, 1, 8, 7, 6, 5}, 8},
        {DCM_EXPLICIT_LE_UID, 32, DCM_VR_OW, {1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 3, 4, 5, 6, 7, 8}, 8},
        {DCM_EXPLICIT_BE_UID, 8, DCM_VR_OB, {1, 2}, {1, 2}, 2},
        {DCM_EXPLICIT_BE_UID, 8, DCM_VR_OW, {1, 2}, {2, 1}, 2},
        {DCM_IMPLICIT_LE_UID, 8, DCM_VR_OW, {1, 2}, {1, 2}, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct px_image im = image(cases[i].uid, 1, 2, 1, cases[i].allocated);
        im.pixel_vr = cases[i].vr;
        gives(&im, slice_of(cases[i].file, cases[i].len), 0, cases[i].frame, cases[i].len);
    }
}

// Floating point samples (PS3.3 C.7.6.24 and .25) are words of 32 and 64 bits like any other.
static void test_floats(void **state) {
    (void)state;
    static const uint8_t little[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    static const uint8_t floats[16] = {4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13};
    static const uint8_t doubles[16] = {8, 7, 6, 5, 4, 3, 2, 1, 16, 15, 14, 13, 12, 11, 10, 9};
    for (int wide = 0; wide < 2; wide++) {
        uint16_t columns = wide ? 2 : 4;
        uint16_t bits = wide ? 64 : 32;
        struct px_image im = image(DCM_EXPLICIT_LE_UID, 1, columns, 1, bits);
        im.kind = wide ? PX_PIXEL_DOUBLE : PX_PIXEL_FLOAT;
        im.pixel_vr = wide ? DCM_VR_OD : DCM_VR_OF;
        gives(&im, slice_of(little, 16), 0, little, 16);
        im = image(DCM_EXPLICIT_BE_UID, 1, columns, 1, bits);
        im.kind = wide ? PX_PIXEL_DOUBLE : PX_PIXEL_FLOAT;
        im.pixel_vr = wide ? DCM_VR_OD : DCM_VR_OF;
        gives(&im, slice_of(little, 16), 0, wide ? doubles : floats, 16);
    }
}

// Frames of three bytes in big-endian words: the second begins in the middle of a word.
static void test_odd_frames_in_words(void **state) {
    (void)state;
    static const uint8_t file[] = {2, 1, 4, 3, 6, 5};
    struct px_image im = image(DCM_EXPLICIT_BE_UID, 1, 3, 2, 8);
    gives(&im, slice_of(file, 6), 0, (const uint8_t[]){1, 2, 3}, 3);
    gives(&im, slice_of(file, 6), 1, (const uint8_t[]){4, 5, 6}, 3);
}

// PS3.5 8.1.1: the first pixel is the lowest bit; frames follow each other without a gap.
static void test_bits(void **state) {
    (void)state;
    // 3 frames of 5 bits: 10110 01101 11100 (first pixel left)
    static const uint8_t file[] = {0xCD, 0x1E}; // bits 0…15: 1011 0011 | 0111 100 0
    struct px_image im = image(DCM_EXPLICIT_LE_UID, 1, 5, 3, 1);
    gives(&im, slice_of(file, 2), 0, (const uint8_t[]){0x0D}, 1);
    gives(&im, slice_of(file, 2), 1, (const uint8_t[]){0x16}, 1);
    gives(&im, slice_of(file, 2), 2, (const uint8_t[]){0x07}, 1);
    im = image(DCM_EXPLICIT_BE_UID, 1, 5, 3, 1);
    gives(&im, slice_of((const uint8_t[]){0x1E, 0xCD}, 2), 1, (const uint8_t[]){0x16}, 1);
}

static void test_bits_of_all_offsets(void **state) {
    (void)state;
    uint8_t file[64];
    for (size_t i = 0; i < sizeof file; i++) {
        file[i] = (uint8_t)(i * 37 + 11);
    }
    for (uint16_t columns = 1; columns <= 19; columns++) {
        struct px_image im = image(DCM_EXPLICIT_LE_UID, 1, columns, 9, 1);
        size_t len = (columns * 9u + 7) / 8;
        for (uint32_t n = 0; n < 9; n++) {
            uint8_t expected[4] = {0};
            for (uint32_t x = 0; x < columns; x++) {
                uint32_t at = n * columns + x;
                expected[x / 8] |= (uint8_t)((file[at / 8] >> at % 8 & 1) << x % 8);
            }
            gives(&im, slice_of(file, len), n, expected, (columns + 7u) / 8);
        }
    }
}

// The retired packing of 12 bits: two samples in three bytes, low bits first.
static void test_twelve_bits(void **state) {
    (void)state;
    static const uint8_t file[] = {0x23, 0x61, 0x45, 0xBC, 0x9A}; // 0x123 0x456 0xABC
    struct px_image im = image(DCM_EXPLICIT_LE_UID, 1, 3, 1, 12);
    static const uint8_t expected[] = {0x23, 0x01, 0x56, 0x04, 0xBC, 0x0A};
    gives(&im, slice_of(file, 5), 0, expected, 6);
    // As second frame it begins in the middle of a byte.
    static const uint8_t two[] = {0xFF, 0x3F, 0x12, 0x56, 0xC4, 0xAB, 0, 0, 0};
    im = image(DCM_EXPLICIT_LE_UID, 1, 1, 4, 12);
    gives(&im, slice_of(two, 6), 1, (const uint8_t[]){0x23, 0x01}, 2);
    gives(&im, slice_of(two, 6), 2, (const uint8_t[]){0x56, 0x04}, 2);
    gives(&im, slice_of(two, 6), 3, (const uint8_t[]){0xBC, 0x0A}, 2);
}

// The same packed into words of the other order.
static void test_twelve_bits_in_big_words(void **state) {
    (void)state;
    static const uint8_t file[] = {0x61, 0x23, 0xBC, 0x45, 0x00, 0x9A}; // 0x123 0x456 0xABC
    struct px_image im = image(DCM_EXPLICIT_BE_UID, 1, 3, 1, 12);
    static const uint8_t expected[] = {0x23, 0x01, 0x56, 0x04, 0xBC, 0x0A};
    gives(&im, slice_of(file, 6), 0, expected, 6);
}

// Little-endian samples are not copied for who says that the file stays; swapped ones must be.
static void test_borrowing(void **state) {
    (void)state;
    static const uint8_t file[] = {1, 2, 3, 4};
    struct px_range range = {0, 4, 0};
    struct px_frames t = {.ranges = &range, .count = 1, .frame_bits = 32, .word_bits = 8};
    for (int big = 0; big < 2; big++) {
        CLEANUP(cleanup_px_frame) struct px_frame f = {.may_borrow = true};
        struct err e = {0};
        struct px_image im = image(big ? DCM_EXPLICIT_BE_UID : DCM_EXPLICIT_LE_UID, 1, 2, 1, 16);
        assert_int_equal(px_decode(&im, &t, slice_of(file, 4), 0, &f, &e), E_OK);
        assert_int_equal(f.data == file, big == 0);
        assert_int_equal(f.own != NULL, big == 1);
        f.may_borrow = false;
        assert_int_equal(px_decode(&im, &t, slice_of(file, 4), 0, &f, &e), E_OK);
        assert_ptr_equal(f.data, f.own);
    }
}

static int decode_rle(const struct px_image *im, const uint8_t *samples, struct px_frame *f,
                      struct err *e) {
    CLEANUP(cleanup_buf) struct buf coded;
    struct px_rle_shape shape = {(uint64_t)im->rows * im->columns, im->samples,
                                 im->bits_allocated / 8};
    buf_init(&coded, 4096);
    assert_int_equal(px_rle_encode(samples, &shape, im->columns, &coded, e), E_OK);
    return px_codec_find(DCM_RLE_UID)->decode(im, buf_slice(&coded), 0, f, e);
}

static void test_rle_planes(void **state) {
    (void)state;
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    struct err e = {0};
    static const uint8_t mixed[] = {1, 2, 3, 11, 12, 13};
    struct px_image im = image(DCM_RLE_UID, 1, 2, 1, 8);
    im.samples = 3;
    im.photometric = PX_RGB;
    assert_int_equal(decode_rle(&im, mixed, &f, &e), E_OK);
    assert_false(f.planar);
    assert_memory_equal(f.data, mixed, 6);
    im.planar = true; // the data set's own layout is what comes out
    assert_int_equal(decode_rle(&im, mixed, &f, &e), E_OK);
    assert_true(f.planar);
    assert_memory_equal(f.data, ((const uint8_t[]){1, 11, 2, 12, 3, 13}), 6);
    im.photometric = PX_YBR_FULL_422; // RLE shares no chroma
    assert_int_equal(decode_rle(&im, mixed, &f, &e), E_OK);
    assert_int_equal(f.photometric, PX_YBR_FULL);
}

static void test_no_codec(void **state) {
    (void)state;
    struct px_range range = {0, 4, 1};
    struct px_frames t = {
        .ranges = &range, .count = 1, .source = PX_FRAMES_ONE_EACH, .word_bits = 8};
    static const char *const unknown[] = {"1.2.840.10008.1.2.4.52", "1.2.840.10008.1.2.4.92",
                                          "1.2.840.10008.1.2.4.93", "1.2.840.10008.1.2.4.100"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        CLEANUP(cleanup_px_frame) struct px_frame f = {0};
        struct err e = {0};
        char reason[PX_REASON_MAX];
        struct px_image im = image(unknown[i], 2, 2, 1, 8);
        assert_false(px_can_decode(&im, reason));
        assert_non_null(strstr(reason, im.syntax->name));
        assert_false(px_can_decode(&im, NULL));
        assert_int_equal(px_decode(&im, &t, slice_of("\0\0\0\0", 4), 0, &f, &e), E_NOT_ACCEPTABLE);
        assert_string_equal(e.text, reason);
    }
}

// Widths that a coding has no form for are refused before a byte is looked at.
static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *uid;
        uint16_t allocated;
        bool can;
    } cases[] = {
        {"1.2.840.10008.1.2.4.50", 8, true},
        {"1.2.840.10008.1.2.4.51", 16, true},
        {"1.2.840.10008.1.2.4.70", 16, true},
        {"1.2.840.10008.1.2.4.70", 32, false},
        {"1.2.840.10008.1.2.4.51", 1, false},
        {"1.2.840.10008.1.2.4.80", 16, true},
        {"1.2.840.10008.1.2.4.80", 1, false},
        {"1.2.840.10008.1.2.4.80", 32, false},
        {"1.2.840.10008.1.2.4.90", 1, true},
        {"1.2.840.10008.1.2.4.90", 32, true},
        {"1.2.840.10008.1.2.4.90", 12, false},
        {"1.2.840.10008.1.2.4.201", 16, true},
        {"1.2.840.10008.1.2.8.1", 1, true},
        {"1.2.840.10008.1.2.8.1", 12, false},
        {DCM_RLE_UID, 1, false},
        {DCM_RLE_UID, 32, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char reason[PX_REASON_MAX] = "";
        struct px_frame f;
        struct err e = {0};
        struct px_image im = image(cases[i].uid, 2, 2, 1, cases[i].allocated);
        assert_int_equal(px_can_decode(&im, reason), cases[i].can);
        assert_int_equal(px_decode_describe(&im, &f, &e), cases[i].can ? E_OK : E_NOT_ACCEPTABLE);
        assert_true(cases[i].can || strstr(reason, im.syntax->name) != NULL);
    }
}

// What frames will look like before one is decoded.
static void test_descriptions(void **state) {
    (void)state;
    static const struct {
        const char *uid;
        enum px_photometric label;
        enum px_photometric frame;
        bool planar; // stays
    } cases[] = {
        {"1.2.840.10008.1.2.4.50", PX_YBR_FULL_422, PX_RGB, false},
        {"1.2.840.10008.1.2.4.51", PX_RGB, PX_RGB, false},
        {"1.2.840.10008.1.2.4.57", PX_YBR_FULL, PX_YBR_FULL, true},
        {"1.2.840.10008.1.2.4.70", PX_YBR_FULL_422, PX_YBR_FULL, true},
        {"1.2.840.10008.1.2.4.80", PX_RGB, PX_RGB, true},
        {"1.2.840.10008.1.2.4.81", PX_YBR_FULL_422, PX_YBR_FULL, true},
        {"1.2.840.10008.1.2.4.90", PX_YBR_RCT, PX_RGB, true},
        {"1.2.840.10008.1.2.4.91", PX_YBR_ICT, PX_RGB, true},
        {"1.2.840.10008.1.2.4.201", PX_YBR_FULL, PX_YBR_FULL, true},
        {DCM_RLE_UID, PX_YBR_FULL_422, PX_YBR_FULL, true},
        {DCM_EXPLICIT_LE_UID, PX_YBR_FULL_422, PX_YBR_FULL_422, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct px_image im = image(cases[i].uid, 2, 2, 1, 8);
        struct px_frame f;
        struct err e = {0};
        im.samples = 3;
        im.planar = true;
        im.photometric = cases[i].label;
        assert_int_equal(px_decode_describe(&im, &f, &e), E_OK);
        assert_int_equal(f.photometric, cases[i].frame);
        assert_int_equal(f.planar, cases[i].planar);
    }
    struct px_image im = image(DCM_EXPLICIT_LE_UID, 2, 2, 1, 12);
    struct px_frame f;
    struct err e = {0};
    assert_int_equal(px_decode_describe(&im, &f, &e), E_OK);
    assert_int_equal(f.bits_allocated, 16);
    assert_int_equal(f.bits_stored, 12);
}

static void test_frames_fail_alone(void **state) {
    (void)state;
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    CLEANUP(cleanup_buf) struct buf file;
    struct err e = {0};
    struct px_image im = image(DCM_RLE_UID, 1, 4, 2, 8);
    struct px_rle_shape shape = {4, 1, 1};
    buf_init(&file, 4096);
    assert_int_equal(px_rle_encode((const uint8_t *)"abcd", &shape, 4, &file, &e), E_OK);
    struct px_range ranges[2] = {{0, 5, 1}, {0, file.len, 1}};
    struct px_frames t = {
        .ranges = ranges, .count = 2, .source = PX_FRAMES_ONE_EACH, .word_bits = 8};
    assert_int_equal(px_decode(&im, &t, buf_slice(&file), 0, &f, &e), E_TRUNCATED);
    assert_int_equal(f.len, 0);
    assert_non_null(strstr(e.text, "frame 1"));
    assert_int_equal(px_decode(&im, &t, buf_slice(&file), 1, &f, &e), E_OK);
    assert_memory_equal(f.data, "abcd", 4);
    assert_int_equal(px_decode(&im, &t, buf_slice(&file), 2, &f, &e), E_NOT_FOUND);
}

// The place of damage counts from the start of the file; in a frame of pieces it is told in words.
static void test_places(void **state) {
    (void)state;
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    CLEANUP(cleanup_buf) struct buf file;
    struct err e = {0};
    struct px_image im = image(DCM_RLE_UID, 1, 200, 1, 8);
    struct px_rle_shape shape = {200, 1, 1};
    uint8_t samples[200];
    for (size_t i = 0; i < sizeof samples; i++) {
        samples[i] = (uint8_t)(i * 7);
    }
    buf_init(&file, 4096);
    buf_put(&file, "a header before", 16);
    assert_int_equal(px_rle_encode(samples, &shape, 200, &file, &e), E_OK);
    struct px_range range = {16, file.len - 16 - 10, 1};
    struct px_frames t = {.ranges = &range, .count = 1, .source = PX_FRAMES_SINGLE, .word_bits = 8};
    assert_int_equal(px_decode(&im, &t, buf_slice(&file), 0, &f, &e), E_TRUNCATED);
    assert_true(e.has_offset);
    assert_true(e.offset > 16 + PX_RLE_HEADER && e.offset <= file.len - 10);
    // The same in two fragments: an item header before each.
    CLEANUP(cleanup_buf) struct buf pieces;
    static const uint8_t item[] = {0xFE, 0xFF, 0, 0xE0, 100, 0, 0, 0};
    buf_init(&pieces, 4096);
    for (size_t i = 0; i < 2; i++) {
        buf_put(&pieces, item, sizeof item);
        buf_put(&pieces, file.data + 16 + 100 * i, 100);
    }
    range = (struct px_range){8, 208, 2};
    memset(&e, 0, sizeof e);
    assert_int_equal(px_decode(&im, &t, buf_slice(&pieces), 0, &f, &e), E_TRUNCATED);
    assert_false(e.has_offset);
    assert_non_null(strstr(e.text, "of 2 fragments"));
}

static void test_limit(void **state) {
    (void)state;
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    struct err e = {0};
    assert_int_equal(px_frame_reserve(&f, PX_FRAME_BYTES_MAX + 1, &e), E_LIMIT);
    mem_fail_after(0);
    int code = px_frame_reserve(&f, 100, &e);
    mem_fail_after(MEM_FAIL_NEVER);
    assert_int_equal(code, E_MEMORY);
    assert_int_equal(px_frame_reserve(&f, 100, &e), E_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_of_both_orders),
        cmocka_unit_test(test_odd_frames_in_words),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_bits_of_all_offsets),
        cmocka_unit_test(test_twelve_bits),
        cmocka_unit_test(test_twelve_bits_in_big_words),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_rle_planes),
        cmocka_unit_test(test_borrowing),
        cmocka_unit_test(test_no_codec),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_descriptions),
        cmocka_unit_test(test_frames_fail_alone),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
