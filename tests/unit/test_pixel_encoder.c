// SPDX-License-Identifier: Apache-2.0
// Coding frames: every lossless syntax gives back the bytes that went in, for every depth, sign and
// layout that it takes; the descriptions that go with them; what is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rng.h"
#include "dicom/uid.h"
#include "pixel/encoder.h"
#include "pixel/planes.h"

#define RLE DCM_RLE_UID
#define JPEG_LS "1.2.840.10008.1.2.4.80"
#define JPEG_2000 "1.2.840.10008.1.2.4.90"
#define DEFLATED "1.2.840.10008.1.2.8.1"
#define BASELINE DCM_JPEG_BASELINE_UID
#define OUT_MAX ((size_t)1 << 24)

static const char *const lossless[] = {DCM_EXPLICIT_LE_UID, RLE, JPEG_LS, JPEG_2000, DEFLATED};

static uint8_t samples[1 << 16];

static struct px_frame frame(unsigned rows, unsigned columns, unsigned parts, unsigned allocated,
                             unsigned stored, bool is_signed) {
    struct px_frame f = {.data = samples,
                         .rows = (uint16_t)rows,
                         .columns = (uint16_t)columns,
                         .samples = (uint16_t)parts,
                         .bits_allocated = (uint16_t)allocated,
                         .bits_stored = (uint16_t)stored,
                         .high_bit = (uint16_t)(stored - 1),
                         .is_signed = is_signed,
                         .photometric = parts == 3 ? PX_RGB : PX_MONOCHROME2};
    f.len = (size_t)px_frame_bytes(&f);
    assert_true(f.len <= sizeof samples);
    return f;
}

// Samples within bits stored, the extremes among them.
static void fill(struct rng *rng, const struct px_frame *f) {
    unsigned bytes = f->bits_allocated / 8u;
    if (bytes == 0) {
        rng_bytes(rng, samples, f->len);
        unsigned spare = (unsigned)f->rows * f->columns % 8;
        samples[f->len - 1] &= (uint8_t)(spare == 0 ? 0xFF : (1u << spare) - 1);
        return;
    }
    uint64_t range = (uint64_t)1 << f->bits_stored;
    for (size_t i = 0; i < f->len / bytes; i++) {
        uint64_t dice = rng_u64(rng);
        int64_t value = (int64_t)((i * 5 + dice % 7) % range);
        value = (dice >> 8) % 16 == 0 ? (int64_t)((dice >> 12) % range) : value;
        value = (dice >> 40) % 32 == 0 ? (int64_t)((dice >> 60 & 1) * (range - 1)) : value;
        value -= f->is_signed ? (int64_t)(range / 2) : 0;
        memcpy(samples + i * bytes, &value, bytes);
    }
}

static struct px_image image_of(const char *uid, const struct px_frame *f) {
    return (struct px_image){.rows = f->rows,
                             .columns = f->columns,
                             .frames = 1,
                             .samples = f->samples,
                             .bits_allocated = f->bits_allocated,
                             .bits_stored = f->bits_stored,
                             .high_bit = f->high_bit,
                             .is_signed = f->is_signed,
                             .planar = f->planar,
                             .photometric = f->photometric,
                             .pixel_height = 1,
                             .pixel_vr = DCM_VR_OW,
                             .syntax = dcm_transfer_syntax_find(slice_str(uid))};
}

// Through `uid` and back; the frame with the layout that the coded one declares.
static void comes_back(const char *uid, const struct px_frame *f) {
    CLEANUP(cleanup_buf) struct buf coded;
    CLEANUP(cleanup_px_frame) struct px_frame again = {0};
    struct px_frame says;
    struct err e = {0};
    buf_init(&coded, OUT_MAX);
    buf_put(&coded, "before", 6); // it appends
    assert_int_equal(px_encode_describe(uid, f, &says, &e), E_OK);
    if (px_encode_frame(uid, f, &coded, &e) != E_OK) {
        fail_msg("%s of %u x %u, %u of %u bits: %s", uid, f->columns, f->rows, f->bits_stored,
                 f->bits_allocated, e.text);
    }
    struct px_image im = image_of(uid, &says);
    struct slice bytes = slice_from(buf_slice(&coded), 6);
    assert_int_equal(px_codec_find(uid)->decode(&im, bytes, 0, &again, &e), E_OK);
    assert_int_equal(again.len, f->len);
    assert_int_equal(again.bits_allocated, f->bits_allocated);
    // Colour transforms of the stream are undone: the frame has the photometric that went in.
    assert_int_equal(again.photometric, f->photometric);
    if (f->planar && !again.planar) {
        uint8_t *mixed = malloc(f->len);
        px_planes_mix(f->data, (uint64_t)f->rows * f->columns, f->samples, f->bits_allocated / 8u,
                      mixed);
        assert_memory_equal(again.data, mixed, f->len);
        free(mixed);
    } else {
        assert_memory_equal(again.data, f->data, f->len);
    }
}

