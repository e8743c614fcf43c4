// SPDX-License-Identifier: Apache-2.0
// Which recordings may enter: every storage class of the registry is judged, captures and eyes by
// what they say of themselves, documents, private classes, photographs and sounds never.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "gate/category.h"

#define SC "1.2.840.10008.5.1.4.1.1.7"
#define OP8 "1.2.840.10008.5.1.4.1.1.77.1.5.1"
#define CT "1.2.840.10008.5.1.4.1.1.2"
#define ENDOSCOPIC "1.2.840.10008.5.1.4.1.1.77.1.1"

struct row {
    const char *sop, *modality, *description, *conversion;
    int64_t samples;
    bool sources; // refers to the images it was made from
    enum gate_category category;
    enum gate_verdict verdict;
    enum gate_reason reason;
};

static const struct row rows[] = {
    {CT, "CT", "CT Chest", NULL, 1, false, GATE_CATEGORY_XRAY, GATE_RELEASED, 0},
    {"1.2.840.10008.5.1.4.1.1.1.1", "DX", NULL, NULL, 1, false, GATE_CATEGORY_XRAY, GATE_RELEASED,
     0},
    {"1.2.840.10008.5.1.4.1.1.4", "MR", NULL, NULL, 1, false, GATE_CATEGORY_ORGAN, GATE_RELEASED,
     0},
    {"1.2.840.10008.5.1.4.1.1.6.1", "US", NULL, NULL, 3, false, GATE_CATEGORY_ULTRASOUND,
     GATE_RELEASED, 0},
    {"1.2.840.10008.5.1.4.1.1.128", "PT", NULL, NULL, 1, false, GATE_CATEGORY_ORGAN, GATE_RELEASED,
     0},
    {"1.2.840.10008.5.1.4.1.1.9.1.1", "ECG", NULL, NULL, 0, false, GATE_CATEGORY_FUNCTION,
     GATE_RELEASED, 0},
    {"1.2.840.10008.5.1.4.1.1.88.67", "SR", NULL, NULL, 0, false, GATE_CATEGORY_DERIVED,
     GATE_RELEASED, 0},
    {"1.2.840.10008.5.1.4.1.1.88.59", "KO", NULL, NULL, 0, false, GATE_CATEGORY_DERIVED,
     GATE_RELEASED, 0},
    {"1.2.840.10008.5.1.4.1.1.66.4", "SEG", NULL, NULL, 1, false, GATE_CATEGORY_DERIVED,
     GATE_RELEASED, 0},
    {"1.2.840.10008.5.1.4.1.1.481.5", "RTPLAN", NULL, NULL, 0, false, GATE_CATEGORY_DERIVED,
     GATE_RELEASED, 0},
    {"1.2.840.10008.5.1.4.1.1.77.1.6", "SM", NULL, NULL, 3, false, GATE_CATEGORY_PATHOLOGY,
     GATE_RELEASED, 0},
    {ENDOSCOPIC, "ES", NULL, NULL, 3, false, GATE_CATEGORY_ENDOSCOPY, GATE_RELEASED, 0},
    {ENDOSCOPIC, "XC", NULL, NULL, 3, false, GATE_CATEGORY_PHOTOGRAPH, GATE_REFUSED,
     GATE_REASON_CATEGORY},
    // photographs
    {"1.2.840.10008.5.1.4.1.1.77.1.4", "XC", NULL, NULL, 3, false, GATE_CATEGORY_PHOTOGRAPH,
     GATE_REFUSED, GATE_REASON_CATEGORY},
    {"1.2.840.10008.5.1.4.1.1.77.1.4.1", "XC", NULL, NULL, 3, false, GATE_CATEGORY_PHOTOGRAPH,
     GATE_REFUSED, GATE_REASON_CATEGORY},
    {"1.2.840.10008.5.1.4.1.1.77.1.7", "DMS", NULL, NULL, 3, false, GATE_CATEGORY_PHOTOGRAPH,
     GATE_REFUSED, GATE_REASON_CATEGORY},
    {"1.2.840.10008.5.1.4.1.1.68.1", "LS", NULL, NULL, 0, false, GATE_CATEGORY_PHOTOGRAPH,
     GATE_REFUSED, GATE_REASON_CATEGORY},
    // eyes
    {OP8, "OP", "Fundus left eye", NULL, 3, false, GATE_CATEGORY_ORGAN, GATE_RELEASED, 0},
    {OP8, "OP", "Lid and lashes", NULL, 3, false, GATE_CATEGORY_PHOTOGRAPH, GATE_REFUSED,
     GATE_REASON_CATEGORY},
    {"1.2.840.10008.5.1.4.1.1.77.1.5.4", "OPT", NULL, NULL, 1, false, GATE_CATEGORY_ORGAN,
     GATE_RELEASED, 0},
    // documents, sounds, what nobody can look into
    {"1.2.840.10008.5.1.4.1.1.104.1", "DOC", NULL, NULL, 0, false, GATE_CATEGORY_DOCUMENT,
     GATE_REFUSED, GATE_REASON_DOCUMENT},
    {"1.2.840.10008.5.1.4.1.1.104.2", "SR", NULL, NULL, 0, false, GATE_CATEGORY_DOCUMENT,
     GATE_REFUSED, GATE_REASON_DOCUMENT},
    {"1.2.840.10008.5.1.4.1.1.104.3", "M3D", NULL, NULL, 0, false, GATE_CATEGORY_DOCUMENT,
     GATE_REFUSED, GATE_REASON_DOCUMENT},
    {"1.2.840.10008.5.1.4.1.1.104.4", "M3D", NULL, NULL, 0, false, GATE_CATEGORY_DOCUMENT,
     GATE_REFUSED, GATE_REASON_DOCUMENT},
    {"1.2.840.10008.5.1.4.1.1.104.5", "M3D", NULL, NULL, 0, false, GATE_CATEGORY_DOCUMENT,
     GATE_REFUSED, GATE_REASON_DOCUMENT},
    {"1.2.840.10008.5.1.4.1.1.9.4.1", "AU", NULL, NULL, 0, false, GATE_CATEGORY_OTHER, GATE_REFUSED,
     GATE_REASON_CATEGORY},
    {"1.2.840.10008.5.1.4.1.1.66", "CT", NULL, NULL, 0, false, GATE_CATEGORY_OTHER, GATE_REFUSED,
     GATE_REASON_STRUCTURE},
    {"1.3.12.2.1107.5.9.1", "CT", NULL, NULL, 0, false, GATE_CATEGORY_OTHER, GATE_REFUSED,
     GATE_REASON_PRIVATE_CLASS},
    {"1.2.276.0.7230010.3.1.0.1", "MR", NULL, NULL, 0, false, GATE_CATEGORY_OTHER, GATE_REFUSED,
     GATE_REASON_PRIVATE_CLASS},
    // captures
    {SC, "CT", "Dose report", "WSD", 3, false, GATE_CATEGORY_XRAY, GATE_RELEASED, 0},
    {SC, "US", NULL, NULL, 3, false, GATE_CATEGORY_ULTRASOUND, GATE_RELEASED, 0},
    {SC, "OT", NULL, "WSD", 3, false, GATE_CATEGORY_DERIVED, GATE_RELEASED, 0},
    {SC, "OT", NULL, NULL, 1, false, GATE_CATEGORY_DERIVED, GATE_RELEASED, 0},
    {SC, "OT", NULL, NULL, 3, true, GATE_CATEGORY_DERIVED, GATE_RELEASED, 0},
    {SC, "OT", NULL, "DV", 3, false, GATE_CATEGORY_DERIVED, GATE_HELD, GATE_REASON_CATEGORY},
    {SC, "OT", "Clinical photograph of the wound", "WSD", 3, false, GATE_CATEGORY_PHOTOGRAPH,
     GATE_REFUSED, GATE_REASON_CATEGORY},
    {SC, "CT", "Clinical photo", "WSD", 3, false, GATE_CATEGORY_PHOTOGRAPH, GATE_REFUSED,
     GATE_REASON_CATEGORY},
    {SC, "OT", "Request form", NULL, 1, false, GATE_CATEGORY_DOCUMENT, GATE_REFUSED,
     GATE_REASON_DOCUMENT},
    {SC, "OT", NULL, "SD", 1, false, GATE_CATEGORY_DOCUMENT, GATE_REFUSED, GATE_REASON_DOCUMENT},
    {SC, "XC", NULL, NULL, 3, false, GATE_CATEGORY_PHOTOGRAPH, GATE_REFUSED, GATE_REASON_CATEGORY},
    {SC, "DOC", NULL, NULL, 3, false, GATE_CATEGORY_DOCUMENT, GATE_REFUSED, GATE_REASON_DOCUMENT},
    {"1.2.840.10008.5.1.4.1.1.7.4", NULL, NULL, "WSD", 3, false, GATE_CATEGORY_DERIVED,
     GATE_RELEASED, 0},
};

