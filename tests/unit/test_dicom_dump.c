// SPDX-License-Identifier: Apache-2.0
// The dump: its lines for each kind of value, names of private elements and UIDs, character sets,
// shortening, remarks at the end, and what it says of a file that is cut.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/dataset.h"
#include "dicom/dump.h"
#include "dicom/part10.h"
#include "dicom/tags.h"

#define MEMORY ((size_t)1 << 30)

struct fixture {
    struct arena arena;
    struct dcm_dataset *d;
    struct buf file;
    struct buf out;
};

static void set_up(struct fixture *f) {
    arena_init(&f->arena, MEMORY);
    buf_init(&f->file, MEMORY);
    buf_init(&f->out, MEMORY);
    f->d = dcm_dataset_new(&f->arena, DCM_EXPLICIT_LE);
}

static void tear_down(struct fixture *f) {
    buf_done(&f->file);
    buf_done(&f->out);
    arena_done(&f->arena);
}

static void put(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, const char *text) {
    struct err e = {0};
    assert_int_equal(dcm_put_str(d, tag, vr, text, &e), E_OK);
}

static int dump(struct fixture *f, bool offsets, bool full, struct err *e) {
    struct dcm_file file;
    struct dcm_dump_options options = {.offsets = offsets, .full = full};
    assert_int_equal(dcm_file_open(&f->arena, buf_slice(&f->file), &file, e), E_OK);
    buf_clear(&f->out);
    return dcm_dump(&file, &options, dcm_sink_buf(&f->out), e);
}

static void write_file(struct fixture *f) {
    struct err e = {0};
    const struct dcm_write_options options = {.syntax_uid = DCM_EXPLICIT_LE_UID,
                                              .implementation_uid = "1.2.3",
                                              .implementation_name = "TEST",
                                              .sop_class_uid = "1.2.840.10008.5.1.4.1.1.2",
                                              .sop_instance_uid = "1.2.3.4"};
    buf_clear(&f->file);
    assert_int_equal(dcm_file_write(f->d, &options, dcm_sink_buf(&f->file), &e), E_OK);
}

// The lines behind the empty line that ends the meta information.
static const char *body_of(struct fixture *f) {
    buf_put_byte(&f->out, 0);
    const char *text = (const char *)f->out.data;
    const char *body = strstr(text, "\n\n");
    assert_non_null(body);
    return body + 2;
}

