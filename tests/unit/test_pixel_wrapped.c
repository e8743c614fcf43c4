// SPDX-License-Identifier: Apache-2.0
// The codecs that go through libraries: every order of JPEG-LS components, near-lossless and odd
// ends; JPEG 2000's main header against its limits, JP2 files, colour transforms against labels;
// deflated frames that hold too much, too little or a wrapper.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <charls/charls.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/uid.h"
#include "pixel/codec_j2k.h"
#include "pixel/codec_jpegls.h"
#include "pixel/encoder.h"
#include "pixel/j2k_header.h"
#include "pixel/planes.h"

#define DEFLATED "1.2.840.10008.1.2.8.1"
#define STREAM_MAX ((size_t)1 << 20)
#define ROWS 12
#define COLUMNS 15
#define PIXELS (ROWS * COLUMNS)

static uint8_t samples[PIXELS * 3 * 2];

static struct px_image image(const char *uid, unsigned parts, unsigned stored) {
    uint16_t allocated = stored > 8 ? 16 : 8;
    return (struct px_image){.rows = ROWS,
                             .columns = COLUMNS,
                             .frames = 1,
                             .samples = (uint16_t)parts,
                             .bits_allocated = allocated,
                             .bits_stored = (uint16_t)stored,
                             .high_bit = (uint16_t)(stored - 1),
                             .pixel_height = 1,
                             .photometric = parts == 3 ? PX_RGB : PX_MONOCHROME2,
                             .syntax = dcm_transfer_syntax_find(slice_str(uid))};
}

static int decode(const struct px_image *im, struct slice bytes, struct px_frame *f,
                  struct err *e) {
    uint8_t *exact = malloc(bytes.len + 1);
    memcpy(exact, bytes.ptr, bytes.len);
    memset(e, 0, sizeof *e);
    int code = px_codec_find(im->syntax->uid)->decode(im, slice_of(exact, bytes.len), 0, f, e);
    free(exact);
    return code;
}

static void fill(unsigned parts, unsigned bits) {
    for (size_t i = 0; i < PIXELS * parts; i++) {
        unsigned value = (unsigned)(i * 37 + i * i / 11) & ((1u << bits) - 1);
        if (bits > 8) {
            num_put_le16(samples + 2 * i, (uint16_t)value);
        } else {
            samples[i] = (uint8_t)value;
        }
    }
}

// ---- JPEG-LS ----

static void put_jpegls(struct buf *out, unsigned parts, unsigned bits, charls_interleave_mode mode,
                       int near) {
    charls_jpegls_encoder *c = charls_jpegls_encoder_create();
    charls_frame_info info = {COLUMNS, ROWS, (int32_t)bits, (int32_t)parts};
    size_t written = 0;
    uint8_t *room = buf_extend(out, STREAM_MAX / 2);
    assert_int_equal(charls_jpegls_encoder_set_frame_info(c, &info), 0);
    assert_int_equal(charls_jpegls_encoder_set_near_lossless(c, near), 0);
    assert_int_equal(charls_jpegls_encoder_set_interleave_mode(c, mode), 0);
    assert_int_equal(charls_jpegls_encoder_set_destination_buffer(c, room, STREAM_MAX / 2), 0);
    size_t len = (size_t)PIXELS * parts * (bits > 8 ? 2 : 1);
    assert_int_equal(charls_jpegls_encoder_encode_from_buffer(c, samples, len, 0), 0);
    assert_int_equal(charls_jpegls_encoder_get_bytes_written(c, &written), 0);
    charls_jpegls_encoder_destroy(c);
    out->len = written;
}

