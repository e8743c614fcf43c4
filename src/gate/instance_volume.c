// SPDX-License-Identifier: Apache-2.0
// The jobs about volumes: a slice's samples into a file, and the volume that such a file holds.
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/num.h"
#include "gate/instance.h"
#include "gate/instance_priv.h"
#include "gate/instance_wire_jobs.h"
#include "gate/wire.h"
#include "pixel/codec.h"

static void cleanup_arena(struct arena *a) { arena_done(a); }

// --- samples -----------------------------------------------------------------------------------

static int32_t stored_sample(const struct px_frame *f, size_t i) {
    uint32_t v = f->bits_allocated == 8 ? f->data[i] : num_le16(f->data + 2 * i);
    unsigned shift = 32U - f->bits_stored;
    v <<= shift;
    return f->is_signed ? (int32_t)v >> shift : (int32_t)(v >> shift);
}

static int16_t clamp(double v) {
    return (int16_t)(v < INT16_MIN ? INT16_MIN : v > INT16_MAX ? INT16_MAX : lrint(v));
}

static bool is_grey(const struct px_frame *f) {
    return f->kind == PX_PIXEL_INTEGER && f->samples == 1 && px_is_mono(f->photometric) &&
           (f->bits_allocated == 8 || f->bits_allocated == 16) && f->bits_stored > 0 &&
           f->bits_stored <= f->bits_allocated;
}

// HU by the rescale of the frame; without one, or for other kinds, the stored values.
static int take_samples(const struct px_image *im, const struct px_frame *f, uint32_t number,
                        bool hu, int16_t *out, struct err *e) {
    const struct px_grey *grey = px_image_grey(im, number);
    size_t count = (size_t)f->rows * f->columns;
    if (!is_grey(f)) {
        return err_set(e, E_NOT_ACCEPTABLE, "frame %u is no grey picture", number + 1);
    }
    for (size_t i = 0; i < count; i++) {
        double v = stored_sample(f, i);
        out[i] = clamp(hu ? v * grey->slope + grey->intercept : v);
    }
    return E_OK;
}

int pass_face_facts(const struct gate_structural *s, struct slice bytes, bool content,
                    struct gate_slice *ret_slice, struct err *e) {
    CLEANUP(cleanup_px_frame) struct px_frame f = {.may_borrow = true};
    int rc = gate_face_slice(s->dataset, NULL, ret_slice, e);
    bool wanted = rc == E_OK && content && s->pixels_known && ret_slice->is_slice &&
                  (ret_slice->is_ct || ret_slice->is_mr) && s->image.frames == 1;
    struct err ignored = {0};
    if (!wanted ||
        px_decode(&s->image, &s->frames, pass_counted(s, bytes), 0, &f, &ignored) != E_OK) {
        return rc; // what cannot be decoded is held for that
    }
    int16_t *hu = malloc((size_t)f.rows * f.columns * sizeof *hu);
    if (hu == NULL) {
        return err_set(e, E_MEMORY, "samples of a section");
    }
    if (take_samples(&s->image, &f, 0, ret_slice->is_ct, hu, &ignored) == E_OK) {
        rc = gate_face_slice(s->dataset, hu, ret_slice, e);
    }
    free(hu);
    return rc;
}

// --- GATE_JOB_SLICE

void gate_slice_request_pack(const struct gate_slice_request *r, struct buf *out) {
    wire_put_u64(out, r->offset);
    wire_put_u32(out, r->frame);
    wire_put_u32(out, r->frames);
    wire_put_u16(out, r->rows);
    wire_put_u16(out, r->columns);
    wire_put_u8(out, r->is_ct);
}

static int take_slice_request(struct slice bytes, struct gate_slice_request *r, struct err *e) {
    struct wire w = {.rest = bytes};
    r->offset = wire_u64(&w);
    r->frame = wire_u32(&w);
    r->frames = wire_u32(&w);
    r->rows = wire_u16(&w);
    r->columns = wire_u16(&w);
    r->is_ct = wire_bool(&w);
    return w.bad || w.rest.len > 0 ? err_set(e, E_INTERNAL, "request of a slice") : E_OK;
}

static int put_samples(int out, uint64_t offset, const int16_t *samples, size_t count,
                       struct err *e) {
    const uint8_t *at = (const uint8_t *)samples;
    size_t left = count * sizeof *samples;
    while (left > 0) {
        ssize_t n = pwrite(out, at, left, (off_t)offset);
        if (n < 0 && errno != EINTR) {
            return err_set_errno(e, errno, "writing a slice");
        }
        n = n > 0 ? n : 0;
        at += n;
        offset += (uint64_t)n;
        left -= (size_t)n;
    }
    return E_OK;
}

