// SPDX-License-Identifier: Apache-2.0
// A delivery with real workers: this program is their program, too.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sodium.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "gate/delivery.h"
#include "instance_files.h"

#define FILES_MAX 32
#define MEMORY ((size_t)64 << 20)

struct outcome {
    bool decided, failed;
    enum gate_verdict verdict;
    enum gate_reason reasons[GATE_REASONS_MAX];
    uint32_t reason_count;
    char patient[GATE_PSEUDONYM_MAX];
    struct hash bytes; // of what is released
    struct err why;
};

struct desk {
    struct arena arena;
    struct gate_profile *profile;
    struct gate_key key;
    struct worker_pool *pool;
    struct buf files[FILES_MAX];
    int in[FILES_MAX], out[FILES_MAX];
    struct outcome outcomes[FILES_MAX];
    uint32_t count;
    bool all_known;
};

// --- the door: memory

static int file_of(struct slice bytes) {
    int fd = memfd_create("file", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(file_write_all(fd, bytes.ptr, bytes.len), 0);
    return fd;
}

static int reopen(int fd, int flags) {
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, flags | O_CLOEXEC);
}

static int open_in(void *context, uint64_t tag, int *ret_fd, struct err *e) {
    struct desk *d = context;
    if (d->in[tag] < 0) {
        return err_set(e, E_IO, "no such file");
    }
    *ret_fd = reopen(d->in[tag], O_RDONLY);
    return *ret_fd >= 0 ? E_OK : err_set_errno(e, errno, "in");
}

static int open_out(void *context, uint64_t tag, int *ret_fd, struct err *e) {
    struct desk *d = context;
    d->out[tag] = memfd_create("out", MFD_CLOEXEC);
    *ret_fd = reopen(d->out[tag], O_RDWR);
    return *ret_fd >= 0 ? E_OK : err_set_errno(e, errno, "out");
}

static void drop_out(void *context, uint64_t tag) {
    struct desk *d = context;
    cleanup_fd(&d->out[tag]);
}

static int open_written(void *context, uint64_t tag, int *ret_fd, struct err *e) {
    struct desk *d = context;
    *ret_fd = reopen(d->out[tag], O_RDONLY);
    return *ret_fd >= 0 ? E_OK : err_set_errno(e, errno, "written");
}

static int known(void *context, uint64_t tag, const struct gate_passed *p, bool *ret_known,
                 struct err *e) {
    (void)tag;
    (void)p;
    (void)e;
    *ret_known = ((struct desk *)context)->all_known;
    return E_OK;
}

static void decided(void *context, uint64_t tag, const struct gate_passed *p) {
    struct desk *d = context;
    struct outcome *o = &d->outcomes[tag];
    assert_false(o->decided || o->failed);
    o->decided = true;
    o->verdict = p->verdict;
    o->reason_count = p->reason_count;
    memcpy(o->reasons, p->reasons, sizeof o->reasons);
    memcpy(o->patient, p->origin.patient, sizeof o->patient);
    assert_int_equal(p->verdict == GATE_RELEASED, d->out[tag] >= 0);
    if (p->verdict == GATE_RELEASED) {
        struct file_map map = {0};
        struct err e = {0};
        assert_int_equal(file_map_fd(d->out[tag], &map, &e), E_OK);
        assert_int_equal(map.bytes.len, p->out_len);
        o->bytes = hash_of(map.bytes);
        file_unmap(&map);
    }
}

static void failed(void *context, uint64_t tag, const struct err *why) {
    struct desk *d = context;
    d->outcomes[tag].failed = true;
    d->outcomes[tag].why = *why;
}

static int scratch(void *context, int *ret_fd, struct err *e) {
    (void)context;
    *ret_fd = memfd_create("scratch", MFD_CLOEXEC);
    return *ret_fd >= 0 ? E_OK : err_set_errno(e, errno, "scratch");
}

// --- the desk

