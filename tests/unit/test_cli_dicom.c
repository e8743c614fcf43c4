// SPDX-License-Identifier: Apache-2.0
// What the DICOM commands are made of (src/cli/dicom_*.h): presentation contexts within their
// number, keys from words, identity of files, the journal over kills, received files on disk, text
// made harmless, peers from the command line.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/dicom_contexts.h"
#include "cli/dicom_files.h"
#include "cli/dicom_folder.h"
#include "cli/dicom_journal.h"
#include "cli/dicom_link.h"
#include "cli/dicom_query.h"
#include "cli/dicom_table.h"
#include "dicom/dataset.h"
#include "dicom/part10.h"
#include "dicom/tags.h"

#define MEMORY ((size_t)16 << 20)
#define CT "1.2.840.10008.5.1.4.1.1.2"

static char folder_path[64];

static int make_folder(void **state) {
    (void)state;
    (void)snprintf(folder_path, sizeof folder_path, "/tmp/maclab-test-XXXXXX");
    return mkdtemp(folder_path) != NULL ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    DIR *dir = opendir(folder_path);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    (void)closedir(dir);
    return rmdir(folder_path);
}

static const char *at(const char *name) {
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder_path, name);
    return path;
}

static void write_text(const char *path, const char *text) {
    FILE *f CLEANUP(cleanup_file) = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
}

// --- contexts

static size_t syntaxes_of(const struct contexts *c, const char *class, size_t *ret_contexts) {
    size_t syntaxes = 0;
    *ret_contexts = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->wants[i].abstract_syntax, class) == 0) {
            ++*ret_contexts;
            for (const char *const *s = c->wants[i].syntaxes; *s != NULL; s++) {
                assert_non_null(dcm_transfer_syntax_find(slice_str(*s)));
                syntaxes++;
            }
        }
    }
    return syntaxes;
}

// However many classes there are: within 128, and each class in every syntax.
static void test_contexts_receive(void **state) {
    (void)state;
    static char names[CONTEXTS_CLASSES_MAX][DCM_UID_MAX + 1];
    const char *classes[CONTEXTS_CLASSES_MAX];
    size_t all = 0;
    for (size_t i = 0; i < CONTEXTS_CLASSES_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "1.2.3.%zu", i);
        classes[i] = names[i];
    }
    for (size_t count = 1; count <= CONTEXTS_CLASSES_MAX; count++) {
        struct arena arena;
        struct err e = {0};
        struct contexts c = {.arena = &arena};
        arena_init(&arena, MEMORY);
        assert_int_equal(contexts_add(&c, "1.2", contexts_native, false, (struct slice){0}, &e),
                         E_OK);
        assert_int_equal(contexts_receive(&c, classes, count, false, &e), E_OK);
        assert_true(c.count <= DIMSE_CONTEXTS_MAX);
        size_t contexts;
        size_t first = syntaxes_of(&c, classes[0], &contexts);
        all = all == 0 ? first : all;
        assert_int_equal(first, all);
        assert_int_equal(syntaxes_of(&c, classes[count - 1], &contexts), all);
        assert_true(contexts >= 1);
        assert_true(count > 3 || contexts == all); // one each while there is room
        for (size_t i = 1; i < c.count; i++) {
            assert_true(c.wants[i].scp_role);
        }
        arena_done(&arena);
    }
    assert_true(all > 20);
}

static void test_contexts_limits(void **state) {
    (void)state;
    struct arena arena;
    struct err e = {0};
    struct contexts c = {.arena = &arena};
    size_t contexts;
    arena_init(&arena, MEMORY);
    const char *one[] = {CT};
    assert_int_equal(contexts_receive(&c, one, 1, true, &e), E_OK);
    assert_int_equal(syntaxes_of(&c, CT, &contexts), 2);
    c.count = 0;
    assert_int_equal(contexts_receive(&c, NULL, 0, false, &e), E_OK); // the usual ones
    assert_true(syntaxes_of(&c, CT, &contexts) > 20 && contexts == 2);
    while (c.count < DIMSE_CONTEXTS_MAX) {
        assert_int_equal(contexts_add(&c, CT, contexts_native, false, (struct slice){0}, &e), E_OK);
    }
    assert_int_equal(contexts_add(&c, CT, contexts_native, false, (struct slice){0}, &e), E_LIMIT);
    assert_int_equal(contexts_receive(&c, one, 1, false, &e), E_LIMIT);
    arena_done(&arena);
}

