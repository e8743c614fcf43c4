// SPDX-License-Identifier: Apache-2.0
// DICOMDIR: what is made reads back as made, offsets that lie are found and survived, no file name
// leads out of the medium, and every spoilt sample still gives its 31 files.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "dicom/dicomdir.h"
#include "dicom/tags.h"
#include "dicom/uid.h"

#define MEMORY ((size_t)1 << 30)
#define CT "1.2.840.10008.5.1.4.1.1.2"
#define SR "1.2.840.10008.5.1.4.1.1.88.11"
#define NO_RECORD DCM_DICOMDIR_NO_RECORD

// Places in a record's item, from its tag: the maker puts these elements first.
#define AT_NEXT 16
#define AT_IN_USE 28
#define AT_LOWER 38

struct fixture {
    struct arena arena;
    struct dcm_dicomdir_maker *maker;
    const struct dcm_transfer_syntax *syntax;
    struct buf file;
    struct dcm_dicomdir dir;
    uint32_t missing;
};

static void set_up(struct fixture *f) {
    arena_init(&f->arena, MEMORY);
    buf_init(&f->file, MEMORY);
    f->maker = dcm_dicomdir_maker_new(&f->arena, "TESTS");
    f->syntax = dcm_transfer_syntax_find(slice_str(DCM_EXPLICIT_LE_UID));
    f->missing = 0;
    assert_non_null(f->maker);
}

static void tear_down(struct fixture *f) {
    buf_done(&f->file);
    arena_done(&f->arena);
}

static void put(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, const char *text) {
    struct err e = {0};
    assert_int_equal(dcm_put_str(d, tag, vr, text, &e), E_OK);
}

static struct dcm_dataset *instance(struct fixture *f, const char *sop_class, const char *patient,
                                    const char *study, const char *series, const char *uid) {
    struct dcm_dataset *d = dcm_dataset_new(&f->arena, DCM_EXPLICIT_BE); // keys change byte order
    struct err e = {0};
    int64_t rows = 4;
    put(d, DCM_SpecificCharacterSet, DCM_VR_CS, "ISO_IR 192");
    put(d, DCM_SOPClassUID, DCM_VR_UI, sop_class);
    put(d, DCM_SOPInstanceUID, DCM_VR_UI, uid);
    put(d, DCM_StudyDate, DCM_VR_DA, "20260101");
    put(d, DCM_StudyTime, DCM_VR_TM, "101112");
    put(d, DCM_Modality, DCM_VR_CS, "CT");
    put(d, DCM_PatientName, DCM_VR_PN, "Müller^Jörg");
    put(d, DCM_PatientID, DCM_VR_LO, patient);
    put(d, DCM_StudyInstanceUID, DCM_VR_UI, study);
    put(d, DCM_SeriesInstanceUID, DCM_VR_UI, series);
    put(d, DCM_StudyID, DCM_VR_SH, "S1");
    put(d, DCM_SeriesNumber, DCM_VR_IS, "3");
    put(d, DCM_InstanceNumber, DCM_VR_IS, "7");
    assert_int_equal(dcm_put_ints(d, DCM_Rows, DCM_VR_US, &rows, 1, &e), E_OK);
    assert_int_equal(dcm_put_ints(d, DCM_Columns, DCM_VR_US, &rows, 1, &e), E_OK);
    return d;
}

static int add(struct fixture *f, const struct dcm_dataset *d, const char *path) {
    struct err e = {0};
    return dcm_dicomdir_maker_add(f->maker, d, f->syntax, path, &f->missing, &e);
}

static void write_and_read(struct fixture *f) {
    struct err e = {0};
    buf_clear(&f->file);
    assert_int_equal(dcm_dicomdir_maker_write(f->maker, "2.25.1", dcm_sink_buf(&f->file), &e),
                     E_OK);
    assert_int_equal(dcm_dicomdir_read(&f->arena, buf_slice(&f->file), &f->dir, &e), E_OK);
}

// Two patients, the first with two series of two images and one image.
static void make_five(struct fixture *f) {
    set_up(f);
    assert_int_equal(add(f, instance(f, CT, "P1", "1.1", "1.1.1", "1.1.1.1"), "A/1"), E_OK);
    assert_int_equal(add(f, instance(f, CT, "P2", "1.2", "1.2.1", "1.2.1.1"), "B/1"), E_OK);
    assert_int_equal(add(f, instance(f, CT, "P1", "1.1", "1.1.2", "1.1.2.1"), "A/3"), E_OK);
    assert_int_equal(add(f, instance(f, CT, "P1", "1.1", "1.1.1", "1.1.1.2"), "A/2"), E_OK);
    assert_int_equal(f->missing, 0);
    write_and_read(f);
}

