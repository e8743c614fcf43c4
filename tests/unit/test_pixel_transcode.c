// SPDX-License-Identifier: Apache-2.0
// Whole files from one transfer syntax to another: what of the data set changes and what does not,
// offset tables, bits, icons, lossy flags, memory, and what is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "pixel/encoder.h"
#include "pixel/transcode.h"

#define ARENA_LIMIT ((size_t)64 << 20)
#define OUT_MAX ((size_t)64 << 20)
#define JPEG_LS "1.2.840.10008.1.2.4.80"

struct fixture {
    struct arena arena;
    struct dcm_dataset *d;
    struct buf file;   // what goes in
    struct buf result; // what comes out
    struct px_transcoded done;
    struct dcm_file opened;
    struct dcm_dataset *got;
    struct err e;
};

static void end(struct fixture *f) {
    buf_done(&f->file);
    buf_done(&f->result);
    arena_done(&f->arena);
}

static void put(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, int64_t value) {
    struct err e = {0};
    assert_int_equal(dcm_put_ints(d, tag, vr, &value, 1, &e), E_OK);
}

static void put_text(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, const char *text) {
    struct err e = {0};
    assert_int_equal(dcm_put_str(d, tag, vr, text, &e), E_OK);
}

static void describe(struct dcm_dataset *d, unsigned side, unsigned samples, unsigned bits,
                     const char *photometric) {
    put(d, DCM_SamplesPerPixel, DCM_VR_US, samples);
    put_text(d, DCM_PhotometricInterpretation, DCM_VR_CS, photometric);
    if (samples > 1) {
        put(d, DCM_PlanarConfiguration, DCM_VR_US, 0);
    }
    put(d, DCM_Rows, DCM_VR_US, side);
    put(d, DCM_Columns, DCM_VR_US, side);
    put(d, DCM_BitsAllocated, DCM_VR_US, bits);
    put(d, DCM_BitsStored, DCM_VR_US, bits);
    put(d, DCM_HighBit, DCM_VR_US, bits - 1);
    put(d, DCM_PixelRepresentation, DCM_VR_US, 0);
}

static void begin(struct fixture *f, enum dcm_encoding encoding) {
    *f = (struct fixture){0};
    arena_init(&f->arena, ARENA_LIMIT);
    buf_init(&f->file, OUT_MAX);
    buf_init(&f->result, OUT_MAX);
    f->d = dcm_dataset_new(&f->arena, encoding);
    put_text(f->d, DCM_SOPClassUID, DCM_VR_UI, "1.2.840.10008.5.1.4.1.1.7");
    put_text(f->d, DCM_SOPInstanceUID, DCM_VR_UI, "1.2.3.4");
    put_text(f->d, DCM_PatientName, DCM_VR_PN, "Made^Up");
    // Behind the pixels, so that both halves of the data set are looked at.
    assert_int_equal(
        dcm_put(f->d, DCM_DataSetTrailingPadding, DCM_VR_OB, slice_of("tail", 4), &f->e), E_OK);
}

static void put_pixels(struct fixture *f, enum dcm_vr vr, const void *bytes, size_t len) {
    assert_int_equal(dcm_put(f->d, DCM_PixelData, vr, slice_of(bytes, len), &f->e), E_OK);
}

static int patch(void *context, uint64_t offset, struct slice bytes, struct err *e) {
    struct buf *out = context;
    (void)e;
    assert_true(offset + bytes.len <= out->len);
    memcpy(out->data + offset, bytes.ptr, bytes.len);
    return E_OK;
}

// `in` to the syntax named, into f->result.
static int transcode(struct fixture *f, struct slice in, const char *syntax, bool patches) {
    struct dcm_file file;
    buf_clear(&f->result);
    err_clear(&f->e);
    struct px_transcode_out out = {.sink = dcm_sink_buf(&f->result), .context = &f->result};
    out.patch = patches ? patch : NULL;
    assert_int_equal(dcm_file_open(&f->arena, in, &file, &f->e), E_OK);
    return px_transcode(&f->arena, &file, in, syntax, &out, &f->done, &f->e);
}

static void write_file(struct fixture *f, const char *syntax) {
    struct dcm_write_options options = {.syntax_uid = syntax};
    buf_clear(&f->file);
    assert_int_equal(dcm_file_write(f->d, &options, dcm_sink_buf(&f->file), &f->e), E_OK);
}