static void test_contexts_accept(void **state) {
    (void)state;
    const char *unknown_first[] = {"1.2.3.4", "1.2.840.10008.1.2.4.70", DCM_EXPLICIT_LE_UID};
    const char *unknown[] = {"1.2.3.4"};
    struct dimse_context contexts[] = {
        {.id = 1, .abstract_syntax = CT, .proposed = unknown_first, .proposed_count = 3},
        {.id = 3, .abstract_syntax = CT, .proposed = unknown, .proposed_count = 1},
        {.id = 5,
         .abstract_syntax = "1.2.840.10008.5.1.4.31",
         .proposed = unknown_first,
         .proposed_count = 3},
        {.id = 7,
         .abstract_syntax = "1.2.840.10008.1.1",
         .proposed = unknown_first + 2,
         .proposed_count = 1}};
    struct dimse_proposal p = {.contexts = contexts, .context_count = 4};
    contexts_accept_storage(&p);
    assert_int_equal(contexts[0].result, DIMSE_ACCEPTED);
    assert_string_equal(contexts[0].syntax, "1.2.840.10008.1.2.4.70");
    assert_int_equal(contexts[1].result, DIMSE_TRANSFER_NOT_SUPPORTED);
    assert_int_equal(contexts[2].result, DIMSE_ABSTRACT_NOT_SUPPORTED);
    assert_int_equal(contexts[3].result, DIMSE_ACCEPTED);
}

// --- keys

static void test_keys(void **state) {
    (void)state;
    struct arena arena;
    struct err e = {0};
    struct query q;
    struct slice text;
    int64_t number;
    arena_init(&arena, MEMORY);
    assert_int_equal(query_init(&q, &arena, QUERY_STUDY, false, NULL, &e), E_OK);
    assert_string_equal(query_sop_class(&q, QUERY_FIND), "1.2.840.10008.5.1.4.1.2.2.1");
    assert_int_equal(query_add(&q, "PatientName=SMITH*", &e), E_OK);
    assert_int_equal(query_add(&q, "0010,0020=a=b", &e), E_OK);
    assert_int_equal(query_add(&q, "(0020,000D)=1.2\\1.3", &e), E_OK);
    assert_int_equal(query_add(&q, "StudyDate", &e), E_OK);
    assert_int_equal(query_add(&q, "Rows=512", &e), E_OK);
    assert_int_equal(query_add(&q, "ScheduledProcedureStepSequence.Modality=CT", &e), E_OK);
    assert_int_equal(query_add(&q, "ScheduledProcedureStepSequence.0040,0001=X", &e), E_OK);
    assert_int_equal(query_add(&q, "0009,1001=mine", &e), E_OK);
    assert_true(dcm_text(q.keys, DCM_PatientName, 0, &text) && slice_eq_str(text, "SMITH*"));
    assert_true(dcm_text(q.keys, DCM_PatientID, 0, &text) && slice_eq_str(text, "a=b"));
    assert_true(dcm_text(q.keys, DCM_StudyInstanceUID, 1, &text) && slice_eq_str(text, "1.3"));
    assert_int_equal(dcm_get(q.keys, DCM_StudyDate)->value.len, 0);
    assert_true(dcm_int(q.keys, DCM_Rows, 0, &number) && number == 512);
    const struct dcm_node *steps = dcm_get(q.keys, DCM_ScheduledProcedureStepSequence);
    assert_int_equal(steps->item_count, 1);
    assert_true(dcm_text(steps->items[0], DCM_Modality, 0, &text) && slice_eq_str(text, "CT"));
    // the same key again replaces
    assert_int_equal(query_add(&q, "PatientName=M\xC3\xBCller", &e), E_OK);
    assert_true(dcm_text(q.keys, DCM_SpecificCharacterSet, 0, &text) &&
                slice_eq_str(text, "ISO_IR 192"));
    assert_true(dcm_text(q.keys, DCM_PatientName, 0, &text) && slice_eq_str(text, "M\xC3\xBCller"));
    arena_done(&arena);
}

