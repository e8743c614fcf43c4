// SPDX-License-Identifier: Apache-2.0
// The file that was written is opened as if it came from somebody else. Of a frame that no edit
// touches the coded bytes are the same as before, or both are decoded; of an edited one the boxes
// are of one value, everything else is as it was, and the detector with its other parameters finds
// nothing that was not known before.
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "gate/container.h"
#include "gate/pixels.h"
#include "gate/pixels_crops.h"
#include "gate/pixels_edits.h"
#include "gate/pixels_jpeg_edit.h"
#include "gate/pixels_judge.h"
#include "gate/pixels_light.h"
#include "pixel/codec.h"

#define AROUND 3u           // pixels around a box that its sharp edge makes strokes of
#define COVERED_PERCENT 50u // of a find by what is known
#define LOOKS_MAX 16u       // edited frames of one file that are looked at again, over all of it

struct checker {
    struct gate_context *c;
    struct gate_look *again;
    const struct gate_edit *edits;
    uint32_t edit_count;
    struct px_image image;
    struct px_frames frames;
    struct slice bytes; // what offsets of frames count in
    struct gate_edit_set set;
    bool coefficients; // edits were made to JPEG blocks
    struct px_frame now, before;
    struct buf now_joined, before_joined;
    struct gate_scanner *scanner;
    uint32_t touched; // edited frames so far
    struct gate_crops crops;
    uint16_t *row; // in the arena
};

static void checker_done(struct checker *k) {
    px_frame_done(&k->now);
    px_frame_done(&k->before);
    buf_done(&k->now_joined);
    buf_done(&k->before_joined);
    gate_scanner_free(k->scanner);
    gate_crops_done(&k->crops);
}

static void wrong(struct checker *k, uint32_t frame, const char *what) {
    gate_object(k->c, GATE_HELD, GATE_REASON_CLEANING_FAILED);
    gate_notes_add(&k->c->notes, GATE_KIND_ENCODING, GATE_DONE_LEFT, "frame %u: %s", frame + 1,
                   what);
}

// --- opening ---

static int open_written(struct checker *k, struct slice written, struct err *e) {
    struct dcm_file file;
    struct dcm_dataset *d;
    int code = dcm_file_open(k->c->arena, written, &file, e);
    code = code == E_OK ? dcm_file_dataset(k->c->arena, &file, 0, &d, e) : code;
    code = code == E_OK ? px_image_read(k->c->arena, d, file.syntax, &k->image, e) : code;
    code = code == E_OK ? px_frames_build(k->c->arena, &k->image, d, &k->frames, e) : code;
    if (code != E_OK) {
        return code;
    }
    k->bytes = file.deflated ? file.body : written;
    const struct gate_look *first = k->again->first;
    if (first != NULL &&
        (k->image.frames != first->image->frames || k->image.rows != first->image->rows ||
         k->image.columns != first->image->columns)) {
        return err_set(e, E_MISMATCH, "another number or size of frames was written");
    }
    k->coefficients = first != NULL && strcmp(file.syntax->uid, first->image->syntax->uid) == 0;
    return gate_edit_set_make(k->c->arena, &k->image, k->edits, k->edit_count, &k->set, e);
}

// --- what must be the same ---

// The pixels that an edit may change in what was written.
static struct gate_rect reach_of(struct checker *k, const struct gate_edit *d,
                                 struct slice stream) {
    struct gate_rect r = gate_rect_of_edit(d);
    bool blocks =
        k->coefficients && d->kind == GATE_EDIT_BLACK && gate_jpeg_editable(&k->image, stream);
    return blocks ? gate_jpeg_reach(&k->image, stream, &r) : r;
}

static void forget_edits(struct checker *k, uint32_t number, struct slice stream,
                         struct px_frame *f) {
    static const struct gate_ground none;
    struct gate_cells cells = gate_cells_of_frame(f);
    struct gate_edit_walk w = gate_edits_of(&k->set, number);
    for (const struct gate_edit *d = gate_edit_next(&w); d != NULL; d = gate_edit_next(&w)) {
        struct gate_rect r = reach_of(k, d, stream);
        gate_cells_fill(&cells, &none, 0, &r, 0, f->own, f->len);
    }
}

static void clear_hidden(const struct px_image *im, struct px_frame *f) {
    struct px_image plain = *im;
    plain.big_endian = false;
    gate_hidden_bits_clear(&plain, f->own, f->len);
}

static int written_stream(struct checker *k, uint32_t number, struct slice *ret_stream,
                          struct err *e) {
    buf_clear(&k->now_joined);
    return px_frames_bytes(&k->frames, k->bytes, number, &k->now_joined, ret_stream, e);
}