static int put_frames(const struct gate_slice_request *r, const struct gate_structural *s,
                      struct slice bytes, int out, struct err *e) {
    CLEANUP(cleanup_px_frame) struct px_frame f = {.may_borrow = true};
    size_t count = (size_t)r->rows * r->columns;
    uint32_t from = r->frame == GATE_ALL_FRAMES ? 0 : r->frame;
    uint32_t end = r->frame == GATE_ALL_FRAMES ? s->image.frames : r->frame + 1;
    if (s->image.rows != r->rows || s->image.columns != r->columns || end > s->image.frames ||
        end - from != r->frames) {
        return err_set(e, E_MISMATCH, "a slice of another size than its volume");
    }
    int16_t *samples = malloc(count * sizeof *samples);
    int rc = samples == NULL ? err_set(e, E_MEMORY, "samples of a slice") : E_OK;
    for (uint32_t i = from; i < end && rc == E_OK; i++) {
        rc = px_decode(&s->image, &s->frames, pass_counted(s, bytes), i, &f, e);
        rc = rc == E_OK ? take_samples(&s->image, &f, i, r->is_ct, samples, e) : rc;
        rc = rc == E_OK
                 ? put_samples(out, r->offset + (uint64_t)(i - from) * count * 2, samples, count, e)
                 : rc;
    }
    free(samples);
    return rc;
}

int gate_job_slice(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)answer;
    struct arena a CLEANUP(cleanup_arena);
    struct file_map map CLEANUP(cleanup_file_map) = {0};
    struct gate_slice_request r = {0};
    arena_init(&a, GATE_ARENA_MAX);
    struct gate_structural *s = arena_new(&a, struct gate_structural);
    int rc = s == NULL ? err_set(e, E_MEMORY, "slice") : take_slice_request(request, &r, e);
    rc = rc == E_OK ? file_map_fd(in, &map, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    if (gate_structural_run(&a, map.bytes, s) != E_OK || !s->pixels_known) {
        return err_set(e, E_CORRUPT, "a slice that cannot be read");
    }
    return put_frames(&r, s, map.bytes, out, e);
}

// --- GATE_JOB_FACE

void gate_face_request_pack(const struct gate_face_request *r, struct buf *out) {
    wire_put_u32(out, r->volume.columns);
    wire_put_u32(out, r->volume.rows);
    wire_put_u32(out, r->volume.slices);
    wire_put(out, r->volume.spacing, sizeof r->volume.spacing);
    wire_put(out, r->volume.axes, sizeof r->volume.axes);
    wire_put_u8(out, r->volume.is_ct);
    wire_put_u8(out, r->volume.head_words);
    wire_put_u8(out, r->want_mask);
    wire_put_u64(out, r->seed);
    wire_put_u32(out, r->render_side);
}

static int take_face_request(struct slice bytes, struct gate_face_request *r, struct err *e) {
    struct wire w = {.rest = bytes};
    *r = (struct gate_face_request){0};
    r->volume.columns = wire_u32(&w);
    r->volume.rows = wire_u32(&w);
    r->volume.slices = wire_u32(&w);
    for (int i = 0; i < 3; i++) {
        r->volume.spacing[i] = wire_double(&w);
    }
    for (int i = 0; i < 9; i++) {
        r->volume.axes[i / 3][i % 3] = wire_double(&w);
    }
    r->volume.is_ct = wire_bool(&w);
    r->volume.head_words = wire_bool(&w);
    r->want_mask = wire_bool(&w);
    r->seed = wire_u64(&w);
    r->render_side = wire_u32(&w);
    return w.bad || w.rest.len > 0 ? err_set(e, E_INTERNAL, "request of a volume") : E_OK;
}

static int put_mask(const struct gate_volume *v, const struct gate_face_mask *mask,
                    struct buf *answer, struct err *e) {
    size_t bits = (size_t)v->columns * v->rows;
    struct buf packed CLEANUP(cleanup_buf);
    buf_init(&packed, WORKER_ANSWER_MAX);
    int rc = E_OK;
    uint8_t *one = malloc((bits + 7) / 8);
    if (one == NULL) {
        return err_set(e, E_MEMORY, "mask of a slice");
    }
    for (uint32_t z = 0; z < v->slices && rc == E_OK; z++) {
        memset(one, 0, (bits + 7) / 8); // a slice need not begin on a byte
        for (size_t i = 0; i < bits; i++) {
            size_t at = z * bits + i;
            one[i / 8] |= (uint8_t)((mask->bits[at / 8] >> (at % 8) & 1) << (i % 8));
        }
        buf_clear(&packed);
        rc = gate_mask_pack(one, v->columns, v->rows, &packed, e);
        wire_put_slice(answer, buf_slice(&packed));
    }
    free(one);
    return rc;
}

