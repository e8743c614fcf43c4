// SPDX-License-Identifier: Apache-2.0
// Whom an instance speaks of: gathered from data sets, packed, found in every form, and not found
// where nothing stands but what looks alike.
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
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "gate/subject.h"
#include "gate/subject_priv.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct row {
    const char *text;
    enum gate_kind kind;
    const char *found; // NULL: nothing
};
#define NAME GATE_KIND_PERSON_NAME
#define ID GATE_KIND_PATIENT_ID
#define BIRTH GATE_KIND_BIRTH_DATE
#define DATE GATE_KIND_DATE
#define PLACE GATE_KIND_INSTITUTION
#define NOTHING GATE_KIND_UNKNOWN, NULL

static struct gate_subject *subject(struct arena *a) {
    arena_init(a, 64 << 20);
    struct gate_subject *s = gate_subject_new(a);
    assert_non_null(s);
    gate_subject_add(s, NAME, slice_str("O'NEILL-SMITH^SEAN PATRICK^^Dr"));
    gate_subject_add(s, NAME, slice_str("McDonald^Eilidh"));
    gate_subject_add(s, NAME, slice_str("AP RHYS^DAFYDD"));
    gate_subject_add(s, NAME, slice_str("HAND^J"));
    gate_subject_add(s, NAME, slice_str("NG^LI"));
    gate_subject_add(s, NAME,
                     slice_str("M\xC3\xBCller^J\xC3\xB6rg=\xE7\x8E\x8B^\xE5\xB0\x8F\xE6\x9D\xB1"));
    gate_subject_add(s, ID, slice_str("RX1234567"));
    gate_subject_add(s, ID, slice_str("0012345"));
    gate_subject_add(s, ID, slice_str("2001"));
    gate_subject_add(s, BIRTH, slice_str("19560203"));
    gate_subject_add(s, DATE, slice_str("20210911"));
    gate_subject_add(s, PLACE, slice_str("Royal Infirmary, Auchtermuchty"));
    gate_subject_add(s, PLACE, slice_str("General Hospital"));
    return s;
}

static const struct row rows[] = {
    {"O'Neill", NAME, "O'Neill"},
    {"ONEILL", NAME, "ONEILL"},
    {"x O Neill x", NAME, "O Neill"},
    {"o'neill smith", NAME, "o'neill smith"},
    {"Smith, Sean", NAME, "Smith, Sean"},
    {"SEAN", NAME, "SEAN"},
    {"S\xC3\x89"
     "AN",
     NAME,
     "S\xC3\x89"
     "AN"},
    {"oneillsean", NAME, "oneillsean"},
    {"S.P. O'Neill", NAME, "S.P. O'Neill"},
    {"MacDonald McDonald", NAME, "Donald McDonald"},
    {"Mc Donald", NAME, "Mc Donald"},
    {"MCDONALD", NAME, "MCDONALD"},
    {"Donald", NAME, "Donald"},
    {"Dafydd ap Rhys", NAME, "Dafydd ap Rhys"},
    {"RHYS", NAME, "RHYS"},
    {"hip AP", NOTHING},
    {"hand AP", NOTHING},
    {"left hand", NOTHING},
    {"HAND J", NAME, "HAND J"},
    {"J Hand", NAME, "J Hand"},
    {"J. HAND", NAME, "J. HAND"},
    {"Hand", NAME, "Hand"},
    {"Dr Hand", NAME, "Hand"},
    {"Li Ng", NAME, "Li Ng"},
    {"NG LI", NAME, "NG LI"},
    {"NG tube", NOTHING},
    {"ng tube", NOTHING},
    {"muller", NAME, "muller"},
    {"MU\xCC\x88LLER", NAME, "MU\xCC\x88LLER"},
    {"j\xC3\xB6rg m\xC3\xBCller", NAME, "j\xC3\xB6rg m\xC3\xBCller"},
    {"\xE7\x8E\x8B\xE5\xB0\x8F\xE6\x9D\xB1", NAME, "\xE7\x8E\x8B\xE5\xB0\x8F\xE6\x9D\xB1"},
    {"\xE5\xB0\x8F\xE6\x9D\xB1", NAME, "\xE5\xB0\x8F\xE6\x9D\xB1"},
    {"RX1234567", ID, "RX1234567"},
    {"rx 123-45 67", ID, "rx 123-45 67"},
    {"1234567", ID, "1234567"},
    {"0012345", ID, "0012345"},
    {"12345", ID, "12345"},
    {"000 12 345", ID, "000 12 345"},
    {"12346", NOTHING},
    {"0.12345", NOTHING},
    {"2001", NOTHING},
    {"slice 2001", NOTHING},
    {"ID 2001", ID, "2001"},
    {"3/2/56", BIRTH, "3/2/56"},
    {"03.02.1956", BIRTH, "03.02.1956"},
    {"1956-02-03", BIRTH, "1956-02-03"},
    {"02/03/1956", BIRTH, "02/03/1956"},
    {"Feb 3rd 1956", BIRTH, "Feb 3rd 1956"},
    {"3 February", BIRTH, "3 February"},
    {"030256", BIRTH, "030256"},
    {"560203", BIRTH, "560203"},
    {"born in 1956", BIRTH, "1956"},
    {"1956", NOTHING},
    {"04/02/1956", NOTHING},
    {"11 Sep 2021", DATE, "11 Sep 2021"},
    {"20210911", DATE, "20210911"},
    {"Auchtermuchty", PLACE, "Auchtermuchty"},
    {"royal", NOTHING},
    {"infirmary", NOTHING},
    {"General Hospital", PLACE, "General Hospital"},
    {"general", NOTHING},
    {"CT chest", NOTHING},
    {"t2_tse_sag_p2", NOTHING},
};