static void all_that_take(const struct px_frame *f) {
    unsigned taken = 0;
    for (size_t i = 0; i < sizeof lossless / sizeof lossless[0]; i++) {
        if (px_can_encode(lossless[i], f, NULL)) {
            comes_back(lossless[i], f);
            taken++;
        }
    }
    assert_true(taken >= 2); // uncompressed and deflated take everything
}

static void test_depths(void **state) {
    (void)state;
    struct rng rng = rng_seeded(1);
    for (unsigned stored = 1; stored <= 16; stored++) {
        for (unsigned allocated = stored <= 8 ? 8 : 16; allocated <= 16; allocated *= 2) {
            for (int is_signed = 0; is_signed <= (stored > 1); is_signed++) {
                struct px_frame f = frame(23, 17, 1, allocated, stored, is_signed != 0);
                fill(&rng, &f);
                for (size_t i = 0; i < sizeof lossless / sizeof lossless[0]; i++) {
                    assert_true(px_can_encode(lossless[i], &f, NULL));
                    comes_back(lossless[i], &f);
                }
            }
        }
    }
}

static void test_sizes(void **state) {
    (void)state;
    static const unsigned sides[] = {1, 2, 3, 5, 8, 63, 64, 65, 129};
    struct rng rng = rng_seeded(2);
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        for (size_t k = 0; k < sizeof sides / sizeof sides[0]; k++) {
            struct px_frame f = frame(sides[i], sides[k], 1, 16, 12, false);
            fill(&rng, &f);
            all_that_take(&f);
            f = frame(sides[i], sides[k], 1, 1, 1, false);
            fill(&rng, &f);
            all_that_take(&f);
        }
    }
}

static void test_colour(void **state) {
    (void)state;
    static const enum px_photometric spaces[] = {PX_RGB, PX_YBR_FULL};
    struct rng rng = rng_seeded(3);
    for (unsigned way = 0; way < 16; way++) {
        unsigned bits = way & 1 ? 16 : 8;
        struct px_frame f = frame(19, 31, 3, bits, way & 8 ? bits - 3 : bits, false);
        f.photometric = spaces[way >> 1 & 1];
        f.planar = (way & 4) != 0;
        fill(&rng, &f);
        for (size_t i = 0; i < sizeof lossless / sizeof lossless[0]; i++) {
            assert_true(px_can_encode(lossless[i], &f, NULL));
            comes_back(lossless[i], &f);
        }
    }
}

static void test_palette(void **state) {
    (void)state;
    struct rng rng = rng_seeded(4);
    struct px_frame f = frame(20, 20, 1, 8, 8, false);
    f.photometric = PX_PALETTE_COLOR;
    fill(&rng, &f);
    all_that_take(&f);
    f = frame(20, 20, 1, 16, 16, false);
    f.photometric = PX_PALETTE_COLOR;
    fill(&rng, &f);
    all_that_take(&f);
    struct px_frame says;
    struct err e = {0};
    assert_int_equal(px_encode_describe(JPEG_2000, &f, &says, &e), E_OK);
    assert_int_equal(says.photometric, PX_PALETTE_COLOR);
}

static void test_deep(void **state) {
    (void)state;
    struct rng rng = rng_seeded(5);
    for (unsigned stored = 17; stored <= 32; stored += 5) {
        struct px_frame f = frame(9, 14, 1, 32, stored, stored % 2 == 0);
        fill(&rng, &f);
        all_that_take(&f);
        assert_true(px_can_encode(RLE, &f, NULL));
    }
    struct px_frame f = frame(9, 14, 1, 32, 32, false);
    f.kind = PX_PIXEL_FLOAT;
    fill(&rng, &f);
    assert_true(px_can_encode(DCM_EXPLICIT_LE_UID, &f, NULL));
    for (size_t i = 1; i < sizeof lossless / sizeof lossless[0]; i++) {
        assert_false(px_can_encode(lossless[i], &f, NULL));
    }
}

