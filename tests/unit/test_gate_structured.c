// SPDX-License-Identifier: Apache-2.0
// Structured and graphic content: documents of real shapes with identities planted at every place
// that holds text. None is found anywhere in what comes out; what is no identity stays; positions
// still point to what they pointed to. With MACLAB_SAMPLES every report, key object selection,
// presentation state, segmentation and plan of the samples is walked.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "dicom/dataset.h"
#include "dicom/json_read.h"
#include "dicom/json_write.h"
#include "dicom/part10.h"
#include "dicom/tags.h"
#include "gate/codes.h"
#include "gate/concept.h"
#include "gate/context.h"
#include "gate/header.h"
#include "gate/structured.h"

#define ARENA ((size_t)256 << 20)
#define OUT_MAX ((size_t)64 << 20)

// --- DICOM JSON by the yard ---

#define V(tag, vr, value) "\"" tag "\":{\"vr\":\"" vr "\",\"Value\":[" value "]}"
#define S(tag, vr, text) V(tag, vr, "\"" text "\"")
#define CODE(value, scheme, meaning)                                                               \
    "{" S("00080100", "SH", value) "," S("00080102", "SH", scheme) "," S("00080104", "LO",         \
                                                                         meaning) "}"
#define NAME(value, scheme, meaning) V("0040A043", "SQ", CODE(value, scheme, meaning))
#define ITEM(relation, type, name, rest)                                                           \
    "{" S("0040A010", "CS", relation) "," S("0040A040", "CS", type) "," name "," rest "}"
#define TEXT(relation, name, text) ITEM(relation, "TEXT", name, S("0040A160", "UT", text))
#define PNAME(relation, name, who)                                                                 \
    ITEM(relation, "PNAME", name, V("0040A123", "PN", "{\"Alphabetic\":\"" who "\"}"))
#define BELOW(items) V("0040A730", "SQ", items)
#define REFERENCE(sop, instance)                                                                   \
    V("00081199", "SQ", "{" S("00081150", "UI", sop) "," S("00081155", "UI", instance) "}")
#define NUM(relation, name, value, unit)                                                           \
    ITEM(relation, "NUM", name,                                                                    \
         V("0040A300", "SQ",                                                                       \
           "{" V("004008EA", "SQ", CODE(unit, "UCUM", unit)) "," V("0040A30A", "DS", value) "}"))
#define PATIENT                                                                                                  \
    S("00080016", "UI", "1.2.840.10008.5.1.4.1.1.88.33")                                                         \
    "," S("00080018", "UI", "1.2.3.4.5") "," V("00100010", "PN", "{\"Alphabetic\":\"Hand^Martha^Mary\"}") "," S( \
        "00100020", "LO",                                                                                        \
        "RX9434765") "," S("00100030", "DA",                                                                     \
                           "19530417") "," S("0020000D", "UI",                                                   \
                                             "1.2.3.4.5.1") "," S("00080080", "LO",                              \
                                                                  "St Swithin Infirmary") "," V("00080090",      \
                                                                                                "PN",            \
                                                                                                "{\"Alphabetic\":\"Foot^Percy^^Dr\"}")
#define DOCUMENT(items)                                                                            \
    "{" PATIENT "," S("0040A040", "CS", "CONTAINER") "," S("0040A050", "CS", "SEPARATE") "," NAME( \
        "126000", "DCM", "Imaging Measurement Report") "," BELOW(items) "}"

// What may be nowhere in what comes out.
static const char *const secrets[] = {"Martha",  "MARTHA",   "RX9434765",  "19530417", "17/04/1953",
                                      "Swithin", "Percy",    "9434765919", "SW1A",     "07700",
                                      "Jonquil", "Wetherby", "20240311",   "1.2.3.4.5"};

struct fixture {
    struct arena arena;
    struct gate_context c;
    struct gate_key *key;
    struct dcm_dataset *d;
    struct buf out; // JSON of the data set
};

static void set_up(struct fixture *f) {
    struct err e = {0};
    struct gate_profile *profile;
    memset(f, 0, sizeof *f);
    arena_init(&f->arena, ARENA);
    buf_init(&f->out, OUT_MAX);
    f->key = gate_key_new();
    assert_non_null(f->key);
    if (gate_profile_load(&f->arena, gate_profile_builtin(), &profile, &e) != E_OK) {
        fail_msg("profile: %s", e.text);
    }
    f->c = (struct gate_context){.arena = &f->arena, .profile = profile, .key = f->key};
    f->c.subject = gate_subject_new(&f->arena);
    f->c.words.subject = f->c.subject;
    gate_notes_init(&f->c.notes, &f->arena);
}

static void tear_down(struct fixture *f) {
    buf_done(&f->out);
    gate_key_destroy(f->key);
    arena_done(&f->arena);
}

static void read_json(struct fixture *f, const char *text) {
    struct err e = {0};
    struct dcm_dataset **datasets;
    uint32_t count;
    if (dcm_json_read(&f->arena, slice_str(text), NULL, &datasets, &count, &e) != E_OK) {
        fail_msg("%s at %llu", e.text, (unsigned long long)e.offset);
    }
    f->d = datasets[0];
    assert_int_equal(gate_subject_gather(f->c.subject, f->d, &e), E_OK);
}

static void write_json(struct fixture *f) {
    struct err e = {0};
    struct json j;
    buf_clear(&f->out);
    json_init(&j, &f->out);
    assert_int_equal(dcm_json_write_dataset(f->d, NULL, &j, &e), E_OK);
    buf_put_byte(&f->out, 0);
    f->out.len--;
    assert_false(f->out.failed);
}

