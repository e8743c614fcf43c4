// SPDX-License-Identifier: Apache-2.0
// Views: what a search within one matches and returns, what an instance looks like on its way out,
// and the tables that views come from.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/attributes.h"
#include "archive/record.h"
#include "archive/register.h"
#include "archive/retrieve.h"
#include "archive/schema.h"
#include "archive/search.h"
#include "archive/segment.h"
#include "archive/view.h"
#include "archive/view_apply.h"
#include "archive/view_source.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/db.h"
#include "dicom/charset.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "dicom/writer.h"

static char path[64];
static struct db *db;
static struct buf segment;

struct row {
    const char *study, *series, *instance, *name, *id, *birth, *date, *time, *modality;
    const char *description, *comments, *institution;
};
static const struct row rows[] = {
    {"1.1", "1.1.1", "1.1.1.1", "Adams^Ann", "P1", "19500101", "20260101", "080000", "CT",
     "Pancreatic cancer", "", "Trust A"},
    {"1.2", "1.2.1", "1.2.1.1", "Adams^Ann", "P1", "19500101", "20260102", "101500", "MR", "Knee",
     "seen", "Trust A"},
    {"1.3", "1.3.1", "1.3.1.1", "Brown^Bob", "P2", "19600101", "20260102", "235959", "CR", "Chest",
     "", "Trust B"},
    {"1.4", "1.4.1", "1.4.1.1", "", "", "", "20260103", "", "US", "", "", ""},
};

static void add(struct register_batch *b, const struct row *row) {
    struct err e = {0};
    struct record r = {.metadata = buf_slice(&segment),
                       .metadata_len = 2,
                       .metadata_crc = segment_crc(slice_str("{}")),
                       .body_offset = 1234};
    for (size_t i = 0; i < ATTRIBUTE_EXTRACTED; i++) {
        r.texts[i] = slice_str("");
    }
    r.texts[ATTRIBUTE_study_uid] = slice_str(row->study);
    r.texts[ATTRIBUTE_series_uid] = slice_str(row->series);
    r.texts[ATTRIBUTE_sop_instance] = slice_str(row->instance);
    r.texts[ATTRIBUTE_sop_class] = slice_str("1.2.840.10008.5.1.4.1.1.2");
    r.texts[ATTRIBUTE_patient_name] = slice_str(row->name);
    r.texts[ATTRIBUTE_patient_id] = slice_str(row->id);
    r.texts[ATTRIBUTE_birth_date] = slice_str(row->birth);
    r.texts[ATTRIBUTE_study_date] = slice_str(row->date);
    r.texts[ATTRIBUTE_study_time] = slice_str(row->time);
    r.texts[ATTRIBUTE_modality] = slice_str(row->modality);
    r.texts[ATTRIBUTE_study_description] = slice_str(row->description);
    r.texts[ATTRIBUTE_study_comments] = slice_str(row->comments);
    r.texts[ATTRIBUTE_institution] = slice_str(row->institution);
    r.syntax = slice_str("1.2.840.10008.1.2.1");
    r.pixel_problem = slice_str("");
    struct hash object = hash_of(slice_str(row->instance));
    assert_int_equal(register_add(b, &r, &object, 1000, &e), E_OK);
}

static int setup(void **state) {
    (void)state;
    struct err e = {0};
    (void)snprintf(path, sizeof path, "/tmp/maclab-test-view-XXXXXX");
    int fd = mkstemp(path);
    if (fd < 0 || close(fd) != 0) {
        return -1;
    }
    buf_init(&segment, 1000);
    assert_int_equal(segment_make(slice_str("{}"), &segment, &e), E_OK);
    assert_int_equal(db_open(path, DB_READ_WRITE, &db, &e), E_OK);
    assert_int_equal(schema_bring(db, &e), E_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct register_batch *b;
        assert_int_equal(register_begin(db, (usec)i, &b, &e), E_OK);
        add(b, &rows[i]);
        assert_int_equal(register_commit(b, &e), E_OK);
    }
    return 0;
}

static int teardown(void **state) {
    static const char *const behind[] = {"", "-wal", "-shm"};
    (void)state;
    db_close(db);
    buf_done(&segment);
    for (size_t i = 0; i < 3; i++) {
        char name[80];
        (void)snprintf(name, sizeof name, "%s%s", path, behind[i]);
        (void)unlink(name);
    }
    return 0;
}

