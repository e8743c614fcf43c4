// SPDX-License-Identifier: Apache-2.0
// The gate's rows of the table of jobs, and those that judge a file. Volumes are in
// instance_volume.c, pictures and differences for the hold room in instance_show.c.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "gate/check.h"
#include "gate/instance.h"
#include "gate/instance_priv.h"
#include "gate/wire.h"

static void cleanup_arena(struct arena *a) { arena_done(a); }

// --- pass

#define GATHER_MAX ((size_t)64 << 10) // small pieces that go out in one system call

// The bytes on their way to the file: headers are many small pieces, pixels a few large ones.
struct writer {
    int fd;
    uint64_t len;
    size_t held;
    struct file_map map;
    uint8_t pieces[GATHER_MAX];
};

static void cleanup_writer(struct writer *w) { file_unmap(&w->map); }

static int flush(struct writer *w, struct err *e) {
    size_t held = w->held;
    w->held = 0;
    return held == 0 || file_write_all(w->fd, w->pieces, held) == 0
               ? E_OK
               : err_set_errno(e, errno, "writing the cleaned file");
}

static int put(void *context, struct slice bytes, struct err *e) {
    struct writer *w = context;
    w->len += bytes.len;
    if (bytes.len > sizeof w->pieces - w->held && flush(w, e) != E_OK) {
        return e->code;
    }
    if (bytes.len > sizeof w->pieces) {
        return file_write_all(w->fd, bytes.ptr, bytes.len) == 0
                   ? E_OK
                   : err_set_errno(e, errno, "writing the cleaned file");
    }
    if (bytes.len > 0) {
        memcpy(w->pieces + w->held, bytes.ptr, bytes.len);
        w->held += bytes.len;
    }
    return E_OK;
}

static int patch(void *context, uint64_t offset, struct slice bytes, struct err *e) {
    struct writer *w = context;
    if (flush(w, e) != E_OK) {
        return e->code;
    }
    while (bytes.len > 0) {
        ssize_t n = pwrite(w->fd, bytes.ptr, bytes.len, (off_t)offset);
        if (n < 0 && errno != EINTR) {
            return err_set_errno(e, errno, "writing the cleaned file");
        }
        bytes = slice_from(bytes, n > 0 ? (size_t)n : 0);
        offset += n > 0 ? (uint64_t)n : 0;
    }
    return E_OK;
}

static int reread(void *context, struct slice *ret_bytes, struct err *e) {
    struct writer *w = context;
    file_unmap(&w->map);
    int rc = flush(w, e);
    rc = rc == E_OK ? file_map_fd(w->fd, &w->map, e) : rc;
    if (rc == E_OK && w->map.bytes.len != w->len) {
        rc = err_set(e, E_IO, "the cleaned file has not the length that was written");
    }
    *ret_bytes = w->map.bytes;
    return rc;
}

int gate_job_pass(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    struct arena a CLEANUP(cleanup_arena);
    struct file_map map CLEANUP(cleanup_file_map) = {0};
    struct gate_pass ask;
    struct gate_passed *passed;
    arena_init(&a, GATE_ARENA_MAX);
    struct writer *w = arena_new(&a, struct writer);
    passed = arena_new(&a, struct gate_passed);
    if (w == NULL || passed == NULL) {
        return err_set(e, E_MEMORY, "passage");
    }
    w->fd = out;
    struct gate_pass_out to = {
        .to = {.sink = {put, w}, .patch = patch, .context = w}, .reread = reread, .context = w};
    int rc = gate_pass_unpack(&a, request, &ask, e);
    rc = rc == E_OK ? file_map_fd(in, &map, e) : rc;
    rc = rc == E_OK ? gate_pass_run(&a, &ask, map.bytes, &to, passed, e) : rc;
    if (rc == E_OK) {
        gate_passed_pack(passed, answer);
        rc = buf_check(answer, "answer of a passage", e);
    }
    cleanup_writer(w);
    return rc;
}

// --- search

int gate_job_search(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)out;
    struct arena a CLEANUP(cleanup_arena);
    struct file_map map CLEANUP(cleanup_file_map) = {0};
    enum gate_kind kind;
    char where[GATE_WHERE_MAX];
    arena_init(&a, GATE_ARENA_MAX);
    struct gate_subject *subject = gate_subject_new(&a);
    int rc = subject == NULL ? err_set(e, E_MEMORY, "terms") : file_map_fd(in, &map, e);
    rc = rc == E_OK ? gate_subject_unpack(subject, request, e) : rc;
    rc = rc == E_OK ? gate_residual_search(&a, subject, map.bytes, &kind, where, e) : rc;
    if (rc >= 0) {
        wire_put_u8(answer, rc == 1);
        rc = E_OK;
    }
    return rc;
}

static int compare_bytes(const void *a, const void *b) { return memcmp(a, b, 1); }

// What libraries load or ask at their first use. qsort of more than a kilobyte asks how much memory
// the machine has (glibc before 2.37), once.
static void prepare(void) {
    uint8_t unsorted[4096] = {1};
    qsort(unsorted, sizeof unsorted, 1, compare_bytes);
    struct gate_key key = {{0}};
    char uid[DCM_UID_MAX + 1];
    struct hash_stream *h = hash_stream_new();
    hash_stream_free(h);
    (void)hash_of(slice_str(""));
    if (sodium_init() < 0) {
        abort();
    }
    (void)gate_uid(&key, slice_str("1.2.3"), uid);
}

// A long loop of pictures takes minutes.
#define PASS_MS 900000
#define VOLUME_MS 600000
#define SHOW_MS 60000
#define OUT_MAX ((uint64_t)16 << 30)

const struct worker_job gate_jobs[GATE_JOB_COUNT] = {
    [GATE_JOB_PASS] = {"gate", gate_job_pass, PASS_MS, GATE_MEMORY_MAX, OUT_MAX, prepare},
    [GATE_JOB_SLICE] = {"slice", gate_job_slice, SHOW_MS, GATE_MEMORY_MAX, OUT_MAX, NULL},
    [GATE_JOB_FACE] = {"face", gate_job_face, VOLUME_MS, GATE_MEMORY_MAX, OUT_MAX, NULL},
    [GATE_JOB_SHOW] = {"show", gate_job_show, SHOW_MS, GATE_MEMORY_MAX, OUT_MAX, NULL},
    [GATE_JOB_DIFF] = {"diff", gate_job_diff, SHOW_MS, GATE_MEMORY_MAX, OUT_MAX, NULL},
    [GATE_JOB_SEARCH] = {"search", gate_job_search, SHOW_MS, GATE_MEMORY_MAX, OUT_MAX, NULL},
    [GATE_JOB_CHECK] = {"check", gate_job_check, PASS_MS, GATE_MEMORY_MAX, OUT_MAX, prepare},
};
