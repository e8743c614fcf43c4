// SPDX-License-Identifier: Apache-2.0
// The surface of a held series as a picture: its slices are put together by where they lie, as the
// gate does (gate/delivery_faces.c), from what is held of the series.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "archive/archive.h"
#include "archive/archive_priv.h"
#include "archive/delivery.h"
#include "archive/hold_room.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "gate/identity.h"
#include "gate/instance.h"
#include "gate/instance_wire_jobs.h"
#include "store/held.h"
#include "worker/worker.h"

#define MEMORY_MAX ((size_t)1 << 30)
#define ANSWER_MAX ((size_t)64 << 20)
#define SLICES_LEAST 8
#define SAME_PLACE_MM 0.05
#define SIDE 512

struct placed {
    const struct hold_row *hold;
    struct gate_slice slice;
    double place; // mm along the normal
};

struct volume {
    struct placed *list; // sorted, one a place
    size_t count;
    double normal[3];
    uint32_t slices;
};

static int not_a_volume(struct err *e) {
    return err_set(e, E_NOT_ACCEPTABLE, "what is held of this series makes no volume to render");
}

static bool take_slice(const struct hold_row *hold, struct gate_slice *out) {
    if (hold->slice.len != sizeof *out) {
        return false;
    }
    memcpy(out, hold->slice.ptr, sizeof *out);
    return out->is_slice && (out->is_ct || out->is_mr || out->is_pet) && out->frames > 0;
}

static double dot(const double a[3], const double b[3]) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void cross(const double a[3], const double b[3], double out[3]) {
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}

static int compare(const void *a, const void *b) {
    const struct placed *x = a;
    const struct placed *y = b;
    return (x->place > y->place) - (x->place < y->place);
}

static bool is_like(const struct gate_slice *a, const struct gate_slice *b) {
    return a->rows == b->rows && a->columns == b->columns && a->is_ct == b->is_ct &&
           dot(a->row, b->row) > 0.999 && dot(a->column, b->column) > 0.999;
}

// Those that lie parallel to the one that was asked for.
static int gather(struct archive *a, const struct hold_row *hold, struct arena *m, struct volume *v,
                  struct err *e) {
    struct hold_filter f = {.delivery = slice_str(hold->delivery),
                            .series = slice_str(hold->series),
                            .limit = GATE_VOLUME_SLICES_MAX};
    struct gate_slice first;
    struct hold_row *rows;
    struct db *db;
    size_t count = 0;
    uint64_t total = 0;
    if (!take_slice(hold, &first)) {
        return not_a_volume(e);
    }
    int rc = archive_reader(a, &db, e);
    if (rc == E_OK) {
        rc = hold_list(db, &f, m, &rows, &count, &total, e);
        archive_reader_done(a, db);
    }
    v->list = rc == E_OK ? arena_array(m, count + 1, sizeof *v->list) : NULL;
    if (v->list == NULL) {
        return rc == E_OK ? err_set(e, E_MEMORY, "volume") : rc;
    }
    cross(first.row, first.column, v->normal);
    for (size_t i = 0; i < count; i++) {
        struct placed *p = &v->list[v->count];
        if (take_slice(&rows[i], &p->slice) && is_like(&p->slice, &first)) {
            p->hold = &rows[i];
            p->place = dot(p->slice.position, v->normal);
            v->count++;
        }
    }
    return E_OK;
}

static int sort(struct volume *v, struct err *e) {
    size_t kept = 0;
    qsort(v->list, v->count, sizeof *v->list, compare);
    for (size_t i = 0; i < v->count; i++) {
        if (kept == 0 || v->list[i].place - v->list[kept - 1].place > SAME_PLACE_MM) {
            v->list[kept++] = v->list[i];
            v->slices += v->list[kept - 1].slice.frames;
        }
    }
    v->count = kept;
    return v->slices < SLICES_LEAST || v->slices > GATE_VOLUME_SLICES_MAX ? not_a_volume(e) : E_OK;
}

static double spacing_of(const struct volume *v) {
    double whole = v->list[v->count - 1].place - v->list[0].place;
    double thickness = v->list[0].slice.thickness;
    return v->count > 1 && whole > 0 ? whole / (double)(v->count - 1)
           : thickness > 0           ? thickness
                                     : 1.0;
}