// --- searches

// One attribute of each row found, apart by "|".
struct found {
    dcm_tag tag;
    char text[400];
};

static int take(const struct search_row *row, void *context) {
    struct found *f = context;
    for (size_t i = 0; i < row->count; i++) {
        if (row->values[i].attribute->tag == f->tag) {
            size_t len = strlen(f->text);
            struct slice text = row->values[i].text;
            (void)snprintf(f->text + len, sizeof f->text - len, "%s%.*s", len == 0 ? "" : "|",
                           (int)text.len, (const char *)text.ptr);
        }
    }
    return 0;
}

static struct found look(const struct view *v, enum search_level level, bool patients, dcm_tag tag,
                         const char *value, dcm_tag shown) {
    struct err e = {0};
    struct search_key keys[2] = {{tag, slice_str(value)}, {shown, slice_str("")}};
    struct search_query q = {.level = level,
                             .keys = keys,
                             .key_count = tag == shown ? 1 : 2,
                             .patients = patients,
                             .asked_only = true,
                             .view = v};
    struct found f = {.tag = shown};
    if (search_run(db, &q, take, &f, NULL, &e) != E_OK) {
        (void)fprintf(stderr, "%08X %s: %s\n", tag, value, e.text);
        fail();
    }
    return f;
}

static void replace(struct view *v, const char *study, dcm_tag tag, const char *text) {
    struct err e = {0};
    assert_int_equal(view_replace(v, slice_str(study), tag, slice_str(text), &e), E_OK);
}

// Study 1 and 3 with aliases, study 2 as it is but for what all of the view have.
static struct view *exam(bool whole) {
    struct err e = {0};
    struct view *v = view_new(whole);
    assert_int_equal(view_add(v, slice_str("1.2"), &e), E_OK);
    replace(v, "1.1", DCM_PatientName, "Exam^One");
    replace(v, "1.1", DCM_PatientID, "E1");
    replace(v, "1.1", DCM_PatientBirthDate, "");
    replace(v, "1.1", DCM_StudyComments, "look at the liver");
    replace(v, "1.3", DCM_PatientName, "Exam^Zwölf=山田^太郎");
    replace(v, "1.3", DCM_PatientID, "E12");
    replace(v, "", DCM_StudyDescription, "Examination");
    replace(v, "", DCM_InterpretationStatusID, "TODO");
    return v;
}

static void test_matching(void **state) {
    (void)state;
    static const struct {
        enum search_level level;
        dcm_tag tag;
        const char *value;
        const char *closed, *whole; // studies found
    } cases[] = {
        {SEARCH_STUDY, DCM_PatientID, "", "1.1|1.2|1.3", "1.4|1.3|1.2|1.1"},
        {SEARCH_STUDY, DCM_PatientID, "P1", "1.2", "1.2"},
        {SEARCH_STUDY, DCM_PatientID, "E1", "1.1", "1.1"},
        {SEARCH_STUDY, DCM_PatientID, "E*", "1.3|1.1", "1.3|1.1"},
        {SEARCH_STUDY, DCM_PatientID, "E1\\P1", "1.2|1.1", "1.2|1.1"},
        {SEARCH_STUDY, DCM_PatientName, "adams*", "1.2", "1.2"},
        {SEARCH_STUDY, DCM_PatientName, "Exam^zwolf", "1.3", "1.3"},
        {SEARCH_STUDY, DCM_PatientName, "山田*", "1.3", "1.3"},
        {SEARCH_STUDY, DCM_PatientName, "brown^bob", "", ""},
        {SEARCH_STUDY, DCM_StudyDescription, "Knee", "", ""}, // replaced in all
        {SEARCH_STUDY, DCM_StudyDescription, "exam*", "1.3|1.2|1.1", "1.4|1.3|1.2|1.1"},
        {SEARCH_STUDY, DCM_InterpretationStatusID, "TODO", "1.3|1.2|1.1", "1.4|1.3|1.2|1.1"},
        {SEARCH_STUDY, DCM_InterpretationStatusID, "DONE", "", ""},
        {SEARCH_STUDY, DCM_StudyComments, "*liver*", "1.1", "1.1"},
        {SEARCH_STUDY, DCM_StudyComments, "seen", "1.2", "1.2"},
        {SEARCH_STUDY, DCM_PatientBirthDate, "19500101", "1.2", "1.2"},
        {SEARCH_STUDY, DCM_PatientBirthDate, "19400101-19691231", "1.3|1.2", "1.3|1.2"},
        {SEARCH_STUDY, DCM_StudyDate, "20260102-", "1.3|1.2", "1.4|1.3|1.2"},
        {SEARCH_STUDY, DCM_Modality, "CT", "1.1", "1.1"}, // a stored attribute below
        {SEARCH_STUDY, DCM_Modality, "US", "", "1.4"},
        {SEARCH_STUDY, DCM_StudyInstanceUID, "1.4", "", "1.4"},
        {SEARCH_SERIES, DCM_PatientID, "E12", "1.3", "1.3"},
        {SEARCH_INSTANCE, DCM_PatientID, "P2", "", ""},
        {SEARCH_INSTANCE, DCM_SOPInstanceUID, "1.4.1.1", "", "1.4"},
    };
    struct view *v[2] = {exam(false), exam(true)};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int w = 0; w < 2; w++) {
            struct found f = look(v[w], cases[i].level, false, cases[i].tag, cases[i].value,
                                  DCM_StudyInstanceUID);
            const char *expect = w == 0 ? cases[i].closed : cases[i].whole;
            bool first = i == 0 && w == 0; // newest first, as elsewhere
            if (strcmp(f.text, first ? "1.3|1.2|1.1" : expect) != 0) {
                (void)fprintf(stderr, "%08X %s: %s, not %s\n", cases[i].tag, cases[i].value, f.text,
                              expect);
                fail();
            }
        }
    }
    view_free(v[0]);
    view_free(v[1]);
}