// `samples` are planes where components are coded one by one, interleaved otherwise.
static void test_jpegls_orders(void **state) {
    (void)state;
    static const charls_interleave_mode modes[] = {
        CHARLS_INTERLEAVE_MODE_NONE, CHARLS_INTERLEAVE_MODE_LINE, CHARLS_INTERLEAVE_MODE_SAMPLE};
    for (unsigned way = 0; way < 12; way++) {
        CLEANUP(cleanup_buf) struct buf b;
        CLEANUP(cleanup_px_frame) struct px_frame f = {0};
        struct err e = {0};
        unsigned bits = way % 2 == 0 ? 8 : 12;
        unsigned bytes = bits / 8 + (bits > 8);
        bool planar = way >= 6;
        bool by_planes = way % 3 == 0;
        buf_init(&b, STREAM_MAX);
        fill(3, bits);
        put_jpegls(&b, 3, bits, modes[way % 3], 0);
        struct px_image im = image(PX_JPEGLS_LOSSLESS_UID, 3, bits);
        im.planar = planar;
        assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_OK);
        bytes = im.bits_allocated / 8;
        assert_int_equal(f.planar, planar);
        uint8_t expected[sizeof samples];
        memcpy(expected, samples, sizeof samples);
        if (planar && !by_planes) {
            px_planes_split(samples, PIXELS, 3, bytes, expected);
        } else if (!planar && by_planes) {
            px_planes_mix(samples, PIXELS, 3, bytes, expected);
        }
        assert_memory_equal(f.data, expected, (size_t)PIXELS * 3 * bytes);
    }
}

static void test_jpegls_near(void **state) {
    (void)state;
    CLEANUP(cleanup_buf) struct buf b;
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    struct err e = {0};
    buf_init(&b, STREAM_MAX);
    fill(1, 12);
    put_jpegls(&b, 1, 12, CHARLS_INTERLEAVE_MODE_NONE, 3);
    struct px_image im = image(PX_JPEGLS_NEAR_UID, 1, 12);
    assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_OK);
    for (size_t i = 0; i < PIXELS; i++) {
        assert_true(abs(num_le16(f.data + 2 * i) - num_le16(samples + 2 * i)) <= 3);
    }
}

// Two's complement gets its sign back; bytes become words; a missing end marker and padding behind
// it lose nothing.
static void test_jpegls_cells_and_ends(void **state) {
    (void)state;
    CLEANUP(cleanup_buf) struct buf b;
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    struct err e = {0};
    buf_init(&b, STREAM_MAX);
    fill(1, 7);
    put_jpegls(&b, 1, 7, CHARLS_INTERLEAVE_MODE_NONE, 0);
    struct px_image im = image(PX_JPEGLS_LOSSLESS_UID, 1, 7);
    im.bits_allocated = 16;
    im.is_signed = true;
    assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_OK);
    for (size_t i = 0; i < PIXELS; i++) {
        int expected = samples[i] >= 64 ? samples[i] - 128 : samples[i];
        assert_int_equal((int16_t)num_le16(f.data + 2 * i), expected);
    }
    im = image(PX_JPEGLS_LOSSLESS_UID, 1, 7);
    assert_int_equal(decode(&im, slice_of(b.data, b.len - 2), &f, &e), E_OK);
    assert_memory_equal(f.data, samples, PIXELS);
    buf_put(&b, "\0\0\0", 3);
    assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_OK);
    assert_memory_equal(f.data, samples, PIXELS);
    struct px_image wider = im;
    wider.columns++;
    assert_int_equal(decode(&wider, buf_slice(&b), &f, &e), E_MISMATCH);
    struct px_image colour = image(PX_JPEGLS_LOSSLESS_UID, 3, 8);
    assert_int_equal(decode(&colour, buf_slice(&b), &f, &e), E_MISMATCH);
    for (size_t len = 0; len < 100; len++) {
        assert_true(decode(&im, slice_of(b.data, len), &f, &e) < 0);
        assert_true(e.code == E_TRUNCATED || e.code == E_CORRUPT);
    }
}

// A stream on which CharLS 2.4.1 reads zeros behind its end, if it is let.
static void test_jpegls_that_runs_out(void **state) {
    (void)state;
    static const uint8_t stream[] = {
        0xFF, 0xD8, 0xFF, 0xF7, 0x00, 0x0B, 0x0C, 0x00, 0x08, 0x00, 0x08, 0x01, 0x01,
        0x11, 0x00, 0xFF, 0xDA, 0x00, 0x08, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x80,
        0x02, 0xF8, 0x00, 0x5F, 0x11, 0xD6, 0x37, 0xC6, 0x58, 0xBB, 0x15, 0x4A, 0x4A,
        0x48, 0x46, 0x44, 0x42, 0x40, 0x4A, 0x4A, 0xFD, 0xD7, 0xDD, 0xF3, 0x8E, 0x00,
        0x01, 0x00, 0x60, 0xE0, 0x00, 0x01, 0x82, 0xA9, 0xDD, 0xF7};
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    struct err e = {0};
    struct px_image im = image(PX_JPEGLS_LOSSLESS_UID, 1, 12);
    im.rows = im.columns = 8;
    assert_int_equal(decode(&im, slice_of(stream, sizeof stream), &f, &e), E_CORRUPT);
}