// "PATIENT(STUDY(…))" of the whole tree.
static void outline(const struct dcm_dicomdir *dir, char *out, size_t out_len) {
    uint32_t i = dir->first;
    size_t used = 0;
    unsigned guard = 0;
    out[0] = '\0';
    while (i != NO_RECORD && guard++ < 1000) {
        const struct dcm_record *r = &dir->records[i];
        used += (size_t)snprintf(out + used, out_len - used, "%u%.2s%s%s ", r->depth,
                                 r->type.len == 0 ? "??" : (const char *)r->type.ptr,
                                 r->path == NULL ? "" : "=", r->path == NULL ? "" : r->path);
        assert_true(used < out_len);
        if (r->first_child != NO_RECORD) {
            i = r->first_child;
            continue;
        }
        while (r->next == NO_RECORD && r->parent != NO_RECORD) {
            r = &dir->records[r->parent];
        }
        i = r->next;
    }
}

static const char five[] = "0PA 1ST 2SE 3IM=A/1 3IM=A/2 2SE 3IM=A/3 0PA 1ST 2SE 3IM=B/1 ";

static void what_is_made_reads_back(void **state) {
    (void)state;
    struct fixture f;
    char got[512];
    struct slice text;
    int64_t number;
    make_five(&f);
    outline(&f.dir, got, sizeof got);
    assert_string_equal(got, five);
    assert_int_equal(f.dir.finding_count, 0);
    assert_true(slice_eq_str(f.dir.file_set_id, "TESTS"));
    const struct dcm_dataset *patient = f.dir.records[0].keys;
    assert_true(dcm_text(patient, DCM_PatientName, 0, &text) && slice_eq_str(text, "Müller^Jörg"));
    assert_true(dcm_text(patient, DCM_SpecificCharacterSet, 0, &text) &&
                slice_eq_str(text, "ISO_IR 192"));
    const struct dcm_dataset *image = f.dir.records[3].keys;
    assert_true(dcm_int(image, DCM_InstanceNumber, 0, &number) && number == 7);
    assert_true(dcm_text(image, DCM_ReferencedSOPInstanceUIDInFile, 0, &text) &&
                slice_eq_str(text, "1.1.1.1"));
    assert_true(dcm_text(image, DCM_ReferencedTransferSyntaxUIDInFile, 0, &text) &&
                slice_eq_str(text, DCM_EXPLICIT_LE_UID));
    assert_true(dcm_text(image, DCM_ReferencedFileID, 1, &text) && slice_eq_str(text, "1"));
    for (uint32_t i = 0; i < f.dir.count; i++) { // offsets lead to item tags
        assert_int_equal(num_le32(f.file.data + f.dir.records[i].offset), 0xE000FFFEu);
    }
    tear_down(&f);
}

static void a_maker_can_go_on(void **state) {
    (void)state;
    struct fixture f;
    char got[512];
    make_five(&f);
    assert_int_equal(add(&f, instance(&f, CT, "P2", "1.2", "1.2.1", "1.2.1.2"), "B/2"), E_OK);
    write_and_read(&f);
    outline(&f.dir, got, sizeof got);
    assert_string_equal(got,
                        "0PA 1ST 2SE 3IM=A/1 3IM=A/2 2SE 3IM=A/3 0PA 1ST 2SE 3IM=B/1 3IM=B/2 ");
    tear_down(&f);
    set_up(&f); // and an empty set is a directory too
    write_and_read(&f);
    assert_int_equal(f.dir.count, 0);
    assert_int_equal(f.dir.first, NO_RECORD);
    assert_int_equal(f.dir.finding_count, 0);
    tear_down(&f);
}