static void open_result(struct fixture *f, const char *syntax) {
    assert_int_equal(f->done.len, f->result.len);
    assert_int_equal(dcm_file_open(&f->arena, buf_slice(&f->result), &f->opened, &f->e), E_OK);
    assert_string_equal(f->opened.syntax->uid, syntax);
    assert_int_equal(f->opened.meta_raw.len, f->done.body_offset);
    assert_int_equal(dcm_file_dataset(&f->arena, &f->opened, 0, &f->got, &f->e), E_OK);
    struct slice text;
    assert_true(dcm_text(f->got, DCM_SOPInstanceUID, 0, &text));
    assert_true(slice_eq_str(text, "1.2.3.4"));
    assert_true(dcm_text(f->got, DCM_PatientName, 0, &text));
    assert_true(slice_eq_str(text, "Made^Up"));
    assert_int_equal(dcm_get(f->got, DCM_DataSetTrailingPadding)->value.len, 4);
}

static void must(struct fixture *f, struct slice in, const char *syntax) {
    int code = transcode(f, in, syntax, true);
    if (code != E_OK) {
        fail_msg("%s", f->e.text);
    }
    open_result(f, syntax);
}

// The result becomes what goes in next.
static struct slice again(struct fixture *f) {
    struct slice copy = arena_copy(&f->arena, buf_slice(&f->result));
    assert_non_null(copy.ptr);
    return copy;
}

static void assert_text(const struct fixture *f, dcm_tag tag, const char *expected) {
    struct slice text;
    assert_true(dcm_text(f->got, tag, 0, &text));
    assert_true(slice_eq_str(text, expected));
}

static void assert_number(const struct fixture *f, dcm_tag tag, int64_t expected) {
    int64_t value = -1;
    assert_true(dcm_int(f->got, tag, 0, &value));
    assert_int_equal(value, expected);
}

static void assert_pixels(const struct fixture *f, enum dcm_vr vr, const void *bytes, size_t len) {
    const struct dcm_node *n = dcm_get(f->got, DCM_PixelData);
    assert_non_null(n);
    assert_int_equal(n->vr, vr);
    assert_int_equal(n->value.len, len);
    assert_memory_equal(n->value.ptr, bytes, len);
}

static const char *const lossless[] = {DCM_RLE_UID, JPEG_LS, "1.2.840.10008.1.2.4.90",
                                       "1.2.840.10008.1.2.8.1"};

// Words through every syntax and back are the same words; between native syntaxes only their order
// and the VR of implicit files change.
static void test_round_trips(void **state) {
    (void)state;
    uint8_t words[2 * 8 * 8 * 3];
    uint8_t turned[sizeof words];
    for (unsigned i = 0; i < sizeof words; i += 2) {
        num_put_le16(words + i, (uint16_t)(i * 331));
        num_put_be16(turned + i, (uint16_t)(i * 331));
    }
    CLEANUP(end) struct fixture f;
    begin(&f, DCM_EXPLICIT_LE);
    describe(f.d, 8, 1, 16, "MONOCHROME2");
    put_text(f.d, DCM_NumberOfFrames, DCM_VR_IS, "3");
    put_pixels(&f, DCM_VR_OW, words, sizeof words);
    write_file(&f, DCM_EXPLICIT_LE_UID);
    must(&f, buf_slice(&f.file), DCM_EXPLICIT_BE_UID);
    assert_pixels(&f, DCM_VR_OW, turned, sizeof turned);
    must(&f, again(&f), DCM_IMPLICIT_LE_UID);
    assert_pixels(&f, DCM_VR_OW, words, sizeof words);
    must(&f, again(&f), DCM_DEFLATED_UID);
    assert_pixels(&f, DCM_VR_OW, words, sizeof words);
    for (size_t i = 0; i < sizeof lossless / sizeof lossless[0]; i++) {
        must(&f, again(&f), lossless[i]); // from the one before
        assert_int_equal(dcm_get(f.got, DCM_PixelData)->fragment_count, 4);
    }
    must(&f, again(&f), DCM_EXPLICIT_BE_UID);
    assert_pixels(&f, DCM_VR_OW, turned, sizeof turned);
    assert_number(&f, DCM_BitsStored, 16);
    assert_text(&f, DCM_PhotometricInterpretation, "MONOCHROME2");
    assert_null(dcm_get(f.got, DCM_LossyImageCompression));
}