static int setup(void **state) {
    struct desk *d = calloc(1, sizeof *d);
    struct err e = {0};
    struct worker_options options = {.jobs = gate_jobs, .job_count = GATE_JOB_COUNT, .size = 2};
    assert_non_null(d);
    arena_init(&d->arena, MEMORY);
    memset(d->key.bytes, 3, sizeof d->key.bytes);
    assert_int_equal(gate_profile_load(&d->arena, gate_profile_builtin(), &d->profile, &e), E_OK);
    assert_int_equal(worker_pool_start(&options, &d->pool, &e), E_OK);
    *state = d;
    return 0;
}

static void clear(struct desk *d) {
    for (uint32_t i = 0; i < d->count; i++) {
        cleanup_fd(&d->out[i]);
    }
    memset(d->outcomes, 0, sizeof d->outcomes);
}

static int teardown(void **state) {
    struct desk *d = *state;
    clear(d);
    for (uint32_t i = 0; i < d->count; i++) {
        cleanup_fd(&d->in[i]);
        buf_done(&d->files[i]);
    }
    worker_pool_stop(d->pool);
    arena_done(&d->arena);
    free(d);
    return 0;
}

static uint32_t add(struct desk *d, const struct instance_words *words) {
    uint32_t tag = d->count++;
    buf_init(&d->files[tag], MEMORY);
    instance_make(words, &d->files[tag]);
    d->in[tag] = file_of(buf_slice(&d->files[tag]));
    d->out[tag] = -1;
    return tag;
}

// One whole delivery of everything on the desk, forwards or backwards.
static struct gate_tally deliver(struct desk *d, bool backwards, unsigned at_once,
                                 const struct gate_orders *orders, bool doubles) {
    struct gate_door door = {.open_in = open_in,
                             .open_out = open_out,
                             .drop_out = drop_out,
                             .open_written = open_written,
                             .known = known,
                             .decided = decided,
                             .failed = failed,
                             .context = d};
    struct gate_delivery_options options = {.pool = d->pool,
                                            .profile = d->profile,
                                            .key = &d->key,
                                            .at_once = at_once,
                                            .hold_doubles = doubles,
                                            .door = &door,
                                            .scratch = scratch};
    struct gate_delivery *delivery;
    struct gate_tally tally;
    struct err e = {0};
    clear(d);
    assert_int_equal(gate_delivery_new(&options, &delivery, &e), E_OK);
    for (uint32_t i = 0; i < d->count; i++) {
        uint32_t tag = backwards ? d->count - 1 - i : i;
        assert_int_equal(gate_delivery_add(delivery, tag, "a/b.dcm", orders, &e), E_OK);
    }
    assert_int_equal(gate_delivery_finish(delivery, &e), E_OK);
    assert_true(gate_delivery_passed(delivery) >= d->count);
    gate_delivery_tally(delivery, &tally);
    gate_delivery_free(delivery);
    assert_int_equal(tally.files, d->count);
    assert_int_equal(tally.released + tally.held + tally.refused + tally.failed, d->count);
    return tally;
}

static bool has_reason(const struct outcome *o, enum gate_reason reason) {
    for (uint32_t i = 0; i < o->reason_count; i++) {
        if (o->reasons[i] == reason) {
            return true;
        }
    }
    return false;
}

static const struct instance_words plain = {.name = "Featherstonehaugh^Zebedee",
                                            .id = "QX7731945",
                                            .study = "1.2.3.1",
                                            .series = "1.2.3.1.1",
                                            .instance = "1.2.3.1.1.1",
                                            .extra_study_date = "20260418"};

static void add_series(struct desk *d, const struct instance_words *like, const char *const *uids) {
    for (; *uids != NULL; uids++) {
        struct instance_words one = *like;
        one.instance = *uids;
        (void)add(d, &one);
    }
}

// --- tests