// ---- JPEG 2000 ----

static void put_j2k(struct buf *out, unsigned parts, unsigned bits, enum px_photometric space) {
    struct px_image im = image(PX_J2K_LOSSLESS_UID, parts, bits);
    struct px_frame f = {0};
    struct err e = {0};
    px_frame_describe(&f, &im);
    f.photometric = space;
    f.data = samples;
    f.len = (size_t)px_frame_bytes(&f);
    fill(parts, bits);
    assert_int_equal(px_encode_frame(PX_J2K_LOSSLESS_UID, &f, out, &e), E_OK);
}

// The transform is in the stream or not: what the label says changes nothing but names.
static void test_j2k_colour(void **state) {
    (void)state;
    static const struct {
        enum px_photometric coded; // RGB: with the transform
        enum px_photometric label;
        enum px_photometric frame;
    } cases[] = {
        {PX_RGB, PX_YBR_RCT, PX_RGB},      {PX_RGB, PX_YBR_ICT, PX_RGB},
        {PX_RGB, PX_RGB, PX_RGB},          {PX_RGB, PX_YBR_FULL, PX_RGB},
        {PX_YBR_FULL, PX_RGB, PX_RGB},     {PX_YBR_FULL, PX_YBR_FULL, PX_YBR_FULL},
        {PX_YBR_FULL, PX_YBR_RCT, PX_RGB}, {PX_YBR_FULL, PX_YBR_FULL_422, PX_YBR_FULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(cleanup_buf) struct buf b;
        CLEANUP(cleanup_px_frame) struct px_frame f = {0};
        struct err e = {0};
        buf_init(&b, STREAM_MAX);
        put_j2k(&b, 3, 8, cases[i].coded);
        struct px_image im = image(PX_J2K_LOSSLESS_UID, 3, 8);
        im.photometric = cases[i].label;
        assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_OK);
        assert_int_equal(f.photometric, cases[i].frame);
        assert_memory_equal(f.data, samples, f.len);
        im.planar = true;
        assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_OK);
        assert_true(f.planar);
        assert_int_equal(f.data[PIXELS], samples[1]);
    }
}

static void put_box(struct buf *out, const char *type, const void *content, size_t len) {
    uint8_t head[8];
    num_put_be32(head, (uint32_t)(len + 8));
    memcpy(head + 4, type, 4);
    buf_put(out, head, 8);
    buf_put(out, content, len);
}

static void test_j2k_in_boxes(void **state) {
    (void)state;
    CLEANUP(cleanup_buf) struct buf b;
    CLEANUP(cleanup_buf) struct buf file;
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    struct err e = {0};
    buf_init(&b, STREAM_MAX);
    buf_init(&file, STREAM_MAX);
    put_j2k(&b, 1, 16, PX_MONOCHROME2);
    put_box(&file, "jP  ", "\x0D\x0A\x87\x0A", 4);
    put_box(&file, "ftyp", "jp2 \0\0\0\0jp2 ", 12);
    put_box(&file, "jp2h", "what colour is said to be", 25);
    size_t at = file.len;
    put_box(&file, "jp2c", b.data, b.len);
    struct px_image im = image(PX_J2K_LOSSLESS_UID, 1, 16);
    assert_int_equal(decode(&im, buf_slice(&file), &f, &e), E_OK);
    assert_memory_equal(f.data, samples, f.len);
    num_put_be32(file.data + at, 0); // up to the end of the file
    assert_int_equal(decode(&im, buf_slice(&file), &f, &e), E_OK);
    file.data[12 + 3] = 7; // a box shorter than its head
    assert_int_equal(decode(&im, buf_slice(&file), &f, &e), E_CORRUPT);
    assert_int_equal(e.offset, 12);
    assert_int_equal(decode(&im, slice_of(file.data, at), &f, &e), E_CORRUPT);
}