static void documents_keep_their_title_modifiers(void **state) {
    (void)state;
    struct fixture f;
    struct err e = {0};
    struct dcm_dataset *item;
    set_up(&f);
    struct dcm_dataset *d = instance(&f, SR, "P", "1", "1.1", "1.1.1");
    put(d, DCM_CompletionFlag, DCM_VR_CS, "COMPLETE");
    put(d, DCM_VerificationFlag, DCM_VR_CS, "VERIFIED");
    assert_int_equal(dcm_add_item(d, DCM_VerifyingObserverSequence, &item, &e), E_OK);
    put(item, DCM_VerificationDateTime, DCM_VR_DT, "20260102");
    assert_int_equal(dcm_add_item(d, DCM_VerifyingObserverSequence, &item, &e), E_OK);
    put(item, DCM_VerificationDateTime, DCM_VR_DT, "20260101");
    put(d, DCM_ContentDate, DCM_VR_DA, "20260101");
    put(d, DCM_ContentTime, DCM_VR_TM, "1011");
    assert_int_equal(dcm_add_item(d, DCM_ConceptNameCodeSequence, &item, &e), E_OK);
    put(item, DCM_CodeValue, DCM_VR_SH, "11528-7");
    assert_int_equal(dcm_add_item(d, DCM_ContentSequence, &item, &e), E_OK);
    put(item, DCM_RelationshipType, DCM_VR_CS, "CONTAINS");
    assert_int_equal(dcm_add_item(d, DCM_ContentSequence, &item, &e), E_OK);
    put(item, DCM_RelationshipType, DCM_VR_CS, "HAS CONCEPT MOD");
    assert_int_equal(add(&f, d, "SR1"), E_OK);
    assert_int_equal(f.missing, 0);
    write_and_read(&f);
    assert_int_equal(f.dir.count, 4);
    const struct dcm_record *leaf = &f.dir.records[3];
    assert_true(slice_eq_str(leaf->type, "SR DOCUMENT"));
    assert_int_equal(dcm_get(leaf->keys, DCM_ContentSequence)->item_count, 1);
    struct slice text;
    assert_true(dcm_text(leaf->keys, DCM_VerificationDateTime, 0, &text) &&
                slice_eq_str(text, "20260102"));
    const struct dcm_dataset *title = dcm_first_item(leaf->keys, DCM_ConceptNameCodeSequence);
    assert_true(dcm_text(title, DCM_CodeValue, 0, &text) && slice_eq_str(text, "11528-7"));
    tear_down(&f);
}

static void record_types_follow_the_sop_class(void **state) {
    (void)state;
    static const struct {
        const char *sop_class;
        const char *type;
    } rows[] = {{CT, "IMAGE"},
                {SR, "SR DOCUMENT"},
                {"1.2.840.10008.5.1.4.1.1.88.59", "KEY OBJECT DOC"},
                {"1.2.840.10008.5.1.4.1.1.11.1", "PRESENTATION"},
                {"1.2.840.10008.5.1.4.1.1.9.1.1", "WAVEFORM"},
                {"1.2.840.10008.5.1.4.1.1.104.1", "ENCAP DOC"},
                {"1.2.840.10008.5.1.4.1.1.481.1", "IMAGE"},
                {"1.2.840.10008.5.1.4.1.1.481.2", "RT DOSE"},
                {"1.2.840.10008.5.1.4.1.1.481.3", "RT STRUCTURE SET"},
                {"1.2.840.10008.5.1.4.1.1.481.5", "RT PLAN"},
                {"1.2.840.10008.5.1.4.1.1.66", "RAW DATA"},
                {"1.2.840.10008.5.1.4.1.1.66.1", "REGISTRATION"},
                {"1.2.840.10008.5.1.4.1.1.66.4", "IMAGE"}, // segmentation
                {"1.2.840.10008.5.1.4.1.1.4.2", "SPECTROSCOPY"},
                {"1.2.840.10008.5.1.4.1.1.4", "IMAGE"},
                {"1.2.840.10008.5.1.4.38.1", "HANGING PROTOCOL"},
                {"1.2.840.113619.4.27", "IMAGE"}}; // private, but it has rows
    struct fixture f;
    set_up(&f);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dcm_dataset *d = instance(&f, rows[i].sop_class, "P", "1", "1.1", "1.1.1");
        assert_string_equal(dcm_dicomdir_record_type(d), rows[i].type);
        char path[16];
        char uid[16];
        (void)snprintf(path, sizeof path, "F%zu", i);
        (void)snprintf(uid, sizeof uid, "1.1.1.%zu", i);
        put(d, DCM_SOPInstanceUID, DCM_VR_UI, uid);
        assert_int_equal(add(&f, d, path), E_OK); // each type has its keys
    }
    write_and_read(&f);
    assert_int_equal(f.dir.count, 3 + sizeof rows / sizeof rows[0]);
    tear_down(&f);
}

