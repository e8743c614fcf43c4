// SPDX-License-Identifier: Apache-2.0
// The table of structural checks: for each, the smallest file that it is there for.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/num.h"
#include "gate/structural.h"
#include "instance_files.h"

#define ARENA ((size_t)64 << 20)

struct expect {
    int code;
    enum gate_reason reason;
};

static void look(struct slice bytes, struct expect expect, struct gate_structural *ret) {
    struct arena a;
    struct gate_structural s;
    arena_init(&a, ARENA);
    int rc = gate_structural_run(&a, bytes, &s);
    if (rc != expect.code || s.report.reason != expect.reason) {
        fail_msg("%s / %s, expected %s / %s: %s", err_name(rc), gate_reason_code(s.report.reason),
                 err_name(expect.code), gate_reason_code(expect.reason), s.report.why.text);
    }
    assert_int_equal(s.report.verdict, rc == E_OK ? GATE_RELEASED : GATE_REFUSED);
    if (ret != NULL) {
        *ret = s;
    }
    arena_done(&a);
}

static void test_whole(void **state) {
    (void)state;
    static const char *const syntaxes[] = {DCM_EXPLICIT_LE_UID, DCM_IMPLICIT_LE_UID,
                                           DCM_DEFLATED_UID};
    for (size_t i = 0; i < 3; i++) {
        struct buf file;
        struct gate_structural s;
        buf_init(&file, 1 << 20);
        struct instance_words words = {.syntax = syntaxes[i]};
        instance_make(&words, &file);
        look(buf_slice(&file), (struct expect){E_OK, GATE_REASON_NONE}, &s);
        assert_false(s.needs_meta);
        assert_true(s.has_pixels && s.pixels_known);
        assert_string_equal(s.study, "2.25.100");
        buf_done(&file);
    }
}

