// SPDX-License-Identifier: Apache-2.0
// A look as bytes (gate_look_pack) and back.
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "gate/pixels.h"
#include "gate/wire.h"

#define BOX_BYTES 25u
#define RULE_BYTES 8u

static void put_box(const struct gate_box *b, uint8_t traits, struct buf *out) {
    wire_put_u16(out, b->x);
    wire_put_u16(out, b->y);
    wire_put_u16(out, b->width);
    wire_put_u16(out, b->height);
    wire_put_u32(out, b->frame);
    wire_put_u8(out, b->shape);
    wire_put_u8(out, b->sure);
    wire_put_u8(out, b->turn);
    wire_put_u8(out, b->mirrored);
    wire_put_u8(out, b->dark);
    wire_put_u8(out, b->glyphs);
    wire_put_u16(out, b->letter);
    wire_put_u32(out, b->crop);
    wire_put_u8(out, traits);
}

void gate_look_pack(const struct gate_look *look, struct buf *out) {
    wire_put_u8(out, look->examined);
    wire_put_u8(out, look->has_regions);
    wire_put_u8(out, look->suspect);
    wire_put_u32(out, (uint32_t)look->matter);
    wire_put_u32(out, look->crop_count);
    wire_put(out, look->pixel_digest, sizeof look->pixel_digest);
    wire_put_u32(out, look->rule_count);
    for (uint32_t i = 0; i < look->rule_count; i++) {
        wire_put_u16(out, look->rules[i].x);
        wire_put_u16(out, look->rules[i].y);
        wire_put_u16(out, look->rules[i].width);
        wire_put_u16(out, look->rules[i].height);
    }
    wire_put_u32(out, look->boxes.count);
    for (uint32_t i = 0; i < look->boxes.count; i++) {
        put_box(&look->boxes.list[i], look->traits == NULL ? 0 : look->traits[i], out);
    }
}

static bool inside(const struct px_image *im, uint16_t x, uint16_t y, uint16_t width,
                   uint16_t height) {
    return width > 0 && height > 0 && (uint32_t)x + width <= im->columns &&
           (uint32_t)y + height <= im->rows;
}

static uint8_t take_box(struct wire *w, const struct px_image *im, uint32_t crops,
                        struct gate_box *b) {
    b->x = wire_u16(w);
    b->y = wire_u16(w);
    b->width = wire_u16(w);
    b->height = wire_u16(w);
    b->frame = wire_below(w, im->frames);
    b->shape = wire_u8(w);
    b->sure = wire_u8(w);
    b->turn = wire_u8(w);
    b->mirrored = wire_bool(w);
    b->dark = wire_bool(w);
    b->glyphs = wire_u8(w);
    b->letter = wire_u16(w);
    b->crop = wire_u32(w);
    w->bad |= !inside(im, b->x, b->y, b->width, b->height) || b->shape > GATE_SHAPE_STATIC ||
              b->sure > GATE_MAYBE || (b->crop != UINT32_MAX && b->crop >= crops);
    return wire_u8(w);
}

static void take_rules(struct wire *w, struct arena *a, const struct px_image *im,
                       struct gate_look *look) {
    look->rule_count = wire_count(w, RULE_BYTES);
    look->rules = arena_array(a, look->rule_count + 1u, sizeof *look->rules);
    for (uint32_t i = 0; i < look->rule_count && look->rules != NULL; i++) {
        struct gate_edit *r = &look->rules[i];
        *r = (struct gate_edit){.kind = GATE_EDIT_BLACK, .frame = GATE_ALL_FRAMES};
        r->x = wire_u16(w);
        r->y = wire_u16(w);
        r->width = wire_u16(w);
        r->height = wire_u16(w);
        w->bad |= !inside(im, r->x, r->y, r->width, r->height);
    }
}

static int take_boxes(struct wire *w, struct arena *a, const struct px_image *im,
                      struct gate_look *look, struct err *e) {
    uint32_t count = wire_count(w, BOX_BYTES);
    look->traits = arena_alloc(a, count + 1u);
    look->boxes.list = mem_array(count + 1u, sizeof *look->boxes.list);
    if (look->traits == NULL || look->boxes.list == NULL || look->rules == NULL) {
        gate_boxes_done(&look->boxes);
        return err_set(e, E_MEMORY, "%u boxes", count);
    }
    look->boxes.count = count;
    look->boxes.cap = count + 1u;
    for (uint32_t i = 0; i < count; i++) {
        look->traits[i] = take_box(w, im, look->crop_count, &look->boxes.list[i]);
    }
    return E_OK;
}

int gate_look_unpack(struct arena *a, struct slice bytes, const struct px_image *im,
                     const struct px_frames *frames, struct slice file, struct gate_look *ret_look,
                     struct err *e) {
    struct wire w = {.rest = bytes};
    struct gate_look look = {.image = im, .frames = frames, .file = file};
    look.examined = wire_bool(&w);
    look.has_regions = wire_bool(&w);
    look.suspect = wire_bool(&w);
    look.matter = (enum gate_matter)wire_below(&w, GATE_MATTER_MASK + 1);
    look.crop_count = wire_below(&w, GATE_READINGS_MAX + 1);
    wire_take(&w, look.pixel_digest, sizeof look.pixel_digest);
    take_rules(&w, a, im, &look);
    int code = take_boxes(&w, a, im, &look, e);
    if (code == E_OK && (w.bad || w.rest.len > 0)) {
        gate_boxes_done(&look.boxes);
        code = err_set(e, E_CRASHED, "what an earlier look left does not fit this file");
    }
    if (code == E_OK) {
        *ret_look = look;
    }
    return code;
}