static void test_returned(void **state) {
    (void)state;
    struct view *v = exam(true);
    static const struct {
        enum search_level level;
        dcm_tag tag;
        const char *expect;
    } cases[] = {
        {SEARCH_STUDY, DCM_PatientName, "|Exam^Zwölf=山田^太郎|Adams^Ann|Exam^One"},
        {SEARCH_STUDY, DCM_PatientID, "|E12|P1|E1"},
        {SEARCH_STUDY, DCM_StudyDescription, "Examination|Examination|Examination|Examination"},
        {SEARCH_STUDY, DCM_StudyComments, "||seen|look at the liver"},
        {SEARCH_SERIES, DCM_PatientID, "|E12|P1|E1"},
        {SEARCH_INSTANCE, DCM_PatientID, "|E12|P1|E1"},
        {SEARCH_STUDY, DCM_NumberOfPatientRelatedStudies, "|||"}, // would tell who is whom
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct found f = look(v, cases[i].level, false, DCM_StudyInstanceUID, "", cases[i].tag);
        // The first of the values is empty: "|" is put before the others only.
        const char *expect = cases[i].expect;
        assert_string_equal(f.text, *expect == '|' ? expect + strspn(expect, "|") : expect);
    }
    view_free(v);
}

// Neither name nor date may be told by the order where they are replaced.
static void test_order(void **state) {
    (void)state;
    struct view *v = view_new(true);
    struct found f = look(v, SEARCH_STUDY, false, DCM_PatientName, "*a*", DCM_StudyInstanceUID);
    assert_string_equal(f.text, "1.2|1.1");
    replace(v, "1.2", DCM_StudyDate, "19000101");
    f = look(v, SEARCH_STUDY, false, DCM_PatientName, "*a*", DCM_StudyInstanceUID);
    assert_string_equal(f.text, "1.1|1.2"); // as they came in
    view_free(v);
}

