// SPDX-License-Identifier: Apache-2.0
// Every codec and encoder inside the sandbox, good streams and bad ones: what a library loads or
// throws on first use (tables, C++ exceptions, threads) must not need a system call that a worker
// does not have. The test program is its own worker.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/uid.h"
#include "pixel/encoder.h"
#include "worker/worker.h"

#define SIDE 200u
#define COPIES 5 // of a stream, each damaged elsewhere

static struct px_image image_of(const char *uid, const struct px_frame *f) {
    return (struct px_image){.rows = f->rows,
                             .columns = f->columns,
                             .frames = 1,
                             .samples = f->samples,
                             .bits_allocated = f->bits_allocated,
                             .bits_stored = f->bits_stored,
                             .high_bit = f->high_bit,
                             .photometric = f->photometric,
                             .pixel_height = 1,
                             .pixel_vr = DCM_VR_OW,
                             .syntax = dcm_transfer_syntax_find(slice_str(uid))};
}

// Cut, and with bytes turned over: it fails or not, but it comes back.
static void damage(const struct px_image *im, const struct buf *coded) {
    CLEANUP(cleanup_buf) struct buf copy;
    CLEANUP(cleanup_px_frame) struct px_frame f = {0};
    buf_init(&copy, coded->len);
    for (size_t i = 1; i <= COPIES; i++) {
        struct err e = {0};
        buf_clear(&copy);
        buf_put(&copy, coded->data, coded->len);
        copy.data[copy.len * i / (COPIES + 1)] ^= 0xFF;
        (void)px_codec_find(im->syntax->uid)->decode(im, buf_slice(&copy), 0, &f, &e);
        (void)px_codec_find(im->syntax->uid)
            ->decode(im, slice_of(copy.data, copy.len * i / (COPIES + 1)), 0, &f, &e);
    }
}

// The request is a transfer syntax.
static int run(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)in;
    (void)out;
    char uid[DCM_UID_MAX + 1] = "";
    memcpy(uid, request.ptr, request.len);
    static uint8_t samples[SIDE * SIDE * 2];
    bool bytes = strcmp(uid, DCM_JPEG_BASELINE_UID) == 0;
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        num_put_le16(samples + 2 * i, (uint16_t)(i * i / 40 % (bytes ? 65536 : 4096)));
    }
    struct px_frame f = {.data = samples,
                         .rows = SIDE,
                         .columns = SIDE,
                         .samples = 1,
                         .bits_allocated = bytes ? 8 : 16,
                         .bits_stored = bytes ? 8 : 12,
                         .high_bit = bytes ? 7 : 11,
                         .photometric = PX_MONOCHROME2};
    f.len = (size_t)px_frame_bytes(&f);
    CLEANUP(cleanup_buf) struct buf coded;
    CLEANUP(cleanup_px_frame) struct px_frame again = {0};
    buf_init(&coded, (size_t)1 << 24);
    struct px_image im = image_of(uid, &f);
    int code = px_encode_frame(uid, &f, &coded, e);
    code = code == E_OK ? px_codec_find(uid)->decode(&im, buf_slice(&coded), 0, &again, e) : code;
    if (code != E_OK) {
        return code;
    }
    if (!bytes && memcmp(again.data, f.data, f.len) != 0) {
        return err_set(e, E_INTERNAL, "other samples came back");
    }
    damage(&im, &coded);
    buf_put_str(answer, "good");
    return E_OK;
}

// The request is a stream that no encoder of ours makes.
static int run_stream(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)in;
    (void)out;
    (void)answer;
    CLEANUP(cleanup_px_frame) struct px_frame again = {0};
    struct px_frame f = {.rows = 8,
                         .columns = 8,
                         .samples = 1,
                         .bits_allocated = 16,
                         .bits_stored = 12,
                         .high_bit = 11,
                         .photometric = PX_MONOCHROME2};
    static const char *const uids[] = {"1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.70",
                                       "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.91",
                                       "1.2.840.10008.1.2.4.201"};
    int refused = 0;
    for (size_t i = 0; i < sizeof uids / sizeof uids[0]; i++) {
        struct px_image im = image_of(uids[i], &f);
        refused += px_codec_find(uids[i])->decode(&im, request, 0, &again, e) < 0;
    }
    return refused;
}

static const struct worker_job jobs[] = {{.name = "codec", .run = run},
                                         {.name = "stream", .run = run_stream}};
#define JOB_COUNT (sizeof jobs / sizeof jobs[0])

static struct worker_pool *pool;

static int start(void **state) {
    (void)state;
    struct err e = {0};
    struct worker_options options = {.jobs = jobs, .job_count = JOB_COUNT, .size = 1};
    return worker_pool_start(&options, &pool, &e);
}

static int stop(void **state) {
    (void)state;
    worker_pool_stop(pool);
    return 0;
}

static void test_every_syntax(void **state) {
    (void)state;
    static const char *const uids[] = {DCM_EXPLICIT_LE_UID,      DCM_RLE_UID,
                                       "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90",
                                       "1.2.840.10008.1.2.8.1",  DCM_JPEG_BASELINE_UID};
    for (size_t i = 0; i < sizeof uids / sizeof uids[0]; i++) {
        CLEANUP(cleanup_buf) struct buf answer;
        struct err e = {0};
        buf_init(&answer, 100);
        if (worker_run(pool, 0, slice_str(uids[i]), -1, -1, &answer, &e) != E_OK) {
            fail_msg("%s: %s", uids[i], e.text);
        }
        assert_int_equal(answer.len, 4);
    }
    assert_int_equal(worker_pool_counts(pool).crashes, 0);
}

static void test_streams_that_are_none(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"", 0},
        {"no stream at all", 16},
        {"\xFF\xD8\xFF\xF7\x00\x0B\x0C\x00\x08\x00\x08\x01\x01\x11\x00\xFF\xDA\x00\x08", 19},
        {"\xFF\xD8\xFF\xC3\x00\x0B\x0C\x00\x08\x00\x08\x01\x01\x11\x00\xFF\xDA\x00\x08", 19},
        {"\xFF\x4F\xFF\x51\x00\x29\x00\x00", 8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(cleanup_buf) struct buf answer;
        struct err e = {0};
        buf_init(&answer, 100);
        struct slice request = slice_of(cases[i].bytes, cases[i].len);
        assert_int_equal(worker_run(pool, 1, request, -1, -1, &answer, &e), 5);
    }
    assert_int_equal(worker_pool_counts(pool).crashes, 0);
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "worker") == 0) {
        return worker_main(jobs, JOB_COUNT);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_syntax),
        cmocka_unit_test(test_streams_that_are_none),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