static int put_pictures(const struct gate_volume *v, const struct gate_face_mask *mask,
                        uint32_t side, struct buf *answer, struct err *e) {
    int rc = E_OK;
    for (int after = 0; after < 2 && rc == E_OK; after++) {
        struct buf png CLEANUP(cleanup_buf);
        buf_init(&png, (size_t)8 << 20);
        if (side > 0 && (after == 0 || mask != NULL)) {
            rc = gate_face_render(v, after == 0 ? NULL : mask, side, &png, e);
        }
        wire_put_slice(answer, buf_slice(&png));
    }
    return rc;
}

int gate_job_face(struct slice request, int in, int out, struct buf *answer, struct err *e) {
    (void)out;
    struct arena a CLEANUP(cleanup_arena);
    struct file_map map CLEANUP(cleanup_file_map) = {0};
    struct gate_face_request r = {0};
    struct gate_face_mask mask = {0};
    arena_init(&a, GATE_ARENA_MAX);
    int rc = take_face_request(request, &r, e);
    rc = rc == E_OK ? file_map_fd(in, &map, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    struct gate_volume *v = &r.volume;
    uint64_t samples = (uint64_t)v->columns * v->rows * v->slices;
    if (v->slices > GATE_VOLUME_SLICES_MAX || samples > GATE_VOLUME_SAMPLES_MAX ||
        samples * sizeof *v->samples != map.bytes.len) {
        return err_set(e, E_INTERNAL, "a volume of another size");
    }
    v->samples = (const int16_t *)(const void *)map.bytes.ptr;
    enum gate_face_finding finding = gate_face_find(v, e);
    if ((int)finding < 0) {
        return e->code;
    }
    bool masked = r.want_mask && v->is_ct && finding != GATE_FACE_NONE;
    rc = masked ? gate_face_mask_make(&a, v, r.seed, &mask, e) : E_OK;
    wire_put_u8(answer, (uint8_t)finding);
    wire_put_u8(answer, masked && rc == E_OK);
    wire_put_u8(answer, mask.safe);
    wire_put_double(answer, mask.relief_before);
    wire_put_double(answer, mask.relief_after);
    wire_put_u64(answer, mask.brain_lost);
    wire_put_u64(answer, mask.samples);
    if (masked && rc == E_OK) {
        rc = put_mask(v, &mask, answer, e);
    } else if (rc != E_MEMORY) { // no mask: a person decides
        err_clear(e);
        rc = E_OK;
    }
    rc = rc == E_OK ? put_pictures(v, masked ? &mask : NULL, r.render_side, answer, e) : rc;
    return rc == E_OK ? buf_check(answer, "answer of a volume", e) : rc;
}

int gate_face_answer_unpack(struct arena *a, struct slice bytes, uint32_t slices,
                            struct gate_face_answer *ret_answer, struct err *e) {
    struct wire w = {.rest = bytes};
    struct gate_face_answer f = {0};
    uint8_t finding = wire_u8(&w);
    w.bad |= finding > GATE_FACE_PARTIAL;
    f.finding = w.bad ? GATE_FACE_PRESENT : (enum gate_face_finding)finding;
    f.has_mask = wire_bool(&w);
    f.safe = wire_bool(&w);
    f.relief_before = wire_double(&w);
    f.relief_after = wire_double(&w);
    f.brain_lost = wire_u64(&w);
    f.samples = wire_u64(&w);
    f.slices = arena_array(a, slices + 1, sizeof *f.slices);
    w.bad |= f.slices == NULL;
    for (uint32_t i = 0; i < slices && f.has_mask && !w.bad; i++) {
        f.slices[i] = wire_slice(&w);
    }
    f.before = wire_slice(&w);
    f.after = wire_slice(&w);
    if (w.bad || w.rest.len > 0) {
        return err_set(e, E_CRASHED, "a worker's answer about a volume makes no sense");
    }
    *ret_answer = f;
    return E_OK;
}