static void test_keys_refused(void **state) {
    (void)state;
    static const char *const words[] = {"NoSuchKeyword=1",
                                        "=1",
                                        "",
                                        "QueryRetrieveLevel=IMAGE",
                                        "00020010=1.2",
                                        "Rows=five",
                                        "PatientName.Modality=1",
                                        "ScheduledProcedureStepSequence=1",
                                        "ScheduledProcedureStepSequence.=1",
                                        "PixelData=1"};
    struct arena arena;
    struct query q;
    struct err e = {0};
    arena_init(&arena, MEMORY);
    assert_int_equal(query_init(&q, &arena, QUERY_STUDY, false, NULL, &e), E_OK);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        err_clear(&e);
        assert_int_equal(query_add(&q, words[i], &e), E_ARGUMENT);
        assert_non_null(strstr(e.text, "key '"));
    }
    assert_int_equal(query_init(&q, &arena, QUERY_STUDY, false, "ISO_IR 999", &e), E_ARGUMENT);
    assert_int_equal(query_init(&q, &arena, QUERY_STUDY, false, "none", &e), E_OK);
    assert_null(dcm_get(q.keys, DCM_SpecificCharacterSet));
    assert_int_equal(query_add(&q, "PatientName=\xC3\xA9", &e), E_CHARSET);
    assert_int_equal(query_init(&q, &arena, QUERY_STUDY, false, "ISO_IR 100", &e), E_OK);
    assert_int_equal(query_add(&q, "PatientName=\xCE\xA9", &e), E_CHARSET); // no Greek in Latin-1
    assert_int_equal(query_add(&q, "PatientName=\xC3\xA9", &e), E_OK);
    struct slice text;
    assert_true(dcm_text(q.keys, DCM_PatientName, 0, &text) && slice_eq_str(text, "\xE9"));
    arena_done(&arena);
}

static void test_query_write(void **state) {
    (void)state;
    static const char *const levels[] = {"PATIENT", "STUDY", "SERIES", "IMAGE"};
    struct arena arena;
    struct err e = {0};
    struct query q;
    struct buf out CLEANUP(cleanup_buf);
    buf_init(&out, MEMORY);
    arena_init(&arena, MEMORY);
    for (enum query_level level = QUERY_PATIENT; level <= QUERY_WORKLIST; level++) {
        struct dcm_dataset *d;
        struct slice text;
        assert_int_equal(query_init(&q, &arena, level, false, NULL, &e), E_OK);
        assert_int_equal(q.patient_root, level == QUERY_PATIENT);
        assert_int_equal(query_add_defaults(&q, &e), E_OK);
        assert_int_equal(query_write(&q, DCM_IMPLICIT_LE_UID, &out, &e), E_OK);
        assert_int_equal(
            dcm_dataset_read(&arena, buf_slice(&out), DCM_IMPLICIT_LE, 0, 0, &d, NULL, &e), E_OK);
        bool has_level = dcm_text(d, DCM_QueryRetrieveLevel, 0, &text);
        assert_int_equal(has_level, level != QUERY_WORKLIST);
        assert_true(!has_level || slice_eq_str(text, levels[level]));
        for (const dcm_tag *tag = query_columns(level); *tag != 0; tag++) {
            assert_non_null(dcm_get(d, *tag));
        }
        assert_true(query_unique_key(level) == 0 || dcm_get(d, query_unique_key(level)) != NULL);
    }
    assert_int_equal(query_write(&q, "1.2.3", &out, &e), E_MISMATCH);
    arena_done(&arena);
}

static void test_query_extended(void **state) {
    (void)state;
    struct arena arena;
    struct err e = {0};
    struct query q;
    arena_init(&arena, MEMORY);
    assert_int_equal(query_init(&q, &arena, QUERY_STUDY, false, NULL, &e), E_OK);
    assert_int_equal(query_extended(&q, QUERY_FIND).len, 0);
    q.relational = true;
    assert_true(slice_eq(query_extended(&q, QUERY_MOVE), slice_of("\1", 1)));
    q.fuzzy = true;
    assert_true(slice_eq(query_extended(&q, QUERY_FIND), slice_of("\1\0\1", 3)));
    arena_done(&arena);
}