static bool said(const struct fixture *f, const char *text) {
    return strstr((const char *)f->out.data, text) != NULL;
}

static void check_secrets(const struct fixture *f) {
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        if (said(f, secrets[i])) {
            fail_msg("%s is still in %s", secrets[i], (const char *)f->out.data);
        }
    }
}

// The whole header, so that everything around the structured content is cleaned as in a passage.
static void clean(struct fixture *f, const char *text) {
    struct err e = {0};
    read_json(f, text);
    if (gate_header_clean(&f->c, f->d, &e) != E_OK) {
        fail_msg("%s", e.text);
    }
    write_json(f);
    check_secrets(f);
}

static struct dcm_dataset *content(const struct fixture *f, uint32_t index) {
    const struct dcm_node *n = dcm_get(f->d, DCM_ContentSequence);
    return n != NULL && index < n->item_count ? n->items[index] : NULL;
}

static bool text_is(const struct dcm_dataset *d, dcm_tag tag, const char *text) {
    struct slice value;
    return d != NULL && dcm_text(d, tag, 0, &value) && slice_eq_str(value, text);
}

// --- the tables ---

static void test_concepts(void **state) {
    (void)state;
    const struct gate_concept *k =
        gate_concept_find(slice_str("121008"), slice_str("DCM"), slice_str("PNAME"));
    assert_non_null(k);
    assert_int_equal(k->action, GATE_CONCEPT_DUMMY);
    k = gate_concept_find(slice_str("113769"), slice_str("DCM"), slice_str("UIDREF"));
    assert_true(k != NULL && k->options == GATE_CONCEPT_UIDS);
    k = gate_concept_find(slice_str("15"), slice_str("NCDR [2.0b]"), slice_str("DATETIME"));
    assert_true(k != NULL && k->action == GATE_CONCEPT_REMOVE);
    assert_null(gate_concept_find(slice_str("121008"), slice_str("DCM"), slice_str("TEXT")));
    assert_true(gate_concept_known(slice_str("39607008"), slice_str("SCT")));
    assert_true(gate_concept_means(slice_str("39607008"), slice_str("SCT"), slice_str("LUNG")));
    assert_true(gate_concept_means(slice_str("T-28000"), slice_str("SRT"), slice_str("Lung")));
    assert_false(gate_concept_means(slice_str("39607008"), slice_str("SCT"), slice_str("Smith")));
}