// PS3.5 A.4: the table gives where each frame's item begins, from the first one's tag.
static void test_offset_tables(void **state) {
    (void)state;
    uint8_t bytes[64 * 3] = {0};
    memset(bytes + 64, 7, 64);
    for (unsigned i = 0; i < 64; i++) {
        bytes[128 + i] = (uint8_t)(i * 37);
    }
    CLEANUP(end) struct fixture f;
    begin(&f, DCM_EXPLICIT_LE);
    describe(f.d, 8, 1, 8, "MONOCHROME2");
    put_text(f.d, DCM_NumberOfFrames, DCM_VR_IS, "3");
    put_pixels(&f, DCM_VR_OB, bytes, sizeof bytes);
    write_file(&f, DCM_EXPLICIT_LE_UID);
    must(&f, buf_slice(&f.file), DCM_RLE_UID);
    const struct dcm_node *n = dcm_get(f.got, DCM_PixelData);
    assert_int_equal(n->fragments[0].bytes.len, 12);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(num_le32(n->fragments[0].bytes.ptr + 4 * (size_t)i),
                         n->fragments[i + 1].offset - n->fragments[1].offset);
        assert_int_equal(n->fragments[i + 1].bytes.len % 2, 0);
    }
    assert_int_equal(transcode(&f, buf_slice(&f.file), DCM_RLE_UID, false), E_OK);
    open_result(&f, DCM_RLE_UID);
    assert_int_equal(dcm_get(f.got, DCM_PixelData)->fragments[0].bytes.len, 0);
    must(&f, again(&f), DCM_EXPLICIT_LE_UID);
    assert_pixels(&f, DCM_VR_OB, bytes, sizeof bytes);
}

// 3 frames of 3 x 3 one-bit pixels lie without gaps (PS3.5 8.1.1): 27 bits in four bytes.
static void test_bits_are_joined(void **state) {
    (void)state;
    static const uint8_t bits[] = {0x55, 0xAB, 0xCD, 0x05};
    CLEANUP(end) struct fixture f;
    begin(&f, DCM_EXPLICIT_LE);
    describe(f.d, 3, 1, 1, "MONOCHROME2");
    put_text(f.d, DCM_NumberOfFrames, DCM_VR_IS, "3");
    put_pixels(&f, DCM_VR_OB, bits, sizeof bits);
    write_file(&f, DCM_EXPLICIT_LE_UID);
    must(&f, buf_slice(&f.file), "1.2.840.10008.1.2.8.1");
    assert_int_equal(dcm_get(f.got, DCM_PixelData)->fragment_count, 4);
    must(&f, again(&f), DCM_EXPLICIT_LE_UID);
    assert_pixels(&f, DCM_VR_OB, bits, sizeof bits);
}

// A 5 x 5 image has an odd number of bytes: padded, and described as before.
static void test_odd_lengths(void **state) {
    (void)state;
    uint8_t bytes[26];
    for (unsigned i = 0; i < 25; i++) {
        bytes[i] = (uint8_t)(i * 11);
    }
    bytes[25] = 0;
    CLEANUP(end) struct fixture f;
    begin(&f, DCM_EXPLICIT_LE);
    describe(f.d, 5, 1, 8, "MONOCHROME1");
    put_pixels(&f, DCM_VR_OB, bytes, sizeof bytes);
    write_file(&f, DCM_EXPLICIT_LE_UID);
    for (size_t i = 0; i < sizeof lossless / sizeof lossless[0]; i++) {
        must(&f, buf_slice(&f.file), lossless[i]);
        must(&f, again(&f), DCM_EXPLICIT_LE_UID);
        assert_pixels(&f, DCM_VR_OB, bytes, sizeof bytes);
        assert_text(&f, DCM_PhotometricInterpretation, "MONOCHROME1");
    }
}

static void encode_jpeg(struct fixture *f, struct buf *out) {
    uint8_t rgb[8 * 8 * 3];
    memset(rgb, 0x80, sizeof rgb);
    struct px_frame frame = {.data = rgb,
                             .len = sizeof rgb,
                             .rows = 8,
                             .columns = 8,
                             .samples = 3,
                             .bits_allocated = 8,
                             .bits_stored = 8,
                             .high_bit = 7,
                             .photometric = PX_RGB};
    buf_init(out, OUT_MAX);
    assert_int_equal(px_encode_frame(DCM_JPEG_BASELINE_UID, &frame, out, &f->e), E_OK);
}