static void test_patients(void **state) {
    (void)state;
    struct found f = look(NULL, SEARCH_STUDY, true, DCM_PatientID, "", DCM_PatientID);
    assert_string_equal(f.text, "P2|P1");
    f = look(NULL, SEARCH_STUDY, true, DCM_PatientName, "adams*", DCM_PatientID);
    assert_string_equal(f.text, "P1");
    struct view *v = exam(false);
    f = look(v, SEARCH_STUDY, true, DCM_PatientID, "", DCM_PatientID);
    assert_string_equal(f.text, "E12|P1|E1"); // two of the view, who are one in the archive
    replace(v, "1.3", DCM_PatientID, "E1");
    f = look(v, SEARCH_STUDY, true, DCM_PatientID, "", DCM_PatientID);
    assert_string_equal(f.text, "E1|P1"); // and one who are two
    struct err e = {0};
    struct search_key key = {DCM_PatientID, slice_str("")};
    struct search_query q = {.keys = &key, .key_count = 1, .patients = true, .view = v};
    bool more = false;
    q.limit = 1;
    f = (struct found){.tag = DCM_PatientID};
    assert_int_equal(search_run(db, &q, take, &f, &more, &e), E_OK);
    assert_string_equal(f.text, "E1");
    assert_true(more);
    q.offset = 1;
    f.text[0] = '\0';
    assert_int_equal(search_run(db, &q, take, &f, &more, &e), E_OK);
    assert_string_equal(f.text, "P1");
    assert_false(more);
    view_free(v);
}

static void test_combined(void **state) {
    (void)state;
    static const struct {
        const char *dates, *times, *apart, *together;
    } cases[] = {
        {"20260101-20260102", "0900-1100", "1.2", "1.2"},
        {"20260101-20260103", "0900-2300", "1.2", "1.4|1.3|1.2"}, // no time on the last day
        {"20260101-20260102", "0700-0800", "1.1", "1.1"},
        {"20260101-", "0900-", "1.3|1.2", "1.4|1.3|1.2"},
        {"-20260102", "-1200", "1.2|1.1", "1.2|1.1"},
        {"20260101-20260102", "235900-000100", NULL, ""}, // over midnight
        {"20260101-20260103", "1200-1000", NULL, "1.4|1.3|1.2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int combined = cases[i].apart == NULL; combined < 2; combined++) {
            struct err e = {0};
            struct search_key keys[] = {{DCM_StudyTime, slice_str(cases[i].times)},
                                        {DCM_StudyDate, slice_str(cases[i].dates)}};
            struct search_query q = {.keys = keys, .key_count = 2, .combined = combined != 0};
            struct found f = {.tag = DCM_StudyInstanceUID};
            assert_int_equal(search_run(db, &q, take, &f, NULL, &e), E_OK);
            assert_string_equal(f.text, combined != 0 ? cases[i].together : cases[i].apart);
        }
    }
}

static void test_ids(void **state) {
    (void)state;
    struct err e = {0};
    struct arena a;
    arena_init(&a, 1 << 20);
    struct view *v = exam(false);
    struct search_key key = {DCM_StudyInstanceUID, slice_str("1.4\\1.3\\1.1")};
    struct search_query q = {
        .level = SEARCH_INSTANCE, .keys = &key, .key_count = 1, .view = v, .limit = 0};
    const int64_t *ids;
    size_t count;
    assert_int_equal(search_ids(db, &q, &a, &ids, &count, &e), E_OK);
    assert_int_equal(count, 2);
    struct retrieve_instance found;
    assert_int_equal(retrieve_by_id(db, ids[0], &found, &e), 1);
    assert_string_equal(found.instance, "1.1.1.1");
    assert_string_equal(found.series, "1.1.1");
    assert_string_equal(found.study, "1.1");
    assert_int_equal(found.body_offset, 1234);
    assert_int_equal(retrieve_by_id(db, 99999, &found, &e), 0);
    view_free(v);
    arena_done(&a);
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *study;
        dcm_tag tag;
        const char *text;
    } cases[] = {
        {"1.1", DCM_StudyInstanceUID, "1.9"},
        {"1.1", DCM_SOPClassUID, "1.2.3"},
        {"1.1", DCM_Rows, "5"},
        {"1.1", DCM_PhotometricInterpretation, "RGB"},
        {"1.1", DCM_TAG(0x0009, 0x1001), "x"},
        {"1.1", DCM_SpecificCharacterSet, "ISO_IR 6"},
        {"1.1", DCM_RequestAttributesSequence, ""},
        {"1.1", DCM_TAG(0x0008, 0x0099), "x"},
        {"1.1", DCM_PatientBirthDate, "Monday"},
        {"1.1", DCM_PatientName, "\xFF"},
        {"no uid", DCM_PatientName, "A"},
    };
    struct view *v = view_new(false);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err e = {0};
        assert_int_equal(
            view_replace(v, slice_str(cases[i].study), cases[i].tag, slice_str(cases[i].text), &e),
            E_ARGUMENT);
    }
    assert_false(view_changes(v, slice_str("1.1")));
    view_free(v);
}