static void test_codes(void **state) {
    (void)state;
    static const struct {
        const char *value, *scheme, *meaning;
        const char *value_out, *scheme_out, *meaning_out; // NULL: something else than before
        bool usable;
    } rows[] = {
        {"39607008", "SCT", "Lung", "39607008", "SCT", "Lung", true},
        {"39607008", "SCT", "Lung of Martha Hand", "39607008", "SCT", NULL, true},
        {"RX9434765", "SCT", "Lung", NULL, "SCT", "Lung", true},
        {"9434765919", "SCT", "Lung", NULL, "SCT", "Lung", true}, // no check digit of SNOMED's
        {"mm", "UCUM", "mm", "mm", "UCUM", "mm", true},
        {"{Martha}", "UCUM", "Martha", NULL, "UCUM", NULL, false},
        {"HEAD1", "99LOCAL", "Head", "HEAD1", "99LOCAL", "Head", true},
        {"CT01", "99SWITHIN", "CT chest", "CT01", NULL, "CT chest", true},
        {"WETHERBY", "99LOCAL", "Jonquil Wetherby", NULL, "99LOCAL", NULL, false},
        {"5.13.5-7", "SCPECG", "QT Interval", "5.13.5-7", "SCPECG", "QT Interval", true},
        {"IHE.04", "99_OFFIS_DCMTK", "Observation Context Mode", "IHE.04", "99_OFFIS_DCMTK",
         "Observation Context Mode", true},
        {"113691", "DCM", "IEC Body Dosimetry Phantom", "113691", "DCM", NULL, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        struct err e = {0};
        bool usable = false;
        set_up(&f);
        read_json(&f, "{" PATIENT "}");
        struct dcm_dataset *item;
        assert_int_equal(dcm_add_item(f.d, DCM_ProcedureCodeSequence, &item, &e), E_OK);
        (void)dcm_put_str(item, DCM_CodeValue, DCM_VR_SH, rows[i].value, &e);
        (void)dcm_put_str(item, DCM_CodingSchemeDesignator, DCM_VR_SH, rows[i].scheme, &e);
        (void)dcm_put_str(item, DCM_CodeMeaning, DCM_VR_LO, rows[i].meaning, &e);
        assert_int_equal(gate_code_clean(&f.c, item, "", &usable, &e), E_OK);
        bool right = usable == rows[i].usable;
        right = right && text_is(item, DCM_CodeValue, rows[i].value) == (rows[i].value_out != NULL);
        right = right && text_is(item, DCM_CodingSchemeDesignator, rows[i].scheme) ==
                             (rows[i].scheme_out != NULL);
        right = right && (rows[i].meaning_out == NULL ||
                          text_is(item, DCM_CodeMeaning, rows[i].meaning_out));
        struct slice meaning = {0};
        (void)dcm_text(item, DCM_CodeMeaning, 0, &meaning);
        right = right && meaning.len > 0 && memmem(meaning.ptr, meaning.len, "Martha", 6) == NULL &&
                memmem(meaning.ptr, meaning.len, "Wetherby", 8) == NULL;
        if (!right) {
            fail_msg("row %zu: usable %d, %.*s", i, usable, (int)meaning.len, meaning.ptr);
        }
        tear_down(&f);
    }
}

// A code has one value, a flag is a flag: nothing hides beside a good code.
static void test_code_neighbours(void **state) {
    (void)state;
    struct fixture f;
    struct err e = {0};
    bool usable = false;
    struct dcm_dataset *item;
    set_up(&f);
    read_json(&f, "{" PATIENT "}");
    assert_int_equal(dcm_add_item(f.d, DCM_ProcedureCodeSequence, &item, &e), E_OK);
    (void)dcm_put_str(item, DCM_CodeValue, DCM_VR_SH, "39607008", &e);
    (void)dcm_put_str(item, DCM_LongCodeValue, DCM_VR_UC, "Martha", &e);
    (void)dcm_put_str(item, DCM_URNCodeValue, DCM_VR_UR, "urn:Martha", &e);
    (void)dcm_put_str(item, DCM_CodingSchemeDesignator, DCM_VR_SH, "SCT", &e);
    (void)dcm_put_str(item, DCM_CodingSchemeVersion, DCM_VR_SH, "19530417", &e);
    (void)dcm_put_str(item, DCM_CodeMeaning, DCM_VR_LO, "Lung", &e);
    (void)dcm_put_str(item, DCM_MappingResource, DCM_VR_CS, "DCMR", &e);
    (void)dcm_put_str(item, DCM_ContextIdentifier, DCM_VR_CS, "4031", &e);
    (void)dcm_put_str(item, DCM_ContextGroupExtensionFlag, DCM_VR_CS, "MARTHA", &e);
    (void)dcm_put_str(item, DCM_ContextGroupVersion, DCM_VR_DT, "20020904", &e);
    (void)dcm_put_str(item, DCM_InstitutionName, DCM_VR_LO, "St Swithin", &e);
    assert_int_equal(gate_code_clean(&f.c, item, "", &usable, &e), E_OK);
    assert_true(usable);
    assert_int_equal(item->count, 6);
    assert_true(text_is(item, DCM_CodeValue, "39607008"));
    assert_true(text_is(item, DCM_ContextIdentifier, "4031"));
    assert_null(dcm_get(item, DCM_CodingSchemeVersion)); // her birthday
    tear_down(&f);
}

// --- a measurement report (TID 1500) ---

#define OBSERVERS                                                                                  \
    PNAME("HAS OBS CONTEXT", NAME("121008", "DCM", "Person Observer Name"), "Foot^Percy")          \
    "," TEXT(                                                                                      \
        "HAS OBS CONTEXT", NAME("121009", "DCM", "Person Observer's Organization Name"),           \
        "St Swithin Infirmary") "," TEXT("HAS OBS CONTEXT",                                        \
                                         NAME("128774", "DCM", "Person Observer's Login Name"),    \
                                         "pfoot")
#define SUBJECT                                                                                    \
    PNAME("HAS OBS CONTEXT", NAME("121029", "DCM", "Subject Name"), "Hand^Martha")                 \
    "," TEXT("HAS OBS CONTEXT", NAME("121030", "DCM", "Subject ID"), "RX9434765") "," ITEM(        \
        "HAS OBS CONTEXT", "DATE", NAME("121031", "DCM", "Subject Birth Date"),                    \
        S("0040A121", "DA",                                                                        \
          "19530417")) "," ITEM("HAS OBS CONTEXT", "CODE", NAME("121032", "DCM", "Subject Sex"),   \
                                V("0040A168", "SQ",                                                \
                                  CODE("F", "DCM", "Female"))) "," NUM("HAS OBS CONTEXT",          \
                                                                       NAME("121033", "DCM",       \
                                                                            "Subject Age"),        \
                                                                       "71", "a")

static void test_measurement_report(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    clean(
        &f,
        DOCUMENT(
            OBSERVERS
            "," SUBJECT
            "," ITEM("HAS CONCEPT MOD", "CODE", NAME("121058", "DCM", "Procedure reported"), V("0040A168", "SQ", CODE("24627-2", "LN", "CT Chest"))) "," ITEM(
                "CONTAINS", "CONTAINER",
                NAME("125007", "DCM", "Measurement Group"),
                S("0040A050", "CS", "SEPARATE") "," BELOW(
                    TEXT("HAS OBS CONTEXT", NAME("112039", "DCM", "Tracking Identifier"), "Lesion 1") "," ITEM(
                        "HAS OBS CONTEXT", "UIDREF",
                        NAME("112040", "DCM", "Tracking Unique Identifier"),
                        S(
                            "0040A124", "UI",
                            "1.2.3.4.5.77")) "," ITEM("CONTAINS", "CODE",
                                                      NAME("363698007", "SCT", "Finding Site"),
                                                      V(
                                                          "0040A168", "SQ",
                                                          CODE("39607008", "SCT",
                                                               "Lung"))) "," NUM("CONTAINS",
                                                                                 NAME("410668003",
                                                                                      "SCT",
                                                                                      "Length"),
                                                                                 "12.75",
                                                                                 "mm") "," ITEM("C"
                                                                                                "O"
                                                                                                "N"
                                                                                                "T"
                                                                                                "A"
                                                                                                "I"
                                                                                                "N"
                                                                                                "S",
                                                                                                "S"
                                                                                                "C"
                                                                                                "O"
                                                                                                "O"
                                                                                                "R"
                                                                                                "D",
                                                                                                NAME(
                                                                                                    "111030",
                                                                                                    "DCM",
                                                                                                    "Image Region"),
                                                                                                V("00700022", "FL", "1.5,2.5,3.5,4.5") "," S("00700023", "CS", "POLYLINE") "," BELOW(
                                                                                                    "{" S("0040A010", "CS", "SELECTED FROM") "," S(
                                                                                                        "0040A040",
                                                                                                        "CS",
                                                                                                        "IMAGE") "," REFERENCE("1.2.840.10008.5.1.4.1.1.2",
                                                                                                                               "1.2.3.4.5.100") "}"))))));
    assert_true(said(&f, "12.75") && said(&f, "\"mm\"") && said(&f, "Lung"));
    assert_true(said(&f, "POLYLINE") && said(&f, "SELECTED FROM"));
    assert_true(said(&f, "24627-2") && said(&f, "Measurement Group"));
    assert_true(said(&f, "1.2.840.10008.5.1.4.1.1.2\""));
    assert_false(said(&f, "pfoot") || said(&f, "Subject Birth") || said(&f, "Subject Age"));
    assert_true(said(&f, "Subject Name") && said(&f, "Person Observer Name")); // D: with dummies
    assert_true((f.c.methods & GATE_METHOD_STRUCTURED) != 0);
    assert_int_equal(f.c.verdict, GATE_RELEASED);
    tear_down(&f);
}

// UIDs of references are those of the instances themselves.
static void test_references_follow(void **state) {
    (void)state;
    struct fixture f;
    char image[DCM_UID_MAX + 1];
    set_up(&f);
    clean(
        &f,
        DOCUMENT("{" S("0040A010", "CS", "CONTAINS") "," S("0040A040", "CS", "IMAGE") "," REFERENCE(
            "1.2.840.10008.5.1.4.1.1.2",
            "1.2.3.4.5.100") "}," ITEM("CONTAINS", "UIDREF",
                                       NAME("112002", "DCM", "Series Instance UID"),
                                       S("0040A124", "UI", "1.2.3.4.5.9"))));
    assert_true(said(&f, gate_uid(f.key, slice_str("1.2.3.4.5.100"), image)));
    assert_true(said(&f, gate_uid(f.key, slice_str("1.2.3.4.5.9"), image)));
    tear_down(&f);
}

// --- text ---

static void test_text(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    clean(
        &f,
        DOCUMENT(
            TEXT("CONTAINS", NAME("121071", "DCM", "Finding"), "Fracture of the left hand.") "," TEXT("CONTAINS", NAME("121071", "DCM", "Finding"), "Reported by Dr Percy Foot for Martha.") "," TEXT(
                "CONTAINS", NAME("121106", "DCM", "Comment"),
                "Jonquil Wetherby 07700 900123 SW1A "
                "1AA") "," TEXT("CONTAINS",
                                NAME("121022", "DCM",
                                     "Accession "
                                     "Number"),
                                "RX9434765") "," TEXT("CONTAINS",
                                                      NAME("112347", "DCM", "Component ID"),
                                                      "RX9434765") "," TEXT("CONTAINS",
                                                                            NAME("11329-0", "LN",
                                                                                 "History"),
                                                                            "Pleural effusion "
                                                                            "17/04/1953 NHS 943 "
                                                                            "476 5919")));
    assert_true(said(&f, "Fracture of the left hand"));
    assert_true(said(&f, "Pleural effusion"));
    assert_false(said(&f, "Comment") || said(&f, "Accession Number")); // X with nothing left
    assert_true(said(&f, "Component ID"));                             // D
    tear_down(&f);
}

// Texts that go but hold others below: a dummy keeps the tree.
static void test_hollow(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    clean(&f,
          DOCUMENT(ITEM("CONTAINS", "TEXT", NAME("121106", "DCM", "Comment"),
                        S("0040A160", "UT", "Jonquil Wetherby") "," BELOW(NUM(
                            "INFERRED FROM", NAME("410668003", "SCT", "Length"), "3.5", "mm")))));
    assert_true(text_is(content(&f, 0), DCM_TextValue, "Removed"));
    assert_true(said(&f, "3.5") && said(&f, "INFERRED FROM"));
    tear_down(&f);
}

// An identity in the name of a concept, in units, in numbers, in elements that no item has.
static void test_odd_places(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    clean(
        &f,
        DOCUMENT(
            TEXT("CONTAINS", NAME("WETHERBY", "99SWITHIN", "Jonquil Wetherby"), "Normal lungs.") "," NUM("CONTAINS", NAME("410668003", "SCT", "Length"), "12", "{Martha}") "," NUM(
                "CONTAINS", NAME("NHS", "99LOCAL", "Number"),
                "9434765919",
                "1") "," ITEM("CONTAINS", "TEXT", NAME("121071", "DCM", "Finding"),
                              S("0040A160", "UT", "Normal.") "," S("00101010", "AS", "071Y") "," S("00104000", "LT", "Martha Hand") "," V("0040A123", "PN", "{\"Alphabetic\":\"Hand^Martha\"}") "," S(
                                  "00091001", "LO",
                                  "Martha") "," S("0040A032", "DT",
                                                  "20240311")) "," ITEM("CONTAINS", "CODE",
                                                                        NAME("121071", "DCM",
                                                                             "Finding"),
                                                                        S("0040A160", "UT", "Martha") "," V(
                                                                            "0040A168", "SQ",
                                                                            CODE(
                                                                                "39607008", "SCT",
                                                                                "Lung"))) "," ITEM("CONTAINS",
                                                                                                   "SCOORD",
                                                                                                   NAME(
                                                                                                       "111030",
                                                                                                       "DCM",
                                                                                                       "Image Region"),
                                                                                                   V("00700022", "FL", "1,2") "," S(
                                                                                                       "00700023",
                                                                                                       "CS",
                                                                                                       "MARTHA")) "," TEXT("CONTAINS",
                                                                                                                           NAME(
                                                                                                                               "121071",
                                                                                                                               "DCM",
                                                                                                                               "Finding"),
                                                                                                                           "Clear.")));
    assert_true(said(&f, "Normal lungs") && said(&f, "Normal.") && said(&f, "Clear."));
    assert_false(said(&f, "071Y"));
    tear_down(&f);
}

// --- dates ---

#define EVENT                                                                                                                                                  \
    ITEM(                                                                                                                                                      \
        "CONTAINS", "CONTAINER", NAME("113819", "DCM", "CT Acquisition"),                                                                                      \
        S("0040A050", "CS", "SEPARATE") "," BELOW(                                                                                                             \
            ITEM("CONTAINS", "DATETIME", NAME("113809", "DCM", "Start of X-Ray Irradiation"), S("0040A120", "DT", "20240311101112")) "," ITEM(                 \
                "CONTAINS", "DATETIME", NAME("122105", "DCM", "DateTime of Intervention"),                                                                     \
                S("0040A120", "DT",                                                                                                                            \
                  "20240311101112")) "," ITEM("CONTAINS", "UIDREF",                                                                                            \
                                              NAME("113769", "DCM", "Irradiation Event UID"),                                                                  \
                                              S("0040A124", "UI",                                                                                              \
                                                "1.2.3.4.5.8")) "," TEXT("CONTAINS",                                                                           \
                                                                         NAME("113878", "DCM",                                                                 \
                                                                              "Device "                                                                        \
                                                                              "Manufacturer"),                                                                 \
                                                                         "SIEMENS") "," TEXT("CON"                                                             \
                                                                                             "TAI"                                                             \
                                                                                             "NS",                                                             \
                                                                                             NAME(                                                             \
                                                                                                 "113880",                                                     \
                                                                                                 "DCM",                                                        \
                                                                                                 "Device Serial Number"),                                      \
                                                                                             "SN4"                                                             \
                                                                                             "71"                                                              \
                                                                                             "1") "," PNAME("CONTAINS",                                        \
                                                                                                            NAME(                                              \
                                                                                                                "113850",                                      \
                                                                                                                "DCM",                                         \
                                                                                                                "Irradiation Authorizing"),                    \
                                                                                                            "Foot^Percy") "," NUM("CONTAINS",                  \
                                                                                                                                  NAME(                        \
                                                                                                                                      "113830",                \
                                                                                                                                      "DCM",                   \
                                                                                                                                      "Mean CTDIvol"),         \
                                                                                                                                  "7.21",                      \
                                                                                                                                  "mGy") "," NUM("CONTAINS",   \
                                                                                                                                                 NAME(         \
                                                                                                                                                     "113838", \
                                                                                                                                                     "DCM",    \
                                                                                                                                                     "DLP"),   \
                                                                                                                                                 "310.4",      \
                                                                                                                                                 "mGy.cm")))

static void test_dose_report(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    clean(&f, DOCUMENT(EVENT));
    assert_true(said(&f, "7.21") && said(&f, "310.4") && said(&f, "mGy.cm"));
    assert_true(said(&f, "Start of X-Ray Irradiation"));
    assert_false(said(&f, "DateTime of Intervention") || said(&f, "SN4711"));
    tear_down(&f);
}

static void test_dates_shifted(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    struct gate_profile shifted = *f.c.profile;
    shifted.dates = GATE_DATES_SHIFTED;
    f.c.profile = &shifted;
    clean(&f,
          DOCUMENT(EVENT "," ITEM("CONTAINS", "DATE", NAME("121031", "DCM", "Subject Birth Date"),
                                  S("0040A121", "DA", "19530417"))));
    assert_true(said(&f, "DateTime of Intervention") && said(&f, "101112"));
    assert_false(said(&f, "Subject Birth Date"));
    tear_down(&f);
}

// --- references by position ---

#define BY_POSITION(steps)                                                                         \
    "{" S("0040A010", "CS", "INFERRED FROM") "," V("0040DB73", "UL", steps) "}"

static void test_positions(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    clean(
        &f,
        DOCUMENT(
            TEXT("CONTAINS", NAME("121106", "DCM", "Comment"), "Jonquil Wetherby") "," // goes
            NUM("CONTAINS", NAME("410668003", "SCT", "Length"), "3.5", "mm") "," // 1.2, becomes 1.1
            ITEM("CONTAINS", "CONTAINER", NAME("121070", "DCM", "Findings"),     // 1.3, becomes 1.2
                 S("0040A050", "CS", "SEPARATE") "," BELOW(
                     PNAME("CONTAINS", NAME("121088", "DCM", "Fellow"), "Foot^Percy") "," // goes
                     TEXT("CONTAINS", NAME("121071", "DCM", "Finding"),
                          "Normal lungs."))) "," // 1.2.1
            ITEM("CONTAINS", "TEXT", NAME("121077", "DCM", "Conclusion"),
                 S("0040A160", "UT", "Normal.") "," BELOW(BY_POSITION("1,2") "," BY_POSITION(
                     "1,1") "," BY_POSITION("1,3,2") "," BY_POSITION("1")))));
    const struct dcm_dataset *conclusion = content(&f, 2);
    assert_non_null(conclusion);
    const struct dcm_node *below = dcm_get(conclusion, DCM_ContentSequence);
    static const int64_t expected[3][4] = {{1, 1, 0}, {1, 2, 1, 0}, {1, 0}};
    assert_true(below != NULL && below->item_count == 3);
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t k = 0; k < 4 && expected[i][k] != 0; k++) {
            int64_t step = 0;
            assert_true(dcm_int(below->items[i], DCM_ReferencedContentItemIdentifier, k, &step));
            assert_int_equal(step, expected[i][k]);
        }
    }
    tear_down(&f);
}

