// SPDX-License-Identifier: Apache-2.0
#include "gate/pixels_native.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "gate/container.h"
#include "gate/face.h"
#include "gate/notes.h"
#include "pixel/codec.h"

// A multiple of 3 and 16 bytes, so that packed 12-bit cells and swapped words are whole in it.
#define PIECE_BYTES ((size_t)768 << 10)
// Of a frame that holds masks, which are applied to whole frames (a slice of a volume).
#define MASKED_FRAME_MAX ((uint64_t)64 << 20)

static uint64_t used_bytes(const struct px_frames *frames) {
    const struct px_range *last = &frames->ranges[frames->count - 1];
    return last->offset + last->length - frames->ranges[0].offset;
}

uint64_t gate_native_length(const struct px_image *im, const struct px_frames *frames) {
    (void)im;
    uint64_t used = used_bytes(frames);
    return used + (used & 1);
}

static struct slice value_of(const struct gate_native *n) {
    return slice_of(n->file.ptr + n->frames->ranges[0].offset, (size_t)used_bytes(n->frames));
}

bool gate_native_untouched(const struct gate_native *n) {
    return n->set->all_count == 0 && n->set->each_count == 0 &&
           !gate_hidden_bits(n->im, value_of(n));
}

// --- masks ---

static void swap_words(uint8_t *bytes, size_t len) {
    for (size_t i = 0; i + 1 < len; i += 2) {
        uint8_t low = bytes[i];
        bytes[i] = bytes[i + 1];
        bytes[i + 1] = low;
    }
}

// Noise that is the same on every run over the same file.
static uint64_t seed_of(uint32_t frame) { return (frame + 1ull) * 0x9E3779B97F4A7C15ull; }

static int fill_mask(const struct px_image *im, const struct gate_edit *edit, uint32_t frame,
                     uint8_t *samples, struct err *e) {
    const struct px_grey *grey = px_image_grey(im, frame);
    return gate_mask_fill(edit->mask, im->columns, im->rows, grey->slope, grey->intercept,
                          im->bits_stored, im->is_signed, (uint16_t *)(void *)samples,
                          seed_of(frame), e);
}

// `samples`: 16-bit words, aligned.
static int fill_masks(const struct px_image *im, const struct gate_edit_set *set, uint32_t frame,
                      uint8_t *samples, struct err *e) {
    if (im->samples != 1 || im->bits_allocated != 16 || im->kind != PX_PIXEL_INTEGER) {
        return err_set(e, E_NOT_ACCEPTABLE, "a mask over samples that are not grey words");
    }
    struct gate_edit_walk w = gate_edits_of(set, frame);
    int code = E_OK;
    for (const struct gate_edit *d = gate_edit_next(&w); d != NULL && code == E_OK;
         d = gate_edit_next(&w)) {
        code = d->kind == GATE_EDIT_MASK ? fill_mask(im, d, frame, samples, e) : E_OK;
    }
    return code;
}

int gate_frame_edit(const struct px_image *im, const struct gate_edit_set *set, uint32_t number,
                    struct px_frame *f, struct err *e) {
    struct gate_ground ground = gate_ground_of(im, f);
    int code = gate_edits_mask(set, number) ? fill_masks(im, set, number, f->own, e) : E_OK;
    struct gate_cells cells = gate_cells_of_frame(f);
    struct gate_edit_walk w = gate_edits_of(set, number);
    for (const struct gate_edit *d = gate_edit_next(&w); d != NULL && code == E_OK;
         d = gate_edit_next(&w)) {
        if (d->kind == GATE_EDIT_BLACK) {
            struct gate_rect r = gate_rect_of_edit(d);
            gate_cells_fill(&cells, &ground, 0, &r, 0, f->own, f->len);
        }
    }
    return code;
}

// --- pieces ---

struct writer {
    struct gate_native *n;
    struct dcm_sink sink;
    struct gate_cells cells;
    struct slice value;
    uint8_t *piece; // owned
    struct px_frame frame;
    struct gate_ground ground; // of ground_frame
    uint32_t ground_frame;     // UINT32_MAX: none
    bool hidden;
};

static void cleanup_writer(struct writer *w) {
    mem_free(w->piece);
    px_frame_done(&w->frame);
}