// --- instances

static struct arena memory;

static struct dcm_dataset *sample(const char *charset, enum dcm_encoding encoding) {
    static uint8_t pixels[20000];
    struct err e = {0};
    struct dcm_dataset *item;
    arena_init(&memory, 1 << 22);
    struct dcm_dataset *d = dcm_dataset_new(&memory, encoding);
    if (charset != NULL) {
        (void)dcm_put_str(d, DCM_SpecificCharacterSet, DCM_VR_CS, charset, &e);
    }
    (void)dcm_put_str(d, DCM_StudyDescription, DCM_VR_LO, "Pancreatic cancer", &e);
    (void)dcm_put_str(d, DCM_PatientName, DCM_VR_PN, "Adams^Ann", &e);
    (void)dcm_put_str(d, DCM_PatientID, DCM_VR_LO, "P1", &e);
    (void)dcm_put_str(d, DCM_TAG(0x0009, 0x0010), DCM_VR_LO, "SOMEBODY", &e);
    (void)dcm_put_str(d, DCM_TAG(0x0009, 0x1001), DCM_VR_LO, "Adams^Ann", &e);
    (void)dcm_put_str(d, DCM_ManufacturerModelName, DCM_VR_LO, "Ger\xE4t", &e);
    (void)dcm_add_item(d, DCM_RequestAttributesSequence, &item, &e);
    (void)dcm_put_str(item, DCM_StudyDescription, DCM_VR_LO, "cancer", &e);
    struct dcm_dataset *inner;
    (void)dcm_add_item(item, DCM_ReferencedPatientSequence, &inner, &e);
    (void)dcm_put_str(inner, DCM_PatientName, DCM_VR_PN, "Adams^Ann", &e);
    memset(pixels, 0x5A, sizeof pixels);
    (void)dcm_put(d, DCM_PixelData, DCM_VR_OW, slice_of(pixels, sizeof pixels), &e);
    return d;
}

static void text_is(const struct dcm_dataset *d, dcm_tag tag, const char *expect) {
    struct slice raw = {0};
    struct buf text;
    struct dcm_charset cs = dcm_charset_of(d);
    buf_init(&text, 1000);
    const struct dcm_node *n = dcm_get(d, tag);
    assert_non_null(n);
    if (dcm_node_text(n, 0, &raw)) {
        dcm_charset_to_utf8(&cs, n->vr, raw, &text, NULL);
    }
    if (!slice_eq_str(buf_slice(&text), expect)) {
        (void)fprintf(stderr, "%08X: %.*s, not %s\n", tag, (int)text.len, (const char *)text.data,
                      expect);
        fail();
    }
    buf_done(&text);
}