static void test_words(void **state) {
    (void)state;
    const struct {
        struct instance_words words;
        struct expect expect;
    } rows[] = {
        {{.no_pixels = true, .sop_class = "1.2.840.10008.5.1.4.1.1.88.11"},
         {E_OK, GATE_REASON_NONE}},
        {{.sop_class = "1.2.276.0.7230010.3.99"}, {E_OK, GATE_REASON_NONE}}, // private
        {{.sop_class = "1.2.840.10008.1.1"},
         {E_UNSUPPORTED, GATE_REASON_SOP_CLASS}}, // verification
        {{.sop_class = "1.2.840.10008.99.99"}, {E_UNSUPPORTED, GATE_REASON_SOP_CLASS}},
        {{.sop_class = ""}, {E_MISSING, GATE_REASON_SOP_CLASS}},
        {{.study = ""}, {E_MISSING, GATE_REASON_UID}},
        {{.series = "1..2"}, {E_VALUE, GATE_REASON_UID}},
        {{.instance = "not a uid"}, {E_VALUE, GATE_REASON_UID}},
        {{.rows_said = 9}, {E_TRUNCATED, GATE_REASON_PIXELS_CUT}},
        {{.rows_said = 60000}, {E_TRUNCATED, GATE_REASON_PIXELS_CUT}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf file;
        buf_init(&file, 1 << 20);
        instance_make(&rows[i].words, &file);
        look(buf_slice(&file), rows[i].expect, NULL);
        buf_done(&file);
    }
}

static void test_cut(void **state) {
    (void)state;
    struct buf file;
    struct instance_words words = {0};
    buf_init(&file, 1 << 20);
    instance_make(&words, &file);
    // Wherever it is cut it is refused; between two elements, because an image has pixels.
    for (size_t len = 0; len < file.len; len++) {
        struct arena a;
        struct gate_structural s;
        arena_init(&a, ARENA);
        int rc = gate_structural_run(&a, slice_of(file.data, len), &s);
        assert_true(rc < 0);
        arena_done(&a);
    }
    struct gate_structural s;
    look(slice_of(file.data, file.len - 1), (struct expect){E_TRUNCATED, GATE_REASON_TRUNCATED},
         &s);
    assert_true(s.report.why.has_offset);
    assert_non_null(strstr(s.report.why.path, "7FE0,0010"));
    assert_string_equal(s.sop_instance, "2.25.300"); // the sender learns which it was
    assert_true(s.sop_class[0] != '\0');
    look(slice_of(file.data, 0), (struct expect){E_NOT_DICOM, GATE_REASON_EMPTY}, NULL);
    buf_done(&file);
}

static void test_not_dicom(void **state) {
    (void)state;
    char text[4000];
    memset(text, 'x', sizeof text);
    look(slice_of(text, sizeof text), (struct expect){E_NOT_DICOM, GATE_REASON_NOT_DICOM}, NULL);
    memset(text, 0, sizeof text);
    look(slice_of(text, sizeof text), (struct expect){E_NOT_DICOM, GATE_REASON_NOT_DICOM}, NULL);
}

static void test_nested(void **state) {
    (void)state;
    struct buf file;
    struct instance_words words = {.no_pixels = true};
    buf_init(&file, 1 << 22);
    instance_make(&words, &file);
    static const uint8_t begin[] = {0x40, 0x00, 0x30, 0xA7, 'S',  'Q',  0,    0,    0xFF, 0xFF,
                                    0xFF, 0xFF, 0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF};
    for (int i = 0; i < 20000; i++) {
        buf_put(&file, begin, sizeof begin);
    }
    struct gate_structural s;
    look(buf_slice(&file), (struct expect){E_NESTING, GATE_REASON_NESTING}, &s);
    assert_true(s.report.why.has_offset);
    buf_done(&file);
}

static void test_behind(void **state) {
    (void)state;
    struct buf file;
    struct instance_words words = {0};
    struct gate_structural s;
    buf_init(&file, 1 << 20);
    instance_make(&words, &file);
    size_t len = file.len;
    for (int i = 0; i < 300; i++) {
        buf_put_byte(&file, 0);
    }
    look(buf_slice(&file), (struct expect){E_OK, GATE_REASON_NONE}, &s);
    assert_int_equal(s.report.finding_count, 1);
    assert_int_equal(s.report.findings[0].reason, GATE_REASON_TRAILING);
    file.len = len;
    buf_put_str(&file, "and this is no element of any data set at all");
    struct arena a;
    arena_init(&a, ARENA);
    assert_true(gate_structural_run(&a, buf_slice(&file), &s) < 0);
    arena_done(&a);
    buf_done(&file);
}

// Without preamble and meta, or with a meta that names another instance: to be written anew.
static void test_meta(void **state) {
    (void)state;
    struct buf file;
    struct instance_words words = {.instance = "2.25.301"};
    struct gate_structural s;
    buf_init(&file, 1 << 20);
    instance_make(&words, &file);
    size_t meta = 144 + num_le32(file.data + 140);
    look(slice_from(buf_slice(&file), meta), (struct expect){E_OK, GATE_REASON_NONE}, &s);
    assert_true(s.needs_meta);
    uint8_t *named = memmem(file.data, meta, "2.25.301", 8);
    assert_non_null(named);
    named[7] = '2';
    look(buf_slice(&file), (struct expect){E_OK, GATE_REASON_NONE}, &s);
    assert_true(s.needs_meta);
    assert_int_equal(s.report.findings[0].reason, GATE_REASON_META_REPAIRED);
    assert_string_equal(s.sop_instance, "2.25.301");
    buf_done(&file);
}

static void test_directory(void **state) {
    (void)state;
    struct buf file;
    struct instance_words words = {.sop_class = "1.2.840.10008.1.3.10", .no_pixels = true};
    buf_init(&file, 1 << 20);
    instance_make(&words, &file);
    look(buf_slice(&file), (struct expect){E_UNSUPPORTED, GATE_REASON_MEDIA_DIRECTORY}, NULL);
    buf_done(&file);
}

static void test_tables(void **state) {
    (void)state;
    for (int r = 1; r < GATE_REASON_COUNT; r++) {
        assert_true(strlen(gate_reason_code((enum gate_reason)r)) < 32);
        assert_true(strlen(gate_reason_words((enum gate_reason)r)) > 8);
    }
    assert_string_equal(gate_verdict_word(GATE_HELD), "held");
    struct gate_report r = {0};
    for (int i = 0; i < 2 * GATE_FINDINGS_MAX; i++) {
        gate_note(&r, GATE_REASON_ODDITY, NULL);
    }
    assert_int_equal(r.finding_count, GATE_FINDINGS_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),  cmocka_unit_test(test_words),
        cmocka_unit_test(test_cut),    cmocka_unit_test(test_not_dicom),
        cmocka_unit_test(test_nested), cmocka_unit_test(test_behind),
        cmocka_unit_test(test_meta),   cmocka_unit_test(test_directory),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
