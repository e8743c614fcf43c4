// SPDX-License-Identifier: Apache-2.0
// QIDO-RS parameters to search keys; rows to DICOM JSON; STOW verdicts to the response module.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "archive/intake.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "dicom/tags.h"
#include "web/attributes_json.h"
#include "web/qido.h"
#include "web/stow_answer.h"
#include "web/url.h"

#define MEMORY ((size_t)1 << 20)

static int parse(struct arena *a, const char *target, enum search_level level, struct web_qido *q,
                 struct err *e) {
    struct web_url u;
    assert_int_equal(web_url_parse(a, slice_str(target), &u, e), E_OK);
    return web_qido_parse(a, &u, level, q, e);
}

static struct slice key(const struct web_qido *q, dcm_tag tag) {
    for (size_t i = 0; i < q->key_count; i++) {
        if (q->keys[i].tag == tag) {
            return q->keys[i].value;
        }
    }
    return (struct slice){NULL, 0};
}

static void test_keys(void **state) {
    struct arena a;
    struct web_qido q;
    struct err e = {0};
    (void)state;
    arena_init(&a, MEMORY);
    assert_int_equal(
        parse(&a,
              "/s?PatientName=DOE*&00100020=1&StudyDate=20200101-20201231"
              "&StudyInstanceUID=1.2,1.3&ModalitiesInStudy=CT,MR&fuzzymatching=true"
              "&limit=25&offset=50&includefield=PatientAge&includefield=00081030,StudyID",
              SEARCH_STUDY, &q, &e),
        E_OK);
    assert_true(slice_eq_str(key(&q, DCM_PatientName), "DOE*"));
    assert_true(slice_eq_str(key(&q, DCM_PatientID), "1"));
    assert_true(slice_eq_str(key(&q, DCM_StudyDate), "20200101-20201231"));
    assert_true(slice_eq_str(key(&q, DCM_StudyInstanceUID), "1.2\\1.3"));
    assert_true(slice_eq_str(key(&q, DCM_ModalitiesInStudy), "CT\\MR"));
    assert_int_equal(key(&q, DCM_PatientAge).len, 0);
    assert_non_null(key(&q, DCM_PatientAge).ptr);
    assert_non_null(key(&q, DCM_StudyDescription).ptr);
    assert_true(q.fuzzy);
    assert_int_equal(q.limit, 25);
    assert_int_equal(q.offset, 50);
    assert_string_equal(q.unsupported, "");
    arena_done(&a);
}

static void test_sequence_keys(void **state) {
    struct arena a;
    struct web_qido q;
    struct err e = {0};
    (void)state;
    arena_init(&a, MEMORY);
    assert_int_equal(parse(&a,
                           "/s?RequestAttributesSequence.ScheduledProcedureStepID=A"
                           "&00400275.00401001=B&includefield=RequestAttributesSequence",
                           SEARCH_SERIES, &q, &e),
                     E_OK);
    assert_true(slice_eq_str(key(&q, DCM_ScheduledProcedureStepID), "A"));
    assert_true(slice_eq_str(key(&q, DCM_RequestedProcedureID), "B"));
    assert_string_equal(q.unsupported, "");
    arena_done(&a);
}

static void test_what_is_left_out_is_told(void **state) {
    struct arena a;
    struct web_qido q;
    struct err e = {0};
    (void)state;
    arena_init(&a, MEMORY);
    assert_int_equal(parse(&a,
                           "/s?PixelSpacing=1&00091001=x&multiplevaluematching=true&PatientID=7",
                           SEARCH_STUDY, &q, &e),
                     E_OK);
    assert_string_equal(q.unsupported, "PixelSpacing, 00091001, multiplevaluematching");
    assert_int_equal(q.key_count, 1);
    arena_done(&a);
}

static void test_include_all(void **state) {
    struct arena a;
    struct web_qido q;
    struct err e = {0};
    (void)state;
    arena_init(&a, MEMORY);
    assert_int_equal(parse(&a, "/s?includefield=all&PatientID=7", SEARCH_STUDY, &q, &e), E_OK);
    assert_true(slice_eq_str(key(&q, DCM_PatientID), "7"));
    assert_non_null(key(&q, DCM_PatientAge).ptr);
    assert_null(key(&q, DCM_SeriesDescription).ptr); // of a lower level
    assert_true(q.key_count < SEARCH_KEYS_MAX);
    arena_done(&a);
}