static void check_shown(const char *charset, enum dcm_encoding encoding, const char *alias) {
    struct err e = {0};
    struct buf body;
    buf_init(&body, 1 << 20);
    struct dcm_dataset *d = sample(charset, encoding);
    assert_int_equal(dcm_write(d, encoding, dcm_sink_buf(&body), &e), E_OK);
    struct view *v = view_new(true);
    replace(v, "1.1", DCM_PatientName, alias);
    replace(v, "1.1", DCM_StudyDescription, "");
    replace(v, "1.1", DCM_StudyComments, "hello");
    replace(v, "1.1", DCM_ImageComments, ""); // not there, and nothing to say: not added
    struct view_pieces p = {0};
    assert_int_equal(view_apply(v, slice_str("1.1"), buf_slice(&body), encoding, &p, &e), E_OK);
    struct buf out;
    buf_init(&out, 1 << 20);
    bool borrowed = false;
    for (size_t i = 0; i < p.count; i++) {
        borrowed = borrowed || (p.pieces[i].ptr >= body.data &&
                                p.pieces[i].ptr < body.data + body.len && p.pieces[i].len >= 20000);
        buf_put_slice(&out, p.pieces[i]);
    }
    assert_true(borrowed); // the pixels where they were
    assert_true(p.copied < 2000);
    struct arena a;
    arena_init(&a, 1 << 22);
    struct dcm_dataset *shown;
    uint32_t oddities;
    assert_int_equal(dcm_dataset_read(&a, buf_slice(&out), encoding, 0, 0, &shown, &oddities, &e),
                     E_OK);
    assert_int_equal(oddities, 0);
    text_is(shown, DCM_PatientName, alias);
    text_is(shown, DCM_PatientID, "P1");
    text_is(shown, DCM_StudyDescription, "");
    text_is(shown, DCM_StudyComments, "hello");
    assert_null(dcm_get(shown, DCM_ImageComments));
    const struct dcm_node *private = dcm_get(shown, DCM_TAG(0x0009, 0x1001));
    assert_memory_equal(private->value.ptr, "Adams^Ann ", 10); // left alone
    text_is(shown, DCM_ManufacturerModelName, charset == NULL ? "Ger\xEF\xBF\xBDt" : "Gerät");
    const struct dcm_dataset *item = dcm_first_item(shown, DCM_RequestAttributesSequence);
    text_is(item, DCM_StudyDescription, "");
    text_is(dcm_first_item(item, DCM_ReferencedPatientSequence), DCM_PatientName, alias);
    assert_int_equal(dcm_get(shown, DCM_PixelData)->value.len, 20000);
    // Another study of the view is as it is stored.
    view_pieces_done(&p);
    assert_int_equal(view_apply(v, slice_str("1.2"), buf_slice(&body), encoding, &p, &e), E_OK);
    assert_int_equal(p.count, 1);
    assert_ptr_equal(p.pieces[0].ptr, body.data);
    assert_int_equal(p.pieces[0].len, body.len);
    view_pieces_done(&p);
    view_free(v);
    arena_done(&a);
    arena_done(&memory);
    buf_done(&out);
    buf_done(&body);
}

static void test_shown(void **state) {
    (void)state;
    static const enum dcm_encoding encodings[] = {DCM_IMPLICIT_LE, DCM_EXPLICIT_LE,
                                                  DCM_EXPLICIT_BE};
    for (size_t i = 0; i < 3; i++) {
        check_shown("ISO_IR 100", encodings[i], "Exam^One");
        check_shown("ISO_IR 100", encodings[i], "Exam^Zwölf"); // in the data set's own set
        check_shown("ISO_IR 100", encodings[i], "Exam^山田");  // which lacks these
    }
    check_shown("ISO 2022 IR 100\\ISO 2022 IR 87", DCM_EXPLICIT_LE, "Exam^山田");
}

// What is not a data set is an error, cut anywhere; and nothing is shown of it.
static void test_damaged(void **state) {
    (void)state;
    struct err e = {0};
    struct buf body;
    buf_init(&body, 1 << 20);
    struct dcm_dataset *d = sample("ISO_IR 100", DCM_EXPLICIT_LE);
    assert_int_equal(dcm_write(d, DCM_EXPLICIT_LE, dcm_sink_buf(&body), &e), E_OK);
    struct view *v = view_new(true);
    replace(v, "1.1", DCM_PatientName, "Exam^One");
    size_t failures = 0;
    for (size_t len = 1; len < 400; len++) {
        struct view_pieces p = {0};
        int rc = view_apply(v, slice_str("1.1"), slice_of(body.data, len), DCM_EXPLICIT_LE, &p, &e);
        failures += rc != E_OK;
        for (size_t i = 0; rc == E_OK && i < p.count; i++) {
            assert_null(memmem(p.pieces[i].ptr, p.pieces[i].len, "Adams^Ann\x0b", 10));
        }
        view_pieces_done(&p);
    }
    assert_true(failures > 300);
    view_free(v);
    arena_done(&memory);
    buf_done(&body);
}

static void test_no_memory(void **state) {
    (void)state;
    struct err e = {0};
    struct buf body;
    buf_init(&body, 1 << 20);
    struct dcm_dataset *d = sample("ISO_IR 100", DCM_EXPLICIT_LE);
    assert_int_equal(dcm_write(d, DCM_EXPLICIT_LE, dcm_sink_buf(&body), &e), E_OK);
    bool done = false;
    for (size_t n = 0; !done && n < 1000; n++) {
        struct view *v = NULL;
        struct view_pieces p = {0};
        mem_fail_after(n);
        v = view_new(true);
        done =
            v != NULL &&
            view_replace(v, slice_str("1.1"), DCM_PatientName, slice_str("Exam^山"), &e) == E_OK &&
            view_apply(v, slice_str("1.1"), buf_slice(&body), DCM_EXPLICIT_LE, &p, &e) == E_OK;
        mem_fail_after(MEM_FAIL_NEVER);
        view_pieces_done(&p);
        view_free(v);
    }
    assert_true(done);
    arena_done(&memory);
    buf_done(&body);
}