static void put(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, const char *text) {
    struct err e = {0};
    if (text != NULL) {
        assert_int_equal(dcm_put_str(d, tag, vr, text, &e), E_OK);
    }
}

static struct dcm_dataset *make(struct arena *a, const struct row *r) {
    struct err e = {0};
    struct dcm_dataset *d = dcm_dataset_new(a, DCM_EXPLICIT_LE);
    assert_non_null(d);
    put(d, DCM_SOPClassUID, DCM_VR_UI, r->sop);
    put(d, DCM_Modality, DCM_VR_CS, r->modality);
    put(d, DCM_SeriesDescription, DCM_VR_LO, r->description);
    put(d, DCM_ConversionType, DCM_VR_CS, r->conversion);
    assert_int_equal(dcm_put_ints(d, DCM_SamplesPerPixel, DCM_VR_US, &r->samples, 1, &e), E_OK);
    if (r->sources) {
        struct dcm_dataset *item;
        assert_int_equal(dcm_add_item(d, DCM_SourceImageSequence, &item, &e), E_OK);
    }
    return d;
}

static void test_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena a;
        arena_init(&a, 1 << 20);
        struct gate_context c = {.arena = &a};
        gate_notes_init(&c.notes, &a);
        enum gate_category category = gate_category_of(&c, make(&a, &rows[i]));
        bool reason = rows[i].reason == GATE_REASON_NONE ? c.reason_count == 0 : false;
        for (uint32_t k = 0; k < c.reason_count; k++) {
            reason = reason || c.reasons[k] == rows[i].reason;
        }
        if (category != rows[i].category || c.verdict != rows[i].verdict || !reason) {
            fail_msg("row %zu (%s %s): %s, %s", i, rows[i].sop, rows[i].modality,
                     gate_category_code(category), gate_verdict_word(c.verdict));
        }
        arena_done(&a);
    }
}

