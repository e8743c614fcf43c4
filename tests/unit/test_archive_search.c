// SPDX-License-Identifier: Apache-2.0
// Matching of PS3.4 C.2.2.2 over a small catalogue of known rows; the catalogue page's words and
// facets.
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
#include "archive/catalogue.h"
#include "archive/record.h"
#include "archive/register.h"
#include "archive/schema.h"
#include "archive/search.h"
#include "archive/segment.h"
#include "archive/words.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "db/db.h"
#include "dicom/tags.h"

static char path[64];
static struct db *db;
static struct buf segment;

struct row {
    const char *study, *series, *instance;
    const char *name, *id, *date, *time, *accession, *modality, *description, *birth;
    const char *series_description, *body_part, *step_ids, *procedure_ids, *number;
};

// Study 4 has two series, the first of them two instances.
static const struct row rows[] = {
    {"1.1", "1.1.1", "1.1.1.1", "Müller^Hans", "P1", "20260101", "080000", "A1", "CT", "Thorax",
     "19500101", "axial", "CHEST", "", "", "1"},
    {"1.2", "1.2.1", "1.2.1.1", "MULLER^HEIDI", "P2", "20260115", "1015", "A2", "MR", "Kopf",
     "19600101", "t1 tra", "HEAD", "", "", "1"},
    {"1.3", "1.3.1", "1.3.1.1", "Yamada^Tarou=山田^太郎=やまだ^たろう", "P3", "20260131",
     "235959.5", "A3", "CR", "100% thorax_ap!", "19700101", "ap", "CHEST", "", "", "1"},
    {"1.4", "1.4.1", "1.4.1.1", "Doe^Jane^^Dr", "p1", "20251224", "120000", "", "CT", "Abdomen", "",
     "pv", "ABDOMEN", "STEP1\\STEP2", "R1\\R2", "1"},
    {"1.4", "1.4.1", "1.4.1.2", "Doe^Jane^^Dr", "p1", "20251224", "120000", "", "CT", "Abdomen", "",
     "pv", "ABDOMEN", "STEP1\\STEP2", "R1\\R2", "2"},
    {"1.4", "1.4.2", "1.4.2.1", "Doe^Jane^^Dr", "p1", "20251224", "120000", "", "SR", "Abdomen", "",
     "report", "", "", "", "7"},
    {"1.5", "1.5.1", "1.5.1.1", "", "", "", "", "", "US", "", "", "", "", "", "", ""},
};

static void add(struct register_batch *b, const struct row *row) {
    struct err e = {0};
    struct record r = {.metadata = buf_slice(&segment),
                       .metadata_len = 2,
                       .metadata_crc = segment_crc(slice_str("{}"))};
    for (size_t i = 0; i < ATTRIBUTE_EXTRACTED; i++) {
        r.texts[i] = slice_str("");
    }
    const struct {
        enum attribute_id id;
        const char *text;
    } values[] = {
        {ATTRIBUTE_study_uid, row->study},
        {ATTRIBUTE_series_uid, row->series},
        {ATTRIBUTE_sop_instance, row->instance},
        {ATTRIBUTE_sop_class, "1.2.840.10008.5.1.4.1.1.2"},
        {ATTRIBUTE_patient_name, row->name},
        {ATTRIBUTE_patient_id, row->id},
        {ATTRIBUTE_study_date, row->date},
        {ATTRIBUTE_study_time, row->time},
        {ATTRIBUTE_accession, row->accession},
        {ATTRIBUTE_modality, row->modality},
        {ATTRIBUTE_study_description, row->description},
        {ATTRIBUTE_birth_date, row->birth},
        {ATTRIBUTE_series_description, row->series_description},
        {ATTRIBUTE_body_part, row->body_part},
        {ATTRIBUTE_step_ids, row->step_ids},
        {ATTRIBUTE_procedure_ids, row->procedure_ids},
        {ATTRIBUTE_series_number, row->number},
        {ATTRIBUTE_instance_number, row->number},
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        r.texts[values[i].id] = slice_str(values[i].text);
    }
    r.syntax = slice_str("1.2.840.10008.1.2.1");
    r.pixel_problem = slice_str("");
    r.frames = strcmp(row->modality, "SR") == 0 ? 0 : 1;
    struct hash object = hash_of(slice_str(row->instance));
    assert_int_equal(register_add(b, &r, &object, 1000, &e), E_OK);
}