static void test_refused(void **state) {
    static const char *const wrong[] = {
        "/s?PatientNmae=x", "/s?limit=-1",          "/s?limit=",         "/s?offset=x",
        "/s?limit=1.5",     "/s?fuzzymatching=yes", "/s?includefield=x", "/s?=x",
        "/s?0010002=1",     "/s?(0010,0020)=1",     "/s?a.b.c.d.e=1",    "/s?PatientID.=1"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct arena a;
        struct web_qido q;
        struct err e = {0};
        arena_init(&a, MEMORY);
        print_message("%s\n", wrong[i]);
        assert_int_equal(parse(&a, wrong[i], SEARCH_STUDY, &q, &e), E_ARGUMENT);
        arena_done(&a);
    }
}

static void test_row_to_json(void **state) {
    const struct search_value values[] = {
        {search_attribute_find(DCM_StudyInstanceUID), slice_str("1.2")},
        {search_attribute_find(DCM_PatientName), slice_str("Yamada^Tarou=\xE5\xB1\xB1=")},
        {search_attribute_find(DCM_PatientWeight), slice_str("70.50")},
        {search_attribute_find(DCM_PatientComments), slice_str("a\\b")},
        {search_attribute_find(DCM_ModalitiesInStudy), slice_str("CT\\MR")},
        {search_attribute_find(DCM_NumberOfStudyRelatedInstances), slice_str("12")},
        {search_attribute_find(DCM_StudyDescription), slice_str("")},
    };
    const struct search_row row = {values, sizeof values / sizeof values[0]};
    struct buf out;
    struct json j;
    (void)state;
    buf_init(&out, MEMORY);
    json_init(&j, &out);
    web_attributes_write(&j, &row, "/u");
    buf_put_byte(&out, 0);
    assert_string_equal((const char *)out.data,
                        "{\"00080061\":{\"vr\":\"CS\",\"Value\":[\"CT\",\"MR\"]},"
                        "\"00081030\":{\"vr\":\"LO\"},"
                        "\"00081190\":{\"vr\":\"UR\",\"Value\":[\"/u\"]},"
                        "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Yamada^Tarou\","
                        "\"Ideographic\":\"\xE5\xB1\xB1\"}]},"
                        "\"00101030\":{\"vr\":\"DS\",\"Value\":[70.5]},"
                        "\"00104000\":{\"vr\":\"LT\",\"Value\":[\"a\\\\b\"]},"
                        "\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"1.2\"]},"
                        "\"00201208\":{\"vr\":\"IS\",\"Value\":[12]}}");
    buf_done(&out);
}

static void test_sequence_to_json(void **state) {
    const struct search_value values[] = {
        {search_attribute_find(DCM_ScheduledProcedureStepID), slice_str("A\\B")},
        {search_attribute_find(DCM_RequestedProcedureID), slice_str("1")},
    };
    const struct search_row row = {values, 2};
    struct buf out;
    struct json j;
    (void)state;
    buf_init(&out, MEMORY);
    json_init(&j, &out);
    web_attributes_write(&j, &row, "/u");
    buf_put_byte(&out, 0);
    assert_string_equal(
        (const char *)out.data,
        "{\"00081190\":{\"vr\":\"UR\",\"Value\":[\"/u\"]},"
        "\"00400275\":{\"vr\":\"SQ\",\"Value\":["
        "{\"00400009\":{\"vr\":\"SH\",\"Value\":[\"A\"]},\"00401001\":{\"vr\":\"SH\",\"Value\":["
        "\"1\"]}},"
        "{\"00400009\":{\"vr\":\"SH\",\"Value\":[\"B\"]},\"00401001\":{\"vr\":\"SH\"}}]}}");
    buf_done(&out);
}

static struct intake_result result(enum intake_verdict verdict, const char *instance, int code) {
    struct intake_result r = {.verdict = verdict};
    (void)snprintf(r.sop_class, sizeof r.sop_class, "%s", instance[0] ? "1.2.840" : "");
    (void)snprintf(r.sop_instance, sizeof r.sop_instance, "%s", instance);
    (void)snprintf(r.sent_instance, sizeof r.sent_instance, "%s", instance);
    (void)snprintf(r.study, sizeof r.study, "1");
    (void)snprintf(r.series, sizeof r.series, "2");
    if (code != E_OK) {
        err_set(&r.why, code, "why");
        err_at(&r.why, 7);
    }
    return r;
}