// --- what cannot be walked is refused, and nothing of it passes ---

static void test_refusals(void **state) {
    (void)state;
    static const char *const documents[] = {
        DOCUMENT(ITEM("CONTAINS", "POEM", NAME("121071", "DCM", "Finding"),
                      S("0040A160", "UT", "Martha"))),
        DOCUMENT(
            ITEM("CONTAINS", "TABLE", NAME("121071", "DCM", "Finding"), V("0040A802", "UL", "1"))),
        DOCUMENT("{" NAME("121071", "DCM", "Finding") "," S("0040A160", "UT", "Martha") "}"),
        DOCUMENT(TEXT("BELONGS TO MARTHA", NAME("121071", "DCM", "Finding"), "Normal.")),
        DOCUMENT("{" S("0040A010", "CS", "INFERRED FROM") "," V("0040DB73", "UL", "1") "," BELOW(
            TEXT("CONTAINS", NAME("121071", "DCM", "Finding"), "Martha")) "}"),
        DOCUMENT(BY_POSITION("1,9")),
        DOCUMENT(BY_POSITION("2")),
        DOCUMENT(BY_POSITION("1,0")),
    };
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        struct fixture f;
        set_up(&f);
        clean(&f, documents[i]);
        if (f.c.verdict != GATE_REFUSED || f.c.reasons[0] != GATE_REASON_STRUCTURE) {
            fail_msg("document %zu", i);
        }
        assert_null(dcm_get(f.d, DCM_ContentSequence));
        tear_down(&f);
    }
}