static int setup(void **state) {
    (void)state;
    struct err e = {0};
    (void)snprintf(path, sizeof path, "/tmp/maclab-test-search-XXXXXX");
    int fd = mkstemp(path);
    if (fd < 0 || close(fd) != 0) {
        return -1;
    }
    buf_init(&segment, 1000);
    assert_int_equal(segment_make(slice_str("{}"), &segment, &e), E_OK);
    assert_int_equal(db_open(path, DB_READ_WRITE, &db, &e), E_OK);
    assert_int_equal(schema_bring(db, &e), E_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) { // a batch each: sums accumulate
        struct register_batch *b;
        assert_int_equal(register_begin(db, (usec)i, &b, &e), E_OK);
        add(b, &rows[i]);
        assert_int_equal(register_commit(b, &e), E_OK);
    }
    return 0;
}

static int teardown(void **state) {
    char name[80];
    (void)state;
    db_close(db);
    buf_done(&segment);
    (void)unlink(path);
    (void)snprintf(name, sizeof name, "%s-wal", path);
    (void)unlink(name);
    (void)snprintf(name, sizeof name, "%s-shm", path);
    (void)unlink(name);
    return 0;
}

// Last components of the UIDs found, sorted by the search's own order: "1 2".
struct found {
    char text[400];
    dcm_tag uid;
};

static int take(const struct search_row *row, void *context) {
    struct found *f = context;
    for (size_t i = 0; i < row->count; i++) {
        if (row->values[i].attribute->tag == f->uid) {
            size_t len = strlen(f->text);
            struct slice uid = row->values[i].text;
            (void)snprintf(f->text + len, sizeof f->text - len, "%s%.*s", len == 0 ? "" : " ",
                           (int)uid.len - 2, (const char *)uid.ptr + 2);
        }
    }
    return 0;
}

static const dcm_tag uid_tags[] = {DCM_StudyInstanceUID, DCM_SeriesInstanceUID, DCM_SOPInstanceUID};

static int query(enum search_level level, dcm_tag tag, const char *value, bool fuzzy,
                 struct found *ret, struct err *e) {
    struct search_key key = {tag, slice_str(value)};
    struct search_query q = {.level = level, .keys = &key, .key_count = 1, .fuzzy = fuzzy};
    *ret = (struct found){.uid = uid_tags[level]};
    return search_run(db, &q, take, ret, NULL, e);
}