// Bytes as they stand in both files. One byte of padding is no difference.
static int same_stream(struct checker *k, uint32_t number, bool *ret_same, struct err *e) {
    const struct gate_look *first = k->again->first;
    struct slice now;
    struct slice before;
    buf_clear(&k->before_joined);
    int code = written_stream(k, number, &now, e);
    code = code == E_OK
               ? px_frames_bytes(first->frames, first->file, number, &k->before_joined, &before, e)
               : code;
    if (code == E_OK) {
        size_t len = now.len < before.len ? now.len : before.len;
        size_t more = (now.len > before.len ? now.len : before.len) - len;
        *ret_same = strcmp(k->image.syntax->uid, first->image->syntax->uid) == 0 && more <= 1 &&
                    memcmp(now.ptr, before.ptr, len) == 0;
    }
    return code;
}

static int decode_both(struct checker *k, uint32_t number, struct err *e) {
    const struct gate_look *first = k->again->first;
    int code = px_decode(&k->image, &k->frames, k->bytes, number, &k->now, e);
    return code == E_OK && first != NULL
               ? px_decode(first->image, first->frames, first->file, number, &k->before, e)
               : code;
}

static int compare(struct checker *k, uint32_t number, struct err *e) {
    const struct gate_look *first = k->again->first;
    struct slice stream = {0};
    int code = first != NULL ? written_stream(k, number, &stream, e) : E_OK;
    if (code != E_OK || first == NULL) {
        return code;
    }
    clear_hidden(first->image, &k->before);
    forget_edits(k, number, stream, &k->before);
    forget_edits(k, number, stream, &k->now);
    if (!px_frame_same(&k->now, &k->before) || k->now.len != k->before.len ||
        memcmp(k->now.data, k->before.data, k->now.len) != 0) {
        wrong(k, number, "pixels outside of the boxes are not what they were");
    }
    return E_OK;
}

// --- what must be gone ---

static struct gate_rect core_of(const struct gate_rect *r) {
    bool wide = r->width > 2;
    bool high = r->height > 2;
    return (struct gate_rect){r->x + wide, r->y + high, r->width - (wide ? 2u : 0),
                              r->height - (high ? 2u : 0)};
}

static int check_boxes(struct checker *k, uint32_t number, struct err *e) {
    k->row = k->row == NULL ? arena_array(k->c->arena, k->image.columns, sizeof *k->row) : k->row;
    if (k->row == NULL) {
        return err_set(e, E_MEMORY, "a row");
    }
    struct slice stream;
    int code = written_stream(k, number, &stream, e);
    if (code != E_OK) {
        return code;
    }
    uint16_t ripple = gate_light_ripple(&k->image, &k->now);
    struct gate_edit_walk w = gate_edits_of(&k->set, number);
    for (const struct gate_edit *d = gate_edit_next(&w); d != NULL; d = gate_edit_next(&w)) {
        struct gate_rect r = gate_rect_of_edit(d);
        r = gate_jpeg_inside(&k->image, stream, &r);
        if (r.width == 0) {
            continue;
        }
        struct gate_rect core = core_of(&r);
        bool even = k->image.syntax->lossy ? !gate_light_differs(&k->now, &core, ripple, k->row)
                                           : gate_cells_even(&k->now, &r);
        if (d->kind == GATE_EDIT_BLACK && !even && !gate_edits_mask(&k->set, number)) {
            wrong(k, number, "a box is not of one value");
            gate_object(k->c, GATE_HELD, GATE_REASON_TEXT_LEFT);
        }
    }
    return E_OK;
}

// --- what must not be found ---

// Known: the edge of a box that was blacked, or something that may stay.
static bool is_known(struct checker *k, const struct gate_box *b) {
    struct gate_rect found = gate_rect_of_box(b);
    uint64_t shared = 0;
    for (uint32_t i = 0; i < k->edit_count; i++) {
        const struct gate_edit *d = &k->edits[i];
        if (d->frame != GATE_ALL_FRAMES && d->frame != b->frame) {
            continue;
        }
        struct gate_rect r = gate_rect_of_edit(d);
        r = gate_rect_grow(&r, AROUND, k->image.columns, k->image.rows);
        shared += gate_rect_shared(&found, &r);
    }
    return shared * 100 >= gate_rect_area(&found) * COVERED_PERCENT;
}

static const struct gate_reading *reading_of(const struct gate_look *again,
                                             const struct gate_box *b) {
    return again->readings != NULL && b->crop < again->reading_count ? &again->readings[b->crop]
                                                                     : NULL;
}

static void left(struct checker *k, const struct gate_box *b, enum gate_reason reason) {
    gate_object(k->c, GATE_HELD, reason);
    gate_notes_add(
        &k->c->notes, b->shape == GATE_SHAPE_CODE ? GATE_KIND_PIXEL_CODE : GATE_KIND_PIXEL_TEXT,
        GATE_DONE_LEFT, "frame %u at %u,%u %ux%u", b->frame + 1, b->x, b->y, b->width, b->height);
}