static void test_order_and_threads_change_nothing(void **state) {
    struct desk *d = *state;
    static const char *const uids[] = {"1.2.3.9.1", "1.2.3.9.2", "1.2.3.9.3", "1.2.3.9.4",
                                       "1.2.3.9.5", "1.2.3.9.6", NULL};
    struct outcome first[FILES_MAX];
    struct instance_words later = plain;
    add_series(d, &plain, uids);
    later.study = "1.2.3.2";
    later.series = "1.2.3.2.1";
    later.extra_study_date = "20260510";
    later.name = "FEATHERSTONEHAUGH-SMYTHE^Zeb";
    static const char *const more[] = {"1.2.3.8.1", "1.2.3.8.2", NULL};
    add_series(d, &later, more);
    struct gate_tally tally = deliver(d, false, 1, NULL, false);
    assert_int_equal(tally.released, d->count);
    assert_int_equal(tally.patients, 1);
    assert_int_equal(tally.studies, 2);
    memcpy(first, d->outcomes, sizeof first);
    for (int run = 0; run < 3; run++) {
        (void)deliver(d, run != 1, run == 0 ? 1 : 4, NULL, false);
        for (uint32_t i = 0; i < d->count; i++) {
            assert_true(hash_eq(&first[i].bytes, &d->outcomes[i].bytes));
            assert_string_equal(first[i].patient, d->outcomes[i].patient);
        }
    }
}

static double offset_of(struct desk *d, uint32_t tag) {
    struct file_map map CLEANUP(cleanup_file_map) = {0};
    struct dcm_file file;
    struct dcm_dataset *clean;
    struct err e = {0};
    double days = -1;
    assert_int_equal(file_map_fd(d->out[tag], &map, &e), E_OK);
    assert_int_equal(dcm_file_open(&d->arena, map.bytes, &file, &e), E_OK);
    assert_int_equal(dcm_file_dataset(&d->arena, &file, 0, &clean, &e), E_OK);
    assert_true(dcm_double(clean, DCM_LongitudinalTemporalOffsetFromEvent, 0, &days));
    return days;
}

static void test_days_count_from_the_first_study(void **state) {
    struct desk *d = *state;
    struct instance_words later = plain;
    later.study = "1.2.3.2";
    later.series = "1.2.3.2.1";
    later.instance = "1.2.3.2.1.1";
    later.extra_study_date = "20260510";
    uint32_t second = add(d, &later);
    uint32_t first = add(d, &plain);
    (void)deliver(d, false, 2, NULL, false);
    assert_float_equal(offset_of(d, first), 0, 0);
    assert_float_equal(offset_of(d, second), 22, 0);
}

static void test_two_contents_of_one_name(void **state) {
    struct desk *d = *state;
    struct instance_words other = plain;
    other.number = "2";
    (void)add(d, &plain);
    (void)add(d, &plain); // a copy: the same instance
    (void)add(d, &other);
    struct gate_tally tally = deliver(d, false, 2, NULL, false);
    assert_int_equal(tally.reasons[GATE_REASON_SAME_UID], tally.held);
    assert_true(tally.held == 1 || tally.held == 2); // which, the digests say
    assert_int_equal(has_reason(&d->outcomes[0], GATE_REASON_SAME_UID),
                     has_reason(&d->outcomes[1], GATE_REASON_SAME_UID));
    assert_int_not_equal(has_reason(&d->outcomes[0], GATE_REASON_SAME_UID),
                         has_reason(&d->outcomes[2], GATE_REASON_SAME_UID));
    bool copies_held = has_reason(&d->outcomes[0], GATE_REASON_SAME_UID);
    (void)deliver(d, true, 2, NULL, false);
    assert_int_equal(has_reason(&d->outcomes[0], GATE_REASON_SAME_UID), copies_held);
}

static void test_equal_pixels(void **state) {
    struct desk *d = *state;
    struct instance_words other = plain;
    other.id = "PK1002003";
    other.name = "Oyelaran^Bisi";
    other.study = "1.2.3.5";
    other.series = "1.2.3.5.1";
    other.instance = "1.2.3.5.1.1";
    (void)add(d, &plain);
    (void)add(d, &other);
    assert_int_equal(deliver(d, false, 2, NULL, false).released, 2);
    struct gate_tally tally = deliver(d, false, 2, NULL, true);
    assert_int_equal(tally.held, 1);
    assert_true(has_reason(&d->outcomes[1], GATE_REASON_SAME_PIXELS));
    d->all_known = true;
    assert_int_equal(deliver(d, false, 2, NULL, false).held, 2);
}