static void test_many_uids(void **state) {
    (void)state;
    const char *uids[1001];
    struct arena arena;
    struct err e = {0};
    struct query q;
    struct buf out CLEANUP(cleanup_buf);
    static const char longest[] =
        "1.2.840.10008.1234567890.1234567890.1234567890.1234567890.123456";
    assert_int_equal(strlen(longest), DCM_UID_MAX);
    for (size_t i = 0; i < 1001; i++) {
        uids[i] = longest;
    }
    buf_init(&out, MEMORY);
    arena_init(&arena, MEMORY);
    assert_int_equal(query_init(&q, &arena, QUERY_IMAGE, false, NULL, &e), E_OK);
    // what dicom_retrieve.h puts into one request fits explicit VR
    assert_int_equal(query_put_list(&q, DCM_SOPInstanceUID, uids, 1000, &e), E_OK);
    assert_int_equal(query_write(&q, DCM_EXPLICIT_LE_UID, &out, &e), E_OK);
    assert_int_equal(dcm_value_count(dcm_get(q.keys, DCM_SOPInstanceUID)), 1000);
    arena_done(&arena);
}

// --- identity of files

static size_t make_file(struct buf *out, const char *syntax, const char *class,
                        const char *instance) {
    struct arena arena;
    struct err e = {0};
    arena_init(&arena, MEMORY);
    struct dcm_dataset *d = dcm_dataset_new(&arena, DCM_EXPLICIT_LE);
    assert_int_equal(dcm_put_str(d, DCM_SOPClassUID, DCM_VR_UI, class, &e), E_OK);
    assert_int_equal(dcm_put_str(d, DCM_SOPInstanceUID, DCM_VR_UI, instance, &e), E_OK);
    assert_int_equal(dcm_put_str(d, DCM_StudyInstanceUID, DCM_VR_UI, "1.2.1", &e), E_OK);
    assert_int_equal(dcm_put_str(d, DCM_SeriesInstanceUID, DCM_VR_UI, "1.2.2", &e), E_OK);
    assert_int_equal(dcm_put_str(d, DCM_ImageComments, DCM_VR_LT, "behind", &e), E_OK);
    struct dcm_write_options options = {.syntax_uid = syntax};
    buf_clear(out);
    assert_int_equal(dcm_file_write(d, &options, dcm_sink_buf(out), &e), E_OK);
    arena_done(&arena);
    return out->len;
}

static void test_identify(void **state) {
    (void)state;
    static const char *const syntaxes[] = {DCM_EXPLICIT_LE_UID, DCM_IMPLICIT_LE_UID,
                                           DCM_EXPLICIT_BE_UID, DCM_DEFLATED_UID};
    struct buf file CLEANUP(cleanup_buf);
    buf_init(&file, MEMORY);
    for (size_t i = 0; i < 4; i++) {
        struct send_identity id;
        struct err e = {0};
        (void)make_file(&file, syntaxes[i], CT, "1.2.3.4");
        assert_int_equal(send_identify(buf_slice(&file), &id, &e), E_OK);
        assert_string_equal(id.sop_class, CT);
        assert_string_equal(id.sop_instance, "1.2.3.4");
        assert_string_equal(id.study, "1.2.1");
        assert_string_equal(id.series, "1.2.2");
        assert_string_equal(id.syntax, syntaxes[i]);
        // the data set begins behind the meta information, whose length stands at 140
        uint32_t length;
        memcpy(&length, file.data + 140, sizeof length);
        assert_int_equal(id.body_offset, 144 + length);
    }
}

// Cut anywhere it is no candidate: a peer would wait for the rest.
static void test_identify_truncated(void **state) {
    (void)state;
    struct buf file CLEANUP(cleanup_buf);
    struct send_identity id;
    buf_init(&file, MEMORY);
    size_t whole = make_file(&file, DCM_EXPLICIT_LE_UID, CT, "1.2.3.4");
    size_t bad = 0;
    for (size_t len = 0; len < whole; len++) {
        struct err e = {0};
        bad += send_identify(slice_of(file.data, len), &id, &e) != E_OK;
    }
    // but behind the SOP Instance, Study and Series Instance UID, where nothing can tell, and where
    // less than a header is left, which the reader calls padding
    assert_in_range(whole - bad, 3, 8);
}

