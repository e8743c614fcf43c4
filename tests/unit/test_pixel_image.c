// SPDX-License-Identifier: Apache-2.0
// What is understood of a data set's image attributes, tables and functional groups, and what is
// refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "pixel/image.h"
#include "pixel/palette.h"

#define ARENA_LIMIT ((size_t)64 << 20)

static const uint8_t zeros[4096];

struct fixture {
    struct arena arena;
    struct dcm_dataset *d;
    struct err e;
};

static const struct dcm_transfer_syntax *syntax(const char *uid) {
    return dcm_transfer_syntax_find(slice_str(uid));
}

static void put_int(struct fixture *f, dcm_tag tag, enum dcm_vr vr, int64_t value) {
    assert_int_equal(dcm_put_ints(f->d, tag, vr, &value, 1, &f->e), E_OK);
}

static void put_str(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, const char *text) {
    struct err e = {0};
    assert_int_equal(dcm_put_str(d, tag, vr, text, &e), E_OK);
}

// A 16-bit grey image of 4 x 6.
static void begin(struct fixture *f, enum dcm_encoding encoding) {
    *f = (struct fixture){0};
    arena_init(&f->arena, ARENA_LIMIT);
    f->d = dcm_dataset_new(&f->arena, encoding);
    put_int(f, DCM_SamplesPerPixel, DCM_VR_US, 1);
    put_str(f->d, DCM_PhotometricInterpretation, DCM_VR_CS, "MONOCHROME2");
    put_int(f, DCM_Rows, DCM_VR_US, 4);
    put_int(f, DCM_Columns, DCM_VR_US, 6);
    put_int(f, DCM_BitsAllocated, DCM_VR_US, 16);
    put_int(f, DCM_BitsStored, DCM_VR_US, 12);
    put_int(f, DCM_HighBit, DCM_VR_US, 11);
    put_int(f, DCM_PixelRepresentation, DCM_VR_US, 0);
    assert_int_equal(dcm_put(f->d, DCM_PixelData, DCM_VR_OW, slice_of(zeros, 48), &f->e), E_OK);
}

static void end(struct fixture *f) { arena_done(&f->arena); }

static int read_as(struct fixture *f, const char *uid, struct px_image *im) {
    err_clear(&f->e);
    return px_image_read(&f->arena, f->d, syntax(uid), im, &f->e);
}

static int read_image(struct fixture *f, struct px_image *im) {
    return read_as(f, DCM_EXPLICIT_LE_UID, im);
}

static void test_plain(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    struct px_image im;
    begin(&f, DCM_EXPLICIT_LE);
    assert_int_equal(read_image(&f, &im), E_OK);
    assert_int_equal(im.rows, 4);
    assert_int_equal(im.columns, 6);
    assert_int_equal(im.frames, 1);
    assert_int_equal(im.samples, 1);
    assert_int_equal(im.bits_allocated, 16);
    assert_int_equal(im.bits_stored, 12);
    assert_int_equal(im.high_bit, 11);
    assert_false(im.is_signed || im.planar || im.inverse || im.has_padding || im.big_endian);
    assert_true(im.pixel_height == 1 && im.grey.slope == 1 && im.grey.intercept == 0);
    assert_int_equal(im.grey.window_count, 0);
    assert_int_equal(px_image_frame_bits(&im), 4 * 6 * 16);
    assert_int_equal(px_image_decoded_bytes(&im), 48);
}

