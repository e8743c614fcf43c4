// SPDX-License-Identifier: Apache-2.0
// Profiles: the one built in, what is refused and where the error says it is, what weakens, and the
// way through a worker.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/tags.h"
#include "gate/profile.h"
#include "gate/rules.h"

#define ARENA_BYTES ((size_t)64 << 20)
#define TEXT_MAX ((size_t)4 << 20)

static int load(struct arena *a, const char *text, struct gate_profile **p, struct err *e) {
    *e = (struct err){0};
    return gate_profile_load(a, slice_str(text), p, e);
}

// The profile that is built in with one text replaced by another.
static char *edited(const char *from, const char *to) {
    static char out[16384];
    struct slice text = gate_profile_builtin();
    char room[8192];
    assert_true(text.len < sizeof room);
    memcpy(room, text.ptr, text.len);
    room[text.len] = '\0';
    char *at = strstr(room, from);
    assert_non_null(at);
    (void)snprintf(out, sizeof out, "%.*s%s%s", (int)(at - room), room, to, at + strlen(from));
    return out;
}

static void test_built_in(void **state) {
    struct arena a;
    struct err e = {0};
    struct gate_profile *p = NULL;
    (void)state;
    arena_init(&a, ARENA_BYTES);
    assert_int_equal(gate_profile_load(&a, gate_profile_builtin(), &p, &e), E_OK);
    assert_false(p->weakened);
    assert_true(p->examine_pixels && p->deface && p->clean_descriptors && p->clean_structured &&
                p->clean_graphics);
    assert_false(p->keep_uids || p->keep_device || p->keep_institution || p->keep_characteristics);
    assert_int_equal(p->dates, GATE_DATES_REMOVED);
    assert_int_equal(p->age_top, 90);
    assert_int_equal(strlen(p->digest), 64);
    assert_int_equal(strlen(p->tables_digest), 64);
    arena_done(&a);
}