static void test_identify_bad(void **state) {
    (void)state;
    struct buf file CLEANUP(cleanup_buf);
    struct send_identity id = {.syntax = "untouched"};
    struct err e = {0};
    buf_init(&file, MEMORY);
    assert_int_equal(send_identify(slice_str("this is some text, and no data set"), &id, &e),
                     E_NOT_DICOM);
    (void)make_file(&file, DCM_EXPLICIT_LE_UID, CT, "1.2.3.4");
    uint8_t *uid = memmem(file.data + 300, file.len - 300, "1.2.3.4", 7);
    assert_non_null(uid);
    memcpy(uid, "1.2.x.4", 7);
    assert_int_equal(send_identify(buf_slice(&file), &id, &e), E_VALUE);
    assert_string_equal(id.syntax, "untouched");
}

struct noted {
    unsigned count, bad;
};

static void on_note(void *context, const char *path, const struct err *why, bool bad) {
    struct noted *n = context;
    (void)path;
    (void)why;
    n->count++;
    n->bad += bad;
}

static void test_list(void **state) {
    (void)state;
    struct buf file CLEANUP(cleanup_buf);
    struct noted noted = {0};
    struct send_list list;
    struct err e = {0};
    buf_init(&file, MEMORY);
    for (int i = 0; i < 3; i++) {
        char name[16];
        char uid[16];
        (void)snprintf(name, sizeof name, "%d.dcm", i);
        (void)snprintf(uid, sizeof uid, "1.2.3.%d", i);
        (void)make_file(&file, DCM_EXPLICIT_LE_UID, CT, uid);
        int fd = open(at(name), O_CREAT | O_WRONLY, 0644);
        assert_int_equal(file_write_all(fd, file.data, file.len - (i == 2 ? 1 : 0)), 0);
        (void)close(fd);
    }
    write_text(at("read.me"), "no DICOM\n");
    write_text(at("empty"), "");
    write_text(at("DICOMDIR"), "whatever");
    send_list_init(&list, on_note, &noted);
    assert_int_equal(send_list_add(&list, folder_path, &e), E_OK);
    assert_int_equal(list.count, 2);
    assert_int_equal(noted.count, 4);
    assert_int_equal(noted.bad, 1); // the truncated one
    assert_int_equal(send_list_add(&list, at("read.me"), &e), E_OK);
    assert_int_equal(noted.bad, 2); // it was named itself
    assert_int_equal(send_list_add(&list, at("nothing"), &e), E_NOT_FOUND);
    assert_string_equal(list.files[1].sop_instance, "1.2.3.1");
    assert_ptr_equal(list.files[0].sop_class, list.files[1].sop_class);
    send_list_done(&list);
}

// --- the journal

static void test_journal(void **state) {
    (void)state;
    struct journal *j;
    struct err e = {0};
    struct send_file a = {.sop_instance = "1.2.3", .size = 10, .changed_ns = 5};
    struct send_file b = {.sop_instance = "1.2.4", .size = 10, .changed_ns = 5};
    struct send_file edited = {.sop_instance = "1.2.3", .size = 10, .changed_ns = 6};
    assert_int_equal(journal_open(at("journal"), "A@host:1", &j, &e), E_OK);
    assert_false(journal_has(j, &a));
    assert_int_equal(journal_add(j, &a, &e), E_OK);
    struct journal *second;
    assert_int_equal(journal_open(at("journal"), "A@host:1", &second, &e), E_LOCKED);
    assert_int_equal(journal_close(j, &e), E_OK);
    assert_int_equal(journal_open(at("journal"), "A@host:1", &j, &e), E_OK);
    assert_true(journal_has(j, &a));
    assert_false(journal_has(j, &b));
    assert_false(journal_has(j, &edited));
    assert_int_equal(journal_add(j, &b, &e), E_OK);
    assert_int_equal(journal_close(j, &e), E_OK);
    assert_int_equal(journal_open(at("journal"), "B@host:1", &j, &e), E_CONFLICT);
    write_text(at("other"), "some file that is precious\n");
    assert_int_equal(journal_open(at("other"), "A@host:1", &j, &e), E_SYNTAX);
    write_text(at("other"), "precious, too, without an end of line");
    assert_int_equal(journal_open(at("other"), "A@host:1", &j, &e), E_SYNTAX);
    struct stat st;
    assert_int_equal(stat(at("other"), &st), 0);
    assert_int_equal(st.st_size, 37);
}