static int judge_find(struct checker *k, struct gate_box *b, struct err *e) {
    struct gate_look *again = k->again;
    const struct gate_look *first = again->first == NULL ? again : again->first;
    uint8_t traits = 0;
    int code = gate_crops_take(&k->crops, &k->now, b, &traits, e);
    if (code != E_OK) {
        return code;
    }
    const struct gate_reading *r = reading_of(again, b);
    if (r == NULL && b->crop != UINT32_MAX) {
        again->need_reading = true;
    }
    if (r != NULL && gate_reading_means(r, k->c->subject) == GATE_MEANS_IDENTIFIER) {
        left(k, b, GATE_REASON_IDENTIFIER_LEFT);
        return E_OK;
    }
    if (r == NULL && b->sure == GATE_MAYBE) {
        return E_OK; // the first look's doubts were settled; these are only for a reader
    }
    // What the first look did not see is no more than likely, once a reader had a word in it.
    struct gate_box seen = *b;
    seen.sure = r != NULL && b->sure == GATE_SURE ? GATE_LIKELY : b->sure;
    enum gate_judgement judged = gate_box_judge(first, &seen, 0, r, k->c->subject);
    if (judged != GATE_JUDGED_KEEP) {
        left(k, b, judged == GATE_JUDGED_OPEN ? GATE_REASON_TEXT_UNSURE : GATE_REASON_TEXT_LEFT);
    }
    return E_OK;
}

static int scan_again(struct checker *k, uint32_t number, struct err *e) {
    struct gate_scan_options options = {
        .second = true, .palette = k->image.palette.count > 0 ? &k->image.palette : NULL};
    struct gate_boxes *boxes = &k->again->boxes;
    uint32_t from = boxes->count;
    int code = k->scanner == NULL ? gate_scanner_new(k->image.rows, k->image.columns,
                                                     k->image.frames, &k->scanner, e)
                                  : E_OK;
    code = code == E_OK ? gate_scan_frame(k->scanner, &k->now, number, &options, boxes, e) : code;
    uint32_t kept = from;
    for (uint32_t i = from; code == E_OK && i < boxes->count; i++) {
        if (!is_known(k, &boxes->list[i])) {
            boxes->list[kept++] = boxes->list[i];
        }
    }
    if (code != E_OK) {
        return code;
    }
    boxes->count = kept;
    for (uint32_t i = from; code == E_OK && i < kept; i++) {
        code = judge_find(k, &boxes->list[i], e);
    }
    return code;
}

// --- all of it ---

// Every n-th edited frame, the first one always: a loop's text is the same text.
static bool turn_to_look(struct checker *k) {
    uint32_t all = k->set.all_count > 0 ? k->image.frames : k->set.each_count;
    uint32_t step = all / LOOKS_MAX + 1;
    return k->touched++ % step == 0;
}

static int check_frame(struct checker *k, uint32_t number, struct err *e) {
    bool touched = gate_edits_touch(&k->set, number);
    bool same = k->again->first == NULL;
    int code = same || touched ? E_OK : same_stream(k, number, &same, e);
    if (code != E_OK || (!touched && same)) {
        return code;
    }
    code = decode_both(k, number, e);
    if (code == E_OK && touched) {
        code = check_boxes(k, number, e);
        code = code == E_OK && turn_to_look(k) ? scan_again(k, number, e) : code;
    }
    return code == E_OK ? compare(k, number, e) : code; // last: it wipes the boxes
}

static int check_all(struct checker *k, struct slice written, struct err *e) {
    int code = open_written(k, written, e);
    // A film was never looked at, and its stream is as it was.
    if (code != E_OK || k->frames.source == PX_FRAMES_STREAM || !px_can_decode(&k->image, NULL)) {
        return code;
    }
    for (uint32_t i = 0; code == E_OK && i < k->image.frames; i++) {
        code = check_frame(k, i, e);
    }
    return code == E_OK && k->scanner != NULL ? gate_scan_finish(k->scanner, &k->again->boxes, e)
                                              : code;
}

int gate_pixels_verify(struct gate_context *c, struct slice written, const struct gate_edit *edits,
                       uint32_t edit_count, struct gate_look *again, struct err *e) {
    CLEANUP(checker_done)
    struct checker k = {.c = c, .again = again, .edits = edits, .edit_count = edit_count};
    buf_init(&k.now_joined, PX_FRAME_BYTES_MAX);
    buf_init(&k.before_joined, PX_FRAME_BYTES_MAX);
    gate_crops_init(&k.crops, again);
    struct err why = {0};
    int code = check_all(&k, written, &why);
    if (code == E_MEMORY || code == E_INTERNAL) {
        *e = why;
        return code;
    }
    if (code != E_OK) {
        gate_object(c, GATE_HELD, GATE_REASON_CLEANING_FAILED);
        gate_notes_add(&c->notes, GATE_KIND_ENCODING, GATE_DONE_LEFT, "what was written");
    }
    return E_OK;
}
