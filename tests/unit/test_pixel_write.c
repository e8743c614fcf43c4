// SPDX-License-Identifier: Apache-2.0
// PNG is read back by libpng and must be the same; JPEG is read back by our decoder and must be
// near.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <png.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "dicom/uid.h"
#include "pixel/codec.h"
#include "pixel/jpeg_write.h"
#include "pixel/png_write.h"

#define SIDE_MAX 300u

static uint8_t pixels[SIDE_MAX * SIDE_MAX * 3];
static uint8_t back[SIDE_MAX * SIDE_MAX * 3];

enum filling { FILL_FLAT, FILL_RAMP, FILL_NOISE, FILL_STRIPES, FILL_COUNT };

static void fill(enum filling how, uint32_t width, uint32_t height, uint8_t channels) {
    struct rng rng = rng_seeded(3);
    for (size_t i = 0; i < (size_t)width * height * channels; i++) {
        size_t x = i % (width * channels);
        size_t y = i / (width * channels);
        static const uint8_t flat = 77;
        uint8_t noise = (uint8_t)rng_u64(&rng);
        pixels[i] = how == FILL_FLAT    ? flat
                    : how == FILL_RAMP  ? (uint8_t)(x / 2 + y)
                    : how == FILL_NOISE ? noise
                                        : (uint8_t)(y % 2 * 255);
    }
}

static void png_same(uint32_t width, uint32_t height, uint8_t channels) {
    CLEANUP(cleanup_buf) struct buf out;
    struct err e = {0};
    buf_init(&out, (size_t)1 << 24);
    assert_int_equal(px_png_write(pixels, width, height, channels, &out, &e), E_OK);
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_memory(&image, out.data, out.len));
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    assert_int_equal(image.format, channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY);
    memset(back, 0, sizeof back);
    assert_true(png_image_finish_read(&image, NULL, back, 0, NULL));
    assert_int_equal(image.warning_or_error, 0);
    assert_memory_equal(back, pixels, (size_t)width * height * channels);
}

static void test_png(void **state) {
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1}, {1, 7}, {7, 1}, {255, 3}, {256, 256}, {300, 299}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int how = 0; how < FILL_COUNT; how++) {
            for (uint8_t channels = 1; channels <= 3; channels = (uint8_t)(channels + 2)) {
                fill((enum filling)how, sizes[i][0], sizes[i][1], channels);
                png_same(sizes[i][0], sizes[i][1], channels);
            }
        }
    }
}

static void test_png_refuses(void **state) {
    (void)state;
    CLEANUP(cleanup_buf) struct buf out;
    struct err e = {0};
    buf_init(&out, 1000);
    assert_int_equal(px_png_write(pixels, 0, 1, 1, &out, &e), E_ARGUMENT);
    assert_int_equal(px_png_write(pixels, 1, 0, 1, &out, &e), E_ARGUMENT);
    assert_int_equal(px_png_write(pixels, 1, 1, 2, &out, &e), E_ARGUMENT);
    assert_int_equal(px_png_write(pixels, 0x7FFFFFFF, 0x7FFFFFFF, 3, &out, &e), E_LIMIT);
    fill(FILL_NOISE, 100, 100, 1);
    assert_int_equal(px_png_write(pixels, 100, 100, 1, &out, &e), E_LIMIT);
}

static struct px_image jpeg_image(uint32_t width, uint32_t height, uint8_t channels) {
    return (struct px_image){.rows = (uint16_t)height,
                             .columns = (uint16_t)width,
                             .frames = 1,
                             .samples = channels,
                             .bits_allocated = 8,
                             .bits_stored = 8,
                             .high_bit = 7,
                             .pixel_height = 1,
                             .photometric = channels == 3 ? PX_YBR_FULL_422 : PX_MONOCHROME2,
                             .syntax = dcm_transfer_syntax_find(slice_str(DCM_JPEG_BASELINE_UID))};
}

static int decode(const struct px_image *im, struct slice bytes, struct px_frame *f,
                  struct err *e) {
    return px_codec_find(DCM_JPEG_BASELINE_UID)->decode(im, bytes, 0, f, e);
}