// --- key objects, presentation states, segments, regions, waveforms ---

static void test_key_objects(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    clean(
        &f,
        "{" S("00080016", "UI", "1.2.840.10008.5.1.4.1.1.88.59") "," V("00100010", "PN", "{\"Alphabetic\":\"Hand^Martha^Mary\"}") "," S("00100020", "LO", "RX9434765") "," S(
            "0040A040", "CS",
            "CONTAINER") "," NAME("113000", "DCM",
                                  "Of Interest") "," S("0040A050", "CS",
                                                       "SEPARATE") "," BELOW(TEXT("CONTAINS",
                                                                                  NAME("113012",
                                                                                       "DCM",
                                                                                       "Key Object "
                                                                                       "Descriptio"
                                                                                       "n"),
                                                                                  "Martha Hand: "
                                                                                  "fracture of the "
                                                                                  "left hand") ","
                                                                                               "{" S("0040A010", "CS", "CONTAINS") "," S(
                                                                                                   "0040A040",
                                                                                                   "CS",
                                                                                                   "IMAGE") "," REFERENCE("1.2.840.10008.5.1.4.1.1.2",
                                                                                                                          "1.2.3.4.5.100") "}") "}");
    assert_true(said(&f, "Of Interest") && said(&f, "left hand"));
    assert_int_equal(dcm_get(f.d, DCM_ContentSequence)->item_count, 2);
    tear_down(&f);
}