static void test_matching(void **state) {
    (void)state;
    static const struct {
        enum search_level level;
        dcm_tag tag;
        const char *value;
        bool fuzzy;
        const char *expect;
    } cases[] = {
        {SEARCH_STUDY, DCM_PatientID, "", false, "3 2 1 4 5"}, // universal, newest first
        {SEARCH_STUDY, DCM_PatientID, "*", false, "3 2 1 4 5"},
        {SEARCH_STUDY, DCM_PatientID, "P1", false, "1"}, // case-sensitive
        {SEARCH_STUDY, DCM_PatientID, "P?", false, "3 2 1"},
        {SEARCH_STUDY, DCM_PatientID, "P1\\P3", false, "3 1"},
        {SEARCH_STUDY, DCM_PatientID, "\"\"", false, "5"},        // empty value matching
        {SEARCH_STUDY, DCM_PatientName, "muller*", false, "1 2"}, // case and accents
        {SEARCH_STUDY, DCM_PatientName, "MÜLLER^H*", false, "1 2"},
        {SEARCH_STUDY, DCM_PatientName, "müller^hans", false, "1"},
        {SEARCH_STUDY, DCM_PatientName, "muller", false, ""},        // single value: the whole name
        {SEARCH_STUDY, DCM_PatientName, "yamada^tarou", false, "3"}, // one component group
        {SEARCH_STUDY, DCM_PatientName, "山田*", false, "3"},
        {SEARCH_STUDY, DCM_PatientName, "やまだ^たろう", false, "3"},
        {SEARCH_STUDY, DCM_PatientName, "doe^jane^^dr", false, "4"},
        {SEARCH_STUDY, DCM_PatientName, "*jane*", false, "4"},
        {SEARCH_STUDY, DCM_PatientName, "?oe^*", false, "4"},
        {SEARCH_STUDY, DCM_PatientName, "hei mul", true, "2"}, // fuzzy: words begin components
        {SEARCH_STUDY, DCM_PatientName, "eidi", true, ""},
        {SEARCH_STUDY, DCM_StudyDate, "20260101-20260131", false, "3 2 1"},
        {SEARCH_STUDY, DCM_StudyDate, "20260201-20260231", false, ""}, // a month as people write it
        {SEARCH_STUDY, DCM_StudyDate, "20260115-", false, "3 2"},
        {SEARCH_STUDY, DCM_StudyDate, "-20260101", false, "1 4"}, // no date: no match
        {SEARCH_STUDY, DCM_StudyDate, "20260115", false, "2"},
        {SEARCH_STUDY, DCM_StudyTime, "1000-1100", false, "2"},
        {SEARCH_STUDY, DCM_StudyTime, "2359", false, "3"}, // a minute is 60 seconds long
        {SEARCH_STUDY, DCM_StudyTime, "-0800", false, "1"},
        {SEARCH_STUDY, DCM_ModalitiesInStudy, "SR", false, "4"},
        {SEARCH_STUDY, DCM_ModalitiesInStudy, "CT\\MR", false, "2 1 4"},
        {SEARCH_STUDY, DCM_ModalitiesInStudy, "C*", false, "3 1 4"},
        {SEARCH_STUDY, DCM_Modality, "SR", false, "4"}, // a series' attribute at study level
        {SEARCH_STUDY, DCM_BodyPartExamined, "CHEST", false, "3 1"},
        {SEARCH_STUDY, DCM_SOPInstanceUID, "1.2.1.1", false, "2"},
        {SEARCH_STUDY, DCM_StudyInstanceUID, "1.1\\1.3\\9.9", false, "1 3"}, // list of UID
        {SEARCH_STUDY, DCM_StudyDescription, "thorax", false, "1"},
        {SEARCH_STUDY, DCM_StudyDescription, "100% thorax_ap!", false, "3"}, // no SQL wildcards
        {SEARCH_STUDY, DCM_StudyDescription, "%*", false, ""},
        {SEARCH_STUDY, DCM_StudyDescription, "*x_a*", false, "3"},
        {SEARCH_STUDY, DCM_StudyDescription, "*xya*", false, ""},
        {SEARCH_STUDY, DCM_StudyDescription, "' OR 1=1 --", false, ""},
        {SEARCH_STUDY, DCM_NumberOfStudyRelatedInstances, "3", false, "4"},
        {SEARCH_STUDY, DCM_InstanceAvailability, "OFFLINE", false, "3 2 1 4 5"}, // returned only
        {SEARCH_SERIES, DCM_StudyInstanceUID, "1.4", false, "4.1 4.2"},
        {SEARCH_SERIES, DCM_ScheduledProcedureStepID, "STEP2", false, "4.1"}, // within a sequence
        {SEARCH_SERIES, DCM_RequestedProcedureID, "R1", false, "4.1"},
        {SEARCH_SERIES, DCM_SeriesNumber, "7", false, "4.2"},
        {SEARCH_SERIES, DCM_PatientID, "p1", false, "4.1 4.2"},
        {SEARCH_INSTANCE, DCM_SeriesInstanceUID, "1.4.1", false, "4.1.1 4.1.2"},
        {SEARCH_INSTANCE, DCM_InstanceNumber, "02", false, "4.1.2"},
        {SEARCH_INSTANCE, DCM_StudyInstanceUID, "1.4", false, "4.1.1 4.1.2 4.2.1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct found f;
        struct err e = {0};
        int rc = query(cases[i].level, cases[i].tag, cases[i].value, cases[i].fuzzy, &f, &e);
        if (rc != E_OK || strcmp(f.text, cases[i].expect) != 0) {
            fail_msg("%08X = %s: \"%s\", expected \"%s\" (%s)", cases[i].tag, cases[i].value,
                     f.text, cases[i].expect, e.text);
        }
    }
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        dcm_tag tag;
        const char *value;
        int code;
    } cases[] = {
        {DCM_PixelData, "", E_UNSUPPORTED},
        {DCM_StudyDate, "yesterday", E_ARGUMENT},
        {DCM_StudyDate, "20260201-20260101", E_ARGUMENT},
        {DCM_StudyDate, "-", E_ARGUMENT},
        {DCM_StudyTime, "9999", E_ARGUMENT},
        {DCM_SeriesNumber, "seven", E_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct found f;
        struct err e = {0};
        assert_int_equal(query(SEARCH_STUDY, cases[i].tag, cases[i].value, false, &f, &e),
                         cases[i].code);
        assert_true(e.path[0] == '(');
    }
}

static void test_paging(void **state) {
    (void)state;
    struct err e = {0};
    for (uint64_t offset = 0; offset < 7; offset++) {
        struct search_query q = {.level = SEARCH_STUDY, .offset = offset, .limit = 2};
        struct found f = {.uid = DCM_StudyInstanceUID};
        static const char *const pages[] = {"3 2", "2 1", "1 4", "4 5", "5", "", ""};
        bool more = false;
        assert_int_equal(search_run(db, &q, take, &f, &more, &e), E_OK);
        assert_string_equal(f.text, pages[offset]);
        assert_int_equal(more, offset < 3);
    }
    struct search_query far = {.level = SEARCH_STUDY, .offset = UINT64_MAX, .limit = UINT64_MAX};
    struct found f = {.uid = DCM_StudyInstanceUID};
    assert_int_equal(search_run(db, &far, take, &f, NULL, &e), E_OK);
}

struct values {
    const char *expect;
    dcm_tag tag;
    bool seen;
    size_t count;
};

static int check_value(const struct search_row *row, void *context) {
    struct values *v = context;
    v->count = row->count;
    for (size_t i = 0; i < row->count; i++) {
        if (row->values[i].attribute->tag == v->tag) {
            v->seen = true;
            assert_true(slice_eq_str(row->values[i].text, v->expect));
        }
    }
    return 0;
}

static void test_returned(void **state) {
    (void)state;
    static const struct {
        enum search_level level;
        const char *uid;
        dcm_tag tag;
        const char *expect;
    } cases[] = {
        {SEARCH_STUDY, "1.4", DCM_ModalitiesInStudy, "CT\\SR"},
        {SEARCH_STUDY, "1.4", DCM_NumberOfStudyRelatedSeries, "2"},
        {SEARCH_STUDY, "1.4", DCM_NumberOfStudyRelatedInstances, "3"},
        {SEARCH_STUDY, "1.4", DCM_InstanceAvailability, "ONLINE"},
        {SEARCH_STUDY, "1.4", DCM_PatientName, "Doe^Jane^^Dr"},
        {SEARCH_STUDY, "1.4", DCM_Modality, "CT"}, // of the first series, when asked
        {SEARCH_STUDY, "1.4", DCM_BodyPartExamined, "ABDOMEN"},
        {SEARCH_STUDY, "1.4", DCM_StudyComments, ""}, // OsiriX asks; unknown is empty
        {SEARCH_STUDY, "1.4", DCM_InterpretationStatusID, ""},
        {SEARCH_STUDY, "1.1", DCM_NumberOfPatientRelatedStudies, "1"},
        {SEARCH_SERIES, "1.4.1", DCM_ScheduledProcedureStepID, "STEP1\\STEP2"},
        {SEARCH_SERIES, "1.4.1", DCM_NumberOfSeriesRelatedInstances, "2"},
        {SEARCH_SERIES, "1.4.1", DCM_StudyInstanceUID, "1.4"},
        {SEARCH_SERIES, "1.4.1", DCM_PatientID, "p1"}, // study attributes where no study was given
        {SEARCH_INSTANCE, "1.4.2.1", DCM_NumberOfFrames, ""}, // no image: empty, not 0
        {SEARCH_INSTANCE, "1.4.1.1", DCM_NumberOfFrames, "1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err e = {0};
        struct search_key keys[] = {{uid_tags[cases[i].level], slice_str(cases[i].uid)},
                                    {cases[i].tag, slice_str("")}};
        struct search_query q = {.level = cases[i].level, .keys = keys, .key_count = 2};
        struct values v = {cases[i].expect, cases[i].tag, false, 0};
        assert_int_equal(search_run(db, &q, check_value, &v, NULL, &e), E_OK);
        assert_true(v.seen);
    }
}

static int stop(const struct search_row *row, void *context) {
    (void)row;
    ++*(int *)context;
    return 42;
}

static void test_stopping(void **state) {
    (void)state;
    struct err e = {0};
    struct search_query q = {.level = SEARCH_INSTANCE};
    int count = 0;
    assert_int_equal(search_run(db, &q, stop, &count, NULL, &e), 42);
    assert_int_equal(count, 1);
    count = 0;
    assert_int_equal(search_run(db, &q, stop, &count, NULL, &e), 42); // statements were given back
}

// Every attribute can be asked for and matched at every level without the SQL being wrong.
static void test_every_attribute(void **state) {
    (void)state;
    const struct search_attribute *a;
    for (size_t i = 0; (a = search_attributes(i)) != NULL; i++) {
        for (int level = SEARCH_STUDY; level <= SEARCH_INSTANCE; level++) {
            static const char *const values[] = {"", "1", "\"\""};
            for (size_t v = 0; v < 3; v++) {
                struct found f;
                struct err e = {0};
                bool date = a->vr == DCM_VR_DA;
                int rc = query((enum search_level)level, a->tag,
                               date && v == 1 ? "20260101" : values[v], false, &f, &e);
                if (rc != E_OK && rc != E_ARGUMENT) {
                    fail_msg("%08X at level %d: %s", a->tag, level, e.text);
                }
            }
        }
        assert_ptr_equal(search_attribute_find(a->tag), a);
    }
}

static void page(const char *words, const char *modality, int64_t from, enum catalogue_sort sort,
                 const char *expect, const char *facets) {
    struct arena a;
    struct err e = {0};
    struct catalogue_page p;
    struct slice chosen = slice_str(modality);
    struct catalogue_query q = {.words = slice_str(words), .from = from, .sort = sort, .limit = 10};
    q.chosen[CATALOGUE_MODALITY] = &chosen;
    q.chosen_count[CATALOGUE_MODALITY] = *modality == '\0' ? 0 : 1;
    arena_init(&a, 1 << 22);
    assert_int_equal(catalogue_search(db, &q, &a, &p, &e), E_OK);
    char text[200] = "";
    char counts[200] = "";
    for (size_t i = 0; i < p.count; i++) {
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof text - len, "%s%s", len == 0 ? "" : " ",
                       (const char *)p.studies[i].study_uid.ptr + 2);
    }
    for (size_t i = 0; i < p.facet_count[CATALOGUE_MODALITY]; i++) {
        const struct catalogue_facet *f = &p.facets[CATALOGUE_MODALITY][i];
        size_t len = strlen(counts);
        (void)snprintf(counts + len, sizeof counts - len, "%s%.*s=%u", len == 0 ? "" : " ",
                       (int)f->value.len, (const char *)f->value.ptr, (unsigned)f->count);
    }
    assert_string_equal(text, expect);
    assert_string_equal(counts, facets);
    assert_int_equal(p.total, p.count);
    arena_done(&a);
}

static void test_page(void **state) {
    (void)state;
    page("", "", 0, CATALOGUE_NEWEST, "3 2 1 4 5", "CT=2 CR=1 MR=1 SR=1 US=1");
    page("", "", 0, CATALOGUE_OLDEST, "5 4 1 2 3", "CT=2 CR=1 MR=1 SR=1 US=1");
    page("", "", 0, CATALOGUE_NAME, "5 4 1 2 3", "CT=2 CR=1 MR=1 SR=1 US=1");
    page("mull", "", 0, CATALOGUE_NEWEST, "2 1", "CT=1 MR=1");
    page("MÜL han", "", 0, CATALOGUE_NEWEST, "1", "CT=1");
    page("report", "", 0, CATALOGUE_NEWEST, "4", "CT=1 SR=1");  // of a series' description
    page("chest", "CR", 0, CATALOGUE_NEWEST, "3", "CR=1 CT=1"); // the facet ignores its own choice
    page("", "CT", 20260101, CATALOGUE_NEWEST, "1", "CR=1 CT=1 MR=1");
    page("xyzzy", "", 0, CATALOGUE_NEWEST, "", "");
    page("山田", "", 0, CATALOGUE_NEWEST, "3", "CR=1");
}

static void test_series_page(void **state) {
    (void)state;
    struct arena a;
    struct err e = {0};
    struct catalogue_study study;
    struct catalogue_series *series;
    size_t count;
    arena_init(&a, 1 << 22);
    assert_int_equal(catalogue_study_read(db, "1.4", &a, &study, &series, &count, &e), E_OK);
    assert_int_equal(count, 2);
    assert_true(series[0].readable);
    assert_int_equal(series[0].instances, 2);
    assert_false(series[1].readable);
    assert_non_null(strstr(series[1].reason, "no images"));
    assert_true(study.has_thumbnail);
    char uid[65];
    assert_int_equal(catalogue_representative(db, "1.4", "", uid, &e), E_OK);
    assert_string_equal(uid, "1.4.1.2");
    assert_int_equal(catalogue_representative(db, "1.4", "1.4.2", uid, &e), E_NOT_FOUND);
    assert_int_equal(catalogue_study_read(db, "9", &a, &study, &series, &count, &e), E_NOT_FOUND);
    struct catalogue_counts counts;
    assert_int_equal(catalogue_count(db, &counts, &e), E_OK);
    assert_int_equal(counts.studies, 5);
    assert_int_equal(counts.instances, 7);
    arena_done(&a);
}

// The columns of the table of attributes are those of the schema: register_add used them all; and
// what a migration made is what a fresh catalogue has.
static void test_findings(void **state) {
    (void)state;
    struct err e = {0};
    struct db_stmt *s;
    struct register_batch *b;
    struct row other = rows[3];
    other.instance = "1.4.1.3";
    other.id = "OTHER";
    other.series = "1.1.1"; // a series UID that study 1.1 uses
    assert_int_equal(db_begin(db, &e), E_OK);
    db_rollback(db);
    assert_int_equal(register_begin(db, 1, &b, &e), E_OK);
    add(b, &other);
    assert_int_equal(db_prepare(db, "SELECT kind FROM finding ORDER BY id", &s, &e), E_OK);
    assert_int_equal(db_step(s, &e), 1);
    assert_true(slice_eq_str(db_text(s, 0), "study-differs"));
    assert_int_equal(db_step(s, &e), 1);
    assert_true(slice_eq_str(db_text(s, 0), "series-shared"));
    db_reset(s);
    register_rollback(b);
}

// A catalogue of the first version, with rows, is brought up with its sums made.
static void test_upgrade(void **state) {
    (void)state;
    char old[] = "/tmp/maclab-test-upgrade-XXXXXX";
    struct err e = {0};
    struct db *d;
    struct db_stmt *s;
    int fd = mkstemp(old);
    assert_true(fd >= 0 && close(fd) == 0);
    assert_int_equal(db_open(old, DB_READ_WRITE, &d, &e), E_OK);
    assert_int_equal(db_migrate(d, schema_migrations, 1, &e), E_OK);
    assert_int_equal(db_exec(d,
                             "PRAGMA foreign_keys = OFF;"
                             "INSERT INTO study_facet VALUES (0, 'CT', 1), (0, 'CT', 2),"
                             " (0, 'MR', 2), (1, 'CHEST', 1);",
                             &e),
                     E_OK);
    assert_int_equal(schema_bring(d, &e), E_OK);
    assert_int_equal(db_prepare(d, "SELECT studies FROM facet_total ORDER BY kind, value", &s, &e),
                     E_OK);
    static const int64_t expect[] = {2, 1, 1};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(db_step(s, &e), 1);
        assert_int_equal(db_i64(s, 0), expect[i]);
    }
    assert_int_equal(db_step(s, &e), 0);
    db_close(d);
    (void)unlink(old);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matching), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_paging),   cmocka_unit_test(test_returned),
        cmocka_unit_test(test_stopping), cmocka_unit_test(test_every_attribute),
        cmocka_unit_test(test_page),     cmocka_unit_test(test_series_page),
        cmocka_unit_test(test_findings), cmocka_unit_test(test_upgrade),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