static void each_kind_of_value_has_its_line(void **state) {
    (void)state;
    struct fixture f;
    struct err e = {0};
    struct dcm_dataset *item;
    set_up(&f);
    const int64_t sizes[] = {512, 65535};
    const int64_t tags[] = {0x00181063};
    const double reals[] = {0.1, -1.5};
    static const uint8_t pixels[20] = {1, 2, 3};
    put(f.d, DCM_SpecificCharacterSet, DCM_VR_CS, "ISO_IR 100");
    put(f.d, DCM_SOPClassUID, DCM_VR_UI, "1.2.840.10008.5.1.4.1.1.2");
    put(f.d, DCM_StudyDate, DCM_VR_DA, "");
    put(f.d, DCM_ImageType, DCM_VR_CS, "ORIGINAL\\PRIMARY");
    put(f.d, DCM_PatientName, DCM_VR_PN, "M\xfcller^J\xf6rg");
    put(f.d, DCM_TAG(0x0009, 0x0010), DCM_VR_LO, "ACME 1.0");
    put(f.d, DCM_TAG(0x0009, 0x1042), DCM_VR_UN, "plain text ");
    put(f.d, DCM_TAG(0x0011, 0x1042), DCM_VR_OB, "\x01\x02");
    put(f.d, DCM_TAG(0x0008, 0x9999), DCM_VR_LO, "x");
    put(f.d, DCM_ImageComments, DCM_VR_LT, "two\r\nlines\a");
    assert_int_equal(dcm_put_ints(f.d, DCM_Rows, DCM_VR_US, sizes, 2, &e), E_OK);
    assert_int_equal(dcm_put_ints(f.d, DCM_FrameIncrementPointer, DCM_VR_AT, tags, 1, &e), E_OK);
    assert_int_equal(dcm_put_doubles(f.d, DCM_TAG(0x0018, 0x9073), DCM_VR_FD, reals, 2, &e), E_OK);
    assert_int_equal(dcm_put(f.d, DCM_PixelData, DCM_VR_OW, slice_of(pixels, 20), &e), E_OK);
    assert_int_equal(dcm_add_item(f.d, DCM_ReferencedImageSequence, &item, &e), E_OK);
    put(item, DCM_ReferencedSOPInstanceUID, DCM_VR_UI, "1.2");
    assert_int_equal(dcm_add_item(f.d, DCM_ReferencedImageSequence, &item, &e), E_OK);
    write_file(&f);
    assert_int_equal(dump(&f, false, false, &e), E_OK);
    assert_string_equal(
        body_of(&f),
        "(0008,0005) CS     10   1  SpecificCharacterSet             [ISO_IR 100]\n"
        "(0008,0008) CS     16   2  ImageType                        [ORIGINAL\\PRIMARY]\n"
        "(0008,0016) UI     26   1  SOPClassUID                      [1.2.840.10008.5.1.4.1.1.2] = "
        "CT Image Storage\n"
        "(0008,0020) DA      0   0  StudyDate\n"
        "(0008,1140) SQ     28      ReferencedImageSequence\n"
        "  > item 1\n"
        "    (0008,1155) UI      4   1  ReferencedSOPInstanceUID         [1.2]\n"
        "  > item 2\n"
        "(0008,9999) LO      2   1  (not in the dictionary)          [x]\n"
        "(0009,0010) LO      8   1  PrivateCreator                   [ACME 1.0]\n"
        "(0009,1042) UN     12      ACME 1.0:42                      [plain text]\n"
        "(0010,0010) PN     12   1  PatientName                      [Müller^Jörg]\n"
        "(0011,1042) OB      2      (no creator):42                  01 02\n"
        "(0018,9073) FD     16   2  AcquisitionDuration              0.1\\-1.5\n"
        "(0020,4000) LT     12   1  ImageComments                    [two⏎lines<07>]\n"
        "(0028,0009) AT      4   1  FrameIncrementPointer            (0018,1063) = FrameTime\n"
        "(0028,0010) US      4   2  Rows                             512\\65535\n"
        "(7FE0,0010) OW     20      PixelData                        01 02 03 00 00 00 00 00 00 00 "
        "00 00 00 00 00 00 … 20 bytes\n"
        "# Remarks\n"
        "#   (0020,4000) U+0007 is not allowed in LT\n");
    tear_down(&f);
}

static void fragments_are_summed_up(void **state) {
    (void)state;
    struct fixture f;
    struct err e = {0};
    set_up(&f);
    static const uint8_t table[8] = {0};
    struct slice fragments[] = {slice_of(table, 8), slice_str("abcd"), slice_str("efghij")};
    assert_int_equal(dcm_put_fragments(f.d, DCM_PixelData, DCM_VR_OB, fragments, 3, &e), E_OK);
    const struct dcm_write_options options = {.syntax_uid = DCM_JPEG_BASELINE_UID,
                                              .implementation_uid = "1.2.3",
                                              .implementation_name = "TEST",
                                              .sop_class_uid = "1.2",
                                              .sop_instance_uid = "1.2.3.4"};
    assert_int_equal(dcm_file_write(f.d, &options, dcm_sink_buf(&f.file), &e), E_OK);
    assert_int_equal(dump(&f, false, false, &e), E_OK);
    assert_string_equal(body_of(&f),
                        "(7FE0,0010) OB  undef      PixelData                        encapsulated\n"
                        "    2 fragments, 18 bytes\n");
    assert_int_equal(dump(&f, false, true, &e), E_OK);
    assert_string_equal(body_of(&f),
                        "(7FE0,0010) OB  undef      PixelData                        encapsulated\n"
                        "    basic offset table, 2 entries\n"
                        "    fragment 1, 4 bytes\n"
                        "    fragment 2, 6 bytes\n"
                        "    2 fragments, 18 bytes\n");
    tear_down(&f);
}