static void test_jpeg(void **state) {
    (void)state;
    for (uint8_t channels = 1; channels <= 3; channels = (uint8_t)(channels + 2)) {
        CLEANUP(cleanup_buf) struct buf out;
        CLEANUP(cleanup_px_frame) struct px_frame f = {0};
        struct err e = {0};
        buf_init(&out, (size_t)1 << 20);
        fill(FILL_RAMP, 120, 77, channels);
        for (size_t i = 0; i < (size_t)120 * 77 * channels; i++) {
            pixels[i] /= 2; // no wrap-around from white to black
        }
        assert_int_equal(px_jpeg_write(pixels, 120, 77, channels, 95, &out, &e), E_OK);
        struct px_image im = jpeg_image(120, 77, channels);
        assert_int_equal(decode(&im, buf_slice(&out), &f, &e), E_OK);
        assert_int_equal(f.photometric, channels == 3 ? PX_RGB : PX_MONOCHROME2);
        for (size_t i = 0; i < f.len; i++) {
            assert_true(abs(f.data[i] - pixels[i]) <= 12);
        }
    }
}

static void test_jpeg_streams_that_lie(void **state) {
    (void)state;
    CLEANUP(cleanup_buf) struct buf out;
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    struct err e = {0};
    buf_init(&out, (size_t)1 << 20);
    fill(FILL_NOISE, 64, 64, 1);
    assert_int_equal(px_jpeg_write(pixels, 64, 64, 1, 90, &out, &e), E_OK);
    struct px_image right = jpeg_image(64, 64, 1);
    struct px_image wide = jpeg_image(65, 64, 1);
    struct px_image colour = jpeg_image(64, 64, 3);
    assert_int_equal(decode(&right, buf_slice(&out), &f, &e), E_OK);
    assert_int_equal(decode(&wide, buf_slice(&out), &f, &e), E_MISMATCH);
    assert_int_equal(decode(&colour, buf_slice(&out), &f, &e), E_MISMATCH);
    assert_int_equal(decode(&right, slice_of(out.data, out.len / 2), &f, &e), E_CORRUPT);
    assert_int_equal(decode(&right, slice_of(out.data, 0), &f, &e), E_TRUNCATED);
    assert_int_equal(decode(&right, slice_of("no JPEG at all", 14), &f, &e), E_CORRUPT);
    // Without its end marker, and with padding behind it, nothing is missing.
    assert_int_equal(decode(&right, slice_of(out.data, out.len - 2), &f, &e), E_OK);
    buf_put(&out, "\0\0\0\0", 4);
    assert_int_equal(decode(&right, buf_slice(&out), &f, &e), E_OK);
}

// Tiles of a slide may be smaller than declared: the rest is white. Larger ones are refused.
static void test_jpeg_tiles(void **state) {
    (void)state;
    CLEANUP(cleanup_buf) struct buf out;
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    struct err e = {0};
    buf_init(&out, (size_t)1 << 20);
    memset(pixels, 9, sizeof pixels);
    assert_int_equal(px_jpeg_write(pixels, 20, 10, 1, 95, &out, &e), E_OK);
    struct px_image im = jpeg_image(30, 12, 1);
    im.tiled = true;
    assert_int_equal(decode(&im, buf_slice(&out), &f, &e), E_OK);
    for (size_t i = 0; i < 30 * 12; i++) {
        bool inside = i % 30 < 20 && i / 30 < 10;
        assert_true(inside ? abs(f.data[i] - 9) < 3 : f.data[i] == 255);
    }
    im.columns = 19;
    assert_int_equal(decode(&im, buf_slice(&out), &f, &e), E_MISMATCH);
}

static size_t find_marker(const struct buf *jpeg, uint8_t marker) {
    for (size_t i = 0; i + 1 < jpeg->len; i++) {
        if (jpeg->data[i] == 0xFF && jpeg->data[i + 1] == marker) {
            return i;
        }
    }
    fail();
    return 0;
}