static void test_find(void **state) {
    (void)state;
    struct arena a;
    struct gate_subject *s = subject(&a);
    int wrong = 0;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice text = slice_str(rows[i].text);
        struct gate_hit hit = {0};
        bool is = gate_subject_find(s, text, 0, false, &hit);
        struct slice got =
            is ? slice_of(text.ptr + hit.start, hit.end - hit.start) : slice_of(NULL, 0);
        bool fine = rows[i].found == NULL
                        ? !is
                        : is && slice_eq_str(got, rows[i].found) && hit.kind == rows[i].kind;
        if (!fine) {
            print_error("'%s': %s '%.*s'\n", rows[i].text,
                        is ? gate_kind_code(hit.kind) : "nothing", (int)got.len,
                        (const char *)got.ptr);
            wrong++;
        }
    }
    arena_done(&a);
    assert_int_equal(wrong, 0);
}

static const struct row fuzzy[] = {
    {"0NEILL", NAME, "0NEILL"},
    {"ONE1LL", NAME, "ONE1LL"},
    {"MCD0NALD", NAME, "MCD0NALD"},
    {"MC DONALO", NAME, "MC DONALO"},
    {"DAFVDD", NAME, "DAFVDD"},
    {"EILIOH", NAME, "EILIOH"},
    {"RXI234S67", ID, "RXI234S67"},
    {"O3/O2/1956", BIRTH, "O3/O2/1956"},
    {"AUCHTERMUCHTV", PLACE, "AUCHTERMUCHTV"},
    {"AUCHTERMUCTY", PLACE, "AUCHTERMUCTY"},
    {"SUPINE", NOTHING},
    {"PORTABLE", NOTHING},
    {"120 kV", NOTHING},
    {"ERECT", NOTHING},
    {"L", NOTHING},
    {"R", NOTHING},
};

static void test_fuzzy(void **state) {
    (void)state;
    struct arena a;
    struct gate_subject *s = subject(&a);
    int wrong = 0;
    for (size_t i = 0; i < COUNT(fuzzy); i++) {
        struct gate_hit hit = {0};
        bool is = gate_subject_find(s, slice_str(fuzzy[i].text), 0, true, &hit);
        if (is != (fuzzy[i].found != NULL) || (is && hit.kind != fuzzy[i].kind)) {
            print_error("'%s': %s\n", fuzzy[i].text, is ? gate_kind_code(hit.kind) : "nothing");
            wrong++;
        }
    }
    arena_done(&a);
    assert_int_equal(wrong, 0);
}

static void test_pack(void **state) {
    (void)state;
    struct arena a, b;
    struct buf bytes, again;
    struct err e = {0};
    struct gate_subject *s = subject(&a);
    buf_init(&bytes, 1 << 20);
    buf_init(&again, 1 << 20);
    gate_subject_pack(s, &bytes);
    arena_init(&b, 64 << 20);
    struct gate_subject *t = gate_subject_new(&b);
    assert_int_equal(gate_subject_unpack(t, buf_slice(&bytes), &e), E_OK);
    assert_int_equal(gate_subject_count(t), gate_subject_count(s));
    gate_subject_pack(t, &again);
    assert_true(slice_eq(buf_slice(&bytes), buf_slice(&again)));
    struct gate_hit hit;
    assert_true(gate_subject_find(t, slice_str("x Auchtermuchty"), 0, false, &hit));
    for (size_t len = 0; len < bytes.len; len++) { // any cut is corrupt, none is a crash
        struct gate_subject *u = gate_subject_new(&b);
        assert_int_equal(gate_subject_unpack(u, slice_first(buf_slice(&bytes), len), &e),
                         E_CORRUPT);
        arena_reset(&b);
    }
    buf_done(&bytes);
    buf_done(&again);
    arena_done(&a);
    arena_done(&b);
}

static void put(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, const char *text) {
    struct err e = {0};
    assert_int_equal(dcm_put_str(d, tag, vr, text, &e), E_OK);
}

static bool knows(const struct gate_subject *s, const char *text, enum gate_kind kind) {
    struct gate_hit hit;
    return gate_subject_find(s, slice_str(text), 0, false, &hit) && hit.kind == kind;
}

