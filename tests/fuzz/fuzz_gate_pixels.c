// SPDX-License-Identifier: Apache-2.0
// A byte that chooses boxes and a whole file: looked at, decided, written, verified. What was
// written is a file again with as many frames, and whatever the verification finds left, pixels
// outside of the boxes are what they were and the boxes are of one value.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "gate/pixels.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ARENA_LIMIT ((size_t)128 << 20)
#define OUT_MAX ((size_t)32 << 20)
#define PIXELS_MAX ((uint64_t)1 << 17) // bytes of all frames, for speed
#define ORDERS 3

static int patch(void *context, uint64_t offset, struct slice bytes, struct err *e) {
    struct buf *out = context;
    if (offset > out->len || bytes.len > out->len - offset) {
        abort(); // only what was written may be replaced
    }
    (void)e;
    memcpy(out->data + offset, bytes.ptr, bytes.len);
    return E_OK;
}

struct run {
    struct arena arena;
    struct gate_profile profile;
    struct gate_context c;
    struct dcm_file file;
    struct dcm_dataset *d;
    struct px_image image;
    struct px_frames frames;
    struct slice bytes;
    struct buf crops, out;
    struct gate_look look;
};

static void run_done(struct run *r) {
    gate_boxes_done(&r->look.boxes);
    buf_done(&r->crops);
    buf_done(&r->out);
    arena_done(&r->arena);
}

static bool begin(struct run *r, struct slice bytes) {
    struct err e = {0};
    arena_init(&r->arena, ARENA_LIMIT);
    buf_init(&r->crops, OUT_MAX);
    buf_init(&r->out, OUT_MAX);
    r->profile.examine_pixels = true;
    r->c = (struct gate_context){.arena = &r->arena, .profile = &r->profile};
    r->c.subject = gate_subject_new(&r->arena);
    gate_notes_init(&r->c.notes, &r->arena);
    r->look.crops = &r->crops;
    if (r->c.subject == NULL || dcm_file_open(&r->arena, bytes, &r->file, &e) != E_OK ||
        dcm_file_dataset(&r->arena, &r->file, 0, &r->d, &e) != E_OK ||
        px_image_read(&r->arena, r->d, r->file.syntax, &r->image, &e) != E_OK ||
        px_frames_build(&r->arena, &r->image, r->d, &r->frames, &e) != E_OK) {
        return false;
    }
    r->bytes = r->file.deflated ? r->file.body : bytes;
    return px_image_decoded_bytes(&r->image) * r->image.frames <= PIXELS_MAX;
}

static void make_orders(uint8_t seed, const struct px_image *im, struct gate_edit orders[ORDERS]) {
    for (unsigned i = 0; i < ORDERS; i++) {
        uint32_t n = (seed + 1u) * (i + 3u) * 2654435761u;
        orders[i] = (struct gate_edit){.kind = i == 2 ? GATE_EDIT_KEEP : GATE_EDIT_BLACK,
                                       .x = (uint16_t)(n % im->columns),
                                       .y = (uint16_t)((n >> 8) % im->rows),
                                       .width = (uint16_t)(1 + (n >> 16) % 9),
                                       .height = (uint16_t)(1 + (n >> 20) % 7),
                                       .frame = (n >> 28) % 2 == 0 ? GATE_ALL_FRAMES
                                                                   : (n >> 24) % im->frames};
    }
}

static bool failed(const struct run *r) {
    for (uint32_t i = 0; i < r->c.reason_count; i++) {
        if (r->c.reasons[i] == GATE_REASON_CLEANING_FAILED) {
            return true;
        }
    }
    return false;
}

// A look survives its journey as bytes.
static void pack_and_back(struct run *r) {
    CLEANUP(cleanup_buf) struct buf packed;
    struct gate_look back = {0};
    struct err e = {0};
    buf_init(&packed, OUT_MAX);
    gate_look_pack(&r->look, &packed);
    if (gate_look_unpack(&r->arena, buf_slice(&packed), &r->image, &r->frames, r->bytes, &back,
                         &e) != E_OK ||
        back.boxes.count != r->look.boxes.count) {
        abort();
    }
    gate_boxes_done(&back.boxes);
}

static void clean(struct run *r, uint8_t seed) {
    struct gate_edit orders[ORDERS];
    struct gate_edit *edits = NULL;
    uint32_t count = 0;
    bool need = false;
    struct gate_pixels_out done;
    struct err e = {0};
    struct px_transcode_out to = {
        .sink = dcm_sink_buf(&r->out), .patch = patch, .context = &r->out};
    make_orders(seed, &r->image, orders);
    if (gate_pixels_look(&r->c, r->d, &r->image, &r->frames, r->bytes, &r->look, &e) != E_OK ||
        gate_pixels_decide(&r->c, &r->look, NULL, 0, orders, ORDERS, &edits, &count, &need, &e) !=
            E_OK) {
        return;
    }
    pack_and_back(r);
    if (gate_pixels_write(&r->c, r->d, &r->file, &r->image, &r->frames, edits, count, &to, &done,
                          &e) != E_OK) {
        return;
    }
    bool before = failed(r);
    struct gate_look again = {.crop_count = r->look.crop_count, .first = &r->look};
    int code = gate_pixels_verify(&r->c, buf_slice(&r->out), edits, count, &again, &e);
    gate_boxes_done(&again.boxes);
    if (done.len != r->out.len || (code == E_OK && r->look.examined && !before && failed(r))) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len < 1) {
        return 0;
    }
    CLEANUP(run_done) struct run r = {0};
    if (begin(&r, slice_of(data + 1, len - 1))) {
        clean(&r, data[0]);
    }
    return 0;
}