static void what_cannot_be_added(void **state) {
    (void)state;
    struct fixture f;
    make_five(&f);
    static const char *const bad_paths[] = {"",
                                            "/A",
                                            "A/",
                                            "A//B",
                                            "a",
                                            "A.DCM",
                                            "../A",
                                            "A B",
                                            "A\\B",
                                            "ABCDEFGHI",
                                            "A/B/C/D/E/F/G/H/I"};
    for (size_t i = 0; i < sizeof bad_paths / sizeof bad_paths[0]; i++) {
        assert_int_equal(add(&f, instance(&f, CT, "P1", "1.1", "1.1.1", "9"), bad_paths[i]),
                         E_VALUE);
    }
    assert_int_equal(add(&f, instance(&f, CT, "P1", "1.1", "1.1.1", "1.1.1.1"), "A/9"), E_CONFLICT);
    struct dcm_dataset *d = instance(&f, CT, "P1", "1.1", "1.1.1", "9");
    assert_true(dcm_remove(d, DCM_SeriesInstanceUID));
    assert_int_equal(add(&f, d, "A/9"), E_MISSING);
    d = instance(&f, "1.2.3.4", "P1", "1.1", "1.1.1", "9");
    assert_true(dcm_remove(d, DCM_Rows));
    assert_int_equal(add(&f, d, "A/9"), E_UNSUPPORTED);
    d = instance(&f, CT, "", "1.3", "1.3.1", "1.3.1.1"); // no patient ID, no instance number
    assert_true(dcm_remove(d, DCM_InstanceNumber));
    assert_int_equal(add(&f, d, "C/1"), E_OK);
    assert_int_equal(f.missing, 2);
    tear_down(&f);
}

// --- directories that lie

static unsigned count_findings(const struct dcm_dicomdir *dir,
                               enum dcm_dicomdir_finding_kind kind) {
    unsigned count = 0;
    for (uint32_t i = 0; i < dir->finding_count; i++) {
        count += dir->findings[i].kind == kind;
        assert_true(dcm_dicomdir_finding_words(dir->findings[i].kind)[0] != '\0');
    }
    return count;
}

struct damage {
    uint32_t record; // as made: 0 patient 1 study 2 series 3 A/1 4 A/2 5 series 6 A/3 7 patient …
    unsigned at;
    int64_t to_record; // -1: an offset that is nowhere
    enum dcm_dicomdir_finding_kind finding;
    const char *outline;
};

static const struct damage damages[] = {
    {2, AT_NEXT, -1, DCM_DICOMDIR_FINDING_NEXT_WRONG,
     "0PA 1ST 2SE 3IM=A/1 3IM=A/2 0PA 1ST 2SE 3IM=B/1 0SE 1IM=A/3 "},
    {2, AT_LOWER, -1, DCM_DICOMDIR_FINDING_LOWER_WRONG,
     "0PA 1ST 2SE 2SE 3IM=A/3 0PA 1ST 2SE 3IM=B/1 0IM=A/1 0IM=A/2 "},
    {4, AT_NEXT, 3, DCM_DICOMDIR_FINDING_CYCLE, five},
    {3, AT_LOWER, 0, DCM_DICOMDIR_FINDING_CYCLE, NULL},
    {1, AT_LOWER, 1, DCM_DICOMDIR_FINDING_CYCLE,
     "0PA 1ST 0PA 1ST 2SE 3IM=B/1 0SE 1IM=A/1 1IM=A/2 0SE 1IM=A/3 "},
    {7, AT_LOWER, 7, DCM_DICOMDIR_FINDING_CYCLE, NULL},
};

static void damaged_offsets_are_survived(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct fixture f;
        struct err e = {0};
        char got[512];
        make_five(&f);
        uint32_t offset =
            damages[i].to_record < 0 ? 333 : (uint32_t)f.dir.records[damages[i].to_record].offset;
        num_put_le32(f.file.data + f.dir.records[damages[i].record].offset + damages[i].at, offset);
        assert_int_equal(dcm_dicomdir_read(&f.arena, buf_slice(&f.file), &f.dir, &e), E_OK);
        outline(&f.dir, got, sizeof got);
        if (damages[i].outline != NULL) {
            assert_string_equal(got, damages[i].outline);
        }
        assert_true(count_findings(&f.dir, damages[i].finding) > 0);
        for (uint32_t r = 0; r < f.dir.count; r++) {
            assert_true(f.dir.records[r].reached);
        }
        tear_down(&f);
    }
}