static void test_windows(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    struct px_image im;
    begin(&f, DCM_EXPLICIT_LE);
    put_str(f.d, DCM_RescaleSlope, DCM_VR_DS, "2.5");
    put_str(f.d, DCM_RescaleIntercept, DCM_VR_DS, "-1024");
    put_str(f.d, DCM_RescaleType, DCM_VR_LO, "HU");
    put_str(f.d, DCM_WindowCenter, DCM_VR_DS, "40\\7\\-600\\3");
    put_str(f.d, DCM_WindowWidth, DCM_VR_DS, "400\\0\\1500\\0.5");
    put_str(f.d, DCM_WindowCenterWidthExplanation, DCM_VR_LO, "soft\\nothing\\lung\\thin");
    assert_int_equal(read_image(&f, &im), E_OK);
    assert_true(im.grey.has_rescale && im.grey.slope == 2.5 && im.grey.intercept == -1024);
    assert_string_equal(im.grey.rescale_type, "HU");
    assert_int_equal(im.grey.window_count, 3); // width 0 is no window
    assert_true(im.grey.windows[1].centre == -600 && im.grey.windows[1].width == 1500);
    assert_string_equal(im.grey.windows[1].explanation, "lung");
    assert_int_equal(im.grey.windows[0].function, PX_VOI_LINEAR);
    assert_int_equal(im.grey.windows[2].function, PX_VOI_LINEAR_EXACT);
    put_str(f.d, DCM_VOILUTFunction, DCM_VR_CS, "SIGMOID");
    assert_int_equal(read_image(&f, &im), E_OK);
    assert_int_equal(im.grey.windows[0].function, PX_VOI_SIGMOID);
    put_str(f.d, DCM_RescaleSlope, DCM_VR_DS, "0"); // nobody means that
    assert_int_equal(read_image(&f, &im), E_OK);
    assert_false(im.grey.has_rescale);
}

// Each row: one attribute changed, and what must come of it.
static void test_refusals(void **state) {
    (void)state;
    static const struct {
        dcm_tag tag;
        enum dcm_vr vr;
        int64_t value;
        int code;
    } cases[] = {
        {DCM_Rows, DCM_VR_US, 0, E_VALUE},
        {DCM_Columns, DCM_VR_US, 0, E_VALUE},
        {DCM_Rows, DCM_VR_UL, 65536, E_LIMIT},
        {DCM_SamplesPerPixel, DCM_VR_US, 2, E_UNSUPPORTED},
        {DCM_SamplesPerPixel, DCM_VR_US, 3, E_MISMATCH},
        {DCM_BitsAllocated, DCM_VR_US, 0, E_UNSUPPORTED},
        {DCM_BitsAllocated, DCM_VR_US, 24, E_UNSUPPORTED},
        {DCM_NumberOfFrames, DCM_VR_IS, -1, E_LIMIT},
        {DCM_NumberOfFrames, DCM_VR_IS, 1000001, E_LIMIT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(end) struct fixture f;
        struct px_image im;
        begin(&f, DCM_EXPLICIT_LE);
        put_int(&f, cases[i].tag, cases[i].vr, cases[i].value);
        assert_int_equal(read_image(&f, &im), cases[i].code);
        assert_true(f.e.text[0] != '\0');
    }
}

static void test_missing(void **state) {
    (void)state;
    static const dcm_tag needed[] = {DCM_Rows, DCM_Columns, DCM_BitsAllocated};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        CLEANUP(end) struct fixture f;
        struct px_image im;
        begin(&f, DCM_EXPLICIT_LE);
        (void)dcm_remove(f.d, needed[i]);
        assert_int_equal(read_image(&f, &im), E_MISSING);
        assert_true(f.e.path[0] == '(');
    }
    CLEANUP(end) struct fixture f;
    struct px_image im;
    begin(&f, DCM_EXPLICIT_LE);
    (void)dcm_remove(f.d, DCM_PixelData);
    assert_int_equal(read_image(&f, &im), E_NOT_FOUND);
}

static void test_large_frames_are_refused(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    struct px_image im;
    begin(&f, DCM_EXPLICIT_LE);
    put_int(&f, DCM_Rows, DCM_VR_US, 65535);
    put_int(&f, DCM_Columns, DCM_VR_US, 65535);
    assert_int_equal(read_image(&f, &im), E_LIMIT);
}

static void test_repairs(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    struct px_image im;
    begin(&f, DCM_EXPLICIT_LE);
    put_int(&f, DCM_HighBit, DCM_VR_US, 15);
    assert_int_equal(read_image(&f, &im), E_OK);
    assert_int_equal(im.high_bit, 15); // legal: bits stored from the top
    put_int(&f, DCM_HighBit, DCM_VR_US, 5);
    assert_int_equal(read_image(&f, &im), E_OK);
    assert_int_equal(im.high_bit, 11);
    put_int(&f, DCM_BitsStored, DCM_VR_US, 20);
    assert_int_equal(read_image(&f, &im), E_OK);
    assert_int_equal(im.bits_stored, 16);
    assert_int_equal(im.high_bit, 15);
    (void)dcm_remove(f.d, DCM_SamplesPerPixel);
    (void)dcm_remove(f.d, DCM_PhotometricInterpretation);
    assert_int_equal(read_image(&f, &im), E_OK);
    assert_int_equal(im.photometric, PX_MONOCHROME2);
    put_str(f.d, DCM_PhotometricInterpretation, DCM_VR_CS, "HSV");
    assert_int_equal(read_image(&f, &im), E_UNSUPPORTED);
}