// Overlays in unused bits, samples above bit 0, signed samples without sign extension: all of it
// comes back, in more bits.
static void test_what_lies_outside_bits_stored(void **state) {
    (void)state;
    struct rng rng = rng_seeded(6);
    for (unsigned way = 0; way < 8; way++) {
        struct px_frame f = frame(96, 90, 1, way & 1 ? 16 : 8, way & 1 ? 12 : 6, (way & 2) != 0);
        if (way & 4) {
            f.high_bit = (uint16_t)(f.bits_allocated - 1);
        }
        rng_bytes(&rng, samples, f.len);
        for (size_t i = 0; i < sizeof lossless / sizeof lossless[0]; i++) {
            comes_back(lossless[i], &f);
        }
    }
}

static void test_shared_chroma(void **state) {
    (void)state;
    struct px_frame f = frame(4, 5, 3, 8, 8, false);
    struct rng rng = rng_seeded(7);
    f.photometric = PX_YBR_FULL_422;
    f.len = (size_t)px_frame_bytes(&f);
    assert_int_equal(f.len, 4 * 3 * 4);
    rng_bytes(&rng, samples, f.len);
    CLEANUP(cleanup_buf) struct buf coded;
    struct err e = {0};
    struct px_frame says;
    buf_init(&coded, OUT_MAX);
    assert_int_equal(px_encode_describe(DCM_EXPLICIT_LE_UID, &f, &says, &e), E_OK);
    assert_int_equal(says.photometric, PX_YBR_FULL_422);
    assert_int_equal(px_encode_frame(DCM_EXPLICIT_LE_UID, &f, &coded, &e), E_OK);
    assert_int_equal(coded.len, f.len);
    for (size_t i = 1; i < sizeof lossless / sizeof lossless[0]; i++) {
        CLEANUP(cleanup_px_frame) struct px_frame again = {0};
        buf_clear(&coded);
        assert_int_equal(px_encode_describe(lossless[i], &f, &says, &e), E_OK);
        assert_int_equal(says.photometric, PX_YBR_FULL);
        assert_int_equal(px_encode_frame(lossless[i], &f, &coded, &e), E_OK);
        struct px_image im = image_of(lossless[i], &says);
        assert_int_equal(px_codec_find(lossless[i])->decode(&im, buf_slice(&coded), 0, &again, &e),
                         E_OK);
        for (size_t y = 0; y < 4; y++) {
            for (size_t x = 0; x < 5; x++) {
                const uint8_t *pair = samples + y * 12 + x / 2 * 4;
                const uint8_t expected[3] = {pair[x % 2], pair[2], pair[3]};
                assert_memory_equal(again.data + (y * 5 + x) * 3, expected, 3);
            }
        }
    }
    f.photometric = PX_YBR_PARTIAL_422;
    assert_false(px_can_encode(RLE, &f, NULL));
    assert_true(px_can_encode(DCM_EXPLICIT_LE_UID, &f, NULL));
}