// A document inside of anything is one.
static void test_enclosed(void **state) {
    (void)state;
    struct arena a;
    struct err e = {0};
    arena_init(&a, 1 << 20);
    struct gate_context c = {.arena = &a};
    struct dcm_dataset *d = make(&a, &rows[0]);
    assert_int_equal(dcm_put(d, DCM_EncapsulatedDocument, DCM_VR_OB, slice_of("%PDF", 4), &e),
                     E_OK);
    assert_int_equal(gate_category_of(&c, d), GATE_CATEGORY_DOCUMENT);
    assert_int_equal(c.verdict, GATE_REFUSED);
    arena_done(&a);
}

// Without a class nothing enters.
static void test_nothing_said(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    struct gate_context c = {.arena = &a};
    assert_int_equal(gate_category_of(&c, dcm_dataset_new(&a, DCM_EXPLICIT_LE)),
                     GATE_CATEGORY_OTHER);
    assert_int_equal(c.verdict, GATE_REFUSED);
    arena_done(&a);
}

// Consent opens photographs only: what cannot be cleaned has a reason of its own.
static void test_consent_is_not_enough(void **state) {
    (void)state;
    static const char *const closed[] = {"1.2.840.10008.5.1.4.1.1.66",
                                         "1.2.840.10008.5.1.4.1.1.9.4.1",
                                         "1.2.840.10008.5.1.4.1.1.104.1"};
    for (size_t i = 0; i < 3; i++) {
        struct arena a;
        bool other = false;
        arena_init(&a, 1 << 20);
        struct gate_context c = {.arena = &a};
        (void)gate_category_of(&c, make(&a, &(struct row){.sop = closed[i]}));
        for (uint32_t k = 0; k < c.reason_count; k++) {
            other = other || c.reasons[k] != GATE_REASON_CATEGORY;
        }
        assert_true(other);
        arena_done(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_enclosed),
        cmocka_unit_test(test_nothing_said),
        cmocka_unit_test(test_consent_is_not_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