static struct gate_volume describe(const struct volume *v) {
    const struct gate_slice *s = &v->list[0].slice;
    struct gate_volume out = {.columns = s->columns,
                              .rows = s->rows,
                              .slices = v->slices,
                              .spacing = {s->spacing[1], s->spacing[0], spacing_of(v)},
                              .is_ct = s->is_ct};
    memcpy(out.axes[0], s->row, sizeof out.axes[0]);
    memcpy(out.axes[1], s->column, sizeof out.axes[1]);
    memcpy(out.axes[2], v->normal, sizeof out.axes[2]);
    return out;
}

static int add_slice(struct archive *a, const struct delivery *d, const struct placed *p,
                     uint64_t offset, int volume, struct err *e) {
    CLEANUP(cleanup_buf) struct buf request;
    CLEANUP(cleanup_buf) struct buf answer;
    CLEANUP(cleanup_fd) int fd = -1;
    struct seal_name name = hold_name(p->hold);
    uint64_t len = 0;
    buf_init(&request, 4096);
    buf_init(&answer, 4096);
    const struct gate_slice_request r = {.offset = offset,
                                         .frame = GATE_ALL_FRAMES,
                                         .frames = p->slice.frames,
                                         .rows = p->slice.rows,
                                         .columns = p->slice.columns,
                                         .is_ct = p->slice.is_ct};
    gate_slice_request_pack(&r, &request);
    int rc = store_held_open(archive_store(a), d->seal, &name, &fd, &len, e);
    return rc == E_OK ? worker_run(archive_workers(a), GATE_JOB_SLICE, buf_slice(&request), fd,
                                   volume, &answer, e)
                      : rc;
}

static int fill(struct archive *a, const struct delivery *d, const struct volume *v, int fd,
                struct err *e) {
    uint64_t offset = 0;
    int rc = E_OK;
    for (size_t i = 0; i < v->count && rc >= 0; i++) {
        const struct gate_slice *s = &v->list[i].slice;
        rc = add_slice(a, d, &v->list[i], offset, fd, e);
        offset += (uint64_t)s->columns * s->rows * 2 * s->frames;
    }
    return rc < 0 ? rc : E_OK;
}

static int render(struct archive *a, const struct delivery *d, const struct hold_row *hold,
                  const struct volume *v, bool after, struct buf *out, struct err *e) {
    struct gate_face_request r = {.volume = describe(v), .want_mask = after, .render_side = SIDE};
    struct gate_face_answer f;
    struct gate_key seed;
    CLEANUP(arena_done) struct arena m;
    CLEANUP(cleanup_buf) struct buf request;
    CLEANUP(cleanup_buf) struct buf answer;
    CLEANUP(cleanup_fd) int fd = memfd_create("maclab", MFD_CLOEXEC);
    CLEANUP(cleanup_fd) int again = -1;
    char path[40];
    arena_init(&m, ANSWER_MAX);
    buf_init(&request, 65536);
    buf_init(&answer, ANSWER_MAX);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    again = fd < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (again < 0) {
        return err_set(e, E_MEMORY, "no memory for a volume");
    }
    gate_key_derive(d->gate, hold->series, &seed);
    memcpy(&r.seed, seed.bytes, sizeof r.seed);
    explicit_bzero(&seed, sizeof seed);
    gate_face_request_pack(&r, &request);
    int rc = fill(a, d, v, fd, e);
    rc = rc == E_OK ? worker_run(archive_workers(a), GATE_JOB_FACE, buf_slice(&request), again, -1,
                                 &answer, e)
                    : rc;
    rc = rc >= 0 ? gate_face_answer_unpack(&m, buf_slice(&answer), v->slices, &f, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    struct slice png = after ? f.after : f.before;
    if (png.len == 0) {
        return err_set(e, E_NOT_ACCEPTABLE,
                       after ? "the face of this series cannot be removed" : "nothing to render");
    }
    buf_put_slice(out, png);
    return buf_check(out, "picture", e);
}

int hold_face(struct archive *a, const struct hold_row *hold, bool after, struct buf *out,
              struct err *e) {
    CLEANUP(arena_done) struct arena m;
    struct volume v = {0};
    struct delivery *d;
    arena_init(&m, MEMORY_MAX);
    int rc = gather(a, hold, &m, &v, e);
    rc = rc == E_OK ? sort(&v, e) : rc;
    rc = rc == E_OK ? delivery_load(a, hold->delivery, &d, e) : rc;
    if (rc == E_OK) {
        rc = render(a, d, hold, &v, after, out, e);
        delivery_free(d);
    }
    return rc;
}