static void test_signed_words_in_implicit_vr(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    struct px_image im;
    begin(&f, DCM_IMPLICIT_LE);
    put_int(&f, DCM_PixelRepresentation, DCM_VR_US, 1);
    put_int(&f, DCM_PixelPaddingValue, DCM_VR_US, 0xF830); // -2000
    put_int(&f, DCM_PixelPaddingRangeLimit, DCM_VR_US, 0xFC18);
    put_int(&f, DCM_SmallestImagePixelValue, DCM_VR_US, 0xFFFF);
    put_int(&f, DCM_LargestImagePixelValue, DCM_VR_US, 100);
    assert_int_equal(read_as(&f, DCM_IMPLICIT_LE_UID, &im), E_OK);
    assert_true(im.has_padding && im.has_smallest_largest);
    assert_int_equal(im.padding_low, -2000);
    assert_int_equal(im.padding_high, -1000);
    assert_int_equal(im.smallest, -1);
    assert_int_equal(im.largest, 100);
}

static void test_pixel_shape(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    struct px_image im;
    begin(&f, DCM_EXPLICIT_LE);
    put_str(f.d, DCM_PixelAspectRatio, DCM_VR_IS, "3\\2");
    assert_int_equal(read_image(&f, &im), E_OK);
    assert_true(im.pixel_height == 1.5 && !im.has_spacing);
    put_str(f.d, DCM_ImagerPixelSpacing, DCM_VR_DS, "0.2\\0.4");
    assert_int_equal(read_image(&f, &im), E_OK);
    assert_true(im.pixel_height == 0.5 && im.row_spacing == 0.2 && im.column_spacing == 0.4);
    put_str(f.d, DCM_PixelSpacing, DCM_VR_DS, "1\\1");
    assert_int_equal(read_image(&f, &im), E_OK);
    assert_true(im.pixel_height == 1 && im.row_spacing == 1);
    put_str(f.d, DCM_PixelSpacing, DCM_VR_DS, "1000\\0.001");
    assert_int_equal(read_image(&f, &im), E_OK);
    assert_true(im.pixel_height == 1);
}

static struct dcm_dataset *add_item(struct dcm_dataset *d, dcm_tag sequence) {
    struct dcm_dataset *item = NULL;
    struct err e = {0};
    assert_int_equal(dcm_add_item(d, sequence, &item, &e), E_OK);
    return item;
}

static void put_lut(struct dcm_dataset *item, const int64_t descriptor[3], enum dcm_vr vr,
                    const void *data, size_t len) {
    struct err e = {0};
    assert_int_equal(dcm_put_ints(item, DCM_LUTDescriptor, vr, descriptor, 3, &e), E_OK);
    assert_int_equal(dcm_put(item, DCM_LUTData, DCM_VR_OW, slice_of(data, len), &e), E_OK);
}

static void test_look_up_tables(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    struct px_image im;
    static const uint8_t words[] = {1, 0, 2, 0, 0xFF, 0x0F, 4, 0};
    static const uint8_t bytes[] = {9, 8, 7, 6};
    begin(&f, DCM_EXPLICIT_LE);
    put_lut(add_item(f.d, DCM_ModalityLUTSequence), (const int64_t[]){4, 100, 12}, DCM_VR_US, words,
            8);
    struct dcm_dataset *voi = add_item(f.d, DCM_VOILUTSequence);
    put_lut(voi, (const int64_t[]){4, -3, 8}, DCM_VR_SS, bytes, 4);
    put_str(voi, DCM_LUTExplanation, DCM_VR_LO, "BONE");
    put_lut(add_item(f.d, DCM_VOILUTSequence), (const int64_t[]){4, 0, 10}, DCM_VR_US, words, 8);
    assert_int_equal(read_image(&f, &im), E_OK);
    assert_non_null(im.grey.modality);
    assert_int_equal(im.grey.modality->first, 100);
    assert_int_equal(im.grey.modality->entries[2], 0x0FFF);
    assert_int_equal(im.grey.voi_lut_count, 2);
    assert_int_equal(im.grey.voi_luts[0].first, -3);
    assert_int_equal(im.grey.voi_luts[0].entries[3], 6);
    assert_string_equal(im.grey.voi_luts[0].explanation, "BONE");
    assert_int_equal(im.grey.voi_luts[1].bits, 12); // said 10, holds 0x0FFF
}

