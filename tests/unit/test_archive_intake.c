// SPDX-License-Identifier: Apache-2.0
// From a file to the archive and back: verdicts, retrieval, deletion, verification, and what
// happens when disk, catalogue or folder fail. Workers are this program itself.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <zlib.h>

#include "archive/archive.h"
#include "archive/archive_delete.h"
#include "archive/catalogue.h"
#include "archive/intake.h"
#include "archive/jobs.h"
#include "archive/retrieve.h"
#include "archive/verify.h"
#include "base/num.h"
#include "db/db.h"
#include "instance_files.h"
#include "store/store.h"
#include "worker/worker.h"

static char dir[64];

static int remove_one(const char *name, const struct stat *st, int kind, struct FTW *ftw) {
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(name);
}

static int setup(void **state) {
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/maclab-test-intake-XXXXXX");
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int teardown(void **state) {
    (void)state;
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct archive *open_archive(void) {
    struct err e = {0};
    struct archive *a = NULL;
    struct archive_options options = {.data_dir = dir, .as_sent = true, .workers = 2};
    if (archive_open(&options, &a, &e) != E_OK) {
        fail_msg("archive_open: %s", e.text);
    }
    return a;
}

#define RESULTS_MAX 600
struct results {
    struct intake_result list[RESULTS_MAX];
    size_t count;
};

static void take_result(const struct intake_result *r, void *context) {
    struct results *all = context;
    assert_true(all->count < RESULTS_MAX);
    all->list[all->count++] = *r;
}

static const struct intake_result *result_of(const struct results *all, uint64_t tag) {
    for (size_t i = 0; i < all->count; i++) {
        if (all->list[i].tag == tag) {
            return &all->list[i];
        }
    }
    fail_msg("no result for %u", (unsigned)tag);
    return NULL;
}

static struct intake *open_intake(struct archive *a, struct results *results) {
    struct err e = {0};
    struct intake *i = NULL;
    results->count = 0;
    assert_int_equal(intake_open(a, NULL, take_result, results, &i, &e), E_OK);
    return i;
}

static void stream(struct intake *i, uint64_t tag, struct slice bytes) {
    struct err e = {0};
    assert_int_equal(intake_begin(i, tag, &e), E_OK);
    assert_int_equal(intake_write(i, bytes.ptr, bytes.len / 2, &e), E_OK);
    struct slice rest = slice_from(bytes, bytes.len / 2);
    assert_int_equal(intake_write(i, rest.ptr, rest.len, &e), E_OK);
    assert_int_equal(intake_end(i, &e), E_OK);
}

static void send(struct intake *i, uint64_t tag, const struct instance_words *words) {
    struct buf file;
    buf_init(&file, 1 << 22);
    instance_make(words, &file);
    stream(i, tag, buf_slice(&file));
    buf_done(&file);
}

static enum intake_verdict send_one(struct archive *a, const struct instance_words *words) {
    static struct results results;
    struct err e = {0};
    struct intake *i = open_intake(a, &results);
    send(i, 1, words);
    assert_int_equal(intake_finish(i, &e), E_OK);
    intake_close(i);
    assert_int_equal(results.count, 1);
    return results.list[0].verdict;
}

static struct catalogue_counts counts_of(struct archive *a) {
    struct err e = {0};
    struct db *db;
    struct catalogue_counts counts = {0};
    assert_int_equal(archive_reader(a, &db, &e), E_OK);
    assert_int_equal(catalogue_count(db, &counts, &e), E_OK);
    archive_reader_done(a, db);
    return counts;
}

struct problems {
    unsigned of[VERIFY_PROBLEM_COUNT];
    unsigned all;
};

static void take_problem(enum verify_problem problem, const char *what, const char *detail,
                         void *context) {
    struct problems *p = context;
    (void)what;
    (void)detail;
    p->of[problem]++;
    p->all++;
}

static struct problems verify(void) {
    struct err e = {0};
    struct problems p = {{0}, 0};
    struct verify_sums sums;
    struct verify_options options = {
        .data_dir = dir, .threads = 2, .problem = take_problem, .context = &p};
    assert_int_equal(verify_run(&options, &sums, &e), E_OK);
    assert_int_equal(sums.problems, p.all);
    return p;
}

static void test_verdicts(void **state) {
    (void)state;
    static struct results results;
    struct err e = {0};
    struct archive *a = open_archive();
    struct intake *i = open_intake(a, &results);
    send(i, 1, &(struct instance_words){.instance = "2.25.1"});
    send(i, 2, &(struct instance_words){.instance = "2.25.2", .number = "2"});
    send(i, 3, &(struct instance_words){.instance = "2.25.1"});            // duplicate in the batch
    send(i, 4, &(struct instance_words){.instance = "2.25.1", .fill = 9}); // conflict in the batch
    send(i, 5, &(struct instance_words){.instance = "2.25.5", .rows_said = 99}); // cut pixels
    stream(i, 6, slice_str("hello, I am not DICOM"));
    stream(i, 7, slice_str(""));
    assert_int_equal(intake_finish(i, &e), E_OK);
    static const enum intake_verdict expect[] = {INTAKE_STORED,   INTAKE_STORED,  INTAKE_DUPLICATE,
                                                 INTAKE_CONFLICT, INTAKE_REFUSED, INTAKE_REFUSED,
                                                 INTAKE_REFUSED};
    // Which of the three files of one UID comes first is not said; one of a kind is.
    assert_int_equal(results.count, 7);
    unsigned got[INTAKE_FAILED + 1] = {0};
    for (size_t k = 0; k < 7; k++) {
        got[results.list[k].verdict]++;
    }
    for (size_t k = 0; k < 7; k++) {
        got[expect[k]]--;
    }
    bool nine_first = result_of(&results, 4)->verdict == INTAKE_STORED;
    if (!nine_first) {
        for (int v = 0; v <= INTAKE_FAILED; v++) {
            assert_int_equal(got[v], 0);
        }
    }
    assert_string_equal(result_of(&results, 5)->reason, "pixels-cut");
    assert_string_equal(result_of(&results, 5)->sop_instance, "2.25.5");
    assert_string_equal(result_of(&results, 6)->reason, "not-dicom");
    assert_string_equal(result_of(&results, 7)->reason, "empty");
    // Later runs.
    results.count = 0;
    send(i, 1, &(struct instance_words){.instance = "2.25.2", .number = "2"});
    send(i, 2, &(struct instance_words){.instance = "2.25.2", .number = "3"});
    assert_int_equal(intake_finish(i, &e), E_OK);
    assert_int_equal(result_of(&results, 1)->verdict, INTAKE_DUPLICATE);
    assert_string_equal(result_of(&results, 1)->study, "2.25.100");
    assert_int_equal(result_of(&results, 2)->verdict, INTAKE_CONFLICT);
    assert_int_equal(result_of(&results, 2)->why.code, E_CONFLICT);
    intake_close(i);
    assert_int_equal(counts_of(a).instances, 2);
    archive_close(a);
    assert_int_equal(verify().all, 0);
}

// The same data set behind another meta header, behind none, and as a file that needs one.
static void test_other_meta(void **state) {
    (void)state;
    static struct results results;
    struct err e = {0};
    struct buf file;
    struct archive *a = open_archive();
    buf_init(&file, 1 << 20);
    instance_make(&(struct instance_words){.syntax = DCM_IMPLICIT_LE_UID}, &file);
    size_t meta = 144 + num_le32(file.data + 140);
    struct slice bare = slice_from(buf_slice(&file), meta);
    struct intake *i = open_intake(a, &results);
    stream(i, 1, bare);
    assert_int_equal(intake_finish(i, &e), E_OK);
    assert_int_equal(result_of(&results, 1)->verdict, INTAKE_STORED);
    assert_true(result_of(&results, 1)->findings <= 2);
    file.data[0] = 'x'; // the preamble is nobody's business: other bytes, same data set
    stream(i, 2, buf_slice(&file));
    stream(i, 3, bare);
    assert_int_equal(intake_finish(i, &e), E_OK);
    assert_int_equal(result_of(&results, 2)->verdict, INTAKE_DUPLICATE);
    assert_int_equal(result_of(&results, 3)->verdict, INTAKE_DUPLICATE);
    intake_close(i);
    archive_close(a);
    buf_done(&file);
    assert_int_equal(verify().all, 0);
}

static void test_many(void **state) {
    (void)state;
    static struct results results;
    struct err e = {0};
    struct archive *a = open_archive();
    struct intake *i = open_intake(a, &results);
    for (unsigned n = 0; n < 500; n++) {
        char instance[32], series[32], study[32], number[8];
        (void)snprintf(instance, sizeof instance, "2.25.7%u", n);
        (void)snprintf(series, sizeof series, "2.25.8%u", n / 10);
        (void)snprintf(study, sizeof study, "2.25.9%u", n / 20);
        (void)snprintf(number, sizeof number, "%u", n % 10);
        send(i, n,
             &(struct instance_words){.instance = instance,
                                      .series = series,
                                      .study = study,
                                      .number = number,
                                      .fill = (uint8_t)n});
    }
    assert_int_equal(intake_finish(i, &e), E_OK);
    intake_close(i);
    assert_int_equal(results.count, 500);
    for (size_t k = 0; k < 500; k++) {
        assert_int_equal(results.list[k].verdict, INTAKE_STORED);
    }
    struct catalogue_counts c = counts_of(a);
    assert_int_equal(c.studies, 25);
    assert_int_equal(c.series, 50);
    assert_int_equal(c.instances, 500);
    archive_close(a);
    assert_int_equal(verify().all, 0);
}

static void inflate_gzip(const struct buf *gz, struct buf *out) {
    z_stream z = {0};
    uint8_t *to = buf_extend(out, 1 << 20);
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    z.next_in = gz->data;
    z.avail_in = (uInt)gz->len;
    z.next_out = to;
    z.avail_out = 1 << 20;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END); // CRC and length are right
    assert_int_equal(z.avail_in, 0);                       // one member
    out->len = z.total_out;
    inflateEnd(&z);
}

static void test_retrieval(void **state) {
    (void)state;
    struct err e = {0};
    struct archive *a = open_archive();
    assert_int_equal(
        send_one(a, &(struct instance_words){.instance = "2.25.2", .number = "2", .fill = 7}),
        INTAKE_STORED);
    assert_int_equal(
        send_one(a, &(struct instance_words){.instance = "2.25.1", .name = "Müller^Hans"}),
        INTAKE_STORED);
    struct db *db;
    assert_int_equal(archive_reader(a, &db, &e), E_OK);
    struct retrieve_path path = {"2.25.100", "", ""};
    struct retrieve_instance *list;
    size_t count;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    assert_int_equal(retrieve_list(db, &path, &arena, &list, &count, &e), E_OK);
    assert_int_equal(count, 2);
    assert_string_equal(list[0].instance, "2.25.1"); // by number
    assert_int_equal(list[1].rows, 8);

    struct retrieve_range *ranges;
    assert_int_equal(retrieve_frame(db, &list[1].object, 1, &arena, &ranges, &count, &e), E_OK);
    assert_int_equal(count, 1);
    assert_int_equal(ranges[0].len, 128);
    int fd = -1;
    uint8_t pixels[128];
    assert_int_equal(store_object_open(archive_store(a), &list[1].object, &fd, &e), E_OK);
    assert_int_equal(file_pread_all(fd, pixels, 128, ranges[0].offset), 0);
    (void)close(fd);
    assert_int_equal(pixels[0], 7);
    assert_int_equal(pixels[127], 7);
    assert_int_equal(retrieve_frame(db, &list[1].object, 2, &arena, &ranges, &count, &e),
                     E_NOT_FOUND);
    assert_int_equal(retrieve_frame(db, &list[1].object, 0, &arena, &ranges, &count, &e),
                     E_NOT_FOUND);
    struct retrieve_range bulk;
    assert_int_equal(retrieve_bulk(db, &list[1].object, "7FE00010", &bulk, &e), E_OK);
    assert_int_equal(bulk.len, 128);
    assert_int_equal(retrieve_bulk(db, &list[1].object, "7FE00011", &bulk, &e), E_NOT_FOUND);

    struct buf gz, plain, inflated;
    buf_init(&gz, 1 << 21);
    buf_init(&plain, 1 << 21);
    buf_init(&inflated, 1 << 21);
    assert_int_equal(retrieve_metadata(db, &path, true, &gz, &e), E_OK);
    assert_int_equal(retrieve_metadata(db, &path, false, &plain, &e), E_OK);
    inflate_gzip(&gz, &inflated);
    assert_true(slice_eq(buf_slice(&inflated), buf_slice(&plain)));
    buf_put_byte(&plain, 0);
    const char *text = (const char *)plain.data;
    assert_true(text[0] == '[' && text[plain.len - 2] == ']');
    assert_non_null(strstr(text, "Müller^Hans"));
    assert_non_null(strstr(
        text, "/dicom-web/studies/2.25.100/series/2.25.200/instances/2.25.1/bulkdata/7FE00010"));
    struct retrieve_path wrong = {"2.25.100", "2.25.9", ""};
    size_t before = gz.len;
    assert_int_equal(retrieve_metadata(db, &wrong, true, &gz, &e), E_NOT_FOUND);
    assert_int_equal(gz.len, before);

    struct render_request r = {.frame = 1, .format = RENDER_PNG};
    struct buf picture, again;
    buf_init(&picture, 1 << 20);
    buf_init(&again, 1 << 20);
    assert_int_equal(archive_render(a, &list[1].object, &r, &picture, &e), E_OK);
    assert_memory_equal(picture.data, "\x89PNG", 4);
    assert_int_equal(archive_render(a, &list[1].object, &r, &again, &e), E_OK); // from the cache
    assert_true(slice_eq(buf_slice(&picture), buf_slice(&again)));
    r.frame = 2;
    assert_int_equal(archive_render(a, &list[1].object, &r, &again, &e), E_NOT_FOUND);
    buf_clear(&picture);
    assert_int_equal(archive_thumbnail(a, &list[1].object, RENDER_JPEG, 0, &picture, &e), E_OK);
    assert_memory_equal(picture.data, "\xFF\xD8", 2);
    buf_clear(&picture);
    assert_int_equal(archive_decode(a, &list[1].object, 1, DCM_EXPLICIT_LE_UID, &picture, NULL, &e),
                     E_OK);
    assert_int_equal(picture.len, 128);
    assert_memory_equal(picture.data, pixels, 128);
    archive_reader_done(a, db);
    buf_done(&gz);
    buf_done(&plain);
    buf_done(&inflated);
    buf_done(&picture);
    buf_done(&again);
    arena_done(&arena);
    archive_close(a);
}

static uint64_t length_of(int fd) {
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    return (uint64_t)st.st_size;
}

// The file in `syntax` parsed again: its instance, its syntax, where its data set begins.
static void look_at(const struct archive_file *f, const char *syntax, struct slice *ret_pixels,
                    struct arena *arena) {
    struct err e = {0};
    uint8_t *bytes = arena_alloc(arena, f->len);
    struct dcm_file file;
    struct dcm_dataset *d;
    struct slice uid;
    assert_int_equal(file_pread_all(f->fd, bytes, f->len, 0), 0);
    assert_int_equal(dcm_file_open(arena, slice_of(bytes, f->len), &file, &e), E_OK);
    assert_int_equal(dcm_file_dataset(arena, &file, 0, &d, &e), E_OK);
    assert_string_equal(file.syntax->uid, syntax);
    assert_int_equal(file.meta_raw.len, f->body_offset);
    assert_true(dcm_text(d, DCM_SOPInstanceUID, 0, &uid));
    assert_true(slice_eq_str(uid, "2.25.300"));
    *ret_pixels = dcm_get(d, DCM_PixelData)->value;
}

// The stored syntax is the object itself; another one is made once and comes from the cache then,
// which may forget it while it is read.
static void test_transcoding(void **state) {
    (void)state;
    struct err e = {0};
    struct archive *a = open_archive();
    assert_int_equal(send_one(a, &(struct instance_words){.fill = 7}), INTAKE_STORED);
    struct db *db;
    struct arena arena;
    struct retrieve_instance *list;
    size_t count;
    struct slice pixels;
    arena_init(&arena, 1 << 20);
    assert_int_equal(archive_reader(a, &db, &e), E_OK);
    struct retrieve_path path = {"2.25.100", "2.25.200", "2.25.300"};
    assert_int_equal(retrieve_list(db, &path, &arena, &list, &count, &e), E_OK);
    archive_reader_done(a, db);
    const struct hash *object = &list[0].object;

    struct archive_file stored = ARCHIVE_FILE_NONE;
    assert_int_equal(archive_transcode(a, object, DCM_EXPLICIT_LE_UID, &stored, &e), E_OK);
    assert_int_equal(stored.len, list[0].len);
    look_at(&stored, DCM_EXPLICIT_LE_UID, &pixels, &arena);

    struct archive_file first = ARCHIVE_FILE_NONE;
    struct archive_file second = ARCHIVE_FILE_NONE;
    uint64_t jobs = worker_pool_counts(archive_workers(a)).jobs;
    assert_int_equal(archive_transcode(a, object, DCM_EXPLICIT_BE_UID, &first, &e), E_OK);
    assert_int_equal(archive_transcode(a, object, DCM_EXPLICIT_BE_UID, &second, &e), E_OK);
    assert_int_equal(worker_pool_counts(archive_workers(a)).jobs, jobs + 1);
    assert_int_equal(first.len, second.len);
    assert_int_equal(first.body_offset, second.body_offset);
    assert_true(length_of(first.fd) > first.len); // the cache's mark lies behind it
    assert_int_equal(fcntl(first.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    look_at(&second, DCM_EXPLICIT_BE_UID, &pixels, &arena);
    assert_int_equal(pixels.len, 128);
    assert_int_equal(pixels.ptr[77], 7);

    // No room in the cache: the file lives as long as its descriptor.
    store_cache_limit(archive_store(a), 0);
    struct archive_file third = ARCHIVE_FILE_NONE;
    assert_int_equal(archive_transcode(a, object, DCM_RLE_UID, &third, &e), E_OK);
    look_at(&third, DCM_RLE_UID, &pixels, &arena);

    struct archive_file none = ARCHIVE_FILE_NONE;
    assert_int_equal(archive_transcode(a, object, DCM_JPEG_BASELINE_UID, &none, &e),
                     E_NOT_ACCEPTABLE);
    assert_int_equal(none.fd, -1);
    struct hash absent = hash_of(slice_str("nothing"));
    assert_int_equal(archive_transcode(a, &absent, DCM_RLE_UID, &none, &e), E_NOT_FOUND);
    assert_true(archive_can_transcode(DCM_RLE_UID, DCM_IMPLICIT_LE_UID));
    assert_false(archive_can_transcode(DCM_RLE_UID, DCM_JPEG_BASELINE_UID));

    struct archive_pixels said;
    struct buf frame;
    buf_init(&frame, 1 << 20);
    assert_int_equal(archive_decode(a, object, 1, DCM_RLE_UID, &frame, &said, &e), E_OK);
    assert_string_equal(said.photometric, "MONOCHROME2");
    assert_int_equal(said.bits_allocated, 16);
    assert_int_equal(frame.data[0], 2); // two byte planes
    assert_int_equal(archive_decode(a, object, 1, "1.2.3", &frame, &said, &e), E_NOT_ACCEPTABLE);
    buf_done(&frame);
    archive_file_done(&stored);
    archive_file_done(&first);
    archive_file_done(&second);
    archive_file_done(&third);
    assert_int_equal(third.fd, -1);
    archive_file_done(&third);
    arena_done(&arena);
    archive_close(a);
}

static void test_deflated(void **state) {
    (void)state;
    struct err e = {0};
    struct archive *a = open_archive();
    assert_int_equal(send_one(a, &(struct instance_words){.syntax = DCM_DEFLATED_UID, .fill = 5}),
                     INTAKE_STORED);
    struct db *db;
    struct arena arena;
    struct retrieve_instance *list;
    struct retrieve_range *ranges;
    struct retrieve_range bulk;
    size_t count;
    struct buf out;
    arena_init(&arena, 1 << 20);
    buf_init(&out, 1 << 20);
    assert_int_equal(archive_reader(a, &db, &e), E_OK);
    struct retrieve_path path = {"2.25.100", "2.25.200", "2.25.300"};
    assert_int_equal(retrieve_list(db, &path, &arena, &list, &count, &e), E_OK);
    assert_int_equal(retrieve_frame(db, &list[0].object, 1, &arena, &ranges, &count, &e),
                     E_NOT_ACCEPTABLE);
    assert_int_equal(archive_decode(a, &list[0].object, 1, DCM_EXPLICIT_LE_UID, &out, NULL, &e),
                     E_OK);
    assert_int_equal(out.data[100], 5);
    buf_clear(&out);
    assert_int_equal(retrieve_bulk_inflated(db, &list[0].object, "7FE00010", &bulk, &e), E_OK);
    assert_int_equal(archive_bulk(a, &list[0].object, bulk.offset, bulk.len, &out, &e), E_OK);
    assert_int_equal(out.len, 128);
    assert_int_equal(out.data[0], 5);
    archive_reader_done(a, db);
    buf_done(&out);
    arena_done(&arena);
    archive_close(a);
    assert_int_equal(verify().all, 0);
}

static void test_deletion(void **state) {
    (void)state;
    struct err e = {0};
    struct archive *a = open_archive();
    const struct instance_words all[] = {
        {.instance = "2.25.1"},
        {.instance = "2.25.2"},
        {.instance = "2.25.3", .series = "2.25.201", .modality = "MR"},
        {.instance = "2.25.4", .study = "2.25.101", .series = "2.25.202", .id = "P2"}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(send_one(a, &all[i]), INTAKE_STORED);
    }
    uint64_t gone = 0;
    struct retrieve_path one = {"2.25.100", "2.25.200", "2.25.1"};
    assert_int_equal(archive_delete(a, &one, &gone, &e), E_OK);
    assert_int_equal(gone, 1);
    assert_int_equal(archive_delete(a, &one, &gone, &e), E_NOT_FOUND);
    struct retrieve_path series = {"2.25.100", "2.25.201", ""};
    assert_int_equal(archive_delete(a, &series, &gone, &e), E_OK);
    struct catalogue_counts c = counts_of(a);
    assert_int_equal(c.studies, 2);
    assert_int_equal(c.series, 2);
    assert_int_equal(c.instances, 2);
    struct retrieve_path study = {"2.25.101", "", ""};
    assert_int_equal(archive_delete(a, &study, &gone, &e), E_OK);
    assert_int_equal(counts_of(a).studies, 1);
    assert_int_equal(verify().all, 0);                     // counts, facets, no object left behind
    assert_int_equal(send_one(a, &all[0]), INTAKE_STORED); // and it may come again
    archive_close(a);
    assert_int_equal(verify().all, 0);
}

// --- failures

static void test_second_server(void **state) {
    (void)state;
    struct err e = {0};
    struct archive *a = NULL;
    struct archive *b = NULL;
    struct archive_options server = {
        .data_dir = dir, .as_sent = true, .workers = 1, .server = true};
    assert_int_equal(archive_open(&server, &a, &e), E_OK);
    assert_int_equal(archive_open(&server, &b, &e), E_LOCKED);
    assert_null(b);
    b = open_archive(); // an import beside a server is allowed
    assert_int_equal(send_one(b, &(struct instance_words){0}), INTAKE_STORED);
    assert_int_equal(send_one(a, &(struct instance_words){0}), INTAKE_DUPLICATE);
    archive_close(b);
    archive_close(a);
}

#define RIVALS 4
#define RIVAL_ROUNDS 5 // the race is lost in every third
#define RIVAL_INSTANCES 60

struct rival {
    pthread_t thread;
    struct archive *archive; // as another process would open it
    uint8_t preamble;
    struct results results;
};

static void *send_all(void *context) {
    struct rival *r = context;
    struct err e = {0};
    struct intake *i = NULL;
    struct buf file;
    char uid[24];
    buf_init(&file, 1 << 22);
    if (intake_open(r->archive, NULL, take_result, &r->results, &i, &e) != E_OK) {
        return NULL;
    }
    for (unsigned k = 0; k < RIVAL_INSTANCES; k++) {
        (void)snprintf(uid, sizeof uid, "2.25.%u", 7000 + k);
        buf_clear(&file);
        instance_make(&(struct instance_words){.instance = uid}, &file);
        file.data[0] = r->preamble;
        (void)intake_begin(i, k, &e);
        (void)intake_write(i, file.data, file.len, &e);
        (void)intake_end(i, &e);
    }
    (void)intake_finish(i, &e);
    intake_close(i);
    buf_done(&file);
    return NULL;
}

// The same instances at once, three times in the same file and once in another: whoever comes late
// has a duplicate, also when a third has removed the object that both would have named.
static void let_compete(void) {
    static struct rival rivals[RIVALS];
    unsigned stored = 0;
    unsigned duplicate = 0;
    for (unsigned k = 0; k < RIVALS; k++) {
        rivals[k] = (struct rival){.archive = open_archive(), .preamble = k == 0};
    }
    for (unsigned k = 0; k < RIVALS; k++) {
        assert_int_equal(pthread_create(&rivals[k].thread, NULL, send_all, &rivals[k]), 0);
    }
    for (unsigned k = 0; k < RIVALS; k++) {
        pthread_join(rivals[k].thread, NULL);
        for (size_t i = 0; i < rivals[k].results.count; i++) {
            stored += rivals[k].results.list[i].verdict == INTAKE_STORED;
            duplicate += rivals[k].results.list[i].verdict == INTAKE_DUPLICATE;
        }
        archive_close(rivals[k].archive);
    }
    assert_int_equal(stored, RIVAL_INSTANCES);
    assert_int_equal(duplicate, (RIVALS - 1) * RIVAL_INSTANCES);
    assert_int_equal(verify().all, 0);
}

static void test_rivals(void **state) {
    for (int round = 0; round < RIVAL_ROUNDS; round++) {
        let_compete();
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
    }
}

static void catalogue_path(char out[96]) { (void)snprintf(out, 96, "%s/catalogue.db", dir); }

static void test_lost_catalogue(void **state) {
    (void)state;
    char path[96];
    struct err e = {0};
    struct archive *a = open_archive();
    assert_int_equal(send_one(a, &(struct instance_words){.instance = "2.25.1"}), INTAKE_STORED);
    catalogue_path(path);
    char kept[128];
    (void)snprintf(kept, sizeof kept, "%s.kept", path);
    assert_int_equal(rename(path, kept), 0);
    assert_int_equal(send_one(a, &(struct instance_words){.instance = "2.25.2"}), INTAKE_FAILED);
    archive_close(a);
    struct archive_options options = {.data_dir = dir, .as_sent = true, .workers = 1};
    a = NULL;
    assert_int_equal(archive_open(&options, &a, &e), E_CORRUPT);
    assert_non_null(strstr(e.text, "missing"));
    assert_null(a);
    assert_int_equal(rename(kept, path), 0);
    a = open_archive(); // nothing was lost
    assert_int_equal(counts_of(a).instances, 1);
    assert_int_equal(send_one(a, &(struct instance_words){.instance = "2.25.1"}), INTAKE_DUPLICATE);
    archive_close(a);
    assert_int_equal(verify().all, 0);
}

// What a power cut makes of a file whose bytes were on their way. Were it taken for a new one, the
// next sweep would remove every object.
static void test_emptied_catalogue(void **state) {
    (void)state;
    char path[96];
    char delivery[96];
    struct err e = {0};
    struct archive *a = open_archive();
    assert_int_equal(send_one(a, &(struct instance_words){0}), INTAKE_STORED);
    archive_close(a);
    catalogue_path(path);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(verify().of[VERIFY_CATALOGUE], 1);
    (void)snprintf(delivery, sizeof delivery, "%s/quarantine/dead", dir);
    assert_int_equal(mkdir(delivery, 0700), 0);
    struct archive_options options = {.data_dir = dir, .as_sent = true, .workers = 1};
    for (int attempt = 0; attempt < 2; attempt++) {
        a = NULL;
        assert_int_equal(archive_open(&options, &a, &e), E_CORRUPT);
        assert_non_null(strstr(e.text, "empty"));
        assert_null(a);
        assert_int_equal(verify().of[VERIFY_CATALOGUE], 1);
    }
}

static void test_damaged_catalogue(void **state) {
    (void)state;
    char path[96];
    struct err e = {0};
    archive_close(open_archive());
    catalogue_path(path);
    instance_write(path, slice_str("no database at all, but long enough to be looked at: "
                                   "0123456789012345678901234567890123456789012345678901234"));
    struct archive_options options = {.data_dir = dir, .as_sent = true, .workers = 1};
    struct archive *a = NULL;
    assert_int_equal(archive_open(&options, &a, &e), E_CORRUPT);
    assert_int_equal(verify().of[VERIFY_CATALOGUE], 1);
}

// What a killed intake leaves: an object without a row and a delivery without an owner.
static void test_sweep(void **state) {
    (void)state;
    char path[256];
    struct archive *a = open_archive();
    assert_int_equal(send_one(a, &(struct instance_words){0}), INTAKE_STORED);
    archive_close(a);
    struct hash hash = hash_of(slice_str("orphan"));
    char hex[HASH_HEX_LEN + 1];
    (void)hash_hex(&hash, hex);
    (void)snprintf(path, sizeof path, "%s/objects/%.2s", dir, hex);
    (void)mkdir(path, 0700);
    (void)snprintf(path, sizeof path, "%s/objects/%.2s/%.2s", dir, hex, hex + 2);
    (void)mkdir(path, 0700);
    (void)snprintf(path, sizeof path, "%s/objects/%.2s/%.2s/%s", dir, hex, hex + 2, hex);
    instance_write(path, slice_str("orphan"));
    archive_close(open_archive());
    assert_int_equal(verify().of[VERIFY_OBJECT_UNNAMED], 1); // without a sign of a crash it stays
    char delivery[128];
    (void)snprintf(delivery, sizeof delivery, "%s/quarantine/dead", dir);
    assert_int_equal(mkdir(delivery, 0700), 0);
    struct problems p = verify();
    assert_int_equal(p.of[VERIFY_QUARANTINE], 1);
    // What lay there before the first failure came after a backup that was put back: it stays.
    assert_int_equal(rmdir(delivery), 0);
    char mark[128];
    (void)snprintf(mark, sizeof mark, "%s/sweep.pending", dir);
    instance_write(mark, slice_str(""));
    struct timespec later[2] = {{.tv_sec = time(NULL) + 3600}, {.tv_sec = time(NULL) + 3600}};
    assert_int_equal(utimensat(AT_FDCWD, mark, later, 0), 0);
    archive_close(open_archive());
    assert_int_equal(verify().of[VERIFY_OBJECT_UNNAMED], 1);
    assert_int_equal(mkdir(delivery, 0700), 0);
    archive_close(open_archive());
    assert_int_equal(verify().all, 0);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void flip_byte(const char *path, off_t at) {
    uint8_t byte = 0;
    (void)chmod(path, 0600);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (uint8_t)~byte;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    (void)close(fd);
}

static char object_path[256];
static int remember_object(const struct hash *hash, const char *path, void *context) {
    (void)context;
    (void)path;
    char hex[HASH_HEX_LEN + 1];
    (void)hash_hex(hash, hex);
    (void)snprintf(object_path, sizeof object_path, "%s/objects/%.2s/%.2s/%s", dir, hex, hex + 2,
                   hex);
    return 0;
}

static void test_verify_sees(void **state) {
    (void)state;
    struct err e = {0};
    struct archive *a = open_archive();
    assert_int_equal(send_one(a, &(struct instance_words){0}), INTAKE_STORED);
    assert_int_equal(store_objects_each(archive_store(a), remember_object, NULL, &e), E_OK);
    archive_close(a);
    flip_byte(object_path, 500);
    assert_int_equal(verify().of[VERIFY_OBJECT_DAMAGED], 1);
    flip_byte(object_path, 500);
    assert_int_equal(verify().all, 0);
    assert_int_equal(unlink(object_path), 0);
    assert_int_equal(verify().of[VERIFY_OBJECT_MISSING], 1);
    a = open_archive(); // the same file brings a lost object back
    assert_int_equal(send_one(a, &(struct instance_words){0}), INTAKE_STORED);
    assert_int_equal(send_one(a, &(struct instance_words){0}), INTAKE_DUPLICATE);
    archive_close(a);
    assert_int_equal(verify().all, 0);
    char path[96];
    struct db *db;
    catalogue_path(path);
    assert_int_equal(db_open(path, DB_READ_WRITE, &db, &e), E_OK);
    assert_int_equal(db_exec(db,
                             "UPDATE series SET instance_count = 5;"
                             "UPDATE instance_data SET metadata_crc = 1;"
                             "DELETE FROM study_facet;",
                             &e),
                     E_OK);
    db_close(db);
    struct problems p = verify();
    assert_true(p.of[VERIFY_COUNT] >= 3);
    assert_int_equal(p.of[VERIFY_METADATA], 1);
}

// A file system of 3 MB: stored until it is full, then failed, and what was acknowledged is there.
static void test_full_disk(void **state) {
    (void)state;
    static struct results results;
    struct err e = {0};
    if (mount("none", dir, "tmpfs", 0, "size=3m") != 0) {
        (void)printf("skipped: no right to mount a small file system\n");
        skip();
    }
    struct archive *a = open_archive();
    struct intake *i = open_intake(a, &results);
    unsigned sent = 0;
    for (; sent < 590; sent++) {
        char instance[32];
        (void)snprintf(instance, sizeof instance, "2.25.6%u", sent);
        send(i, sent, &(struct instance_words){.instance = instance, .fill = (uint8_t)sent});
    }
    assert_int_equal(intake_finish(i, &e), E_OK);
    intake_close(i);
    unsigned stored = 0, failed = 0;
    for (size_t k = 0; k < results.count; k++) {
        stored += results.list[k].verdict == INTAKE_STORED;
        failed += results.list[k].verdict == INTAKE_FAILED;
        if (results.list[k].verdict == INTAKE_FAILED) {
            assert_int_equal(results.list[k].why.code, E_FULL);
        }
    }
    assert_int_equal(stored + failed, sent);
    assert_true(failed > 0);
    archive_close(a);
    // Room is made by remounting; the next opening sweeps what had no row.
    assert_int_equal(mount("none", dir, "tmpfs", MS_REMOUNT, "size=30m"), 0);
    a = open_archive();
    assert_int_equal(counts_of(a).instances, stored);
    archive_close(a);
    assert_int_equal(verify().all, 0);
    assert_int_equal(umount(dir), 0);
}

static void test_read_only(void **state) {
    (void)state;
    struct err e = {0};
    if (mount("none", dir, "tmpfs", 0, "size=30m") != 0) {
        (void)printf("skipped: no right to mount a file system\n");
        skip();
    }
    struct archive *a = open_archive();
    assert_int_equal(send_one(a, &(struct instance_words){0}), INTAKE_STORED);
    archive_close(a);
    assert_int_equal(mount("none", dir, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=30m"), 0);
    struct archive_options options = {.data_dir = dir, .as_sent = true, .workers = 1};
    a = NULL;
    assert_int_equal(archive_open(&options, &a, &e), E_IO);
    assert_null(a);
    assert_int_equal(mount("none", dir, "tmpfs", MS_REMOUNT, "size=30m"), 0);
    assert_int_equal(verify().all, 0);
    assert_int_equal(umount(dir), 0);
}

static void test_abandoned(void **state) {
    (void)state;
    static struct results results;
    struct err e = {0};
    struct archive *a = open_archive();
    struct intake *i = open_intake(a, &results);
    assert_int_equal(intake_begin(i, 1, &e), E_OK);
    assert_int_equal(intake_write(i, "half", 4, &e), E_OK);
    intake_abandon(i);
    assert_int_equal(intake_finish(i, &e), E_OK);
    assert_int_equal(results.count, 0);
    assert_int_equal(intake_begin(i, 2, &e), E_OK);
    intake_close(i); // closed in mid-stream, without finish
    archive_close(a);
    assert_int_equal(verify().all, 0);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "worker") == 0) {
        struct worker_job jobs[ARCHIVE_JOBS];
        archive_jobs_list(jobs);
        return worker_main(jobs, ARCHIVE_JOBS);
    }
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_verdicts),
        TEST(test_other_meta),
        TEST(test_many),
        TEST(test_retrieval),
        TEST(test_transcoding),
        TEST(test_deflated),
        TEST(test_deletion),
        TEST(test_rivals),
        TEST(test_second_server),
        TEST(test_lost_catalogue),
        TEST(test_emptied_catalogue),
        TEST(test_damaged_catalogue),
        TEST(test_sweep),
        TEST(test_verify_sees),
        TEST(test_full_disk),
        TEST(test_read_only),
        TEST(test_abandoned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
