// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "gate/pixels.h"
#include "gate/pixels_crops.h"
#include "gate/pixels_digest.h"
#include "gate/pixels_edits.h"
#include "gate/pixels_hints.h"
#include "gate/pixels_margin.h"
#include "gate/pixels_regions.h"
#include "pixel/codec.h"

// Of a coded frame: more than that cannot be decoded within a worker's memory.
#define DECODED_MAX ((uint64_t)160 << 20)
#define REMEMBERED_MAX 65536u // frames of which the boxes can be found again

struct span { // of boxes
    uint32_t from, end;
};

struct looker {
    struct gate_context *c;
    const struct px_image *im;
    const struct px_frames *frames;
    struct slice file;
    struct gate_look *look;
    struct gate_pixel_hints hints;
    struct gate_scanner *scanner; // owned, as all below
    struct gate_digest *digest;
    struct px_frame frame;
    uint32_t frame_number; // in `frame`; UINT32_MAX: none
    struct gate_crops crops;
    struct buf traits;
    struct span *spans;
    struct gate_outside outside; // in the arena
};

static void looker_done(struct looker *l) {
    gate_scanner_free(l->scanner);
    gate_digest_free(l->digest);
    px_frame_done(&l->frame);
    gate_crops_done(&l->crops);
    buf_done(&l->traits);
    mem_free(l->spans);
}

// --- what is known of boxes ---

static bool in_known_place(const struct looker *l, const struct gate_box *b) {
    uint32_t x = b->x + b->width / 2u;
    uint32_t y = b->y + b->height / 2u;
    for (uint32_t i = 0; i < l->hints.place_count; i++) {
        const struct gate_rect *r = &l->hints.places[i];
        if (x >= r->x && x < r->x + r->width && y >= r->y && y < r->y + r->height) {
            return true;
        }
    }
    return false;
}

// Boxes from `from` on are new; those from `islands` on are of the margins.
static int absorb(struct looker *l, uint32_t from, uint32_t islands, struct err *e) {
    struct gate_boxes *boxes = &l->look->boxes;
    for (uint32_t i = from; i < boxes->count; i++) {
        struct gate_box *b = &boxes->list[i];
        uint8_t traits = i >= islands ? GATE_TRAIT_MARGIN : 0;
        traits |= in_known_place(l, b) ? GATE_TRAIT_DEVICE : 0;
        int code = gate_crops_take(&l->crops, &l->frame, b, &traits, e);
        if (code != E_OK) {
            return code;
        }
        buf_put_byte(&l->traits, traits);
    }
    return buf_check(&l->traits, "boxes", e);
}

static int repeat(struct looker *l, uint32_t same, uint32_t number, struct err *e) {
    struct gate_boxes *boxes = &l->look->boxes;
    for (uint32_t i = l->spans[same].from; i < l->spans[same].end; i++) {
        struct gate_box b = boxes->list[i];
        b.frame = number;
        if (!gate_boxes_add(boxes, &b)) {
            return err_set(e, E_MEMORY, "boxes of frame %u", number + 1);
        }
        buf_put_byte(&l->traits, l->traits.data[i]);
    }
    return buf_check(&l->traits, "boxes", e);
}

// --- frames ---

static struct gate_scan_options options_of(const struct looker *l) {
    return (struct gate_scan_options){.ultrasound = l->hints.ultrasound,
                                      .radiograph = l->hints.radiograph,
                                      .palette = l->im->palette.count > 0 ? &l->im->palette : NULL};
}

static int scan(struct looker *l, uint32_t number, struct err *e) {
    struct gate_scan_options options = options_of(l);
    struct gate_boxes *boxes = &l->look->boxes;
    uint32_t from = boxes->count;
    gate_outside_look(&l->outside, l->im, &l->frame);
    int code = gate_scan_frame(l->scanner, &l->frame, number, &options, boxes, e);
    uint32_t islands = boxes->count;
    if (code == E_OK && l->hints.radiograph) {
        code = gate_margin_find(l->im, &l->frame, number, boxes, e);
    }
    return code == E_OK ? absorb(l, from, islands, e) : code;
}

static int open_frame(struct looker *l, uint32_t number, struct err *e) {
    if (l->frame_number == number) {
        return E_OK;
    }
    l->frame_number = UINT32_MAX;
    int code = px_decode(l->im, l->frames, l->file, number, &l->frame, e);
    l->frame_number = code == E_OK ? number : UINT32_MAX;
    return code;
}

static int begin(struct looker *l, struct err *e) {
    bool believed = false;
    uint32_t spans = l->im->frames < REMEMBERED_MAX ? l->im->frames : REMEMBERED_MAX;
    l->digest = gate_digest_new(&l->frame, l->im->frames);
    l->spans = mem_array(spans, sizeof *l->spans);
    if (l->digest == NULL || l->spans == NULL) {
        return err_set(e, E_MEMORY, "a look at %u frames", l->im->frames);
    }
    int code = gate_scanner_new(l->im->rows, l->im->columns, l->im->frames, &l->scanner, e);
    code = code == E_OK ? gate_outside_make(l->c->arena, &l->hints, l->im, &l->frame, &l->outside,
                                            &believed, e)
                        : code;
    l->look->has_regions = believed;
    // Regions that cannot be of this picture say that its header cannot be trusted.
    l->look->suspect |= !believed && (l->hints.region_count > 0 || l->hints.regions_wrong);
    return code;
}