// Cut at every byte: what stands in whole lines counts, and it goes on from there.
static void test_journal_cut(void **state) {
    (void)state;
    struct send_file a = {.sop_instance = "1.2.3", .size = 10, .changed_ns = 5};
    struct send_file b = {.sop_instance = "1.2.4", .size = 10, .changed_ns = 5};
    struct journal *j;
    struct err e = {0};
    assert_int_equal(journal_open(at("cut"), "A@host:1", &j, &e), E_OK);
    assert_int_equal(journal_add(j, &a, &e), E_OK);
    assert_int_equal(journal_close(j, &e), E_OK);
    struct buf whole CLEANUP(cleanup_buf);
    buf_init(&whole, MEMORY);
    assert_int_equal(file_read(at("cut"), &whole, &e), E_OK);
    for (size_t len = 0; len <= whole.len; len++) {
        int fd = open(at("cut"), O_WRONLY | O_TRUNC);
        assert_int_equal(file_write_all(fd, whole.data, len), 0);
        (void)close(fd);
        assert_int_equal(journal_open(at("cut"), "A@host:1", &j, &e), E_OK);
        assert_int_equal(journal_has(j, &a), len == whole.len);
        assert_int_equal(journal_add(j, &b, &e), E_OK);
        assert_int_equal(journal_close(j, &e), E_OK);
        assert_int_equal(journal_open(at("cut"), "A@host:1", &j, &e), E_OK);
        assert_true(journal_has(j, &b));
        assert_int_equal(journal_has(j, &a), len == whole.len);
        assert_int_equal(journal_close(j, &e), E_OK);
    }
}

// --- received files

struct stored {
    unsigned good, bad;
    uint64_t bytes;
};

static void on_stored(void *context, const char *sop_instance, uint64_t bytes, int rc,
                      const struct err *why) {
    struct stored *s = context;
    (void)sop_instance;
    (void)why;
    s->good += rc == E_OK;
    s->bad += rc != E_OK;
    s->bytes += bytes;
}

static void receive(struct dimse_sink *sink, const char *uid, const char *data, bool whole,
                    uint16_t expected) {
    struct dimse_context context = {.id = 1, .syntax = DCM_EXPLICIT_LE_UID};
    struct dimse_message m = {.context_id = 1, .context = &context};
    (void)snprintf(m.command.sop_class, sizeof m.command.sop_class, CT);
    (void)snprintf(m.command.sop_instance, sizeof m.command.sop_instance, "%s", uid);
    uint16_t status = sink->begin(sink->context, &m);
    for (const char *c = data; status == DIMSE_SUCCESS && *c != '\0'; c++) {
        status = sink->write(sink->context, slice_of(c, 1));
    }
    status = status == DIMSE_SUCCESS ? sink->end(sink->context, whole) : status;
    assert_int_equal(status, expected);
}

