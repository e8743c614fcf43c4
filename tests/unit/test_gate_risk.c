// SPDX-License-Identifier: Apache-2.0
// Points by the rules of data/deid/risk.json: what each kind of rule is there for is found, an
// adult's usual examination stays far below the threshold. With MACLAB_SAMPLES: how many samples
// would be held.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "dicom/dataset.h"
#include "dicom/part10.h"
#include "dicom/tags.h"
#include "gate/risk.h"

#define ARENA ((size_t)256 << 20)
#define THRESHOLD 60

struct row {
    const char *age, *sex, *modality, *description, *history;
    bool held;
};

static const struct row usual[] = {
    {"045Y", "F", "CT", "CT Thorax abdomen pelvis with contrast", "Weight loss. ?malignancy",
     false},
    {"071Y", "M", "MR", "MRI Lumbar spine", "Left sciatica", false},
    {"033Y", "F", "US", "US Pelvis transvaginal", "Pelvic pain", false},
    {"062Y", "M", "DX", "XR Chest PA", "Cough. Smoker.", false},
    {"058Y", "F", "MG", "Mammogram bilateral", "Screening", false},
    {"009Y", "M", "CR", "XR Left hand", "Fall. Boxer's fracture?", false},
    {"089Y", "F", "CT", "CT Head", "Fall on anticoagulants", false},
    {"092Y", "F", "DX", "XR Hip AP", "Hip replacement. Fall.", false},
    {"051Y", "M", "NM", "NM Bone scan whole body", "Prostate carcinoma", false},
    {"066Y", "M", "PT", "FDG PET CT vertex to thighs", "Lymphoma staging", false},
    {"070Y", "M", "XA", "Coronary angiogram", "Angina. Stent in situ.", false},
    {"030Y", "F", "US", "Obstetric dating scan", "Viability", false},
    {"002Y", "F", "CR", "XR Skeletal survey", "Bone pain", false},
    {"047Y", "M", "MR", "MRCP", "Ampulla of Vater, dilated CBD", false},
    {"044Y", "F", "CT", "CT pilot, hanging protocol chest", "Axillary tail lump", false},
    {NULL, NULL, "CT", NULL, NULL, false},
};

static const struct row rare[] = {
    {"045Y", "F", "CT", "CT Head", "Gunshot wound to the skull", true},
    {"045Y", "F", "CT", "CT Chest stab wound", NULL, true},
    {"008M", "M", "MR", "MRI Brain", "Known Niemann-Pick disease", true},
    {"030Y", "F", "US", "Obstetric scan", "Conjoined twins", true},
    {"030Y", "F", "US", "Obstetric scan TRIPLETS", NULL, true},
    {"101Y", "F", "CT", "CT Head", "Fall", true},
    {"010D", "M", "US", "US Head", "Twin 1 of twins", false}, // 25 + 10 + 25: exactly the line
    {"045Y", "M", "CT", "CT Abdomen", "Prisoner, swallowed battery", true},
    {"045Y", "M", "CT", "CT Abdomen", "Professional footballer", true},
    {"014Y", "F", "US", "Obstetric dating scan", NULL, true},
    {"004M", "M", "CR", "Skeletal survey", "NAI", true},
    {"040Y", "M", "OP", "Fundus", NULL, true},
    {"090Y", "M", "MG", "Mammogram", NULL, true},
    {"045Y", "M", "CT", "CT Brain", "Wilson\xE2\x80\x99s or Wilson's disease", true},
    {"045Y", "O", "CT", "CT", "Works as a teacher. Heart transplant. Pacemaker.", true},
};

static void put(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, const char *text) {
    struct err e = {0};
    if (text != NULL) {
        assert_int_equal(dcm_put_str(d, tag, vr, text, &e), E_OK);
    }
}

static struct dcm_dataset *make(struct arena *a, const struct row *r) {
    struct dcm_dataset *d = dcm_dataset_new(a, DCM_EXPLICIT_LE);
    assert_non_null(d);
    put(d, DCM_SpecificCharacterSet, DCM_VR_CS, "ISO_IR 192");
    put(d, DCM_PatientAge, DCM_VR_AS, r->age);
    put(d, DCM_PatientSex, DCM_VR_CS, r->sex);
    put(d, DCM_Modality, DCM_VR_CS, r->modality);
    put(d, DCM_StudyDescription, DCM_VR_LO, r->description);
    put(d, DCM_AdditionalPatientHistory, DCM_VR_LT, r->history);
    // Names of people, makers and places that are words of rules.
    put(d, DCM_PatientName, DCM_VR_PN, "Marfan^Prisoner");
    put(d, DCM_ManufacturerModelName, DCM_VR_LO, "Signa TwinSpeed Gunshot");
    put(d, DCM_InstitutionName, DCM_VR_LO, "Royal Navy Hospital");
    return d;
}

