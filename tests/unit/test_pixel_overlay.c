// SPDX-License-Identifier: Apache-2.0
// Overlay planes: where their bits lie, which frames they are for, what is drawn of them; and
// supplemental palettes, which also colour a grey picture.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "pixel/codec.h"
#include "pixel/overlay.h"
#include "pixel/render.h"

#define ARENA_LIMIT ((size_t)16 << 20)
#define SIDE 4

struct fixture {
    struct arena arena;
    struct dcm_dataset *d;
    struct px_image image;
    struct px_frame frame;
    struct px_bitmap bitmap;
    struct px_render_options options;
    struct err e;
    uint8_t cells[SIDE * SIDE * 2];
};

static void end(struct fixture *f) {
    px_frame_done(&f->frame);
    px_bitmap_done(&f->bitmap);
    arena_done(&f->arena);
}

static void put(struct fixture *f, dcm_tag tag, enum dcm_vr vr, int64_t value) {
    assert_int_equal(dcm_put_ints(f->d, tag, vr, &value, 1, &f->e), E_OK);
}

static void put_text(struct fixture *f, dcm_tag tag, enum dcm_vr vr, const char *text) {
    assert_int_equal(dcm_put_str(f->d, tag, vr, text, &f->e), E_OK);
}

// A grey image of 4 x 4 black pixels in 16-bit cells, 12 stored.
static void begin(struct fixture *f, enum dcm_encoding encoding) {
    *f = (struct fixture){0};
    arena_init(&f->arena, ARENA_LIMIT);
    f->d = dcm_dataset_new(&f->arena, encoding);
    put(f, DCM_SamplesPerPixel, DCM_VR_US, 1);
    put_text(f, DCM_PhotometricInterpretation, DCM_VR_CS, "MONOCHROME2");
    put(f, DCM_Rows, DCM_VR_US, SIDE);
    put(f, DCM_Columns, DCM_VR_US, SIDE);
    put(f, DCM_BitsAllocated, DCM_VR_US, 16);
    put(f, DCM_BitsStored, DCM_VR_US, 12);
    put(f, DCM_HighBit, DCM_VR_US, 11);
    put(f, DCM_PixelRepresentation, DCM_VR_US, 0);
    put_text(f, DCM_WindowCenter, DCM_VR_DS, "2048");
    put_text(f, DCM_WindowWidth, DCM_VR_DS, "4096");
}

static void read_image(struct fixture *f) {
    const char *syntax =
        f->d->encoding == DCM_EXPLICIT_BE ? DCM_EXPLICIT_BE_UID : DCM_EXPLICIT_LE_UID;
    struct slice pixels = slice_of(f->cells, sizeof f->cells);
    assert_int_equal(dcm_put(f->d, DCM_PixelData, DCM_VR_OW, pixels, &f->e), E_OK);
    assert_int_equal(px_image_read(&f->arena, f->d, dcm_transfer_syntax_find(slice_str(syntax)),
                                   &f->image, &f->e),
                     E_OK);
    assert_int_equal(px_frame_reserve(&f->frame, sizeof f->cells, &f->e), E_OK);
    memcpy(f->frame.own, f->cells, sizeof f->cells);
    px_frame_describe(&f->frame, &f->image);
}

static void put_overlay(struct fixture *f, unsigned group, const char *type, int top, int left,
                        unsigned rows, unsigned columns, enum dcm_vr vr, const void *bits,
                        size_t len) {
    dcm_tag tag = (dcm_tag)group << 16;
    int64_t origin[2] = {top, left};
    put(f, tag | 0x10, DCM_VR_US, rows);
    put(f, tag | 0x11, DCM_VR_US, columns);
    put_text(f, tag | 0x40, DCM_VR_CS, type);
    assert_int_equal(dcm_put_ints(f->d, tag | 0x50, DCM_VR_SS, origin, 2, &f->e), E_OK);
    put(f, tag | 0x100, DCM_VR_US, 1);
    put(f, tag | 0x102, DCM_VR_US, 0);
    assert_int_equal(dcm_put(f->d, tag | 0x3000, vr, slice_of(bits, len), &f->e), E_OK);
}

// Which pixels of the picture are white, row by row, the first pixel in the highest of 16 bits.
static unsigned white(struct fixture *f, uint32_t frame_number) {
    unsigned found = 0;
    assert_int_equal(px_render(&f->image, &f->frame, frame_number, &f->options, &f->bitmap, &f->e),
                     E_OK);
    assert_int_equal(f->bitmap.width * f->bitmap.height, SIDE * SIDE);
    for (unsigned i = 0; i < SIDE * SIDE; i++) {
        found = found << 1 | (f->bitmap.data[(size_t)i * f->bitmap.channels] == 255);
    }
    return found;
}