static void offsets_count_in_the_file(void **state) {
    (void)state;
    struct fixture f;
    struct err e = {0};
    set_up(&f);
    put(f.d, DCM_Modality, DCM_VR_CS, "CT");
    write_file(&f);
    assert_int_equal(dump(&f, true, false, &e), E_OK);
    char expected[128];
    (void)snprintf(expected, sizeof expected,
                   "%10zu  (0008,0060) CS      2   1  Modality                         [CT]\n",
                   f.file.len - 10);
    assert_string_equal(body_of(&f), expected);
    tear_down(&f);
}

static void values_against_their_vr_are_remarked(void **state) {
    (void)state;
    struct fixture f;
    struct err e = {0};
    struct dcm_dataset *item;
    set_up(&f);
    put(f.d, DCM_StudyDate, DCM_VR_DA, "20260229");
    assert_int_equal(dcm_add_item(f.d, DCM_ReferencedImageSequence, &item, &e), E_OK);
    put(item, DCM_ReferencedSOPInstanceUID, DCM_VR_UI, "1.02");
    write_file(&f);
    assert_int_equal(dump(&f, false, false, &e), E_OK);
    const char *remarks = strstr(body_of(&f), "# Remarks\n");
    assert_non_null(remarks);
    assert_string_equal(remarks, "# Remarks\n"
                                 "#   (0008,0020) no such day in \"20260229\"\n"
                                 "#   (0008,1140)[0].(0008,1155) no UID: \"1.02\"\n");
    tear_down(&f);
}

static void long_values_are_cut_unless_all_is_wanted(void **state) {
    (void)state;
    struct fixture f;
    struct err e = {0};
    char text[400];
    set_up(&f);
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    put(f.d, DCM_ImageComments, DCM_VR_LT, text);
    write_file(&f);
    assert_int_equal(dump(&f, false, false, &e), E_OK);
    assert_non_null(strstr(body_of(&f), "aaa…]"));
    assert_int_equal(dump(&f, false, true, &e), E_OK);
    assert_non_null(strstr(body_of(&f), text));
    tear_down(&f);
}

static void a_cut_file_shows_what_is_there(void **state) {
    (void)state;
    struct fixture f;
    struct err e = {0};
    set_up(&f);
    put(f.d, DCM_Modality, DCM_VR_CS, "CT");
    put(f.d, DCM_PatientID, DCM_VR_LO, "12345678");
    write_file(&f);
    f.file.len -= 4;
    assert_int_equal(dump(&f, false, false, &e), E_TRUNCATED);
    assert_string_equal(e.path, "(0010,0020)");
    assert_string_equal(body_of(&f),
                        "(0008,0060) CS      2   1  Modality                         [CT]\n");
    tear_down(&f);
}

static void short_memory_is_an_error(void **state) {
    (void)state;
    struct fixture f;
    struct err e = {0};
    set_up(&f);
    put(f.d, DCM_Modality, DCM_VR_CS, "CT");
    put(f.d, DCM_PatientName, DCM_VR_PN, "A^B");
    write_file(&f);
    bool done = false;
    for (size_t n = 0; !done && n < 200; n++) {
        struct dcm_file file;
        struct dcm_dump_options options = {0};
        struct arena a;
        arena_init(&a, MEMORY);
        buf_done(&f.out);
        mem_fail_after(n);
        int rc = dcm_file_open(&a, buf_slice(&f.file), &file, &e);
        if (rc == E_OK) {
            rc = dcm_dump(&file, &options, dcm_sink_buf(&f.out), &e);
        }
        mem_fail_after(MEM_FAIL_NEVER);
        assert_true(rc == E_OK || rc == E_MEMORY);
        done = rc == E_OK;
        arena_done(&a);
    }
    assert_true(done);
    tear_down(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_value_has_its_line),
        cmocka_unit_test(fragments_are_summed_up),
        cmocka_unit_test(offsets_count_in_the_file),
        cmocka_unit_test(values_against_their_vr_are_remarked),
        cmocka_unit_test(long_values_are_cut_unless_all_is_wanted),
        cmocka_unit_test(a_cut_file_shows_what_is_there),
        cmocka_unit_test(short_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