// Extended sequential of 8 bits (.51) differs in its frame header only. The stream says which
// decoder reads it: a header that lies is found out, deeper samples than the data set has and
// arithmetic coding are refused.
static void test_jpeg_processes(void **state) {
    (void)state;
    static const struct {
        uint8_t marker;
        uint8_t bits;
        int code;
    } cases[] = {{0xC0, 8, E_OK},       {0xC1, 8, E_OK},      {0xC1, 12, E_MISMATCH},
                 {0xC2, 8, E_CORRUPT},  {0xC3, 8, E_CORRUPT}, {0xC9, 8, E_MISMATCH},
                 {0xCA, 8, E_MISMATCH}, {0xF7, 8, E_MISMATCH}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(cleanup_buf) struct buf out;
        CLEANUP(cleanup_px_frame) struct px_frame f = {0};
        struct err e = {0};
        buf_init(&out, (size_t)1 << 20);
        fill(FILL_RAMP, 64, 64, 1);
        assert_int_equal(px_jpeg_write(pixels, 64, 64, 1, 90, &out, &e), E_OK);
        size_t frame_header = find_marker(&out, 0xC0);
        out.data[frame_header + 1] = cases[i].marker;
        out.data[frame_header + 4] = cases[i].bits;
        struct px_image im = jpeg_image(64, 64, 1);
        im.syntax = dcm_transfer_syntax_find(slice_str("1.2.840.10008.1.2.4.51"));
        assert_int_equal(decode(&im, buf_slice(&out), &f, &e), cases[i].code);
    }
}

// Samples coded as RGB, said by an Adobe marker, must not be taken for YCbCr whatever the label
// says.
static void test_jpeg_adobe_marker(void **state) {
    (void)state;
    CLEANUP(cleanup_buf) struct buf out;
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    struct err e = {0};
    buf_init(&out, (size_t)1 << 20);
    for (size_t i = 0; i < 64 * 64; i++) {
        memcpy(pixels + 3 * i, (const uint8_t[]){200, 30, 60}, 3);
    }
    assert_int_equal(px_jpeg_write(pixels, 64, 64, 3, 95, &out, &e), E_OK);
    struct px_image im = jpeg_image(64, 64, 3);
    assert_int_equal(decode(&im, buf_slice(&out), &f, &e), E_OK);
    assert_true(abs(f.data[0] - 200) < 4 && abs(f.data[1] - 30) < 4 && abs(f.data[2] - 60) < 4);
    // The JFIF marker of 18 bytes behind SOI gives way to an Adobe one with transform 0.
    static const uint8_t adobe[16] = {0xFF, 0xEE, 0,   14, 'A', 'd', 'o', 'b',
                                      'e',  0,    100, 0,  0,   0,   0,   0};
    assert_int_equal(out.data[3], 0xE0);
    memmove(out.data + 2 + sizeof adobe, out.data + 20, out.len - 20);
    memcpy(out.data + 2, adobe, sizeof adobe);
    out.len = out.len - 18 + sizeof adobe;
    assert_int_equal(decode(&im, buf_slice(&out), &f, &e), E_OK);
    int y = (int)(0.299 * 200 + 0.587 * 30 + 0.114 * 60);
    assert_true(abs(f.data[0] - y) < 4); // the luma, as the marker says
}

static void test_memory_runs_out(void **state) {
    (void)state;
    fill(FILL_RAMP, 64, 64, 1);
    int code = E_MEMORY;
    for (size_t n = 0; code != E_OK; n++) {
        CLEANUP(cleanup_buf) struct buf out;
        struct err e = {0};
        buf_init(&out, (size_t)1 << 20);
        mem_fail_after(n);
        code = px_png_write(pixels, 64, 64, 1, &out, &e);
        code = code == E_OK ? px_jpeg_write(pixels, 64, 64, 1, 90, &out, &e) : code;
        mem_fail_after(MEM_FAIL_NEVER);
        assert_true(code == E_OK || code == E_MEMORY || code == E_LIMIT);
        assert_true(n < 1000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png),
        cmocka_unit_test(test_png_refuses),
        cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_jpeg_streams_that_lie),
        cmocka_unit_test(test_jpeg_processes),
        cmocka_unit_test(test_jpeg_tiles),
        cmocka_unit_test(test_jpeg_adobe_marker),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