// PS3.5 8.1.2: bits fill bytes from the lowest. 0x21 0x84 is the diagonal of 4 x 4.
static void test_graphics(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    begin(&f, DCM_EXPLICIT_LE);
    put_overlay(&f, 0x6000, "G", 1, 1, 4, 4, DCM_VR_OB, "\x21\x84", 2);
    put_text(&f, 0x60001500, DCM_VR_LO, "arrow");
    read_image(&f);
    assert_int_equal(f.image.overlay_count, 1);
    assert_string_equal(f.image.overlays[0].label, "arrow");
    assert_int_equal(white(&f, 0), 0x8421);
    f.options.hide_overlays = true;
    assert_int_equal(white(&f, 0), 0);
}

// Words of a big-endian file hold the same bits.
static void test_words_of_big_endian(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    begin(&f, DCM_EXPLICIT_BE);
    put_overlay(&f, 0x6000, "G", 1, 1, 4, 4, DCM_VR_OW, "\x84\x21", 2);
    read_image(&f);
    assert_int_equal(white(&f, 0), 0x8421);
}

// The origin is that of the overlay's first pixel in the image, from 1, and may lie outside.
static void test_origins(void **state) {
    (void)state;
    static const struct {
        int top, left;
        unsigned white;
    } rows[] = {
        {1, 1, 0xCC00}, {2, 3, 0x0330}, {0, 1, 0xC000}, {1, 0, 0x8800},
        {4, 4, 0x0001}, {5, 5, 0},      {-1, -1, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CLEANUP(end) struct fixture f;
        begin(&f, DCM_EXPLICIT_LE);
        put_overlay(&f, 0x6002, "G", rows[i].top, rows[i].left, 2, 2, DCM_VR_OB, "\x0F\0", 2);
        read_image(&f);
        assert_int_equal(white(&f, 0), rows[i].white);
    }
}

// Of a region the outline: the middle of a 4 x 3 block is not drawn.
static void test_regions(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    begin(&f, DCM_EXPLICIT_LE);
    put_overlay(&f, 0x6000, "R", 1, 1, 3, 4, DCM_VR_OB, "\xFF\x0F", 2);
    read_image(&f);
    assert_int_equal(f.image.overlays[0].type, PX_OVERLAY_ROI);
    assert_int_equal(white(&f, 0), 0xF9F0);
}

// Two planes from the second frame of the image on; a plane without a place is for all frames.
static void test_frames(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    begin(&f, DCM_EXPLICIT_LE);
    put_overlay(&f, 0x6000, "G", 1, 1, 4, 4, DCM_VR_OB, "\x01\x00\x00\x80", 4);
    put_text(&f, 0x60000015, DCM_VR_IS, "2");
    put(&f, 0x60000051, DCM_VR_US, 2);
    put_overlay(&f, 0x6002, "G", 1, 1, 1, 2, DCM_VR_OB, "\x02\0", 2);
    read_image(&f);
    assert_int_equal(white(&f, 0), 0x4000);
    assert_int_equal(white(&f, 1), 0xC000);
    assert_int_equal(white(&f, 2), 0x4001);
    assert_int_equal(white(&f, 3), 0x4000);
}

// One plane with Image Frame Origin alone belongs to that frame.
static void test_one_frame(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    begin(&f, DCM_EXPLICIT_LE);
    put_overlay(&f, 0x6000, "G", 1, 1, 1, 1, DCM_VR_OB, "\x01\0", 2);
    put(&f, 0x60000051, DCM_VR_US, 3);
    read_image(&f);
    assert_int_equal(white(&f, 1), 0);
    assert_int_equal(white(&f, 2), 0x8000);
}

// Bit 13 of the cells: an overlay, and no part of the stored value.
static void test_in_unused_bits(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    begin(&f, DCM_EXPLICIT_LE);
    for (unsigned i = 0; i < SIDE * SIDE; i++) {
        num_put_le16(f.cells + 2 * (size_t)i, i % 5 == 0 ? 0x2000 : 0x4000);
    }
    put(&f, 0x60000010, DCM_VR_US, SIDE);
    put(&f, 0x60000011, DCM_VR_US, SIDE);
    put_text(&f, 0x60000040, DCM_VR_CS, "G");
    put(&f, 0x60000100, DCM_VR_US, 16);
    put(&f, 0x60000102, DCM_VR_US, 13);
    read_image(&f);
    assert_int_equal(f.image.overlay_count, 1);
    assert_int_equal(white(&f, 0), 0x8421);
    f.options.hide_overlays = true;
    assert_int_equal(white(&f, 0), 0);
    assert_int_equal(f.bitmap.data[0], 0);
}

// What contradicts itself is left out; the image is still there.
static void test_bad_ones(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    begin(&f, DCM_EXPLICIT_LE);
    put_overlay(&f, 0x6000, "G", 1, 1, 4, 5, DCM_VR_OB, "\xFF\xFF", 2); // 20 bits in 16
    put_overlay(&f, 0x6002, "G", 1, 1, 0, 4, DCM_VR_OB, "\xFF\xFF", 2); // no rows
    put(&f, 0x60040010, DCM_VR_US, SIDE);                               // a bit of the stored value
    put(&f, 0x60040011, DCM_VR_US, SIDE);
    put(&f, 0x60040100, DCM_VR_US, 16);
    put(&f, 0x60040102, DCM_VR_US, 11);
    put_overlay(&f, 0x601E, "G", 1, 1, 1, 1, DCM_VR_OB, "\x01\0", 2);
    put_overlay(&f, 0x6020, "G", 1, 1, 4, 4, DCM_VR_OB, "\xFF\xFF", 2); // not a group of overlays
    read_image(&f);
    assert_int_equal(f.image.overlays_bad, 3);
    assert_int_equal(f.image.overlay_count, 1);
    assert_int_equal(white(&f, 0), 0x8000);
}

static void put_palette(struct fixture *f, int first, const uint8_t *red, const uint8_t *green,
                        const uint8_t *blue) {
    const uint8_t *data[3] = {red, green, blue};
    for (unsigned c = 0; c < 3; c++) {
        int64_t descriptor[3] = {2, first & 0xFFFF, 8};
        assert_int_equal(dcm_put_ints(f->d, DCM_RedPaletteColorLookupTableDescriptor + c, DCM_VR_US,
                                      descriptor, 3, &f->e),
                         E_OK);
        assert_int_equal(dcm_put(f->d, DCM_RedPaletteColorLookupTableData + c, DCM_VR_OW,
                                 slice_of(data[c], 2), &f->e),
                         E_OK);
    }
}

// PS3.3 C.7.6.19: values from the palette's first on have its colours, those below the grey path.
// Window 0 … 200 of LINEAR_EXACT: 100 is (100 - 100) / 200 + 0.5 of 255, rounded 128.
static void test_supplemental_palette(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    begin(&f, DCM_EXPLICIT_LE);
    static const uint8_t red[] = {10, 40};
    static const uint8_t green[] = {20, 50};
    static const uint8_t blue[] = {30, 60};
    put_palette(&f, 1000, red, green, blue);
    put_text(&f, DCM_PixelPresentation, DCM_VR_CS, "COLOR");
    put_text(&f, DCM_WindowCenter, DCM_VR_DS, "100");
    put_text(&f, DCM_WindowWidth, DCM_VR_DS, "200");
    put_text(&f, DCM_VOILUTFunction, DCM_VR_CS, "LINEAR_EXACT");
    static const uint16_t values[] = {0, 100, 999, 1000, 1001, 4000};
    for (size_t i = 0; i < 6; i++) {
        num_put_le16(f.cells + 2 * i, values[i]);
    }
    read_image(&f);
    assert_true(f.image.supplemental);
    (void)white(&f, 0);
    assert_int_equal(f.bitmap.channels, 3);
    static const uint8_t expected[] = {0,  0,  0,  128, 128, 128, 255, 255, 255,
                                       10, 20, 30, 40,  50,  60,  40,  50,  60};
    assert_memory_equal(f.bitmap.data, expected, sizeof expected);
}

// PS3.3 C.7.6.3.1.5: of signed pixels the first value mapped is signed, too.
static void test_signed_palette(void **state) {
    (void)state;
    CLEANUP(end) struct fixture f;
    begin(&f, DCM_EXPLICIT_LE);
    static const uint8_t red[] = {1, 4};
    static const uint8_t green[] = {2, 5};
    static const uint8_t blue[] = {3, 6};
    put_palette(&f, -1, red, green, blue);
    put_text(&f, DCM_PhotometricInterpretation, DCM_VR_CS, "PALETTE COLOR");
    put(&f, DCM_PixelRepresentation, DCM_VR_US, 1);
    num_put_le16(f.cells, 0xFFF);     // -1 of 12 bits
    num_put_le16(f.cells + 2, 0);     // the second entry
    num_put_le16(f.cells + 4, 0x800); // -2048: before the first
    read_image(&f);
    assert_int_equal(f.image.palette.first, -1);
    (void)white(&f, 0);
    static const uint8_t expected[] = {1, 2, 3, 4, 5, 6, 1, 2, 3};
    assert_memory_equal(f.bitmap.data, expected, sizeof expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_graphics),
        cmocka_unit_test(test_words_of_big_endian),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_regions),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_one_frame),
        cmocka_unit_test(test_in_unused_bits),
        cmocka_unit_test(test_bad_ones),
        cmocka_unit_test(test_supplemental_palette),
        cmocka_unit_test(test_signed_palette),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