static unsigned count_files(void) {
    DIR *dir = opendir(folder_path);
    struct dirent *entry;
    unsigned count = 0;
    while ((entry = readdir(dir)) != NULL) {
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    (void)closedir(dir);
    return count;
}

static void receive_files(bool sync_first) {
    struct stored stored = {0};
    struct folder_options options = {.path = folder_path,
                                     .source_ae = "PEER",
                                     .sync_first = sync_first,
                                     .stored = on_stored,
                                     .context = &stored};
    struct folder *f;
    struct receiver *r;
    struct err e = {0};
    assert_int_equal(folder_open(&options, &f, &e), E_OK);
    assert_true(folder_empty(f));
    assert_int_equal(receiver_open(f, NULL, &r, &e), E_OK);
    struct dimse_sink sink = receiver_sink(r);
    receive(&sink, "1.2.3", "DATASET!", true, DIMSE_SUCCESS);
    receive(&sink, "1.2.4", "cut off", false, DIMSE_CANNOT_UNDERSTAND);
    receive(&sink, "1.2.5", "", true, DIMSE_CANNOT_UNDERSTAND);
    receive(&sink, "../escape", "x", true, 0xC000);
    receive(&sink, "", "x", true, 0xC000);
    receive(&sink, "1.2.3", "the second", true, DIMSE_SUCCESS); // in the place of the first
    for (int i = 0; i < 100; i++) {
        char uid[16];
        (void)snprintf(uid, sizeof uid, "1.3.%d", i);
        receive(&sink, uid, "more", true, DIMSE_SUCCESS);
    }
    receiver_close(r);
    assert_int_equal(folder_finish(f, &e), E_VALUE); // the two bad names
    assert_int_equal(stored.good, 102);
    assert_int_equal(stored.bad, 2);
    assert_true(folder_has(f, "1.2.3") && folder_has(f, "1.3.99"));
    assert_false(folder_has(f, "1.2.4") || folder_has(f, "1.2.5"));
    assert_false(folder_empty(f));
    folder_close(f);
    assert_int_equal(count_files(), 101);
    struct buf file CLEANUP(cleanup_buf);
    struct arena arena;
    struct dcm_file opened;
    struct slice text;
    buf_init(&file, MEMORY);
    arena_init(&arena, MEMORY);
    assert_int_equal(file_read(at("1.2.3.dcm"), &file, &e), E_OK);
    assert_int_equal(dcm_file_open(&arena, buf_slice(&file), &opened, &e), E_OK);
    assert_true(slice_eq_str(opened.body, "the second"));
    assert_string_equal(opened.syntax_uid, DCM_EXPLICIT_LE_UID);
    assert_true(dcm_text(opened.meta, DCM_MediaStorageSOPInstanceUID, 0, &text) &&
                slice_eq_str(text, "1.2.3"));
    assert_true(dcm_text(opened.meta, DCM_SourceApplicationEntityTitle, 0, &text) &&
                slice_eq_str(text, "PEER"));
    arena_done(&arena);
}

static void test_receive_behind(void **state) {
    (void)state;
    receive_files(false);
}

static void test_receive_synced(void **state) {
    (void)state;
    receive_files(true);
}

// --- text

static void test_clean(void **state) {
    (void)state;
    char out[8];
    assert_string_equal(dicom_link_clean("a\x1b[2J\n", out, sizeof out), "a?[2J?");
    assert_string_equal(dicom_link_clean("longer than that", out, sizeof out), "longer ");
}

static void test_table(void **state) {
    (void)state;
    struct arena arena;
    struct err e = {0};
    struct table t;
    char *text = NULL;
    size_t len = 0;
    arena_init(&arena, MEMORY);
    struct dcm_dataset *d = dcm_dataset_new(&arena, DCM_EXPLICIT_LE);
    assert_int_equal(dcm_put_str(d, DCM_PatientName, DCM_VR_PN, "M\xC3\xBCller\x1b[31m", &e), E_OK);
    assert_int_equal(dcm_put_ints(d, DCM_Rows, DCM_VR_US, &(int64_t){512}, 1, &e), E_OK);
    table_init(&t, false);
    table_column(&t, DCM_PatientName, false);
    table_column(&t, DCM_Rows, false);
    table_column(&t, DCM_PatientName, false); // once
    table_column(&t, DCM_PatientID, false);
    assert_int_equal(table_add(&t, d, &e), E_OK);
    assert_int_equal(dcm_put_str(d, DCM_PatientName, DCM_VR_PN,
                                 "A^Name^That^Is^So^Long^That^It^Must^Be^Cut^Somewhere", &e),
                     E_OK);
    assert_int_equal(table_add(&t, d, &e), E_OK);
    FILE *out = open_memstream(&text, &len);
    table_print(&t, out);
    (void)fclose(out);
    assert_string_equal(text, "PatientName                               Rows  PatientID\n"
                              "M\xC3\xBCller?[31m                               512   \n"
                              "A^Name^That^Is^So^Long^That^It^Must^Be^\xE2\x80\xA6  512   \n");
    free(text);
    table_done(&t);
    arena_done(&arena);
}

// --- peers

struct peer_case {
    const char *text;
    bool tls;
    int status;
    const char *called, *host;
    uint16_t port;
};

static void test_peers(void **state) {
    (void)state;
    static const struct peer_case cases[] = {
        {"PACS@192.0.2.7:104", false, CLI_OK, "PACS", "192.0.2.7", 104},
        {"192.0.2.7:104", false, CLI_OK, "ANY-SCP", "192.0.2.7", 104},
        {"PACS@station.suite", false, CLI_OK, "PACS", "station.suite", 11112},
        {"PACS@[2001:db8::7]:4242", false, CLI_OK, "PACS", "2001:db8::7", 4242},
        {"A B@localhost:1", false, CLI_OK, "A B", "localhost", 1},
        {"@localhost:1", false, CLI_MISUSE, NULL, NULL, 0},
        {"SEVENTEENLETTERSS@localhost:1", false, CLI_MISUSE, NULL, NULL, 0},
        {"A\\B@localhost:1", false, CLI_MISUSE, NULL, NULL, 0},
        {"PACS@localhost:70000", false, CLI_MISUSE, NULL, NULL, 0},
        {"PACS@", false, CLI_MISUSE, NULL, NULL, 0},
        {"PACS@localhost", true, CLI_OK, "PACS", "localhost", 2762},
        {"PACS@localhost:104", true, CLI_OK, "PACS", "localhost", 104},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct peer_case *c = &cases[i];
        struct dicom_link l;
        dicom_link_init(&l, "test");
        char pin[] = "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff";
        if (c->tls) {
            assert_int_equal(dicom_link_option(&l, LINK_OPTION_PIN, pin), 1);
        }
        assert_int_equal(dicom_link_ready(&l, c->text, NULL), c->status);
        if (c->status == CLI_OK) {
            assert_string_equal(l.called, c->called);
            assert_string_equal(l.address.host, c->host);
            assert_int_equal(l.address.port, c->port);
            assert_int_equal(l.tls != NULL, c->tls);
        }
        dicom_link_done(&l);
    }
}

static void test_link_options(void **state) {
    (void)state;
    struct dicom_link l;
    dicom_link_init(&l, "test");
    assert_int_equal(dicom_link_option(&l, 'c', "  STATION1 "), 1);
    assert_string_equal(l.calling, "STATION1");
    assert_int_equal(dicom_link_option(&l, 'c', ""), -1);
    assert_int_equal(dicom_link_option(&l, 't', "0"), -1);
    assert_int_equal(dicom_link_option(&l, 't', "5x"), -1);
    assert_int_equal(dicom_link_option(&l, 't', "5"), 1);
    assert_int_equal(l.timeout_ms, 5000);
    assert_int_equal(dicom_link_option(&l, LINK_OPTION_OWN, "x"), 0);
    assert_int_equal(dicom_link_option(&l, LINK_OPTION_PIN, "no such file"), -1);
    assert_false(l.pinned);
    // TLS without anybody to trust is no TLS
    l.secure = true;
    assert_int_equal(dicom_link_ready(&l, "PACS@localhost:104", NULL), CLI_MISUSE);
    // a passcode needs somebody whose it is
    dicom_link_init(&l, "test");
    assert_int_equal(dicom_link_option(&l, LINK_OPTION_PASSCODE, "/dev/null"), 1);
    assert_int_equal(dicom_link_ready(&l, "PACS@localhost:104", NULL), CLI_MISUSE);
    write_text(at("passcode"), "open sesame\r\nsecond line\n");
    dicom_link_init(&l, "test");
    assert_int_equal(dicom_link_option(&l, LINK_OPTION_USER, "ali"), 1);
    assert_int_equal(dicom_link_option(&l, LINK_OPTION_PASSCODE, at("passcode")), 1);
    assert_int_equal(dicom_link_ready(&l, "PACS@localhost:104", NULL), CLI_OK);
    assert_string_equal(l.passcode, "open sesame");
    dicom_link_done(&l);
    assert_string_equal(l.passcode, "");
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contexts_receive),
        cmocka_unit_test(test_contexts_limits),
        cmocka_unit_test(test_contexts_accept),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_keys_refused),
        cmocka_unit_test(test_query_write),
        cmocka_unit_test(test_query_extended),
        cmocka_unit_test(test_many_uids),
        cmocka_unit_test(test_identify),
        cmocka_unit_test(test_identify_truncated),
        cmocka_unit_test(test_identify_bad),
        IN_FOLDER(test_list),
        IN_FOLDER(test_journal),
        IN_FOLDER(test_journal_cut),
        IN_FOLDER(test_receive_behind),
        IN_FOLDER(test_receive_synced),
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_peers),
        IN_FOLDER(test_link_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