// What is wrong, the code, the field that the error names, a word of its text, and the line.
static const struct {
    const char *from, *to;
    int code;
    const char *path, *words;
} wrong[] = {
    {"\"hold_days\": 30", "\"hold_days\": 0", E_VALUE, "hold_days", "line 21"},
    {"\"hold_days\": 30", "\"hold_days\": 367", E_VALUE, "hold_days", "from 1 to 366"},
    {"\"hold_days\": 30", "\"hold_days\": 1.5", E_VALUE, "hold_days", "whole number"},
    {"\"hold_days\": 30", "\"hold_days\": \"30\"", E_VALUE, "hold_days", "whole number"},
    {"\"hold_days\": 30,", "", E_MISSING, "", "hold_days"},
    {"\"hold_days\": 30", "\"hold_days\": 30, \"hold_days\": 30", E_SYNTAX, "hold_days", "twice"},
    {"\"two_persons\": false", "\"two_persons\": 0", E_VALUE, "two_persons", "true or false"},
    {"\"two_persons\"", "\"three_persons\"", E_SYNTAX, "", "three_persons"},
    {"\"dates\": \"removed\"", "\"dates\": \"gone\"", E_VALUE, "options.dates", "line 15"},
    {"\"retain_uids\": false", "\"retain_uids\": true", E_CONFLICT, "options", "weakened"},
    {"\"retain_device\": false", "\"retain_device\": true", E_CONFLICT, "options", "weakened"},
    {"\"retain_institution\": false", "\"retain_institution\": true", E_CONFLICT, "options",
     "weakened"},
    {"\"retain_characteristics\": false", "\"retain_characteristics\": true", E_CONFLICT, "options",
     "weakened"},
    {"\"dates\": \"removed\"", "\"dates\": \"kept\"", E_CONFLICT, "options", "weakened"},
    {"\"clean_pixels\": true", "\"clean_pixels\": false", E_CONFLICT, "options", "weakened"},
    {"\"retain_device\": false,\n    \"retain_institution\": false,\n    "
     "\"retain_characteristics\": false,\n    \"dates\": \"removed\"",
     "\"weakened\": true, \"retain_device\": true, \"retain_institution\": false, "
     "\"retain_characteristics\": false, \"dates\": \"shifted\"",
     E_CONFLICT, "options", "calibration"},
    {"\"edition\": \"2026d\"", "\"edition\": \"2025a\"", E_VALUE, "edition", "2026d"},
    {"\"MacLab teaching archive\"", "\"\"", E_VALUE, "name", "needs a name"},
    {"\"MacLab teaching archive\"", "\"a\\\\b\"", E_VALUE, "name", "backslash"},
    {"\"MacLab teaching archive\"",
     "\"0123456789012345678901234567890123456789012345678901234567890123\"", E_LIMIT, "name",
     "too long"},
    {"\"top\": 90", "\"top\": 91", E_VALUE, "age.top", "from 1 to 90"},
    {"\"band\": 1 }", "\"band\": 1, \"floor\": 1 }", E_SYNTAX, "age", "floor"},
    {"\"phrases\": []", "\"phrases\": [1]", E_VALUE, "phrases[0]", "text"},
    {"\"phrases\": []", "\"phrases\": [\"a\", \"\"]", E_VALUE, "phrases[1]", "empty"},
    {"\"attributes\": []", "\"attributes\": [{\"tag\": \"NoSuch\", \"action\": \"keep\"}]", E_VALUE,
     "attributes[0].tag", "dictionary"},
    {"\"attributes\": []", "\"attributes\": [{\"tag\": \"00091001\", \"action\": \"keep\"}]",
     E_VALUE, "attributes[0].tag", "dictionary"},
    {"\"attributes\": []", "\"attributes\": [{\"tag\": \"Rows\", \"action\": \"burn\"}]", E_VALUE,
     "attributes[0]", "no action"},
    {"\"attributes\": []", "\"attributes\": [{\"tag\": \"Rows\"}]", E_MISSING, "attributes[0]",
     "action"},
    {"\"attributes\": []",
     "\"attributes\": [{\"tag\": \"Rows\", \"action\": \"remove\"}, {\"tag\": \"(0028,0010)\", "
     "\"action\": \"empty\"}]",
     E_CONFLICT, "attributes[1]", "twice"},
    {"\"attributes\": []", "\"attributes\": [{\"tag\": \"InstitutionName\", \"action\": \"keep\"}]",
     E_CONFLICT, "attributes[0]", "weakened"},
    {"\"attributes\": []", "\"attributes\": [{\"tag\": \"AdmissionID\", \"action\": \"clean\"}]",
     E_CONFLICT, "attributes[0]", "weakened"},
    {"\"attributes\": []",
     "\"attributes\": [{\"tag\": \"SOPInstanceUID\", \"action\": \"remove\"}]", E_CONFLICT,
     "attributes[0]", "gate itself"},
    {"\"attributes\": []",
     "\"attributes\": [{\"tag\": \"PatientName\", \"action\": \"keep\", \"weakened\": true}]",
     E_CONFLICT, "attributes[0]", "gate itself"},
    {"\"attributes\": []",
     "\"attributes\": [{\"tag\": \"Rows\", \"action\": \"remove\", \"weakened\": false}]", E_VALUE,
     "attributes[0].weakened", "true"},
    {"\"private\": []",
     "\"private\": [{\"creator\": \"A\", \"group\": \"0011\", \"element\": \"01\", \"vr\": "
     "\"DS\"}]",
     E_CONFLICT, "private[0]", "weakened"},
    {"\"private\": []",
     "\"private\": [{\"creator\": \"A\", \"group\": \"0010\", \"element\": \"01\", \"vr\": "
     "\"DS\", \"weakened\": true}]",
     E_VALUE, "private[0].group", "odd"},
    {"\"private\": []",
     "\"private\": [{\"creator\": \"A\", \"group\": \"0011\", \"element\": \"1\", \"vr\": "
     "\"DS\", \"weakened\": true}]",
     E_VALUE, "private[0].element", "digits"},
    {"\"private\": []",
     "\"private\": [{\"creator\": \"A\", \"group\": \"0011\", \"element\": \"01\", \"vr\": "
     "\"OB\", \"weakened\": true}]",
     E_VALUE, "private[0].vr", "VR"},
    {"\"private\": []\n}", "\"private\": []\n} x", E_SYNTAX, "", "line"},
    {"{", "[", E_VALUE, "", "object"},
};

static void test_what_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct arena a;
        struct err e;
        struct gate_profile *p = NULL;
        arena_init(&a, ARENA_BYTES);
        int code = load(&a, edited(wrong[i].from, wrong[i].to), &p, &e);
        if (code != wrong[i].code || strcmp(e.path, wrong[i].path) != 0 ||
            strstr(e.text, wrong[i].words) == NULL || strstr(e.text, "line ") == NULL) {
            fail_msg("%zu (%s): %s in %s: %s", i, wrong[i].to, err_name(code), e.path, e.text);
        }
        assert_null(p);
        arena_done(&a);
    }
}

static enum gate_how how_of(const struct gate_profile *p, dcm_tag tag) {
    const struct gate_rule *r = gate_rule_find(tag);
    assert_non_null(r);
    return gate_rule_how(p, r);
}

