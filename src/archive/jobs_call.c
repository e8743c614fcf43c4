// SPDX-License-Identifier: Apache-2.0
// The callers' side of jobs.h: opens the object, asks a worker, keeps pictures in the cache.
#include <unistd.h>

#include "archive/archive.h"
#include "archive/jobs.h"
#include "archive/jobs_wire.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "pixel/image.h"
#include "store/store.h"

#define CACHED_MAX ((size_t)4 << 20) // bytes of one picture that is kept

static int call(struct archive *a, enum archive_job job, const struct hash *object,
                struct slice request, struct buf *out, struct err *e) {
    CLEANUP(cleanup_fd) int fd = -1;
    int rc = store_object_open(archive_store(a), object, &fd, e);
    if (rc == E_OK) {
        rc = worker_run(archive_workers(a), job, request, fd, -1, out, e);
    }
    // What is stored is at fault, not the question.
    if (rc == E_TRUNCATED || rc == E_SYNTAX || rc == E_MISMATCH) {
        rc = e->code = E_CORRUPT;
    }
    return rc < 0 ? rc : E_OK;
}

static void name_picture(const struct hash *object, const struct job_render *job, char *out,
                         size_t out_len) {
    const struct render_request *r = &job->request;
    char hex[HASH_HEX_LEN + 1];
    (void)snprintf(
        out, out_len, "picture %s %u %u %u %u %u %u %.17g %.17g %.17g %.17g %d %.17g %.17g %u %u",
        hash_hex(object, hex), job->thumbnail_side, r->frame, (unsigned)r->format, r->quality,
        r->width, r->height, r->source[0], r->source[1], r->source[2], r->source[3], r->has_window,
        r->centre, r->window_width, r->function, r->hide_overlays);
}

static int from_cache(struct archive *a, const char *key, struct buf *out) {
    CLEANUP(cleanup_fd) int fd = -1;
    uint64_t len = 0;
    if (store_cache_get(archive_store(a), key, &fd, &len) != E_OK || len > CACHED_MAX) {
        return E_NOT_FOUND;
    }
    size_t before = out->len;
    uint8_t *to = buf_extend(out, (size_t)len);
    if (to == NULL || file_pread_all(fd, to, (size_t)len, 0) != 0) {
        out->len = before;
        return E_NOT_FOUND;
    }
    return E_OK;
}

// Whether the same picture is likely to be asked for again after it left the caller's memory: not
// the many that a dragged window makes.
static bool worth_keeping(const struct job_render *job) { return !job->request.has_window; }

static int picture(struct archive *a, const struct hash *object, const struct job_render *job,
                   struct buf *out, struct err *e) {
    char key[512];
    name_picture(object, job, key, sizeof key);
    bool keep = worth_keeping(job);
    if (keep && from_cache(a, key, out) == E_OK) {
        return E_OK;
    }
    size_t before = out->len;
    int rc = call(a, JOB_RENDER, object, slice_of(job, sizeof *job), out, e);
    if (rc == E_OK && keep && out->len - before <= CACHED_MAX) {
        (void)store_cache_put(archive_store(a), key, slice_from(buf_slice(out), before));
    }
    return rc;
}

int archive_render(struct archive *a, const struct hash *object,
                   const struct render_request *request, struct buf *out, struct err *e) {
    struct job_render job;
    memset(&job, 0, sizeof job);
    job.request = *request;
    return picture(a, object, &job, out, e);
}

int archive_thumbnail(struct archive *a, const struct hash *object, enum render_format format,
                      uint32_t side, struct buf *out, struct err *e) {
    struct job_render job;
    memset(&job, 0, sizeof job);
    job.request.format = format;
    job.thumbnail_side = side == 0 ? 256 : side;
    return picture(a, object, &job, out, e);
}

int archive_decode(struct archive *a, const struct hash *object, uint32_t frame,
                   const char *syntax_uid, struct buf *out, struct archive_pixels *ret_pixels,
                   struct err *e) {
    struct job_decode job;
    struct job_decoded behind;
    memset(&job, 0, sizeof job);
    job.frame = frame;
    (void)snprintf(job.syntax, sizeof job.syntax, "%s", syntax_uid);
    size_t before = out->len;
    int rc = call(a, JOB_DECODE, object, slice_of(&job, sizeof job), out, e);
    if (rc != E_OK) {
        return rc;
    }
    if (out->len - before < sizeof behind) {
        out->len = before;
        return err_set(e, E_CRASHED, "a worker's answer is too short");
    }
    out->len -= sizeof behind;
    memcpy(&behind, out->data + out->len, sizeof behind);
    if (behind.photometric >= PX_PHOTOMETRIC_COUNT) {
        out->len = before;
        return err_set(e, E_CRASHED, "a worker's answer makes no sense");
    }
    if (ret_pixels != NULL) {
        struct archive_pixels p = {.bits_allocated = behind.bits_allocated,
                                   .planar = behind.planar != 0};
        (void)snprintf(p.photometric, sizeof p.photometric, "%s",
                       px_photometric_term((enum px_photometric)behind.photometric));
        *ret_pixels = p;
    }
    return E_OK;
}

int archive_bulk(struct archive *a, const struct hash *object, uint64_t offset, uint64_t len,
                 struct buf *out, struct err *e) {
    struct job_bulk job = {offset, len};
    return call(a, JOB_BULK, object, slice_of(&job, sizeof job), out, e);
}
