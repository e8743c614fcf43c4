// SPDX-License-Identifier: Apache-2.0
#include "archive/jobs_transcode.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "archive/jobs_wire.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "pixel/transcode.h"

#define TREE_MAX ((size_t)400 << 20)
#define GATHER_BYTES ((size_t)256 << 10) // small pieces are written together

struct output {
    int fd;
    uint8_t *room;
    size_t used;
};

static void cleanup_output(struct output *o) { mem_free(o->room); }

static void cleanup_arena(struct arena *a) { arena_done(a); }

static int flush(struct output *o, struct err *e) {
    size_t used = o->used;
    o->used = 0;
    return used == 0 || file_write_all(o->fd, o->room, used) == 0
               ? E_OK
               : err_set_errno(e, errno, "the transcoded file");
}

static int put(void *context, struct slice bytes, struct err *e) {
    struct output *o = context;
    if (bytes.len > GATHER_BYTES - o->used && flush(o, e) != E_OK) {
        return e->code;
    }
    if (bytes.len > GATHER_BYTES) {
        return file_write_all(o->fd, bytes.ptr, bytes.len) == 0
                   ? E_OK
                   : err_set_errno(e, errno, "the transcoded file");
    }
    if (bytes.len > 0) {
        memcpy(o->room + o->used, bytes.ptr, bytes.len);
        o->used += bytes.len;
    }
    return E_OK;
}

static int patch(void *context, uint64_t offset, struct slice bytes, struct err *e) {
    struct output *o = context;
    int rc = flush(o, e);
    while (rc == E_OK && bytes.len > 0) {
        ssize_t done = pwrite(o->fd, bytes.ptr, bytes.len, (off_t)offset);
        if (done <= 0 && errno != EINTR) {
            rc = err_set_errno(e, errno, "the transcoded file");
        } else if (done > 0) {
            bytes = slice_from(bytes, (size_t)done);
            offset += (uint64_t)done;
        }
    }
    return rc;
}

static int transcode(struct arena *a, struct dcm_file *file, struct slice bytes, const char *syntax,
                     int fd, struct job_transcoded *ret_done, struct err *e) {
    CLEANUP(cleanup_output) struct output o = {.fd = fd, .room = mem_alloc(GATHER_BYTES)};
    if (o.room == NULL) {
        return err_set(e, E_MEMORY, "writing a transcoded file");
    }
    struct px_transcode_out out = {.sink = {put, &o}, .patch = patch, .context = &o};
    struct px_transcoded done = {0};
    int rc = px_transcode(a, file, bytes, syntax, &out, &done, e);
    rc = rc == E_OK ? flush(&o, e) : rc;
    *ret_done = (struct job_transcoded){.len = done.len, .body_offset = done.body_offset};
    return rc;
}

int jobs_run_transcode(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    struct job_transcode job;
    if (request.len != sizeof job) {
        return err_set(e, E_INTERNAL, "transcode request");
    }
    memcpy(&job, request.ptr, sizeof job);
    job.syntax[sizeof job.syntax - 1] = '\0';
    CLEANUP(cleanup_file_map) struct file_map map = {0};
    CLEANUP(cleanup_arena) struct arena a;
    arena_init(&a, TREE_MAX);
    struct dcm_file file;
    struct job_transcoded done = {0};
    int rc = file_map_fd(in, &map, e);
    rc = rc == E_OK ? dcm_file_open(&a, map.bytes, &file, e) : rc;
    if (rc == E_OK && strcmp(file.syntax->uid, job.syntax) == 0) {
        done = (struct job_transcoded){1, map.bytes.len, file.meta_raw.len};
    } else if (rc == E_OK) {
        rc = transcode(&a, &file, map.bytes, job.syntax, out, &done, e);
    }
    buf_put(answer, &done, sizeof done);
    return rc == E_OK ? buf_check(answer, "transcode answer", e) : rc;
}
