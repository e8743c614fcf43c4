// SPDX-License-Identifier: Apache-2.0
// The table of jobs and what they do inside a worker. The callers' side is in jobs_call.c.
#include "archive/jobs.h"

#include <errno.h>

#include "archive/extract.h"
#include "archive/jobs_transcode.h"
#include "archive/jobs_wire.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "dicom/part10.h"
#include "dicom/uid.h"
#include "gate/structural.h"
#include "pixel/codec.h"
#include "pixel/encoder.h"
#include "pixel/picture.h"

#define JOB_ARENA_MAX ((size_t)400 << 20)

static void cleanup_arena(struct arena *a) { arena_done(a); }

// --- intake

static int run_intake(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)request;
    (void)out;
    struct file_map map CLEANUP(cleanup_file_map) = {0};
    struct arena a CLEANUP(cleanup_arena);
    arena_init(&a, JOB_ARENA_MAX);
    struct gate_structural *s = arena_new(&a, struct gate_structural);
    int rc = s == NULL ? err_set(e, E_MEMORY, "job") : file_map_fd(in, &map, e);
    if (rc != E_OK) {
        return rc;
    }
    if (gate_structural_run(&a, map.bytes, s) != E_OK || s->needs_meta) {
        extract_report(s, answer);
        return buf_check(answer, "report", e);
    }
    return extract_record(&a, s, answer, e);
}

static int put_out(void *context, struct slice bytes, struct err *e) {
    const int *fd = context;
    return file_write_all(*fd, bytes.ptr, bytes.len) == 0
               ? E_OK
               : err_set_errno(e, errno, "writing the file anew");
}

// The same data set behind a preamble and meta information of our own.
static int run_rewrite(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)request;
    (void)answer;
    struct file_map map CLEANUP(cleanup_file_map) = {0};
    struct arena a CLEANUP(cleanup_arena);
    arena_init(&a, JOB_ARENA_MAX);
    struct dcm_file file;
    struct dcm_dataset *d;
    int rc = file_map_fd(in, &map, e);
    rc = rc == E_OK ? dcm_file_open(&a, map.bytes, &file, e) : rc;
    rc = rc == E_OK ? dcm_file_dataset(&a, &file, 0, &d, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    struct dcm_write_options options = {.syntax_uid = file.syntax->uid};
    struct dcm_sink sink = {.put = put_out, .context = &out};
    return dcm_file_write(d, &options, sink, e);
}

// --- pictures

struct opened {
    struct file_map map;
    struct arena arena;
    struct dcm_file file;
    struct px_image image;
    struct px_frames frames;
    struct slice counted; // what frame offsets count in
};

static void cleanup_opened(struct opened *o) {
    arena_done(&o->arena);
    file_unmap(&o->map);
}

static int open_pixels(int in, struct opened *o, struct err *e) {
    struct dcm_dataset *d;
    arena_init(&o->arena, JOB_ARENA_MAX);
    int rc = file_map_fd(in, &o->map, e);
    rc = rc == E_OK ? dcm_file_open(&o->arena, o->map.bytes, &o->file, e) : rc;
    rc = rc == E_OK ? dcm_file_dataset(&o->arena, &o->file, 0, &d, e) : rc;
    rc = rc == E_OK ? px_image_read(&o->arena, d, o->file.syntax, &o->image, e) : rc;
    rc = rc == E_OK ? px_frames_build(&o->arena, &o->image, d, &o->frames, e) : rc;
    o->counted = o->file.deflated ? o->file.body : o->map.bytes;
    if (rc == E_UNSUPPORTED) {
        e->code = rc = E_NOT_ACCEPTABLE;
    }
    return rc;
}

static int check_frame(const struct opened *o, uint32_t frame, struct err *e) {
    return frame == 0 || frame > o->image.frames
               ? err_set(e, E_NOT_FOUND, "frame %u of %u", frame, o->image.frames)
               : E_OK;
}

static uint32_t side_of(double length) {
    double side = length < 0 ? -length : length;
    return side < 1 ? 1 : side > PX_VIEWPORT_MAX ? PX_VIEWPORT_MAX : (uint32_t)(side + 0.5);
}

static void set_options(const struct render_request *r, struct px_render_options *options) {
    options->hide_overlays = r->hide_overlays == 1;
    if (r->has_window) {
        options->choice = PX_WINDOW_GIVEN;
        options->window.centre = r->centre;
        options->window.width = r->window_width;
        options->window.function = r->function == 1   ? PX_VOI_LINEAR_EXACT
                                   : r->function == 2 ? PX_VOI_SIGMOID
                                                      : PX_VOI_LINEAR;
    }
    options->has_viewport = r->width > 0 && r->height > 0;
    options->viewport = (struct px_viewport){.width = r->width, .height = r->height};
    if (r->source[2] != 0 || r->source[3] != 0 || r->source[0] != 0 || r->source[1] != 0) {
        options->viewport.has_region = true;
        options->viewport.x = r->source[0];
        options->viewport.y = r->source[1];
        options->viewport.region_width = r->source[2];
        options->viewport.region_height = r->source[3];
        if (!options->has_viewport) { // a region at its own size
            options->has_viewport = true;
            options->viewport.width = side_of(r->source[2]);
            options->viewport.height = side_of(r->source[3]);
        }
    }
}