#define TEXT_OBJECT(text)                                                                          \
    "{" S("00700006", "ST", text) "," S("00700004", "CS", "PIXEL") "," V(                          \
        "00700014", "FL", "10,20") "," S("00700015", "CS", "N") "}"
#define GRAPHIC_OBJECT                                                                             \
    "{" S("00700005", "CS", "PIXEL") "," V("00700020", "US", "2") "," V(                           \
        "00700021", "US", "2") "," V("00700022", "FL",                                             \
                                     "1,2,3,4") "," S("00700023", "CS",                            \
                                                      "POLYLINE") "," S("00700024", "CS", "N") "}"

static void test_presentation_state(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    clean(
        &f,
        "{" S("00080016", "UI", "1.2.840.10008.5.1.4.1.1.11.1") "," V("00100010", "PN", "{\"Alphabetic\":\"Hand^Martha^Mary\"}") "," S("00100020", "LO", "RX9434765") "," V(
            "00700001", "SQ",
            "{" S("00700002", "CS", "MARTHA HAND") "," V("00700008", "SQ", TEXT_OBJECT("Martha 17/04/1953") "," TEXT_OBJECT("left hand")) "," V(
                "00700009", "SQ",
                GRAPHIC_OBJECT) "},"
                                "{" S("00700002", "CS", "LAYER1") "," V(
                                    "00700008", "SQ",
                                    TEXT_OBJECT(
                                        "Percy")) "}") "," V("00700060", "SQ",
                                                             "{" S("00700002", "CS", "MARTHA HAND") "," V(
                                                                 "00700062", "IS",
                                                                 "1") "," S("00700068", "LO",
                                                                            "Drawn by Percy "
                                                                            "Foot") "},"
                                                                                    "{" S(
                                                                                        "0070"
                                                                                        "000"
                                                                                        "2",
                                                                                        "CS",
                                                                                        "LAYE"
                                                                                        "R1") "," V("00700062",
                                                                                                    "IS",
                                                                                                    "2") "}") "}");
    if (!said(&f, "left hand") || !said(&f, "POLYLINE") || !said(&f, "LAYER1")) {
        fail_msg("%s", (const char *)f.out.data);
    }
    const struct dcm_node *notes = dcm_get(f.d, DCM_GraphicAnnotationSequence);
    const struct dcm_node *layers = dcm_get(f.d, DCM_GraphicLayerSequence);
    assert_true(notes != NULL && notes->item_count == 1); // the second held nothing else
    assert_true(layers != NULL && layers->item_count == 2);
    struct slice there = {0};
    struct slice here = {0};
    assert_true(dcm_text(notes->items[0], DCM_GraphicLayer, 0, &there));
    assert_true(dcm_text(layers->items[0], DCM_GraphicLayer, 0, &here));
    assert_true(slice_eq(there, here));
    assert_int_equal(dcm_get(notes->items[0], DCM_TextObjectSequence)->item_count, 1);
    assert_true((f.c.methods & GATE_METHOD_GRAPHICS) != 0);
    tear_down(&f);
}