static void put_fragments(struct fixture *f, struct dcm_dataset *d, struct slice frame) {
    struct slice parts[2] = {slice_of("", 0), frame};
    assert_int_equal(dcm_put_fragments(d, DCM_PixelData, DCM_VR_OB, parts, 2, &f->e), E_OK);
}

// Decoded JPEG colour is RGB, was coded with loss whether the writer said so or not, and has no
// table of the fragments that are gone.
static void test_jpeg_becomes_rgb(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    CLEANUP(cleanup_buf) struct buf jpeg;
    begin(&f, DCM_EXPLICIT_LE);
    encode_jpeg(&f, &jpeg);
    describe(f.d, 8, 3, 8, "YBR_FULL_422");
    uint8_t table[8] = {0};
    assert_int_equal(dcm_put(f.d, DCM_ExtendedOffsetTable, DCM_VR_OV, slice_of(table, 8), &f.e),
                     E_OK);
    num_put_le32(table, (uint32_t)jpeg.len);
    assert_int_equal(
        dcm_put(f.d, DCM_ExtendedOffsetTableLengths, DCM_VR_OV, slice_of(table, 8), &f.e), E_OK);
    put_fragments(&f, f.d, buf_slice(&jpeg));
    write_file(&f, DCM_JPEG_BASELINE_UID);
    must(&f, buf_slice(&f.file), DCM_EXPLICIT_LE_UID);
    assert_text(&f, DCM_PhotometricInterpretation, "RGB");
    assert_text(&f, DCM_LossyImageCompression, "01");
    assert_null(dcm_get(f.got, DCM_ExtendedOffsetTable));
    assert_null(dcm_get(f.got, DCM_ExtendedOffsetTableLengths));
    assert_int_equal(dcm_get(f.got, DCM_PixelData)->value.len, 192);
    must(&f, again(&f), DCM_RLE_UID); // once lost stays lost
    assert_text(&f, DCM_LossyImageCompression, "01");
}

static struct dcm_dataset *add_icon(struct fixture *f, struct slice frame) {
    struct dcm_dataset *icon;
    assert_int_equal(dcm_add_item(f->d, DCM_IconImageSequence, &icon, &f->e), E_OK);
    describe(icon, 8, 3, 8, "YBR_FULL_422");
    put_fragments(f, icon, frame);
    return icon;
}

// An icon in fragments becomes native with its image, a broken one goes.
static void test_icons(void **state) {
    (void)state;
    for (int broken = 0; broken < 2; broken++) {
        CLEANUP(end) struct fixture f;
        CLEANUP(cleanup_buf) struct buf jpeg;
        begin(&f, DCM_EXPLICIT_LE);
        encode_jpeg(&f, &jpeg);
        describe(f.d, 8, 3, 8, "YBR_FULL_422");
        add_icon(&f, slice_first(buf_slice(&jpeg), broken ? 30 : jpeg.len));
        put_fragments(&f, f.d, buf_slice(&jpeg));
        write_file(&f, DCM_JPEG_BASELINE_UID);
        must(&f, buf_slice(&f.file), DCM_IMPLICIT_LE_UID);
        const struct dcm_dataset *icon = dcm_first_item(f.got, DCM_IconImageSequence);
        if (broken) {
            assert_null(icon);
            continue;
        }
        struct slice text;
        assert_true(dcm_text(icon, DCM_PhotometricInterpretation, 0, &text));
        assert_true(slice_eq_str(text, "RGB"));
        assert_int_equal(dcm_get(icon, DCM_PixelData)->value.len, 192);
    }
}

// One bad frame of several: the error names it.
static void test_a_bad_frame_is_named(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    CLEANUP(cleanup_buf) struct buf jpeg;
    begin(&f, DCM_EXPLICIT_LE);
    encode_jpeg(&f, &jpeg);
    describe(f.d, 8, 3, 8, "YBR_FULL_422");
    put_text(f.d, DCM_NumberOfFrames, DCM_VR_IS, "2");
    struct slice parts[3] = {slice_of("", 0), buf_slice(&jpeg), slice_first(buf_slice(&jpeg), 40)};
    assert_int_equal(dcm_put_fragments(f.d, DCM_PixelData, DCM_VR_OB, parts, 3, &f.e), E_OK);
    write_file(&f, DCM_JPEG_BASELINE_UID);
    assert_true(transcode(&f, buf_slice(&f.file), DCM_EXPLICIT_LE_UID, true) < 0);
    assert_non_null(strstr(f.e.text, "frame 2"));
}