static void test_gather(void **state) {
    (void)state;
    struct arena a;
    struct err e = {0};
    struct dcm_dataset *item, *deep;
    arena_init(&a, 64 << 20);
    struct dcm_dataset *d = dcm_dataset_new(&a, DCM_EXPLICIT_LE);
    put(d, DCM_SpecificCharacterSet, DCM_VR_CS, "ISO_IR 100");
    put(d, DCM_PatientName, DCM_VR_PN, "M\xFCLLER^J\xD6RG");
    put(d, DCM_PatientID, DCM_VR_LO, "RX1234567");
    put(d, DCM_PatientBirthDate, DCM_VR_DA, "19560203");
    put(d, DCM_StudyDate, DCM_VR_DA, "20210911");
    put(d, DCM_StudyTime, DCM_VR_TM, "101530");
    put(d, DCM_InstitutionName, DCM_VR_LO, "Plughole Infirmary");
    put(d, DCM_StationName, DCM_VR_SH, "XYCT77");
    put(d, DCM_ReferringPhysicianName, DCM_VR_PN, "QUORBLE^A");
    put(d, DCM_AccessionNumber, DCM_VR_SH, "ACC99887");
    put(d, DCM_TAG(0x0009, 0x0010), DCM_VR_LO, "ACME");
    put(d, DCM_TAG(0x0009, 0x1001), DCM_VR_LO, "ZORBLAX^PETER");
    put(d, DCM_TAG(0x0009, 0x1002), DCM_VR_PN, "VOGSPHERE");
    put(d, DCM_StudyDescription, DCM_VR_LO, "Wubbleton chest");
    assert_int_equal(dcm_add_item(d, DCM_RequestAttributesSequence, &item, &e), E_OK);
    assert_int_equal(dcm_add_item(item, DCM_ReferencedStudySequence, &deep, &e), E_OK);
    put(deep, DCM_TAG(0x0040, 0xA123), DCM_VR_PN, "DEEPTHOUGHT^B");
    struct gate_subject *s = gate_subject_new(&a);
    assert_int_equal(gate_subject_gather(s, d, &e), E_OK);
    assert_true(knows(s, "mueller M\xC3\xBCller", NAME));
    assert_true(knows(s, "j\xC3\xB6rg", NAME));
    assert_true(knows(s, "quorble", NAME));
    assert_true(knows(s, "Deepthought", NAME));
    assert_true(knows(s, "zorblax", NAME));
    assert_true(knows(s, "vogsphere", NAME));
    assert_true(knows(s, "rx1234567", ID));
    assert_true(knows(s, "3.2.56", BIRTH));
    assert_true(knows(s, "11/09/2021", DATE));
    assert_true(knows(s, "10:15:30", DATE));
    assert_true(knows(s, "plughole", PLACE));
    assert_true(knows(s, "XYCT77", GATE_KIND_DEVICE));
    assert_true(knows(s, "acc99887", GATE_KIND_HOSPITAL_NUMBER));
    struct gate_hit hit;
    assert_false(gate_subject_find(s, slice_str("Wubbleton infirmary chest ACME"), 0, false, &hit));
    arena_done(&a);
}

// Many dates of many frames are one term each; too many names are an error, not a loss.
static void test_limits(void **state) {
    (void)state;
    struct arena a;
    struct err e = {0};
    int rc = E_OK;
    arena_init(&a, 256 << 20);
    struct gate_subject *s = gate_subject_new(&a);
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(
            gate_subject_term(s, DATE, GATE_TERM_DATE, slice_str("20210911101530.123"), &e), E_OK);
    }
    assert_int_equal(gate_subject_count(s), 1);
    for (int i = 0; i < 2 * GATE_SUBJECT_TERMS_MAX && rc == E_OK; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "NAME%c%c%c^X", 'A' + i % 26, 'A' + i / 26 % 26,
                       'A' + i / 676);
        rc = gate_subject_term(s, NAME, GATE_TERM_NAME, slice_str(name), &e);
    }
    assert_int_equal(rc, E_LIMIT);
    assert_int_equal(gate_subject_count(s), GATE_SUBJECT_TERMS_MAX);
    arena_done(&a);
}

// Without memory everything is a hit: nothing is said to be safe.
static void test_memory(void **state) {
    (void)state;
    for (size_t limit = 60000; limit < 140000; limit += 1000) {
        struct arena a;
        struct gate_hit hit;
        arena_init(&a, limit);
        struct gate_subject *s = gate_subject_new(&a);
        bool all = s != NULL;
        for (int i = 0; i < 400 && s != NULL; i++) {
            char name[32];
            struct err e = {0};
            (void)snprintf(name, sizeof name, "NAME%c%c", 'A' + i % 26, 'A' + i / 26);
            all = gate_subject_term(s, NAME, GATE_TERM_NAME, slice_str(name), &e) == E_OK && all;
        }
        if (s != NULL && !all) {
            assert_true(gate_subject_find(s, slice_str("left knee"), 0, false, &hit));
        }
        arena_done(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),   cmocka_unit_test(test_fuzzy),  cmocka_unit_test(test_pack),
        cmocka_unit_test(test_gather), cmocka_unit_test(test_limits), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