static void test_bad_look_up_tables(void **state) {
    (void)state;
    static const uint8_t data[4] = {0};
    for (int which = 0; which < 3; which++) {
        CLEANUP(end) struct fixture f;
        struct px_image im;
        begin(&f, DCM_EXPLICIT_LE);
        struct dcm_dataset *item = add_item(f.d, DCM_VOILUTSequence);
        if (which == 0) {
            put_lut(item, (const int64_t[]){0, 0, 16}, DCM_VR_US, data, 4); // 65536 entries
            assert_int_equal(read_image(&f, &im), E_TRUNCATED);
        } else if (which == 1) {
            assert_int_equal(read_image(&f, &im), E_MISSING);
        } else {
            assert_int_equal(
                dcm_put_ints(item, DCM_LUTDescriptor, DCM_VR_US, (const int64_t[]){4, 0}, 2, &f.e),
                E_OK);
            assert_int_equal(read_image(&f, &im), E_VALUE);
        }
    }
}

static void make_palette(struct fixture *f, enum dcm_encoding encoding, const void *data,
                         size_t len, int64_t bits, bool segmented) {
    begin(f, encoding);
    put_int(f, DCM_BitsAllocated, DCM_VR_US, 8);
    put_int(f, DCM_BitsStored, DCM_VR_US, 8);
    put_int(f, DCM_HighBit, DCM_VR_US, 7);
    put_str(f->d, DCM_PhotometricInterpretation, DCM_VR_CS, "PALETTE COLOR");
    static const dcm_tag tags[3][3] = {
        {DCM_RedPaletteColorLookupTableDescriptor, DCM_RedPaletteColorLookupTableData,
         DCM_SegmentedRedPaletteColorLookupTableData},
        {DCM_GreenPaletteColorLookupTableDescriptor, DCM_GreenPaletteColorLookupTableData,
         DCM_SegmentedGreenPaletteColorLookupTableData},
        {DCM_BluePaletteColorLookupTableDescriptor, DCM_BluePaletteColorLookupTableData,
         DCM_SegmentedBluePaletteColorLookupTableData}};
    for (int c = 0; c < 3; c++) {
        const int64_t descriptor[3] = {4, 0, bits};
        assert_int_equal(dcm_put_ints(f->d, tags[c][0], DCM_VR_US, descriptor, 3, &f->e), E_OK);
        assert_int_equal(
            dcm_put(f->d, tags[c][segmented ? 2 : 1], DCM_VR_OW, slice_of(data, len), &f->e), E_OK);
    }
}

static void test_palettes(void **state) {
    (void)state;
    static const uint8_t little[] = {0, 0x10, 0, 0x20, 0, 0x30, 0xFF, 0xFF};
    static const uint8_t big[] = {0x10, 0, 0x20, 0, 0x30, 0, 0xFF, 0xFF};
    static const uint8_t bytes[] = {1, 2, 3, 4};
    static const uint8_t swapped[] = {2, 1, 4, 3};
    static const uint8_t small[] = {1, 0, 2, 0, 3, 0, 255, 0};
    static const uint8_t segments[] = {0, 0, 1, 0, 10, 0, 1, 0, 3, 0, 0x28, 0x00};
    static const struct {
        enum dcm_encoding encoding;
        const uint8_t *data;
        size_t len;
        int64_t said_bits;
        bool segmented;
        uint8_t bits;
        uint16_t second;
    } cases[] = {
        {DCM_EXPLICIT_LE, little, 8, 16, false, 16, 0x2000},
        {DCM_EXPLICIT_BE, big, 8, 16, false, 16, 0x2000},
        {DCM_EXPLICIT_LE, bytes, 4, 8, false, 8, 2},
        {DCM_EXPLICIT_BE, swapped, 4, 8, false, 8, 2},
        {DCM_EXPLICIT_LE, small, 8, 16, false, 8, 2}, // says 16, holds bytes
        {DCM_EXPLICIT_LE, segments, 12, 16, true, 8, 20},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(end) struct fixture f;
        struct px_image im;
        make_palette(&f, cases[i].encoding, cases[i].data, cases[i].len, cases[i].said_bits,
                     cases[i].segmented);
        assert_int_equal(read_image(&f, &im), E_OK);
        assert_int_equal(im.palette.count, 4);
        assert_int_equal(im.palette.bits, cases[i].bits);
        assert_int_equal(im.palette.red[1], cases[i].second);
        assert_int_equal(im.palette.blue[1], cases[i].second);
    }
}