// Floats stay native; what has no pixels changes its encoding only.
static void test_other_pixels(void **state) {
    (void)state;
    static const uint8_t floats[64] = {0, 0, 0x80, 0x3F};
    CLEANUP(end) struct fixture f;
    begin(&f, DCM_EXPLICIT_LE);
    describe(f.d, 4, 1, 32, "MONOCHROME2");
    assert_int_equal(dcm_put(f.d, DCM_FloatPixelData, DCM_VR_OF, slice_of(floats, 64), &f.e), E_OK);
    write_file(&f, DCM_EXPLICIT_LE_UID);
    must(&f, buf_slice(&f.file), DCM_EXPLICIT_BE_UID);
    assert_int_equal(num_be32(dcm_get(f.got, DCM_FloatPixelData)->value.ptr), 0x3F800000);
    assert_int_equal(transcode(&f, buf_slice(&f.file), DCM_RLE_UID, true), E_NOT_ACCEPTABLE);
    (void)dcm_remove(f.d, DCM_FloatPixelData);
    write_file(&f, DCM_EXPLICIT_LE_UID);
    must(&f, buf_slice(&f.file), JPEG_LS);
    assert_null(dcm_get(f.got, DCM_PixelData));
}

static void test_what_is_known(void **state) {
    (void)state;
    assert_true(px_transcode_known(DCM_JPEG_BASELINE_UID, DCM_IMPLICIT_LE_UID));
    assert_true(px_transcode_known(DCM_EXPLICIT_LE_UID, DCM_RLE_UID));
    assert_true(px_transcode_known("1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.102"));
    assert_false(px_transcode_known("1.2.840.10008.1.2.4.102", DCM_EXPLICIT_LE_UID));
    assert_false(px_transcode_known(DCM_EXPLICIT_LE_UID, DCM_JPEG_BASELINE_UID)); // would lose
    assert_false(px_transcode_known(DCM_EXPLICIT_LE_UID, "1.2.3"));
    CLEANUP(end) struct fixture f;
    begin(&f, DCM_EXPLICIT_LE);
    write_file(&f, DCM_EXPLICIT_LE_UID);
    assert_int_equal(transcode(&f, buf_slice(&f.file), DCM_JPEG_BASELINE_UID, true),
                     E_NOT_ACCEPTABLE);
    assert_int_equal(f.result.len, 0);
}

// Memory does not grow with the frames: the arena holds the tree and the table, no pixels.
static void test_memory_is_constant(void **state) {
    (void)state;
    enum { FRAMES = 2000, BYTES = 64 * 64 };
    CLEANUP(end) struct fixture f;
    begin(&f, DCM_EXPLICIT_LE);
    uint8_t *all = arena_array(&f.arena, FRAMES, BYTES);
    assert_non_null(all);
    describe(f.d, 64, 1, 8, "MONOCHROME2");
    put_text(f.d, DCM_NumberOfFrames, DCM_VR_IS, "2000");
    assert_int_equal(dcm_put_borrowed(f.d, DCM_PixelData, DCM_VR_OB,
                                      slice_of(all, (size_t)FRAMES * BYTES), &f.e),
                     E_OK);
    write_file(&f, DCM_EXPLICIT_LE_UID);
    CLEANUP(arena_done) struct arena a;
    arena_init(&a, (size_t)256 << 10); // 8 MB of pixels pass through it
    struct dcm_file file;
    struct px_transcode_out out = {.sink = dcm_sink_buf(&f.result), .patch = patch};
    out.context = &f.result;
    assert_int_equal(dcm_file_open(&a, buf_slice(&f.file), &file, &f.e), E_OK);
    assert_int_equal(px_transcode(&a, &file, buf_slice(&f.file), DCM_RLE_UID, &out, &f.done, &f.e),
                     E_OK);
    open_result(&f, DCM_RLE_UID);
    assert_int_equal(dcm_get(f.got, DCM_PixelData)->fragment_count, FRAMES + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),          cmocka_unit_test(test_offset_tables),
        cmocka_unit_test(test_bits_are_joined),      cmocka_unit_test(test_odd_lengths),
        cmocka_unit_test(test_jpeg_becomes_rgb),     cmocka_unit_test(test_icons),
        cmocka_unit_test(test_a_bad_frame_is_named), cmocka_unit_test(test_other_pixels),
        cmocka_unit_test(test_what_is_known),        cmocka_unit_test(test_memory_is_constant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