static int run_render(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)out;
    struct job_render job;
    if (request.len != sizeof job) {
        return err_set(e, E_INTERNAL, "render request");
    }
    memcpy(&job, request.ptr, sizeof job);
    struct opened o CLEANUP(cleanup_opened) = {0};
    int rc = open_pixels(in, &o, e);
    if (rc != E_OK) {
        return rc;
    }
    enum px_format format = job.request.format == RENDER_PNG ? PX_FORMAT_PNG : PX_FORMAT_JPEG;
    if (job.thumbnail_side > 0) {
        return px_thumbnail_make(&o.image, &o.frames, o.counted, job.thumbnail_side, format, answer,
                                 e);
    }
    rc = check_frame(&o, job.request.frame, e);
    struct px_picture picture = {
        .frame = job.request.frame - 1, .format = format, .quality = job.request.quality};
    set_options(&job.request, &picture.options);
    return rc == E_OK ? px_picture_make(&o.image, &o.frames, o.counted, &picture, answer, e) : rc;
}

// The frame as its samples, or coded anew; what it is then comes behind it.
static int put_frame(const struct px_frame *decoded, const char *syntax, struct buf *answer,
                     struct err *e) {
    struct px_frame coded = *decoded;
    int rc = E_OK;
    if (strcmp(syntax, DCM_EXPLICIT_LE_UID) == 0) {
        buf_put(answer, decoded->data, decoded->len);
    } else {
        rc = px_encode_describe(syntax, decoded, &coded, e);
        rc = rc == E_OK ? px_encode_frame(syntax, decoded, answer, e) : rc;
    }
    struct job_decoded behind = {(uint32_t)coded.photometric, coded.bits_allocated, coded.planar};
    buf_put(answer, &behind, sizeof behind);
    return rc == E_OK ? buf_check(answer, "decoded frame", e) : rc;
}

static int run_decode(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)out;
    struct job_decode job;
    if (request.len != sizeof job) {
        return err_set(e, E_INTERNAL, "decode request");
    }
    memcpy(&job, request.ptr, sizeof job);
    job.syntax[sizeof job.syntax - 1] = '\0';
    struct opened o CLEANUP(cleanup_opened) = {0};
    struct px_frame decoded CLEANUP(cleanup_px_frame) = {.may_borrow = true};
    int rc = open_pixels(in, &o, e);
    rc = rc == E_OK ? check_frame(&o, job.frame, e) : rc;
    rc = rc == E_OK ? px_decode(&o.image, &o.frames, o.counted, job.frame - 1, &decoded, e) : rc;
    return rc == E_OK ? put_frame(&decoded, job.syntax, answer, e) : rc;
}

static int run_bulk(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)out;
    struct job_bulk job;
    if (request.len != sizeof job) {
        return err_set(e, E_INTERNAL, "bulk request");
    }
    memcpy(&job, request.ptr, sizeof job);
    struct file_map map CLEANUP(cleanup_file_map) = {0};
    struct arena a CLEANUP(cleanup_arena);
    arena_init(&a, JOB_ARENA_MAX);
    struct dcm_file file;
    int rc = file_map_fd(in, &map, e);
    rc = rc == E_OK ? dcm_file_open(&a, map.bytes, &file, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    if (job.offset > file.body.len || job.len > file.body.len - job.offset) {
        return err_set(e, E_CORRUPT, "bulk value outside the data set");
    }
    buf_put(answer, file.body.ptr + job.offset, (size_t)job.len);
    return buf_check(answer, "bulk value", e);
}

#define MIB(n) ((size_t)(n) << 20)

static const struct worker_job own_jobs[ARCHIVE_JOBS] = {
    [JOB_INTAKE] = {"intake", run_intake, 60000, MIB(768), 0, extract_prepare},
    [JOB_REWRITE] = {"rewrite", run_rewrite, 120000, MIB(768), 0, NULL},
    [JOB_RENDER] = {"render", run_render, 60000, MIB(1024), 0, NULL},
    [JOB_DECODE] = {"decode", run_decode, 60000, MIB(1024), 0, NULL},
    [JOB_BULK] = {"bulk", run_bulk, 60000, MIB(768), 0, NULL},
    [JOB_TRANSCODE] = {"transcode", jobs_run_transcode, 600000, MIB(1280), (uint64_t)16 << 30,
                       NULL},
};

void archive_jobs_list(struct worker_job out[ARCHIVE_JOBS]) {
    for (size_t i = 0; i < ARCHIVE_JOBS; i++) {
        out[i] = i < GATE_JOB_COUNT ? gate_jobs[i] : own_jobs[i];
    }
}