static void test_palette_missing(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    struct px_image im;
    static const uint8_t bytes[] = {1, 2, 3, 4};
    make_palette(&f, DCM_EXPLICIT_LE, bytes, 4, 8, false);
    (void)dcm_remove(f.d, DCM_GreenPaletteColorLookupTableData);
    assert_int_equal(read_image(&f, &im), E_MISSING);
    assert_int_equal(dcm_put_ints(f.d, DCM_GreenPaletteColorLookupTableDescriptor, DCM_VR_US,
                                  (const int64_t[]){3, 0, 8}, 3, &f.e),
                     E_OK);
    assert_int_equal(
        dcm_put(f.d, DCM_GreenPaletteColorLookupTableData, DCM_VR_OW, slice_of(bytes, 4), &f.e),
        E_OK);
    assert_int_equal(read_image(&f, &im), E_MISMATCH);
}

// PS3.3 C.7.9.2: discrete, linear, indirect.
static void test_segments(void **state) {
    (void)state;
    static const struct {
        uint8_t data[32];
        size_t len;
        uint32_t count;
        int code;
        uint16_t entries[12];
    } cases[] = {
        {{0, 3, 7, 8, 9}, 5, 3, E_OK, {7, 8, 9}},
        {{0, 1, 0, 1, 4, 100}, 6, 5, E_OK, {0, 25, 50, 75, 100}},
        {{0, 1, 100, 1, 4, 0}, 6, 5, E_OK, {100, 75, 50, 25, 0}},
        {{0, 1, 10, 1, 2, 30, 2, 2, 0, 0, 0, 0}, 12, 6, E_OK, {10, 20, 30, 10, 20, 30}},
        {{0, 1, 10, 2, 1, 0, 0, 0, 0, 0, 1, 5}, 12, 3, E_OK, {10, 10, 5}},
        {{1, 2, 30}, 3, 2, E_VALUE, {0}},         // linear first
        {{0, 0, 0, 2, 1, 2}, 6, 2, E_VALUE, {0}}, // nothing in a segment
        {{3, 1, 1}, 3, 1, E_VALUE, {0}},          // no such segment
        {{0, 4, 1, 2}, 4, 4, E_TRUNCATED, {0}},
        {{0, 4, 1, 2, 3, 4}, 6, 3, E_MISMATCH, {0}},       // more than declared
        {{0, 2, 1, 2}, 4, 3, E_TRUNCATED, {0}},            // fewer
        {{0, 1, 1, 2, 1, 3, 0, 0, 0}, 9, 3, E_VALUE, {0}}, // indirect to an indirect
        {{0, 1, 1, 2, 1, 255, 255, 255, 255}, 9, 3, E_TRUNCATED, {0}},
        {{0, 1, 1, 2, 0, 0, 0, 0, 0}, 9, 3, E_VALUE, {0}},
        {{0, 1, 1, 2, 1, 0}, 6, 3, E_TRUNCATED, {0}},
        {{0}, 0, 1, E_TRUNCATED, {0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int words = 0; words < 2; words++) {
            uint8_t wide[64];
            uint16_t out[12] = {0};
            struct err e = {0};
            bool has_indirect = memchr(cases[i].data, 2, cases[i].len) != NULL;
            if (words == 1 && has_indirect) {
                continue; // offsets have another layout in words
            }
            for (size_t k = 0; k < cases[i].len; k++) {
                num_put_be16(wide + 2 * k, cases[i].data[k]);
            }
            struct px_segments from = {words ? slice_of(wide, 2 * cases[i].len)
                                             : slice_of(cases[i].data, cases[i].len),
                                       words == 1, words == 1};
            assert_int_equal(px_palette_expand(&from, cases[i].count, out, &e), cases[i].code);
            if (cases[i].code == E_OK) {
                assert_memory_equal(out, cases[i].entries, cases[i].count * sizeof out[0]);
            }
        }
    }
}

static void test_indirect_in_words(void **state) {
    (void)state;
    static const uint8_t data[] = {0, 0, 1, 0, 0x34, 0x12, 0, 0, 1, 0,
                                   5, 0, 2, 0, 1,    0,    6, 0, 0, 0};
    uint16_t out[3];
    struct err e = {0};
    struct px_segments from = {slice_of(data, sizeof data), true, false};
    assert_int_equal(px_palette_expand(&from, 3, out, &e), E_OK);
    assert_int_equal(out[0], 0x1234);
    assert_int_equal(out[1], 5);
    assert_int_equal(out[2], 5);
}

static void put_group_window(struct dcm_dataset *group, const char *centre, const char *width) {
    struct dcm_dataset *voi = add_item(group, DCM_FrameVOILUTSequence);
    put_str(voi, DCM_WindowCenter, DCM_VR_DS, centre);
    put_str(voi, DCM_WindowWidth, DCM_VR_DS, width);
}

static void put_group_rescale(struct dcm_dataset *group, const char *slope, const char *intercept) {
    struct dcm_dataset *values = add_item(group, DCM_PixelValueTransformationSequence);
    put_str(values, DCM_RescaleSlope, DCM_VR_DS, slope);
    put_str(values, DCM_RescaleIntercept, DCM_VR_DS, intercept);
    put_str(values, DCM_RescaleType, DCM_VR_LO, "US");
}

static void test_shared_groups(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    struct px_image im;
    begin(&f, DCM_EXPLICIT_LE);
    put_str(f.d, DCM_NumberOfFrames, DCM_VR_IS, "4");
    struct dcm_dataset *shared = add_item(f.d, DCM_SharedFunctionalGroupsSequence);
    put_group_window(shared, "50", "100");
    put_group_rescale(shared, "2", "1");
    struct dcm_dataset *measures = add_item(shared, DCM_PixelMeasuresSequence);
    put_str(measures, DCM_PixelSpacing, DCM_VR_DS, "2\\1");
    for (int i = 0; i < 4; i++) {
        put_group_window(add_item(f.d, DCM_PerFrameFunctionalGroupsSequence), "50", "100");
    }
    assert_int_equal(read_image(&f, &im), E_OK);
    assert_null(im.frame_grey); // all the same: no table
    assert_true(px_image_grey(&im, 3)->windows[0].centre == 50);
    assert_true(px_image_grey(&im, 3)->slope == 2 && im.pixel_height == 2);
}

static void test_frame_groups(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    struct px_image im;
    begin(&f, DCM_EXPLICIT_LE);
    put_str(f.d, DCM_NumberOfFrames, DCM_VR_IS, "5");
    put_group_window(add_item(f.d, DCM_SharedFunctionalGroupsSequence), "50", "100");
    (void)add_item(f.d, DCM_PerFrameFunctionalGroupsSequence); // frame 1 has none of its own
    put_group_window(add_item(f.d, DCM_PerFrameFunctionalGroupsSequence), "60", "120");
    put_group_window(add_item(f.d, DCM_PerFrameFunctionalGroupsSequence), "60", "120");
    put_group_rescale(add_item(f.d, DCM_PerFrameFunctionalGroupsSequence), "3", "-7");
    // frame 5 has no item at all
    assert_int_equal(read_image(&f, &im), E_OK);
    assert_non_null(im.frame_grey);
    static const double centres[] = {50, 60, 60, 50, 50};
    static const double slopes[] = {1, 1, 1, 3, 1};
    for (uint32_t i = 0; i < 5; i++) {
        const struct px_grey *g = px_image_grey(&im, i);
        assert_int_equal(g->window_count, 1);
        assert_true(g->windows[0].centre == centres[i] && g->slope == slopes[i]);
    }
    assert_ptr_equal(px_image_grey(&im, 1)->windows, px_image_grey(&im, 2)->windows);
}

static void test_422_label_on_full_samples(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    struct px_image im;
    begin(&f, DCM_EXPLICIT_LE);
    put_int(&f, DCM_SamplesPerPixel, DCM_VR_US, 3);
    put_int(&f, DCM_BitsAllocated, DCM_VR_US, 8);
    put_int(&f, DCM_BitsStored, DCM_VR_US, 8);
    put_int(&f, DCM_HighBit, DCM_VR_US, 7);
    put_str(f.d, DCM_PhotometricInterpretation, DCM_VR_CS, "YBR_FULL_422");
    assert_int_equal(read_image(&f, &im), E_OK);
    assert_int_equal(im.photometric, PX_YBR_FULL_422);
    assert_int_equal(px_image_frame_bits(&im), 48 * 8);
    assert_int_equal(dcm_put(f.d, DCM_PixelData, DCM_VR_OB, slice_of(zeros, 72), &f.e), E_OK);
    assert_int_equal(read_image(&f, &im), E_OK);
    assert_int_equal(im.photometric, PX_YBR_FULL);
}

static void test_float_pixels(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    struct px_image im;
    begin(&f, DCM_EXPLICIT_LE);
    (void)dcm_remove(f.d, DCM_PixelData);
    assert_int_equal(dcm_put(f.d, DCM_FloatPixelData, DCM_VR_OF, slice_of(zeros, 96), &f.e), E_OK);
    assert_int_equal(read_image(&f, &im), E_UNSUPPORTED); // 16 bits of float
    put_int(&f, DCM_BitsAllocated, DCM_VR_US, 32);
    (void)dcm_remove(f.d, DCM_BitsStored);
    (void)dcm_remove(f.d, DCM_HighBit);
    put_str(f.d, DCM_WindowCenter, DCM_VR_DS, "0.5");
    put_str(f.d, DCM_WindowWidth, DCM_VR_DS, "1");
    assert_int_equal(read_image(&f, &im), E_OK);
    assert_int_equal(im.kind, PX_PIXEL_FLOAT);
    assert_int_equal(im.grey.windows[0].function, PX_VOI_LINEAR_EXACT);
}

static void test_memory_runs_out(void **state) {
    (void)state;
    static const uint8_t bytes[] = {1, 2, 3, 4};
    CLEANUP(end) struct fixture f;
    make_palette(&f, DCM_EXPLICIT_LE, bytes, 4, 8, false);
    put_str(f.d, DCM_WindowCenter, DCM_VR_DS, "40");
    put_str(f.d, DCM_WindowWidth, DCM_VR_DS, "400");
    put_lut(add_item(f.d, DCM_ModalityLUTSequence), (const int64_t[]){4, 100, 8}, DCM_VR_US, bytes,
            4);
    put_lut(add_item(f.d, DCM_VOILUTSequence), (const int64_t[]){4, 100, 8}, DCM_VR_US, bytes, 4);
    int code = E_MEMORY;
    for (size_t limit = 0; code != E_OK; limit += 16) {
        struct arena small;
        struct px_image im;
        arena_init(&small, limit);
        code = px_image_read(&small, f.d, syntax(DCM_EXPLICIT_LE_UID), &im, &f.e);
        assert_true(code == E_OK || code == E_MEMORY);
        arena_done(&small);
        assert_true(limit < 1 << 20);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_large_frames_are_refused),
        cmocka_unit_test(test_repairs),
        cmocka_unit_test(test_signed_words_in_implicit_vr),
        cmocka_unit_test(test_pixel_shape),
        cmocka_unit_test(test_look_up_tables),
        cmocka_unit_test(test_bad_look_up_tables),
        cmocka_unit_test(test_palettes),
        cmocka_unit_test(test_palette_missing),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_indirect_in_words),
        cmocka_unit_test(test_shared_groups),
        cmocka_unit_test(test_frame_groups),
        cmocka_unit_test(test_422_label_on_full_samples),
        cmocka_unit_test(test_float_pixels),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