static void test_stow_status(void **state) {
    static const struct {
        enum intake_verdict verdicts[3];
        int codes[3];
        size_t count;
        unsigned status;
    } rows[] = {
        {{INTAKE_STORED}, {E_OK}, 1, 200},
        {{INTAKE_STORED, INTAKE_DUPLICATE}, {E_OK, E_OK}, 2, 200},
        {{INTAKE_STORED, INTAKE_REFUSED}, {E_OK, E_TRUNCATED}, 2, 202},
        {{INTAKE_CONFLICT, INTAKE_DUPLICATE}, {E_CONFLICT, E_OK}, 2, 202},
        {{INTAKE_CONFLICT}, {E_CONFLICT}, 1, 409},
        {{INTAKE_REFUSED}, {E_TRUNCATED}, 1, 400},
        {{INTAKE_REFUSED, INTAKE_CONFLICT}, {E_TRUNCATED, E_CONFLICT}, 2, 409},
        {{INTAKE_FAILED, INTAKE_FAILED}, {E_FULL, E_FULL}, 2, 507},
        {{INTAKE_STORED, INTAKE_FAILED}, {E_OK, E_FULL}, 2, 202},
        {{INTAKE_HELD}, {E_HELD}, 1, 202}, // taken, and a person is to look
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct web_stow_answer a;
        struct buf out;
        web_stow_answer_init(&a, "http://h/dicom-web", false);
        buf_init(&out, MEMORY);
        for (size_t k = 0; k < rows[i].count; k++) {
            struct intake_result r = result(rows[i].verdicts[k], "1.2.3", rows[i].codes[k]);
            web_stow_answer_result(&a, &r);
        }
        assert_int_equal(web_stow_answer_finish(&a, "", &out), rows[i].status);
        buf_done(&out);
        web_stow_answer_done(&a);
    }
}

static void test_stow_module(void **state) {
    struct web_stow_answer a;
    struct buf out;
    struct intake_result good = result(INTAKE_STORED, "1.2.3", E_OK);
    struct intake_result conflict = result(INTAKE_CONFLICT, "1.2.4", E_CONFLICT);
    struct intake_result bad = result(INTAKE_REFUSED, "", E_TRUNCATED);
    (void)state;
    web_stow_answer_init(&a, "http://h/dicom-web", false);
    buf_init(&out, MEMORY);
    web_stow_answer_result(&a, &good);
    web_stow_answer_result(&a, &conflict);
    web_stow_answer_result(&a, &bad);
    assert_int_equal(web_stow_answer_finish(&a, "1", &out), 202);
    buf_put_byte(&out, 0);
    assert_string_equal(
        (const char *)out.data,
        "{\"00081190\":{\"vr\":\"UR\",\"Value\":[\"http://h/dicom-web/studies/1\"]},"
        "\"00081198\":{\"vr\":\"SQ\",\"Value\":[{"
        "\"00000902\":{\"vr\":\"LO\",\"Value\":[\"byte 7: why\"]},"
        "\"00081150\":{\"vr\":\"UI\",\"Value\":[\"1.2.840\"]},\"00081155\":{\"vr\":\"UI\","
        "\"Value\":[\"1.2.4\"]},"
        "\"00081197\":{\"vr\":\"US\",\"Value\":[273]}}]},"
        "\"00081199\":{\"vr\":\"SQ\",\"Value\":[{"
        "\"00081150\":{\"vr\":\"UI\",\"Value\":[\"1.2.840\"]},\"00081155\":{\"vr\":\"UI\","
        "\"Value\":[\"1.2.3\"]},"
        "\"00081190\":{\"vr\":\"UR\",\"Value\":[\"http://h/dicom-web/studies/1/series/2/instances/"
        "1.2.3\"]}}]},"
        "\"0008119A\":{\"vr\":\"SQ\",\"Value\":[{"
        "\"00000902\":{\"vr\":\"LO\",\"Value\":[\"byte 7: "
        "why\"]},\"00081197\":{\"vr\":\"US\",\"Value\":[49152]}}]}}");
    buf_done(&out);
    web_stow_answer_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_sequence_keys),
        cmocka_unit_test(test_what_is_left_out_is_told),
        cmocka_unit_test(test_include_all),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_row_to_json),
        cmocka_unit_test(test_sequence_to_json),
        cmocka_unit_test(test_stow_status),
        cmocka_unit_test(test_stow_module),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