static void test_what_a_person_may_lift(void **state) {
    struct desk *d = *state;
    struct gate_orders released = {.released_by_person = true};
    (void)add(d, &plain);
    d->all_known = true;
    assert_int_equal(deliver(d, false, 2, NULL, false).held, 1);
    assert_int_equal(deliver(d, false, 2, &released, false).released, 1);
    d->all_known = false;
    d->profile->two_persons = true;
    assert_int_equal(deliver(d, false, 2, NULL, false).held, 1);
    assert_true(has_reason(&d->outcomes[0], GATE_REASON_TWO_PERSONS));
    assert_int_equal(deliver(d, false, 2, &released, false).released, 1);
    d->profile->two_persons = false;
    // Not what is no instance.
    buf_clear(&d->files[0]);
    cleanup_fd(&d->in[0]);
    d->in[0] = file_of(slice_str("a letter"));
    assert_int_equal(deliver(d, false, 2, &released, false).refused, 1);
    assert_true(has_reason(&d->outcomes[0], GATE_REASON_NOT_DICOM));
}

static void test_orders_of_a_person_are_done(void **state) {
    struct desk *d = *state;
    struct gate_edit black = {
        .kind = GATE_EDIT_BLACK, .x = 2, .y = 1, .width = 4, .height = 3, .frame = GATE_ALL_FRAMES};
    struct gate_orders orders = {.edits = &black, .edit_count = 1, .released_by_person = true};
    struct instance_words white = plain;
    struct file_map map = {0};
    struct err e = {0};
    white.fill = 0x41;
    (void)add(d, &white);
    struct buf *file = &d->files[0];
    memset(file->data + file->len - 2, 0, 2); // the darkest pixel, which boxes are filled with
    cleanup_fd(&d->in[0]);
    d->in[0] = file_of(buf_slice(file));
    assert_int_equal(deliver(d, false, 2, &orders, false).boxes_blacked, 1);
    assert_int_equal(d->outcomes[0].verdict, GATE_RELEASED);
    // 8 by 8 pixels of two bytes at the file's end: the box, all of it and nothing but it.
    assert_int_equal(file_map_fd(d->out[0], &map, &e), E_OK);
    const uint8_t *pixels = map.bytes.ptr + map.bytes.len - 128;
    for (size_t i = 0; i < 63; i++) {
        bool inside = i % 8 >= 2 && i % 8 < 6 && i / 8 >= 1 && i / 8 < 4;
        assert_int_equal(pixels[2 * i] == 0x41 && pixels[2 * i + 1] == 0x41, !inside);
    }
    file_unmap(&map);
}

static void test_failures_are_no_verdicts(void **state) {
    struct desk *d = *state;
    (void)add(d, &plain);
    uint32_t lost = add(d, &plain);
    cleanup_fd(&d->in[lost]);
    struct gate_tally tally = deliver(d, false, 2, NULL, false);
    assert_int_equal(tally.failed, 1);
    assert_int_equal(tally.released, 1);
    assert_true(d->outcomes[lost].failed);
    assert_int_equal(d->outcomes[lost].why.code, E_IO);
    d->in[lost] = -1;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "worker") == 0) {
        return worker_main(gate_jobs, GATE_JOB_COUNT);
    }
    if (sodium_init() < 0) {
        return 1;
    }
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_order_and_threads_change_nothing), TEST(test_days_count_from_the_first_study),
        TEST(test_two_contents_of_one_name),         TEST(test_equal_pixels),
        TEST(test_what_a_person_may_lift),           TEST(test_orders_of_a_person_are_done),
        TEST(test_failures_are_no_verdicts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