// The ground comes from the frame as it stands in the file.
static int ground_for(struct writer *w, uint32_t frame, struct err *e) {
    if (w->ground_frame == frame) {
        return E_OK;
    }
    struct gate_native *n = w->n;
    w->frame.may_borrow = true;
    int code = px_decode(n->im, n->frames, n->file, frame, &w->frame, e);
    if (code == E_OK) {
        w->ground = gate_ground_of(n->im, &w->frame);
        w->ground_frame = frame;
        n->frames_edited++;
    }
    return code;
}

// The boxes of one frame, as far as they lie in the piece that begins with cell `first`.
static int black(struct writer *w, uint32_t frame, uint64_t first, size_t len, struct err *e) {
    int code = ground_for(w, frame, e);
    struct gate_edit_walk walk = gate_edits_of(w->n->set, frame);
    for (const struct gate_edit *d = gate_edit_next(&walk); d != NULL && code == E_OK;
         d = gate_edit_next(&walk)) {
        if (d->kind == GATE_EDIT_BLACK) {
            struct gate_rect r = gate_rect_of_edit(d);
            gate_cells_fill(&w->cells, &w->ground, frame, &r, first, w->piece, len);
        }
    }
    return code;
}

static int mask(struct writer *w, uint32_t frame, size_t len, struct err *e) {
    bool swapped = w->cells.unit == 2;
    if (swapped) {
        swap_words(w->piece, len);
    }
    int code = fill_masks(w->n->im, w->n->set, frame, w->piece, e);
    if (swapped) {
        swap_words(w->piece, len);
    }
    return code;
}

static int put_piece(struct writer *w, uint64_t at, size_t len, struct err *e) {
    struct slice bytes = slice_of(w->value.ptr + at, len);
    uint64_t first = at * 8 / w->cells.bits;
    uint64_t end = ((at + len) * 8 + w->cells.bits - 1) / w->cells.bits;
    uint32_t last = (uint32_t)((end - 1) / w->cells.per_frame);
    uint32_t frame = gate_edits_touched_from(w->n->set, (uint32_t)(first / w->cells.per_frame));
    bool hidden = gate_hidden_bits(w->n->im, bytes);
    if (frame > last && !hidden) {
        return w->sink.put(w->sink.context, bytes, e);
    }
    memcpy(w->piece, bytes.ptr, len);
    if (hidden) {
        w->hidden = true;
        gate_hidden_bits_clear(w->n->im, w->piece, len);
    }
    int code = E_OK;
    while (code == E_OK && frame <= last && frame < w->n->im->frames) {
        code = gate_edits_mask(w->n->set, frame) ? mask(w, frame, len, e) : E_OK;
        code = code == E_OK ? black(w, frame, first, len, e) : code;
        frame = gate_edits_touched_from(w->n->set, frame + 1);
    }
    return code == E_OK ? w->sink.put(w->sink.context, slice_of(w->piece, len), e) : code;
}

// Masks are applied to whole frames: then a piece is one.
static int piece_bytes(const struct writer *w, size_t *ret_len, struct err *e) {
    uint64_t frame = w->cells.per_frame * w->cells.bits / 8;
    if (!w->n->set->has_masks) {
        *ret_len = PIECE_BYTES;
        return E_OK;
    }
    if (frame > MASKED_FRAME_MAX || w->n->frames->unaligned) {
        return err_set(e, E_NOT_ACCEPTABLE, "a mask over frames of %llu bytes",
                       (unsigned long long)frame);
    }
    *ret_len = (size_t)frame;
    return E_OK;
}

int gate_native_write(struct gate_native *n, struct dcm_sink sink, struct err *e) {
    CLEANUP(cleanup_writer)
    struct writer w = {.n = n,
                       .sink = sink,
                       .cells = gate_cells_of_image(n->im),
                       .value = value_of(n),
                       .ground_frame = UINT32_MAX};
    n->frames_edited = 0;
    size_t step = 0;
    int code = piece_bytes(&w, &step, e);
    w.piece = code == E_OK ? mem_alloc(step) : NULL;
    if (code == E_OK && w.piece == NULL) {
        code = err_set(e, E_MEMORY, "a piece of pixels");
    }
    for (uint64_t at = 0; code == E_OK && at < w.value.len; at += step) {
        size_t left = w.value.len - (size_t)at;
        code = put_piece(&w, at, left < step ? left : step, e);
    }
    if (w.hidden) {
        gate_notes_add(n->notes, GATE_KIND_HIDDEN_BITS, GATE_DONE_REMOVED, "(7FE0,0010)");
    }
    return code == E_OK && (w.value.len & 1) != 0 ? sink.put(sink.context, slice_of("", 1), e)
                                                  : code;
}