static void test_edits(void **state) {
    struct arena a;
    struct err e;
    struct gate_profile *p = NULL;
    (void)state;
    arena_init(&a, ARENA_BYTES);
    // Stricter ones need nothing.
    assert_int_equal(load(&a,
                          edited("\"attributes\": []",
                                 "\"attributes\": [{\"tag\": \"StudyDescription\", \"action\": "
                                 "\"remove\", \"why\": \"ours hold names\"}, {\"tag\": "
                                 "\"PatientAge\", \"action\": \"empty\"}]"),
                          &p, &e),
                     E_OK);
    assert_false(p->weakened);
    assert_int_equal(how_of(p, DCM_StudyDescription), GATE_HOW_REMOVE);
    assert_int_equal(how_of(p, DCM_PatientAge), GATE_HOW_EMPTY);
    assert_int_equal(how_of(p, DCM_SeriesDescription), GATE_HOW_WORDS);
    // What the list does anyway is no weakening.
    assert_int_equal(load(&a,
                          edited("\"attributes\": []",
                                 "\"attributes\": [{\"tag\": \"StudyDescription\", \"action\": "
                                 "\"clean\"}]"),
                          &p, &e),
                     E_OK);
    assert_false(p->weakened);
    assert_int_equal(load(&a,
                          edited("\"attributes\": []",
                                 "\"attributes\": [{\"tag\": \"PatientWeight\", \"action\": "
                                 "\"keep\", \"weakened\": true}]"),
                          &p, &e),
                     E_OK);
    assert_true(p->weakened);
    assert_int_equal(how_of(p, DCM_PatientWeight), GATE_HOW_AS_IS);
    arena_done(&a);
}