static struct gate_risk score(const struct row *r, const struct gate_profile *profile,
                              enum gate_verdict *ret_verdict) {
    struct arena a;
    struct gate_risk risk;
    arena_init(&a, ARENA);
    struct gate_context c = {.arena = &a, .profile = profile};
    gate_notes_init(&c.notes, &a);
    gate_risk_score(&c, make(&a, r), &risk);
    *ret_verdict = c.verdict;
    arena_done(&a);
    return risk;
}

static const struct gate_profile plain = {.risk_threshold = THRESHOLD, .age_top = 90};

static void test_usual(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        enum gate_verdict verdict;
        struct gate_risk risk = score(&usual[i], &plain, &verdict);
        if (verdict != GATE_RELEASED || risk.points > THRESHOLD - 20) {
            fail_msg("row %zu: %u points, %s", i, risk.points, risk.count > 0 ? risk.why[0] : "");
        }
    }
}

static void test_rare(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rare / sizeof rare[0]; i++) {
        enum gate_verdict verdict;
        struct gate_risk risk = score(&rare[i], &plain, &verdict);
        bool held = rare[i].held || risk.points >= THRESHOLD;
        if ((verdict == GATE_HELD) != held || risk.count == 0 || risk.points < THRESHOLD) {
            fail_msg("row %zu: %u points", i, risk.points);
        }
        uint32_t sum = 0;
        for (uint32_t k = 0; k < risk.count; k++) {
            sum += risk.each[k];
            assert_true(risk.why[k][strlen(risk.why[k]) - 1] == '.');
        }
        assert_int_equal(sum, risk.points);
    }
}

// What a profile leaves counts.
static void test_profile(void **state) {
    (void)state;
    struct gate_profile open = plain;
    enum gate_verdict verdict;
    open.dates = GATE_DATES_KEPT;
    open.keep_institution = true;
    struct gate_risk risk = score(&usual[0], &open, &verdict);
    assert_int_equal(verdict, GATE_HELD);
    assert_true(risk.points >= 60 && risk.count == 2);
    open.risk_threshold = 0; // nobody asks
    (void)score(&usual[0], &open, &verdict);
    assert_int_equal(verdict, GATE_RELEASED);
}

// Words at every depth, and in a prison's address.
static void test_places(void **state) {
    (void)state;
    struct arena a;
    struct err e = {0};
    struct gate_risk risk;
    struct dcm_dataset *item;
    arena_init(&a, ARENA);
    struct gate_context c = {.arena = &a, .profile = &plain};
    gate_notes_init(&c.notes, &a);
    struct dcm_dataset *d = make(&a, &usual[0]);
    gate_risk_score(&c, d, &risk);
    assert_int_equal(risk.points, 0);
    assert_int_equal(dcm_add_item(d, DCM_ContentSequence, &item, &e), E_OK);
    put(item, DCM_TextValue, DCM_VR_UT, "Findings in keeping with Erdheim-Chester disease");
    gate_risk_score(&c, d, &risk);
    assert_int_equal(risk.points, 60);
    assert_true(dcm_remove(d, DCM_ContentSequence));
    put(d, DCM_PatientAddress, DCM_VR_LO, "HMP Wandsworth");
    gate_risk_score(&c, d, &risk);
    assert_int_equal(risk.points, 60);
    put(d, DCM_PatientAddress, DCM_VR_LO, "Prisoner Road");
    put(d, DCM_ConfidentialityConstraintOnPatientDataDescription, DCM_VR_LO, "VIP");
    gate_risk_score(&c, d, &risk);
    assert_true(risk.points >= 60);
    arena_done(&a);
}