// Precision in the stream other than Bits Stored, and shallower than its cell.
static void test_j2k_precision(void **state) {
    (void)state;
    CLEANUP(cleanup_buf) struct buf b;
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    struct err e = {0};
    buf_init(&b, STREAM_MAX);
    put_j2k(&b, 1, 12, PX_MONOCHROME2);
    struct px_image im = image(PX_J2K_LOSSLESS_UID, 1, 12);
    for (uint16_t stored = 10; stored <= 16; stored = (uint16_t)(stored + 2)) {
        im.bits_stored = stored;
        im.high_bit = (uint16_t)(stored - 1);
        assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_OK);
        assert_memory_equal(f.data, samples, f.len);
    }
    im.bits_stored = 12;
    im.high_bit = 11;
    im.is_signed = true; // unsigned in the stream: two's complement of twelve bits
    assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_OK);
    for (size_t i = 0; i < PIXELS; i++) {
        int expected = num_le16(samples + 2 * i);
        expected -= expected >= 2048 ? 4096 : 0;
        assert_int_equal((int16_t)num_le16(f.data + 2 * i), expected);
    }
    im = image(PX_J2K_LOSSLESS_UID, 1, 8);
    assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_MISMATCH);
    im = image(PX_J2K_LOSSLESS_UID, 1, 12);
    im.bits_allocated = 32;
    assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_OK);
    assert_int_equal(f.len, PIXELS * 4);
    assert_int_equal(num_le32(f.data + 4 * 7), num_le16(samples + 2 * 7));
}

// SOC, SIZ at 2: Rsiz at 6, Xsiz 8, Ysiz 12, offsets 16 and 20, tiles 24 and 28, tile offsets 32
// and 36, components at 40, precision at 42, factors at 43 and 44; COD at 45: style at 49, layers
// 51, transform 53, levels 54.
static void test_j2k_headers_that_lie(void **state) {
    (void)state;
    static const struct {
        size_t at;
        uint8_t bytes[4];
        size_t len;
        int code;
    } cases[] = {
        {0, {0xFF, 0x4E}, 2, E_CORRUPT},
        {2, {0xFF, 0x52}, 2, E_CORRUPT},
        {4, {0, 20}, 2, E_TRUNCATED},
        {8, {0, 0, 0, 0}, 4, E_CORRUPT},
        {8, {0xFF, 0xFF, 0, 0}, 4, E_LIMIT},
        {16, {0, 0, 1, 0}, 4, E_CORRUPT},
        {24, {0, 0, 0, 0}, 4, E_CORRUPT},
        {8, {0, 0, 0, 99}, 4, E_MISMATCH},
        {40, {0, 0}, 2, E_CORRUPT},
        {40, {0, 5}, 2, E_NOT_ACCEPTABLE},
        {42, {0x25}, 1, E_NOT_ACCEPTABLE},
        {43, {0}, 1, E_CORRUPT},
        {54, {33}, 1, E_CORRUPT},
        {42, {0x10}, 1, E_MISMATCH},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(cleanup_buf) struct buf b;
        CLEANUP(cleanup_px_frame) struct px_frame f = {0};
        struct err e = {0};
        buf_init(&b, STREAM_MAX);
        put_j2k(&b, 1, 16, PX_MONOCHROME2);
        assert_int_equal(num_be16(b.data + 45), 0xFF52);
        memcpy(b.data + cases[i].at, cases[i].bytes, cases[i].len);
        struct px_image im = image(PX_J2K_LOSSLESS_UID, 1, 16);
        if (decode(&im, buf_slice(&b), &f, &e) != cases[i].code) {
            fail_msg("case %zu gave %s: %s", i, err_name(e.code), e.text);
        }
    }
}