// Each option column of Table E.1-1 on a row that it changes.
static void test_options(void **state) {
    static const struct {
        const char *from, *to;
        dcm_tag tag;
        enum gate_how how;
    } cases[] = {
        {"\"retain_uids\": false", "\"weakened\": true, \"retain_uids\": true", DCM_SOPInstanceUID,
         GATE_HOW_AS_IS},
        {"\"retain_uids\": false", "\"weakened\": true, \"retain_uids\": true",
         DCM_ReferencedImageSequence, GATE_HOW_ITEMS},
        {"\"retain_device\": false", "\"weakened\": true, \"retain_device\": true",
         DCM_DeviceSerialNumber, GATE_HOW_AS_IS},
        {"\"retain_device\": false", "\"weakened\": true, \"retain_device\": true",
         DCM_StationAETitle, GATE_HOW_DUMMY},
        {"\"retain_institution\": false", "\"weakened\": true, \"retain_institution\": true",
         DCM_InstitutionName, GATE_HOW_AS_IS},
        {"\"retain_characteristics\": false",
         "\"weakened\": true, \"retain_characteristics\": true", DCM_PatientWeight, GATE_HOW_AS_IS},
        {"\"retain_characteristics\": false",
         "\"weakened\": true, \"retain_characteristics\": true", DCM_PreMedication, GATE_HOW_WORDS},
        {"\"dates\": \"removed\"", "\"weakened\": true, \"dates\": \"kept\"", DCM_StudyDate,
         GATE_HOW_AS_IS},
        {"\"dates\": \"removed\"", "\"dates\": \"shifted\"", DCM_StudyDate, GATE_HOW_SHIFT},
        {"\"dates\": \"removed\"", "\"dates\": \"shifted\"", DCM_DateOfLastCalibration,
         GATE_HOW_REMOVE},
        {"\"dates\": \"removed\"", "\"dates\": \"shifted\"", DCM_PatientBirthDate, GATE_HOW_EMPTY},
        {"\"clean_descriptors\": true", "\"clean_descriptors\": false", DCM_StudyDescription,
         GATE_HOW_REMOVE},
        {"\"clean_structured\": true", "\"clean_structured\": false",
         DCM_SpecimenPreparationSequence, GATE_HOW_EMPTY},
        {"\"clean_graphics\": true", "\"clean_graphics\": false", DCM_Rows, GATE_HOW_NUMBER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a;
        struct err e;
        struct gate_profile *p = NULL;
        arena_init(&a, ARENA_BYTES);
        if (load(&a, edited(cases[i].from, cases[i].to), &p, &e) != E_OK) {
            fail_msg("%zu: %s %s", i, e.path, e.text);
        }
        if (how_of(p, cases[i].tag) != cases[i].how) {
            fail_msg("%zu: (%08X) is %d", i, cases[i].tag, how_of(p, cases[i].tag));
        }
        arena_done(&a);
    }
}

static void test_limits(void **state) {
    struct arena a;
    struct err e = {0};
    struct gate_profile *p = NULL;
    struct buf b;
    (void)state;
    arena_init(&a, ARENA_BYTES);
    buf_init(&b, TEXT_MAX);
    (void)buf_extend(&b, GATE_PROFILE_TEXT_MAX + 1);
    memset(b.data, ' ', b.len);
    assert_int_equal(gate_profile_load(&a, buf_slice(&b), &p, &e), E_LIMIT);
    buf_clear(&b);
    buf_put_str(&b, "\"phrases\": [\"a\"");
    for (unsigned i = 0; i < 4096; i++) {
        buf_put_str(&b, ",\"a\"");
    }
    buf_put_byte(&b, ']');
    buf_put_byte(&b, '\0');
    struct slice text = gate_profile_builtin();
    struct buf whole;
    buf_init(&whole, TEXT_MAX);
    const char *at = strstr((const char *)text.ptr, "\"phrases\": []");
    size_t before = (size_t)(at - (const char *)text.ptr);
    buf_put(&whole, text.ptr, before);
    buf_put_str(&whole, (const char *)b.data);
    buf_put_slice(&whole, slice_from(text, before + strlen("\"phrases\": []")));
    e = (struct err){0};
    assert_int_equal(gate_profile_load(&a, buf_slice(&whole), &p, &e), E_LIMIT);
    assert_string_equal(e.path, "phrases[4096]");
    buf_done(&whole);
    buf_done(&b);
    arena_done(&a);
}

static void test_pack(void **state) {
    struct arena a;
    struct err e;
    struct gate_profile *p = NULL;
    struct gate_profile *q = NULL;
    struct buf b;
    (void)state;
    arena_init(&a, ARENA_BYTES);
    buf_init(&b, TEXT_MAX);
    assert_int_equal(
        load(&a,
             edited("\"phrases\": [],\n  \"attributes\": [],\n  \"private\": []",
                    "\"phrases\": [\"Whipple\", \"Ärztlich unauffällig\"], \"attributes\": "
                    "[{\"tag\": \"StudyDescription\", \"action\": \"remove\"}], \"private\": "
                    "[{\"creator\": \"OURS\", \"group\": \"0019\", \"element\": \"1a\", \"vr\": "
                    "\"DS\", \"weakened\": true}]"),
             &p, &e),
        E_OK);
    assert_true(p->weakened);
    assert_int_equal(gate_profile_pack(p, &b, &e), E_OK);
    assert_int_equal(gate_profile_unpack(&a, buf_slice(&b), &q, &e), E_OK);
    assert_int_equal(q->phrase_count, 2);
    assert_true(slice_eq_str(q->phrases[0], "arztlich unauffallig"));
    assert_true(slice_eq_str(q->phrases[1], "whipple"));
    assert_string_equal(q->digest, p->digest);
    assert_string_equal(q->name, p->name);
    assert_int_equal(how_of(q, DCM_StudyDescription), GATE_HOW_REMOVE);
    enum dcm_vr vr;
    assert_true(gate_private_find(q, 0x0019, slice_str("OURS"), 0x1A, &vr));
    assert_int_equal(vr, DCM_VR_DS);
    assert_false(gate_private_find(q, 0x0019, slice_str("OURS"), 0x1B, &vr));
    assert_false(gate_private_find(q, 0x0019, slice_str("THEIRS"), 0x1A, &vr));
    // Cut anywhere it is none, and never read past its end.
    for (size_t len = 0; len < b.len; len++) {
        uint8_t *cut = malloc(len + 1);
        memcpy(cut, b.data, len);
        e = (struct err){0};
        assert_int_equal(gate_profile_unpack(&a, slice_of(cut, len), &q, &e), E_CORRUPT);
        free(cut);
    }
    buf_done(&b);
    arena_done(&a);
}

static void test_memory_failures(void **state) {
    (void)state;
    for (size_t n = 0;; n++) {
        struct arena a;
        struct err e = {0};
        struct gate_profile *p = NULL;
        arena_init(&a, ARENA_BYTES);
        mem_fail_after(n);
        int code = gate_profile_load(&a, gate_profile_builtin(), &p, &e);
        mem_fail_after(MEM_FAIL_NEVER);
        arena_done(&a);
        if (code == E_OK) {
            assert_true(n > 0);
            return;
        }
        assert_true(code == E_MEMORY || code == E_LIMIT);
        assert_true(n < 1000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_built_in),        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_edits),           cmocka_unit_test(test_options),
        cmocka_unit_test(test_limits),          cmocka_unit_test(test_pack),
        cmocka_unit_test(test_memory_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