// --- tables

static struct view *of_peer(const char *aet) {
    struct err e = {0};
    struct view *v = NULL;
    assert_int_equal(
        view_source_tables.open(view_source_tables.context, db, slice_str(aet), &v, &e), E_OK);
    return v;
}

static void test_tables(void **state) {
    (void)state;
    struct err e = {0};
    struct slice exam_name = slice_str("exam");
    assert_null(of_peer("STATION1"));
    assert_int_equal(view_rows_make(db, exam_name, false, &e), E_OK);
    assert_int_equal(view_rows_add(db, exam_name, slice_str("1.2"), &e), E_OK);
    assert_int_equal(view_rows_add(db, exam_name, slice_str("1.2"), &e), E_OK);
    assert_int_equal(view_rows_add(db, exam_name, slice_str("1 2"), &e), E_ARGUMENT);
    assert_int_equal(
        view_rows_replace(db, exam_name, slice_str("1.1"), DCM_PatientName, slice_str("Alias"), &e),
        E_OK);
    assert_int_equal(view_rows_add(db, exam_name, slice_str("1.1"), &e), E_OK);
    assert_int_equal(
        view_rows_replace(db, exam_name, slice_str(""), DCM_StudyComments, slice_str(""), &e),
        E_OK);
    assert_int_equal(view_rows_replace(db, exam_name, slice_str(""), DCM_Rows, slice_str("1"), &e),
                     E_ARGUMENT);
    assert_int_equal(view_rows_add(db, slice_str("none"), slice_str("1.1"), &e), E_NOT_FOUND);
    assert_int_equal(view_rows_bind(db, slice_str("STATION1"), slice_str("none"), &e), E_NOT_FOUND);
    assert_int_equal(view_rows_bind(db, slice_str("STATION1"), exam_name, &e), E_OK);
    assert_null(of_peer("STATION2"));
    struct view *v = of_peer("STATION1");
    assert_non_null(v);
    assert_true(view_shows(v, slice_str("1.1")));
    assert_true(view_shows(v, slice_str("1.2")));
    assert_false(view_shows(v, slice_str("1.3")));
    assert_true(slice_eq_str(view_value(v, slice_str("1.1"), DCM_PatientName)->text, "Alias"));
    assert_null(view_value(v, slice_str("1.2"), DCM_PatientName));
    assert_int_equal(view_value(v, slice_str("1.2"), DCM_StudyComments)->text.len, 0);
    view_free(v);
    // Another view of the same peer, then none; a view that goes leaves its peers without.
    assert_int_equal(view_rows_make(db, slice_str("all"), true, &e), E_OK);
    assert_int_equal(view_rows_bind(db, slice_str("STATION1"), slice_str("all"), &e), E_OK);
    v = of_peer("STATION1");
    assert_true(view_is_whole(v));
    view_free(v);
    assert_int_equal(view_rows_bind(db, slice_str("STATION1"), slice_str(""), &e), E_OK);
    assert_null(of_peer("STATION1"));
    assert_int_equal(view_rows_bind(db, slice_str("STATION1"), slice_str("all"), &e), E_OK);
    assert_int_equal(view_rows_remove(db, slice_str("all"), &e), E_OK);
    assert_int_equal(view_rows_remove(db, slice_str("all"), &e), E_NOT_FOUND);
    assert_null(of_peer("STATION1"));
    assert_int_equal(view_rows_make(db, exam_name, false, &e), E_OK); // anew: empty
    assert_int_equal(view_rows_bind(db, slice_str("STATION1"), exam_name, &e), E_OK);
    v = of_peer("STATION1");
    assert_false(view_shows(v, slice_str("1.1")));
    view_free(v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matching), cmocka_unit_test(test_returned),
        cmocka_unit_test(test_order),    cmocka_unit_test(test_patients),
        cmocka_unit_test(test_combined), cmocka_unit_test(test_ids),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_shown),
        cmocka_unit_test(test_damaged),  cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