static void no_offset_at_all_is_rebuilt_from_order(void **state) {
    (void)state;
    struct fixture f;
    struct err e = {0};
    char got[512];
    make_five(&f);
    for (uint32_t i = 0; i < f.dir.count; i++) {
        num_put_le32(f.file.data + f.dir.records[i].offset + AT_NEXT, 0);
        num_put_le32(f.file.data + f.dir.records[i].offset + AT_LOWER, 0);
    }
    assert_int_equal(dcm_dicomdir_read(&f.arena, buf_slice(&f.file), &f.dir, &e), E_OK);
    outline(&f.dir, got, sizeof got);
    assert_string_equal(got, five);
    assert_int_equal(count_findings(&f.dir, DCM_DICOMDIR_FINDING_REBUILT), 1);
    tear_down(&f);
}

static void a_constant_shift_is_allowed_for(void **state) {
    (void)state;
    struct fixture f;
    struct err e = {0};
    char got[512];
    make_five(&f);
    for (uint32_t i = 0; i < f.dir.count; i++) {
        for (unsigned at = AT_NEXT; at <= AT_LOWER; at += AT_LOWER - AT_NEXT) {
            uint8_t *p = f.file.data + f.dir.records[i].offset + at;
            num_put_le32(p, num_le32(p) == 0 ? 0 : num_le32(p) - 132);
        }
    }
    struct dcm_dicomdir first =
        f.dir; // the root's two offsets, 26 and 14 bytes before the sequence
    uint8_t *root = f.file.data + first.records[0].offset - 12 - 10 - 12 - 4;
    assert_int_equal(num_le32(root), first.records[0].offset);
    num_put_le32(root, num_le32(root) - 132);
    num_put_le32(root + 12, num_le32(root + 12) - 132);
    assert_int_equal(dcm_dicomdir_read(&f.arena, buf_slice(&f.file), &f.dir, &e), E_OK);
    outline(&f.dir, got, sizeof got);
    assert_string_equal(got, five);
    assert_int_equal(f.dir.finding_count, 1);
    assert_int_equal(f.dir.findings[0].kind, DCM_DICOMDIR_FINDING_SHIFTED);
    tear_down(&f);
}

static void records_not_in_use_are_said(void **state) {
    (void)state;
    struct fixture f;
    struct err e = {0};
    make_five(&f);
    f.file.data[f.dir.records[3].offset + AT_IN_USE] = 0;
    f.file.data[f.dir.records[3].offset + AT_IN_USE + 1] = 0;
    assert_int_equal(dcm_dicomdir_read(&f.arena, buf_slice(&f.file), &f.dir, &e), E_OK);
    assert_false(f.dir.records[3].in_use);
    assert_true(f.dir.records[4].in_use);
    assert_int_equal(count_findings(&f.dir, DCM_DICOMDIR_FINDING_INACTIVE), 1);
    tear_down(&f);
}

// The path that a record gets when `raw` stands in its Referenced File ID.
static void check_path(const char *raw, const char *path, enum dcm_dicomdir_finding_kind finding) {
    struct fixture f;
    struct err e = {0};
    make_five(&f);
    struct dcm_dataset *item =
        f.dir.records[3].keys == NULL ? NULL : dcm_dataset_new(&f.arena, DCM_EXPLICIT_LE);
    struct dcm_dataset *d = dcm_dataset_new(&f.arena, DCM_EXPLICIT_LE);
    assert_int_equal(dcm_add_item(d, DCM_DirectoryRecordSequence, &item, &e), E_OK);
    put(item, DCM_DirectoryRecordType, DCM_VR_CS, "IMAGE");
    put(item, DCM_ReferencedFileID, DCM_VR_CS, raw);
    const struct dcm_write_options options = {.syntax_uid = DCM_EXPLICIT_LE_UID,
                                              .sop_class_uid = DCM_DICOMDIR_UID,
                                              .sop_instance_uid = "2.25.1"};
    buf_clear(&f.file);
    assert_int_equal(dcm_file_write(d, &options, dcm_sink_buf(&f.file), &e), E_OK);
    assert_int_equal(dcm_dicomdir_read(&f.arena, buf_slice(&f.file), &f.dir, &e), E_OK);
    assert_int_equal(f.dir.count, 1);
    if (path == NULL) {
        assert_null(f.dir.records[0].path);
    } else {
        assert_non_null(f.dir.records[0].path);
        assert_string_equal(f.dir.records[0].path, path);
    }
    if (finding != DCM_DICOMDIR_FINDING_COUNT) {
        assert_int_equal(count_findings(&f.dir, finding), 1);
    }
    tear_down(&f);
}

