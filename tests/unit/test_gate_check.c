// SPDX-License-Identifier: Apache-2.0
// What maclab check finds in a file, and where; what stands for nothing is no finding.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "dicom/part10.h"
#include "dicom/tags.h"
#include "gate/check.h"

struct file {
    struct arena arena;
    struct dcm_dataset *d;
    struct buf bytes;
};

static void put(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, const char *text) {
    struct err e = {0};
    assert_int_equal(dcm_put_str(d, tag, vr, text, &e), E_OK);
}

static void begin(struct file *f) {
    arena_init(&f->arena, 256 << 20);
    buf_init(&f->bytes, 1 << 20);
    f->d = dcm_dataset_new(&f->arena, DCM_EXPLICIT_LE);
    put(f->d, DCM_SOPClassUID, DCM_VR_UI, "1.2.840.10008.5.1.4.1.1.7");
    put(f->d, DCM_SOPInstanceUID, DCM_VR_UI, "2.25.1234");
    put(f->d, DCM_PatientName, DCM_VR_PN, "CASE-7Q4K-2M9XWT");
    put(f->d, DCM_PatientID, DCM_VR_LO, "CASE-7Q4K-2M9XWT");
    put(f->d, DCM_StudyDate, DCM_VR_DA, "20000101");
    put(f->d, DCM_StudyTime, DCM_VR_TM, "000000");
    put(f->d, DCM_StudyDescription, DCM_VR_LO, "CT left hand AP");
    put(f->d, DCM_Manufacturer, DCM_VR_LO, "SIEMENS");
}

static int sink(void *context, struct slice bytes, struct err *e) {
    (void)e;
    buf_put_slice(context, bytes);
    return E_OK;
}

static struct gate_checked check(struct file *f, const char *name) {
    struct err e = {0};
    struct gate_checked checked = {0};
    struct gate_check ask = {.values = true, .name = slice_str(name)};
    struct dcm_write_options options = {.syntax_uid = "1.2.840.10008.1.2.1"};
    if (f->bytes.len == 0) {
        assert_int_equal(dcm_file_write(f->d, &options, (struct dcm_sink){sink, &f->bytes}, &e),
                         E_OK);
    }
    assert_int_equal(gate_check_file(&f->arena, &ask, buf_slice(&f->bytes), &checked, &e), E_OK);
    return checked;
}

static bool has(const struct gate_checked *c, enum gate_kind kind, const char *where) {
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->list[i].kind == kind && strstr(c->list[i].where, where) != NULL) {
            return true;
        }
    }
    return false;
}

static void end(struct file *f) {
    buf_done(&f->bytes);
    arena_done(&f->arena);
}

static void test_clean(void **state) {
    (void)state;
    struct file f;
    begin(&f);
    struct gate_checked c = check(&f, "CASE-7Q4K-2M9XWT/2.25.1234.dcm");
    for (uint32_t i = 0; i < c.count; i++) {
        print_error("%s: %s\n", c.list[i].where, gate_kind_code(c.list[i].kind));
    }
    assert_int_equal(c.count, 0);
    end(&f);
}