static int look_at(struct looker *l, uint32_t number, struct err *e) {
    int code = open_frame(l, number, e);
    code = code == E_OK && number == 0 ? begin(l, e) : code;
    if (code != E_OK) {
        return code;
    }
    uint32_t from = l->look->boxes.count;
    uint32_t same = gate_digest_add(l->digest, &l->frame);
    code = same < REMEMBERED_MAX ? repeat(l, same, number, e) : scan(l, number, e);
    if (number < REMEMBERED_MAX) {
        l->spans[number] = (struct span){from, l->look->boxes.count};
    }
    if (code == E_OK && l->look->boxes.count > GATE_LOOK_BOXES_MAX) {
        code = err_set(e, E_LIMIT, "over %u boxes", GATE_LOOK_BOXES_MAX);
    }
    return code;
}

// What only the loop as a whole tells; the frames are decoded again for their crops.
static int finish(struct looker *l, struct err *e) {
    struct gate_boxes *boxes = &l->look->boxes;
    uint32_t from = boxes->count;
    int code = gate_scan_finish(l->scanner, boxes, e);
    for (uint32_t i = from; code == E_OK && i < boxes->count; i++) {
        uint8_t traits = in_known_place(l, &boxes->list[i]) ? GATE_TRAIT_DEVICE : 0;
        code = boxes->list[i].frame < l->im->frames ? open_frame(l, boxes->list[i].frame, e)
                                                    : err_set(e, E_INTERNAL, "a box of no frame");
        code = code == E_OK ? gate_crops_take(&l->crops, &l->frame, &boxes->list[i], &traits, e)
                            : code;
        buf_put_byte(&l->traits, traits);
    }
    return code == E_OK ? buf_check(&l->traits, "boxes", e) : code;
}

// --- rules ---

// Outside of the regions, where there was something in any frame.
static int make_rules(struct looker *l, struct err *e) {
    struct gate_look *look = l->look;
    const struct gate_outside *o = &l->outside;
    look->rules = arena_array(l->c->arena, o->count + 1u, sizeof *look->rules);
    if (look->rules == NULL) {
        return err_set(e, E_MEMORY, "%u rules", o->count);
    }
    for (uint32_t i = 0; i < o->count; i++) {
        if (o->filled[i]) {
            const struct gate_rect *r = &o->list[i];
            look->rules[look->rule_count++] = (struct gate_edit){.kind = GATE_EDIT_BLACK,
                                                                 .x = (uint16_t)r->x,
                                                                 .y = (uint16_t)r->y,
                                                                 .width = (uint16_t)r->width,
                                                                 .height = (uint16_t)r->height,
                                                                 .frame = GATE_ALL_FRAMES};
        }
    }
    return E_OK;
}

static int keep_traits(struct looker *l, struct err *e) {
    l->look->traits = arena_alloc(l->c->arena, l->traits.len + 1);
    if (l->look->traits == NULL) {
        return err_set(e, E_MEMORY, "boxes");
    }
    memcpy(l->look->traits, l->traits.data == NULL ? (const uint8_t *)"" : l->traits.data,
           l->traits.len);
    return E_OK;
}

static int look_at_all(struct looker *l, struct err *e) {
    int code = E_OK;
    for (uint32_t i = 0; code == E_OK && i < l->im->frames; i++) {
        code = look_at(l, i, e);
    }
    code = code == E_OK ? finish(l, e) : code;
    code = code == E_OK ? make_rules(l, e) : code;
    code = code == E_OK ? keep_traits(l, e) : code;
    if (code == E_OK) {
        struct hash h = gate_digest_end(l->digest);
        memcpy(l->look->pixel_digest, h.bytes, sizeof l->look->pixel_digest);
        l->look->examined = true;
    }
    return code;
}

static bool can_look(const struct looker *l) {
    return l->frames->source != PX_FRAMES_STREAM && px_can_decode(l->im, NULL) &&
           (!l->im->syntax->encapsulated || px_image_decoded_bytes(l->im) <= DECODED_MAX);
}

// Failures that are of the file, not of this program.
static bool is_of_file(int code) { return code != E_MEMORY && code != E_INTERNAL && code != E_IO; }

static void forget_boxes(struct gate_look *look) {
    look->boxes.count = 0;
    look->rule_count = 0;
    look->crop_count = 0;
}

int gate_pixels_look(struct gate_context *c, const struct dcm_dataset *d, const struct px_image *im,
                     const struct px_frames *frames, struct slice file, struct gate_look *look,
                     struct err *e) {
    CLEANUP(looker_done)
    struct looker l = {.c = c,
                       .im = im,
                       .frames = frames,
                       .file = file,
                       .look = look,
                       .frame = {.may_borrow = true},
                       .frame_number = UINT32_MAX};
    look->image = im;
    look->frames = frames;
    look->file = file;
    if (!c->profile->examine_pixels) {
        return E_OK;
    }
    buf_init(&l.traits, GATE_LOOK_BOXES_MAX * 2);
    gate_crops_init(&l.crops, look);
    gate_pixel_hints_read(d, im->columns, im->rows, &l.hints);
    look->suspect = l.hints.suspect;
    look->matter = l.hints.mask     ? GATE_MATTER_MASK
                   : l.hints.screen ? GATE_MATTER_SCREEN
                                    : GATE_MATTER_IMAGE;
    struct err why = {0};
    int code = can_look(&l) ? look_at_all(&l, &why) : E_NOT_ACCEPTABLE;
    if (code != E_OK && !is_of_file(code)) {
        *e = why;
        return code;
    }
    if (code != E_OK) {
        gate_object(c, GATE_HELD, GATE_REASON_PIXELS_UNREADABLE);
        forget_boxes(look);
    }
    return E_OK;
}