static void file_ids_stay_on_the_medium(void **state) {
    (void)state;
    check_path("A\\B", "A/B", DCM_DICOMDIR_FINDING_COUNT);
    check_path("A\\..\\B", NULL, DCM_DICOMDIR_FINDING_FILE_ID_UNSAFE);
    check_path("..", NULL, DCM_DICOMDIR_FINDING_FILE_ID_UNSAFE);
    check_path(".\\A", NULL, DCM_DICOMDIR_FINDING_FILE_ID_UNSAFE);
    check_path("\\etc\\passwd", NULL, DCM_DICOMDIR_FINDING_FILE_ID_UNSAFE);
    check_path("/etc/passwd", NULL, DCM_DICOMDIR_FINDING_FILE_ID_UNSAFE);
    check_path("A\\\\B", NULL, DCM_DICOMDIR_FINDING_FILE_ID_UNSAFE);
    check_path("A\\B\n", NULL, DCM_DICOMDIR_FINDING_FILE_ID_UNSAFE);
    check_path("images\\im.dcm", "images/im.dcm", DCM_DICOMDIR_FINDING_FILE_ID_FORM);
    check_path("ABCDEFGHIJ", "ABCDEFGHIJ", DCM_DICOMDIR_FINDING_FILE_ID_FORM);
    check_path("1\\2\\3\\4\\5\\6\\7\\8\\9", "1/2/3/4/5/6/7/8/9", DCM_DICOMDIR_FINDING_FILE_ID_FORM);
}

static void no_directory_is_refused(void **state) {
    (void)state;
    struct fixture f;
    struct err e = {0};
    set_up(&f);
    struct dcm_dataset *d = instance(&f, CT, "P", "1", "1.1", "1.1.1");
    const struct dcm_write_options options = {.syntax_uid = DCM_EXPLICIT_LE_UID};
    struct dcm_dataset *le = dcm_dataset_new(&f.arena, DCM_EXPLICIT_LE);
    (void)d;
    put(le, DCM_SOPClassUID, DCM_VR_UI, CT);
    put(le, DCM_SOPInstanceUID, DCM_VR_UI, "1.2");
    assert_int_equal(dcm_file_write(le, &options, dcm_sink_buf(&f.file), &e), E_OK);
    assert_int_equal(dcm_dicomdir_read(&f.arena, buf_slice(&f.file), &f.dir, &e), E_MISMATCH);
    assert_string_equal(e.path, "(0004,1220)");
    assert_int_equal(dcm_dicomdir_read(&f.arena, slice_str("nothing"), &f.dir, &e), E_NOT_DICOM);
    tear_down(&f);
}

// --- opening