static void test_segments_and_regions(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    clean(&f,
          "{" S("00080016", "UI",
                "1.2.840.10008.5.1.4.1.1.66.4") "," V("00100010", "PN",
                                                      "{\"Alphabetic\":\"Hand^"
                                                      "Martha^Mary\"}") "," S("0010"
                                                                              "002"
                                                                              "0",
                                                                              "LO",
                                                                              "RX9434765") "," V("0"
                                                                                                 "0"
                                                                                                 "6"
                                                                                                 "2"
                                                                                                 "0"
                                                                                                 "0"
                                                                                                 "0"
                                                                                                 "2",
                                                                                                 "S"
                                                                                                 "Q",
                                                                                                 "{" V(
                                                                                                     "00620004", "US", "1") "," S("00620005", "LO", "Liver") "," S("00620008", "CS", "AUTOMATIC") "," S("00620009", "LO", "Jonquil Wetherby") "," V("0062000F", "SQ", CODE("10200004", "SCT", "Liver")) "," S("00620020",
                                                                                                                                                                                                                                                                                                              "UT", "Martha") "," S("00620021", "UI",
                                                                                                                                                                                                                                                                                                                                    "1.2.3.4.5.6") "},"
                                                                                                                                                                                                                                                                                                                                                   "{" V("00620004",
                                                                                                                                                                                                                                                                                                                                                         "US",
                                                                                                                                                                                                                                                                                                                                                         "2") "," S("00620005", "LO",
                                                                                                                                                                                                                                                                                                                                                                    "Martha") "," S("00620006", "ST", "Percy Foot") "," S("00620008", "CS", "MANUAL") "}") "," V("30060020",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                 "SQ",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                 "{" V(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                     "30060022",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                     "IS", "1") "," S("30060024", "UI", "1.2.3.4.5.7") "," S("30060026", "LO", "Martha") "," S("30060036", "CS", "MANUAL") "},"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                           "{" V("30060022",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                 "IS", "2") "," S("30060024", "UI", "1.2.3.4.5.7") "," S("30060026",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                         "LO",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                         "Bladder") "," S("30060036",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                          "CS",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                          "MANUAL") "}") "}");
    assert_true(said(&f, "\"Liver\"") && said(&f, "Segment 2") && said(&f, "\"Algorithm\""));
    assert_true(said(&f, "ROI 1") && said(&f, "Bladder") && said(&f, "10200004"));
    tear_down(&f);
}

static void test_waveform_and_context(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    clean(
        &f,
        "{" S("00080016", "UI", "1.2.840.10008.5.1.4.1.1.9.1.1") "," V("00100010", "PN", "{\"Alphabetic\":\"Hand^Martha^Mary\"}") "," S("00100020", "LO", "RX9434765") "," V(
            "0040B020", "SQ",
            "{" S("00700006", "ST", "Martha Hand") "," V(
                "0040A0B0", "US",
                "1,0") "},"
                       "{" S("00700006", "ST", "Sinus tachycardia") "," V(
                           "0040A0B0", "US",
                           "1,0") "}") "," V("00400555", "SQ",
                                             "{" S("0040A040", "CS", "TEXT") "," NAME("121106", "DCM", "Comment") "," S(
                                                 "0040A160", "UT",
                                                 "Martha") "},"
                                                           "{" S("0040A040", "CS", "NUMERIC") "," NAME("410668003", "SCT", "Length") "," V(
                                                               "0040A30A", "DS",
                                                               "2.5") "," V("004008EA", "SQ",
                                                                            CODE(
                                                                                "mm", "UCUM",
                                                                                "mm")) "," V("00400"
                                                                                             "441",
                                                                                             "SQ",
                                                                                             "{" S("0040A040", "CS", "TEXT") "," NAME(
                                                                                                 "1"
                                                                                                 "2"
                                                                                                 "1"
                                                                                                 "1"
                                                                                                 "0"
                                                                                                 "6",
                                                                                                 "D"
                                                                                                 "C"
                                                                                                 "M",
                                                                                                 "C"
                                                                                                 "o"
                                                                                                 "m"
                                                                                                 "m"
                                                                                                 "e"
                                                                                                 "n"
                                                                                                 "t") "," S("0040A160",
                                                                                                            "UT",
                                                                                                            "Percy") "}") "}") "}");
    const struct dcm_node *n = dcm_get(f.d, DCM_WaveformAnnotationSequence);
    assert_true(n != NULL && n->item_count == 1);
    n = dcm_get(f.d, DCM_AcquisitionContextSequence);
    assert_true(n != NULL && n->item_count == 1);
    assert_null(dcm_get(n->items[0], DCM_ContentItemModifierSequence));
    if (!said(&f, "2.5") || !said(&f, "Sinus")) {
        fail_msg("%s", (const char *)f.out.data);
    }
    tear_down(&f);
}

