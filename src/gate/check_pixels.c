// SPDX-License-Identifier: Apache-2.0
// The picture: comments in its streams, bits outside of the stored ones, writing.
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "dicom/tags.h"
#include "gate/check_priv.h"
#include "gate/container.h"
#include "gate/context.h"
#include "gate/pixels.h"
#include "pixel/frames.h"
#include "pixel/image.h"

#define STREAMS_MAX 64 // frames whose streams are looked at: one machine wrote them all
#define CROPS_MAX ((size_t)32 << 20)
#define BOXES_TOLD 64

static void check_streams(struct gate_checking *c, const struct px_frames *frames,
                          const struct dcm_file *file, struct slice bytes) {
    struct gate_notes notes;
    struct buf joined CLEANUP(cleanup_buf);
    struct buf clean CLEANUP(cleanup_buf);
    gate_notes_init(&notes, c->arena);
    buf_init(&joined, (size_t)1 << 30);
    buf_init(&clean, (size_t)1 << 30);
    for (uint32_t i = 0; i < frames->count && i < STREAMS_MAX; i++) {
        struct slice stream;
        struct err ignored = {0};
        bool changed = false;
        buf_clear(&joined);
        buf_clear(&clean);
        if (px_frames_bytes(frames, bytes, i, &joined, &stream, &ignored) == E_OK) {
            (void)gate_stream_clean(file->syntax->uid, stream, &notes, i, &clean, &changed,
                                    &ignored);
        }
    }
    for (uint32_t i = 0; i < notes.count; i++) {
        if (notes.lines[i].done != GATE_DONE_KEPT) {
            gate_check_found(c, notes.lines[i].kind, slice_of(NULL, 0), "%s", notes.lines[i].where);
        }
    }
}

static void check_bits(struct gate_checking *c, const struct px_image *im,
                       const struct px_frames *frames, struct slice bytes) {
    struct buf joined CLEANUP(cleanup_buf);
    buf_init(&joined, (size_t)1 << 30);
    for (uint32_t i = 0; i < frames->count; i++) {
        struct slice frame;
        struct err ignored = {0};
        buf_clear(&joined);
        if (px_frames_bytes(frames, bytes, i, &joined, &frame, &ignored) == E_OK &&
            gate_hidden_bits(im, frame)) {
            gate_check_found(c, GATE_KIND_HIDDEN_BITS, slice_of(NULL, 0), "frame %u", i + 1);
            return;
        }
    }
}

// Whether the edit takes the box away, and not only an edge of it.
static bool covers(const struct gate_edit *edit, const struct gate_box *b) {
    return edit->kind == GATE_EDIT_BLACK &&
           (edit->frame == GATE_ALL_FRAMES || edit->frame == b->frame) && edit->x <= b->x &&
           edit->y <= b->y && edit->x + edit->width >= b->x + b->width &&
           edit->y + edit->height >= b->y + b->height;
}

static void tell_boxes(struct gate_checking *c, const struct gate_look *look,
                       const struct gate_edit *edits, uint32_t count) {
    uint32_t told = 0;
    for (uint32_t i = 0; i < look->boxes.count && told < BOXES_TOLD; i++) {
        const struct gate_box *b = &look->boxes.list[i];
        for (uint32_t k = 0; k < count; k++) {
            if (covers(&edits[k], b)) {
                gate_check_found(
                    c, b->shape == GATE_SHAPE_CODE ? GATE_KIND_PIXEL_CODE : GATE_KIND_PIXEL_TEXT,
                    slice_of(NULL, 0), "frame %u at %u,%u %ux%u", b->frame + 1, b->x, b->y,
                    b->width, b->height);
                told++;
                break;
            }
        }
    }
}

// As the gate decides, but for what its rules black whether anything is there or not.
static int check_writing(struct gate_checking *c, const struct dcm_dataset *d,
                         const struct px_image *im, const struct px_frames *frames,
                         struct slice bytes, struct err *e) {
    struct buf crops CLEANUP(cleanup_buf);
    buf_init(&crops, CROPS_MAX);
    struct gate_look look = {.crops = &crops};
    struct gate_context context = {.arena = c->arena,
                                   .profile = c->profile,
                                   .subject = c->subject,
                                   .words = {.subject = c->subject}};
    gate_notes_init(&context.notes, c->arena);
    struct gate_edit *edits = NULL;
    uint32_t count = 0;
    int rc = gate_pixels_look(&context, d, im, frames, bytes, &look, e);
    look.rule_count = 0;
    if (rc == E_OK && look.examined) {
        rc = gate_pixels_decide(&context, &look, c->ask->has_readings ? c->ask->readings : NULL,
                                c->ask->reading_count, NULL, 0, &edits, &count,
                                &c->out->need_reading, e);
        if (rc == E_OK && c->out->need_reading && !c->ask->has_readings) {
            c->out->crops = arena_copy(c->arena, buf_slice(&crops));
            c->out->crop_count = look.crop_count;
        } else if (rc == E_OK) {
            tell_boxes(c, &look, edits, count);
        }
    }
    gate_boxes_done(&look.boxes);
    return rc;
}

int gate_check_pixels(struct gate_checking *c, const struct dcm_dataset *d,
                      const struct dcm_file *file, struct slice bytes, struct err *e) {
    struct px_image im;
    struct px_frames frames;
    struct slice says;
    struct err none = {0};
    if (dcm_text(d, DCM_BurnedInAnnotation, 0, &says) && slice_eq_str(says, "YES")) {
        gate_check_found(c, GATE_KIND_PIXEL_TEXT, says, "(0028,0301) BurnedInAnnotation");
    }
    if (file->deflated || px_image_read(c->arena, d, file->syntax, &im, &none) != E_OK ||
        px_frames_build(c->arena, &im, d, &frames, &none) != E_OK) {
        return E_OK; // no pixels, or none that can be looked at
    }
    if (file->syntax->encapsulated) {
        check_streams(c, &frames, file, bytes);
    } else {
        check_bits(c, &im, &frames, bytes);
    }
    return c->ask->pixels ? check_writing(c, d, &im, &frames, bytes, e) : E_OK;
}