static const struct {
    dcm_tag tag;
    enum dcm_vr vr;
    const char *value;
    enum gate_kind kind;
} left[] = {
    {DCM_PatientName, DCM_VR_PN, "HAND^PETER", GATE_KIND_PERSON_NAME},
    {DCM_PatientID, DCM_VR_LO, "RX1234567", GATE_KIND_PATIENT_ID},
    {DCM_PatientBirthDate, DCM_VR_DA, "19560203", GATE_KIND_BIRTH_DATE},
    {DCM_StudyDate, DCM_VR_DA, "20210911", GATE_KIND_DATE},
    {DCM_AccessionNumber, DCM_VR_SH, "A998877", GATE_KIND_HOSPITAL_NUMBER},
    {DCM_InstitutionName, DCM_VR_LO, "Plughole", GATE_KIND_INSTITUTION},
    {DCM_StationName, DCM_VR_SH, "XYCT77", GATE_KIND_DEVICE},
    {DCM_DeviceSerialNumber, DCM_VR_LO, "44556", GATE_KIND_DEVICE},
    {DCM_PatientAge, DCM_VR_AS, "097Y", GATE_KIND_AGE},
    {DCM_ReferringPhysicianName, DCM_VR_PN, "QUORBLE", GATE_KIND_PERSON_NAME},
    {DCM_StudyDescription, DCM_VR_LO, "CT chest Dr Hand", GATE_KIND_PERSON_NAME},
    {DCM_SeriesDescription, DCM_VR_LO, "NHS 943 476 5919", GATE_KIND_NHS_NUMBER},
    {DCM_ImageComments, DCM_VR_LT, "lives at SW1A 1AA", GATE_KIND_ADDRESS},
    {DCM_TAG(0x0009, 0x1001), DCM_VR_LO, "anything at all", GATE_KIND_PRIVATE},
    {DCM_BurnedInAnnotation, DCM_VR_CS, "YES", GATE_KIND_PIXEL_TEXT},
    {DCM_TAG(0x6000, 0x4000), DCM_VR_LT, "x", GATE_KIND_GRAPHICS},
};

static void test_left(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        struct file f;
        char tag[DCM_TAG_TEXT_LEN + 1];
        begin(&f);
        if (dcm_tag_is_private(left[i].tag)) {
            put(f.d, DCM_TAG(0x0009, 0x0010), DCM_VR_LO, "ACME");
        }
        put(f.d, left[i].tag, left[i].vr, left[i].value);
        struct gate_checked c = check(&f, "");
        if (!has(&c, left[i].kind, dcm_tag_text(left[i].tag, tag))) {
            fail_msg("%s %s is not found", tag, left[i].value);
        }
        end(&f);
    }
}

static void test_deep(void **state) {
    (void)state;
    struct file f;
    struct err e = {0};
    struct dcm_dataset *item, *deep;
    begin(&f);
    assert_int_equal(dcm_add_item(f.d, DCM_RequestAttributesSequence, &item, &e), E_OK);
    assert_int_equal(dcm_add_item(item, DCM_RequestedProcedureCodeSequence, &deep, &e), E_OK);
    put(deep, DCM_CodeMeaning, DCM_VR_LO, "chest");
    put(deep, DCM_ReferringPhysicianName, DCM_VR_PN, "QUORBLE");
    struct gate_checked c = check(&f, "");
    assert_true(has(&c, GATE_KIND_PERSON_NAME, "(0040,0275)[0].(0032,1064)[0].(0008,0090)"));
    end(&f);
}

static void test_container(void **state) {
    (void)state;
    struct file f;
    begin(&f);
    (void)check(&f, "");
    memcpy(f.bytes.data, "Peter Hand was here", 19);
    struct gate_checked c = check(&f, "hand/943 476 5919.dcm");
    assert_true(has(&c, GATE_KIND_CONTAINER, "preamble"));
    assert_true(has(&c, GATE_KIND_FILE_NAME, "file name"));
    end(&f);
}

// What was asked and found goes through a worker; bytes that are none are refused.
static void test_wire(void **state) {
    (void)state;
    struct file f;
    struct err e = {0};
    struct buf wire;
    struct gate_checked back;
    begin(&f);
    put(f.d, DCM_PatientName, DCM_VR_PN, "HAND^PETER");
    struct gate_checked c = check(&f, "");
    buf_init(&wire, 1 << 20);
    gate_checked_pack(&c, &wire);
    assert_int_equal(gate_checked_unpack(&f.arena, buf_slice(&wire), &back, &e), E_OK);
    assert_int_equal(back.count, c.count);
    assert_true(has(&back, GATE_KIND_PERSON_NAME, "(0010,0010)"));
    for (size_t len = 0; len < wire.len; len++) {
        assert_int_equal(
            gate_checked_unpack(&f.arena, slice_first(buf_slice(&wire), len), &back, &e),
            E_CRASHED);
    }
    buf_done(&wire);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),     cmocka_unit_test(test_left), cmocka_unit_test(test_deep),
        cmocka_unit_test(test_container), cmocka_unit_test(test_wire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