static void test_ages(void **state) {
    (void)state;
    static const struct {
        const char *born, *seen;
        uint16_t points;
    } rows[] = {{"19300101", "20240311", 25}, {"20240301", "20240311", 35},
                {"20231201", "20240311", 10}, {"19800101", "20240311", 0},
                {"20250101", "20240311", 0},  {"", "20240311", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena a;
        struct gate_risk risk;
        arena_init(&a, ARENA);
        struct gate_context c = {.arena = &a, .profile = &plain};
        struct dcm_dataset *d = dcm_dataset_new(&a, DCM_EXPLICIT_LE);
        put(d, DCM_PatientBirthDate, DCM_VR_DA, rows[i].born);
        put(d, DCM_StudyDate, DCM_VR_DA, rows[i].seen);
        gate_risk_score(&c, d, &risk);
        if (risk.points != rows[i].points) {
            fail_msg("row %zu: %u points", i, risk.points);
        }
        arena_done(&a);
    }
}

// Marks in attributes that are removed anyway: all of them together, with words that say nothing,
// are no reason to stop.
static void test_marks(void **state) {
    (void)state;
    static const dcm_tag marks[] = {DCM_ConfidentialityConstraintOnPatientDataDescription,
                                    DCM_SpecialNeeds,
                                    DCM_MilitaryRank,
                                    DCM_Occupation,
                                    DCM_ClinicalTrialProtocolID,
                                    DCM_ClinicalTrialSubjectID};
    struct arena a;
    struct gate_risk risk;
    arena_init(&a, ARENA);
    struct gate_context c = {.arena = &a, .profile = &plain};
    gate_notes_init(&c.notes, &a);
    struct dcm_dataset *d = make(&a, &usual[0]);
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        put(d, marks[i], DCM_VR_LO, "Martha Hand");
    }
    gate_risk_score(&c, d, &risk);
    assert_int_equal(risk.points, 40);
    assert_int_equal(c.verdict, GATE_RELEASED);
    arena_done(&a);
}

// A story of a thousand words.
static void test_narrative(void **state) {
    (void)state;
    static char text[8192];
    struct row long_one = usual[0];
    enum gate_verdict verdict;
    for (unsigned i = 0; i < 1200; i++) {
        memcpy(text + (size_t)i * 5, "lung ", 5);
    }
    long_one.history = text;
    struct gate_risk risk = score(&long_one, &plain, &verdict);
    assert_int_equal(risk.points, 35);
    assert_int_equal(verdict, GATE_RELEASED);
}

// --- samples ---

struct tally {
    size_t read, held;
    unsigned most;
};

static int visit(const char *path, void *context) {
    struct tally *t = context;
    struct file_map map = {0};
    struct err e = {0};
    struct arena a;
    struct dcm_file file;
    struct dcm_dataset *d;
    if (file_map_path(path, &map, &e) != E_OK) {
        return 0;
    }
    arena_init(&a, ARENA);
    struct gate_context c = {.arena = &a, .profile = &plain};
    gate_notes_init(&c.notes, &a);
    if (dcm_file_open(&a, map.bytes, &file, &e) == E_OK &&
        dcm_file_dataset(&a, &file, 0, &d, &e) == E_OK) {
        struct gate_risk risk;
        gate_risk_score(&c, d, &risk);
        t->read++;
        t->most = risk.points > t->most ? risk.points : t->most;
        t->held += c.verdict == GATE_HELD;
        for (uint32_t i = 0; c.verdict == GATE_HELD && i < risk.count; i++) {
            print_message("%s: %u %s\n", path, risk.each[i], risk.why[i]);
        }
    }
    arena_done(&a);
    file_unmap(&map);
    return 0;
}

static void test_samples(void **state) {
    (void)state;
    const char *samples = getenv("MACLAB_SAMPLES");
    struct tally t = {0};
    struct err e = {0};
    struct file_walk walk = {.visit = visit, .context = &t};
    if (samples == NULL) {
        print_message("skipped: MACLAB_SAMPLES names no folder of samples\n");
        skip();
    }
    assert_int_equal(file_walk(samples, &walk, &e), 0);
    print_message("%zu of %zu held, most points %u\n", t.held, t.read, t.most);
    assert_true(t.read > 200 && t.held * 50 <= t.read);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual),     cmocka_unit_test(test_rare),
        cmocka_unit_test(test_profile),   cmocka_unit_test(test_places),
        cmocka_unit_test(test_ages),      cmocka_unit_test(test_marks),
        cmocka_unit_test(test_narrative), cmocka_unit_test(test_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