static void test_descriptions(void **state) {
    (void)state;
    static const struct {
        const char *uid;
        bool planar; // after planes went in
        enum px_photometric of_rgb;
        bool lossy;
    } cases[] = {
        {DCM_EXPLICIT_LE_UID, true, PX_RGB, false},
        {RLE, true, PX_RGB, false},
        {JPEG_LS, false, PX_RGB, false},
        {JPEG_2000, false, PX_YBR_RCT, false},
        {DEFLATED, true, PX_RGB, false},
        {BASELINE, false, PX_YBR_FULL, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct px_frame f = frame(4, 4, 3, 8, 8, false);
        struct px_frame says;
        struct err e = {0};
        f.planar = true;
        assert_int_equal(px_encode_describe(cases[i].uid, &f, &says, &e), E_OK);
        assert_int_equal(says.planar, cases[i].planar);
        assert_int_equal(says.photometric, cases[i].of_rgb);
        assert_null(says.data);
        assert_int_equal(px_encoder_find(cases[i].uid)->lossy, cases[i].lossy);
    }
    assert_null(px_encoder_find("1.2.840.10008.1.2.4.81"));
}

static void test_baseline(void **state) {
    (void)state;
    for (unsigned parts = 1; parts <= 3; parts += 2) {
        for (int planar = 0; planar < (parts == 3 ? 2 : 1); planar++) {
            CLEANUP(cleanup_buf) struct buf coded;
            CLEANUP(cleanup_px_frame) struct px_frame again = {0};
            struct err e = {0};
            struct px_frame f = frame(40, 40, parts, 8, 8, false);
            struct px_frame says;
            f.planar = planar != 0;
            for (size_t i = 0; i < f.len; i++) {
                size_t pixel = planar ? i % 1600 : i / parts;
                size_t part = planar ? i / 1600 : i % parts;
                samples[i] = (uint8_t)(pixel / 40 * 3 + part * 50);
            }
            buf_init(&coded, OUT_MAX);
            assert_int_equal(px_encode_describe(BASELINE, &f, &says, &e), E_OK);
            assert_int_equal(px_encode_frame(BASELINE, &f, &coded, &e), E_OK);
            struct px_image im = image_of(BASELINE, &says);
            assert_int_equal(px_codec_find(BASELINE)->decode(&im, buf_slice(&coded), 0, &again, &e),
                             E_OK);
            for (size_t i = 0; i < again.len; i++) {
                int expected = (int)(i / parts / 40 * 3 + i % parts * 50);
                assert_true(abs(again.data[i] - expected) <= 4);
            }
        }
    }
}

static void test_refusals(void **state) {
    (void)state;
    CLEANUP(cleanup_buf) struct buf coded;
    struct err e = {0};
    char reason[PX_REASON_MAX];
    buf_init(&coded, OUT_MAX);
    struct px_frame deep = frame(4, 4, 1, 32, 32, false);
    struct px_frame bits = frame(4, 4, 1, 1, 1, false);
    struct px_frame words = frame(4, 4, 1, 16, 12, false);
    static const struct {
        const char *uid;
        int which;
    } cases[] = {{JPEG_LS, 0}, {JPEG_2000, 0}, {RLE, 1}, {JPEG_LS, 1}, {BASELINE, 2}};
    const struct px_frame *frames[] = {&deep, &bits, &words};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct px_frame *f = frames[cases[i].which];
        struct px_frame says;
        assert_false(px_can_encode(cases[i].uid, f, reason));
        assert_int_equal(px_encode_frame(cases[i].uid, f, &coded, &e), E_NOT_ACCEPTABLE);
        assert_string_equal(e.text, reason);
        assert_int_equal(px_encode_describe(cases[i].uid, f, &says, &e), E_NOT_ACCEPTABLE);
    }
    assert_false(px_can_encode("1.2.840.10008.1.2.4.201", &words, reason));
    assert_non_null(strstr(reason, "not written"));
    // A frame with less than it declares is our own mistake, and nothing is read behind it.
    words.len--;
    assert_int_equal(px_encode_frame(RLE, &words, &coded, &e), E_ARGUMENT);
    assert_int_equal(coded.len, 0);
}

static void test_full_and_memory(void **state) {
    (void)state;
    struct rng rng = rng_seeded(9);
    struct px_frame f = frame(32, 32, 1, 16, 16, true);
    fill(&rng, &f);
    for (size_t i = 0; i < sizeof lossless / sizeof lossless[0]; i++) {
        CLEANUP(cleanup_buf) struct buf small;
        struct err e = {0};
        buf_init(&small, 100);
        buf_put(&small, "x", 1);
        assert_int_equal(px_encode_frame(lossless[i], &f, &small, &e), E_LIMIT);
        assert_int_equal(small.len, 1);
        int code = E_MEMORY;
        for (size_t n = 0; code != E_OK; n++) {
            CLEANUP(cleanup_buf) struct buf out;
            buf_init(&out, OUT_MAX);
            mem_fail_after(n);
            code = px_encode_frame(lossless[i], &f, &out, &e);
            mem_fail_after(MEM_FAIL_NEVER);
            assert_true(code == E_OK || code == E_MEMORY);
            assert_true(n < 200);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depths),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_colour),
        cmocka_unit_test(test_palette),
        cmocka_unit_test(test_deep),
        cmocka_unit_test(test_what_lies_outside_bits_stored),
        cmocka_unit_test(test_shared_chroma),
        cmocka_unit_test(test_descriptions),
        cmocka_unit_test(test_baseline),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_full_and_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