static void write_file(const char *folder, const char *name) {
    char path[512];
    (void)snprintf(path, sizeof path, "%.255s/%.200s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

static void files_open_below_the_medium_only(void **state) {
    (void)state;
    char folder[] = "/tmp/maclab-dicomdir-XXXXXX";
    char path[256];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/DIR", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file(path, "PLAIN");
    write_file(path, "small");
    write_file(path, "ISO;1");
    (void)snprintf(path, sizeof path, "%s/DIR/LINK", folder);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    (void)snprintf(path, sizeof path, "%s/OUT", folder);
    assert_int_equal(symlink("/etc", path), 0);
    int medium = open(folder, O_RDONLY | O_DIRECTORY);
    static const struct {
        const char *path;
        bool opens;
    } rows[] = {{"DIR/PLAIN", true}, {"DIR/SMALL", true},    {"DIR/ISO", true},
                {"DIR/LINK", false}, {"OUT/passwd", false},  {"DIR/../DIR/PLAIN", false},
                {"../etc", false},   {"/etc/passwd", false}, {"DIR/NONE", false},
                {"", false},         {"DIR//PLAIN", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int fd = -1;
        struct err e = {0};
        int rc = dcm_dicomdir_open_file(medium, rows[i].path, &fd, &e);
        assert_int_equal(rc == E_OK, rows[i].opens);
        assert_int_equal(fd >= 0, rows[i].opens);
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    (void)close(medium);
    static const char *const made[] = {"DIR/PLAIN", "DIR/small", "DIR/ISO;1", "DIR/LINK", "OUT"};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, made[i]);
        assert_int_equal(unlink(path), 0);
    }
    (void)snprintf(path, sizeof path, "%s/DIR", folder);
    (void)rmdir(path);
    (void)rmdir(folder);
}

static void short_memory_is_an_error(void **state) {
    (void)state;
    bool done = false;
    for (size_t n = 0; !done && n < 2000; n++) {
        struct fixture f;
        struct err e = {0};
        set_up(&f);
        struct dcm_dataset *d = instance(&f, CT, "P", "1", "1.1", "1.1.1");
        mem_fail_after(n);
        int rc = dcm_dicomdir_maker_add(f.maker, d, f.syntax, "A/B", NULL, &e);
        if (rc == E_OK) {
            rc = dcm_dicomdir_maker_write(f.maker, "2.25.1", dcm_sink_buf(&f.file), &e);
        }
        if (rc == E_OK) {
            rc = dcm_dicomdir_read(&f.arena, buf_slice(&f.file), &f.dir, &e);
        }
        mem_fail_after(MEM_FAIL_NEVER);
        if (rc != E_OK && rc != E_MEMORY) {
            print_message("%zu: %d %s\n", n, rc, e.text);
        }
        assert_true(rc == E_OK || rc == E_MEMORY);
        done = rc == E_OK;
        tear_down(&f);
    }
    assert_true(done);
}

// --- samples

static void every_sample_gives_its_files(void **state) {
    (void)state;
    static const struct {
        const char *name;
        unsigned files;
        unsigned findings;
    } rows[] = {{"DICOMDIR", 31, 0},          {"DICOMDIR-reordered", 31, 0},
                {"DICOMDIR-implicit", 31, 1}, {"DICOMDIR-bigEnd", 31, 1},
                {"DICOMDIR-nooffset", 31, 1}, {"DICOMDIR-empty.dcm", 0, 0},
                {"DICOMDIR-nopatient", 31, 8}};
    const char *samples = getenv("MACLAB_SAMPLES");
    if (samples == NULL) {
        print_message("skipped: MACLAB_SAMPLES names no folder of samples\n");
        skip();
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[1024];
        struct fixture f;
        struct err e = {0};
        struct file_map map = {0};
        unsigned files = 0;
        set_up(&f);
        (void)snprintf(path, sizeof path, "%s/dicomdir/three-patients", samples);
        int medium = open(path, O_RDONLY | O_DIRECTORY);
        (void)snprintf(path, sizeof path, "%s/dicomdir/three-patients/%s", samples, rows[i].name);
        assert_int_equal(file_map_path(path, &map, &e), E_OK);
        assert_int_equal(dcm_dicomdir_read(&f.arena, map.bytes, &f.dir, &e), E_OK);
        for (uint32_t r = 0; r < f.dir.count; r++) {
            int fd = -1;
            if (f.dir.records[r].path != NULL &&
                dcm_dicomdir_open_file(medium, f.dir.records[r].path, &fd, &e) == E_OK) {
                files++;
                (void)close(fd);
            }
        }
        assert_int_equal(files, rows[i].files);
        assert_int_equal(f.dir.finding_count, rows[i].findings);
        (void)close(medium);
        file_unmap(&map);
        tear_down(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_made_reads_back),
        cmocka_unit_test(a_maker_can_go_on),
        cmocka_unit_test(documents_keep_their_title_modifiers),
        cmocka_unit_test(record_types_follow_the_sop_class),
        cmocka_unit_test(what_cannot_be_added),
        cmocka_unit_test(damaged_offsets_are_survived),
        cmocka_unit_test(no_offset_at_all_is_rebuilt_from_order),
        cmocka_unit_test(a_constant_shift_is_allowed_for),
        cmocka_unit_test(records_not_in_use_are_said),
        cmocka_unit_test(file_ids_stay_on_the_medium),
        cmocka_unit_test(no_directory_is_refused),
        cmocka_unit_test(files_open_below_the_medium_only),
        cmocka_unit_test(short_memory_is_an_error),
        cmocka_unit_test(every_sample_gives_its_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