static void test_verifying_observer(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    clean(
        &f,
        "{" PATIENT "," S("0040A491", "CS", "COMPLETE") "," S("0040A493", "CS", "VERIFIED") "," V(
            "0040A073", "SQ",
            "{" S("0040A027", "LO", "St Swithin Infirmary") "," S("0040A030", "DT", "20240311") "," V("0040A075", "PN", "{\"Alphabetic\":\"Foot^Percy\"}") "," V(
                "0040A088", "SQ",
                CODE(
                    "C1", "99LOCAL",
                    "Percy Foot")) "}") "," S("0040A040", "CS",
                                              "CONTAINER") "," S("0040A050", "CS",
                                                                 "SEPARATE") "," NAME("126000",
                                                                                      "DCM",
                                                                                      "Imaging "
                                                                                      "Measurement "
                                                                                      "Report") "}");
    const struct dcm_dataset *observer = dcm_first_item(f.d, DCM_VerifyingObserverSequence);
    assert_non_null(observer);
    static const dcm_tag needed[] = {DCM_VerifyingOrganization, DCM_VerificationDateTime,
                                     DCM_VerifyingObserverName};
    for (size_t i = 0; i < 3; i++) {
        const struct dcm_node *n = dcm_get(observer, needed[i]);
        assert_true(n != NULL && n->value.len > 0);
    }
    assert_true(said(&f, "VERIFIED") && said(&f, "COMPLETE"));
    tear_down(&f);
}

// As deep as the reader goes; a list of a hundred thousand items.
static void test_sizes(void **state) {
    (void)state;
    struct fixture f;
    struct err e = {0};
    set_up(&f);
    read_json(&f, DOCUMENT(TEXT("CONTAINS", NAME("121071", "DCM", "Finding"), "Normal.")));
    struct dcm_dataset *at = f.d;
    for (unsigned i = 0; i + 2 < DCM_NESTING_MAX; i++) {
        struct dcm_dataset *below;
        assert_int_equal(dcm_add_item(at, DCM_ContentSequence, &below, &e), E_OK);
        (void)dcm_put_str(below, DCM_RelationshipType, DCM_VR_CS, "CONTAINS", &e);
        (void)dcm_put_str(below, DCM_ValueType, DCM_VR_CS, "CONTAINER", &e);
        (void)dcm_put_str(below, DCM_ContinuityOfContent, DCM_VR_CS, "SEPARATE", &e);
        at = below;
    }
    for (unsigned i = 0; i < 100000; i++) {
        struct dcm_dataset *below;
        assert_int_equal(dcm_add_item(at, DCM_ContentSequence, &below, &e), E_OK);
        (void)dcm_put_str(below, DCM_RelationshipType, DCM_VR_CS, "CONTAINS", &e);
        (void)dcm_put_str(below, DCM_ValueType, DCM_VR_CS, "TEXT", &e);
        (void)dcm_put_str(below, DCM_TextValue, DCM_VR_UT, i % 2 != 0 ? "Martha" : "Normal", &e);
    }
    assert_int_equal(gate_structured_clean(&f.c, f.d, DCM_ContentSequence, "", &e), E_OK);
    assert_int_equal(f.c.verdict, GATE_RELEASED);
    assert_int_equal(dcm_get(at, DCM_ContentSequence)->item_count, 50000);
    tear_down(&f);
}

// --- samples ---

struct tally {
    size_t trees, refused, annotations, failed;
};

static int visit(const char *path, void *context) {
    struct tally *t = context;
    CLEANUP(cleanup_file_map) struct file_map map = {0};
    struct err e = {0};
    struct fixture f;
    struct dcm_file file;
    if (file_map_path(path, &map, &e) != E_OK) {
        return 0;
    }
    set_up(&f);
    if (dcm_file_open(&f.arena, map.bytes, &file, &e) == E_OK &&
        dcm_file_dataset(&f.arena, &file, 0, &f.d, &e) == E_OK &&
        gate_subject_gather(f.c.subject, f.d, &e) == E_OK) {
        static const dcm_tag owned[] = {DCM_ContentSequence, DCM_GraphicAnnotationSequence,
                                        DCM_SegmentSequence, DCM_StructureSetROISequence,
                                        DCM_AcquisitionContextSequence};
        for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) {
            if (dcm_get(f.d, owned[i]) == NULL) {
                continue;
            }
            int code = gate_structured_clean(&f.c, f.d, owned[i], "", &e);
            t->failed += code != E_OK;
            t->trees += i == 0;
            t->annotations += i != 0;
            if (i == 0 && f.c.verdict != GATE_RELEASED) {
                print_message("refused: %s\n", path);
                t->refused++;
            }
        }
    }
    tear_down(&f);
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
    print_message("%zu trees, %zu refused, %zu other\n", t.trees, t.refused, t.annotations);
    assert_int_equal(t.failed, 0);
    assert_true(t.trees >= 5 && t.annotations >= 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_concepts),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_code_neighbours),
        cmocka_unit_test(test_measurement_report),
        cmocka_unit_test(test_references_follow),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_hollow),
        cmocka_unit_test(test_odd_places),
        cmocka_unit_test(test_dose_report),
        cmocka_unit_test(test_dates_shifted),
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_key_objects),
        cmocka_unit_test(test_presentation_state),
        cmocka_unit_test(test_segments_and_regions),
        cmocka_unit_test(test_waveform_and_context),
        cmocka_unit_test(test_verifying_observer),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