// Claims that would cost a library its memory are refused by the header alone.
static void test_j2k_bombs(void **state) {
    (void)state;
    CLEANUP(cleanup_buf) struct buf b;
    struct px_j2k_header h;
    struct err e = {0};
    buf_init(&b, STREAM_MAX);
    put_j2k(&b, 1, 16, PX_MONOCHROME2);
    assert_int_equal(px_j2k_header_read(buf_slice(&b), &h, &e), E_OK);
    assert_true(h.reversible && h.tiles == 1 && h.rows == ROWS && h.columns == COLUMNS);
    num_put_be32(b.data + 8, 16000);
    num_put_be32(b.data + 12, 16000);
    num_put_be32(b.data + 24, 100); // 25,600 tiles
    num_put_be32(b.data + 28, 100);
    assert_int_equal(px_j2k_header_read(buf_slice(&b), &h, &e), E_LIMIT);
    num_put_be32(b.data + 24, 16000);
    num_put_be32(b.data + 28, 16000);
    assert_int_equal(px_j2k_header_read(buf_slice(&b), &h, &e), E_OK);
    b.data[51] = b.data[52] = 0xFF; // 65,535 layers in each of 1,024 tiles
    num_put_be32(b.data + 24, 500);
    num_put_be32(b.data + 28, 500);
    assert_int_equal(px_j2k_header_read(buf_slice(&b), &h, &e), E_LIMIT);
    assert_non_null(strstr(e.text, "packets"));
    for (size_t len = 0; len < 57; len++) {
        assert_true(px_j2k_header_read(slice_of(b.data, len), &h, &e) < 0);
    }
}

static void test_j2k_cut(void **state) {
    (void)state;
    CLEANUP(cleanup_buf) struct buf b;
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    struct err e = {0};
    buf_init(&b, STREAM_MAX);
    put_j2k(&b, 1, 16, PX_MONOCHROME2);
    struct px_image im = image(PX_J2K_LOSSLESS_UID, 1, 16);
    for (size_t len = 0; len + 2 < b.len; len += 3) {
        assert_true(decode(&im, slice_of(b.data, len), &f, &e) < 0);
    }
    assert_int_equal(decode(&im, slice_of(b.data, b.len - 2), &f, &e), E_OK); // without EOC
    buf_put(&b, "\0\0", 2);
    assert_int_equal(decode(&im, buf_slice(&b), &f, &e), E_OK);
}

// ---- deflated frames ----

static void test_deflated(void **state) {
    (void)state;
    CLEANUP(cleanup_buf) struct buf b;
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    struct err e = {0};
    buf_init(&b, STREAM_MAX);
    fill(1, 16);
    struct px_image im = image(DEFLATED, 1, 16);
    uLongf len = compressBound(sizeof samples);
    uint8_t *wrapped = buf_extend(&b, len);
    assert_int_equal(compress(wrapped, &len, samples, PIXELS * 2), Z_OK);
    struct slice zlib = slice_of(wrapped, len);
    struct slice raw = slice_of(wrapped + 2, len - 6);
    assert_int_equal(decode(&im, raw, &f, &e), E_OK);
    assert_memory_equal(f.data, samples, PIXELS * 2);
    assert_int_equal(decode(&im, slice_of(raw.ptr, raw.len + 1), &f, &e), E_OK); // padded
    assert_int_equal(decode(&im, zlib, &f, &e), E_OK);
    assert_memory_equal(f.data, samples, PIXELS * 2);
    im.rows--;
    assert_int_equal(decode(&im, raw, &f, &e), E_MISMATCH);
    im.rows += 2;
    assert_int_equal(decode(&im, raw, &f, &e), E_TRUNCATED);
    im.rows--;
    for (size_t cut = 0; cut < raw.len; cut += 5) {
        assert_int_equal(decode(&im, slice_of(raw.ptr, cut), &f, &e), E_CORRUPT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jpegls_orders),
        cmocka_unit_test(test_jpegls_near),
        cmocka_unit_test(test_jpegls_cells_and_ends),
        cmocka_unit_test(test_jpegls_that_runs_out),
        cmocka_unit_test(test_j2k_colour),
        cmocka_unit_test(test_j2k_in_boxes),
        cmocka_unit_test(test_j2k_precision),
        cmocka_unit_test(test_j2k_headers_that_lie),
        cmocka_unit_test(test_j2k_bombs),
        cmocka_unit_test(test_j2k_cut),
        cmocka_unit_test(test_deflated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
