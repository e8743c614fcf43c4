// SPDX-License-Identifier: Apache-2.0
// The detector's order of work: a frame is looked at in blocks, so that memory does not grow with
// it; a block in several views and scales; in each by the network (glyphs_letters.h) and for codes.
#include "gate/glyphs.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "gate/glyphs_box.h"
#include "gate/glyphs_code.h"
#include "gate/glyphs_letters.h"
#include "gate/glyphs_plane.h"
#include "gate/glyphs_static.h"

#define BLOCK_MAX 1216u // side of a block
#define BLOCK_STEP 1024u
#define SCALES 3
#define SMALLEST 8u // side of a plane that is worth a look
#define SCORE_CODE_CERTAIN 20.0f
#define SCORE_CODE 3.0f

struct gate_scanner {
    uint32_t rows, columns, frames;
    struct glyph_plane plane, other;
    struct glyph_code_tile *code_tiles;
    struct glyph_codes codes;
    struct glyph_still still;
    struct glyph_letters letters;
    struct glyph_finds finds;
};

CLEANUP_DEFINE(scanner, struct gate_scanner, gate_scanner_free);

static uint32_t stride_for(uint32_t width) {
    return (width + GLYPH_LANES - 1) / GLYPH_LANES * GLYPH_LANES;
}

static bool make_buffers(struct gate_scanner *s) {
    uint32_t width = s->columns < BLOCK_MAX ? s->columns : BLOCK_MAX;
    uint32_t height = s->rows < BLOCK_MAX ? s->rows : BLOCK_MAX;
    size_t count = (size_t)stride_for(width) * height;
    size_t code_tiles = (size_t)((width + GLYPH_CODE_TILE - 1) / GLYPH_CODE_TILE) *
                        ((height + GLYPH_CODE_TILE - 1) / GLYPH_CODE_TILE);
    s->plane.px = mem_array(count, sizeof *s->plane.px);
    s->other.px = mem_array(count, sizeof *s->other.px);
    s->code_tiles = mem_array(code_tiles, sizeof *s->code_tiles);
    return s->plane.px != NULL && s->other.px != NULL && s->code_tiles != NULL;
}

int gate_scanner_new(uint32_t rows, uint32_t columns, uint32_t frames,
                     struct gate_scanner **ret_scanner, struct err *e) {
    if (rows == 0 || columns == 0 || rows > PX_SIDE_MAX || columns > PX_SIDE_MAX || frames == 0) {
        return err_set(e, E_ARGUMENT, "no detector for %u frames of %u rows and %u columns", frames,
                       rows, columns);
    }
    CLEANUP(cleanup_scanner) struct gate_scanner *s = mem_zalloc(sizeof *s);
    if (s == NULL) {
        return err_set(e, E_MEMORY, "a detector");
    }
    s->rows = rows;
    s->columns = columns;
    s->frames = frames;
    bool loop = frames >= GLYPH_STILL_FRAMES && (uint64_t)rows * columns <= GLYPH_STILL_PIXELS_MAX;
    if (!make_buffers(s) || (loop && !glyph_still_open(&s->still, columns, rows))) {
        return err_set(e, E_MEMORY, "a detector for %u × %u pixels", columns, rows);
    }
    int code = glyph_letters_open(&s->letters, columns, rows, BLOCK_MAX, e);
    if (code != E_OK) {
        return code;
    }
    *ret_scanner = steal(s);
    return E_OK;
}

void gate_scanner_free(struct gate_scanner *s) {
    if (s == NULL) {
        return;
    }
    mem_free(s->plane.px);
    mem_free(s->other.px);
    mem_free(s->code_tiles);
    glyph_still_done(&s->still);
    glyph_letters_done(&s->letters);
    glyph_finds_done(&s->finds);
    mem_free(s);
}

// --- one plane

struct place { // of the block's sample (0, 0) in the frame, and pixels a sample
    uint32_t x, y, step;
};

static void read_codes(struct gate_scanner *s, const struct place *at) {
    glyph_codes_find(&s->plane, s->code_tiles, &s->codes);
    for (uint32_t i = 0; i < s->codes.count; i++) {
        const struct glyph_code *c = &s->codes.list[i];
        struct glyph_find find = {.x0 = (int)(at->x + c->x0 * at->step),
                                  .y0 = (int)(at->y + c->y0 * at->step),
                                  .x1 = (int)(at->x + (c->x1 + 1) * at->step) - 1,
                                  .y1 = (int)(at->y + (c->y1 + 1) * at->step) - 1,
                                  .score = c->certain ? SCORE_CODE_CERTAIN : SCORE_CODE,
                                  .shape = GATE_SHAPE_CODE,
                                  .certain = c->certain};
        glyph_finds_add(&s->finds, &find);
    }
}

static void read_plane(struct gate_scanner *s, struct place at, bool codes, bool second) {
    if (second) { // as a negative it is another picture to the network
        s->other.width = s->plane.width;
        s->other.height = s->plane.height;
        s->other.stride = s->plane.stride;
        glyph_plane_invert(&s->plane, &s->other);
        uint16_t *px = s->plane.px;
        s->plane.px = s->other.px;
        s->other.px = px;
    }
    for (int scale = 0; scale < SCALES; scale++) {
        glyph_letters_look(&s->letters, &s->plane, at.x, at.y, at.step);
        if (codes) {
            read_codes(s, &at);
        }
        if (scale + 1 < SCALES) {
            struct glyph_plane half = {.px = s->other.px,
                                       .width = s->plane.width / 2,
                                       .height = s->plane.height / 2,
                                       .stride = stride_for(s->plane.width / 2)};
            if (half.width < SMALLEST || half.height < SMALLEST) {
                return;
            }
            glyph_plane_halve(&s->plane, &half);
            s->other.px = s->plane.px;
            s->plane = half;
            at.step *= 2;
        }
    }
}

// --- one frame

// Samples of one bit are as far apart as black and white: the network has a floor for contrast.
static void spread_bits(struct glyph_plane *p) {
    size_t count = (size_t)p->stride * p->height;
    for (size_t i = 0; i < count; i++) {
        if (p->px[i] > 1) {
            return;
        }
    }
    for (size_t i = 0; i < count; i++) {
        p->px[i] = (uint16_t)(p->px[i] * UINT8_MAX);
    }
}

static void read_block(struct gate_scanner *s, const struct glyph_source *source, uint32_t x,
                       uint32_t y, const struct gate_scan_options *options) {
    static const enum glyph_view views[] = {GLYPH_VIEW_LIGHT, GLYPH_VIEW_CHROMA,
                                            GLYPH_VIEW_PALETTE};
    uint32_t width = s->columns - x < BLOCK_MAX ? s->columns - x : BLOCK_MAX;
    uint32_t height = s->rows - y < BLOCK_MAX ? s->rows - y : BLOCK_MAX;
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        if (!glyph_source_has(source, views[i])) {
            continue;
        }
        s->plane.width = width;
        s->plane.height = height;
        s->plane.stride = stride_for(width);
        glyph_source_block(source, views[i], x, y, &s->plane);
        spread_bits(&s->plane);
        struct place at = {x, y, 1};
        read_plane(s, at, views[i] == GLYPH_VIEW_LIGHT, options->second);
    }
}

static void clear_finds(struct gate_scanner *s) {
    s->finds.count = 0;
    s->finds.full = false;
    s->finds.failed = false;
}

int gate_scan_frame(struct gate_scanner *s, const struct px_frame *f, uint32_t number,
                    const struct gate_scan_options *options, struct gate_boxes *out,
                    struct err *e) {
    struct glyph_source source = {0};
    if (f->rows != s->rows || f->columns != s->columns) {
        return err_set(e, E_MISMATCH, "a frame of %u × %u pixels, the detector is for %u × %u",
                       f->columns, f->rows, s->columns, s->rows);
    }
    int code = glyph_source_open(f, options->palette, &source, e);
    if (code != E_OK) {
        return code;
    }
    clear_finds(s);
    glyph_letters_clear(&s->letters);
    if (s->still.low != NULL) {
        glyph_still_add(&s->still, &source);
    }
    for (uint32_t y = 0; y == 0 || y + BLOCK_MAX - BLOCK_STEP < s->rows; y += BLOCK_STEP) {
        for (uint32_t x = 0; x == 0 || x + BLOCK_MAX - BLOCK_STEP < s->columns; x += BLOCK_STEP) {
            read_block(s, &source, x, y, options);
        }
    }
    if (s->finds.failed) {
        return err_set(e, E_MEMORY, "what was found in a frame");
    }
    glyph_finds_settle(&s->finds);
    glyph_letters_add(&s->letters, &s->finds, GATE_SHAPE_TEXT, options->second);
    if (s->finds.failed) {
        return err_set(e, E_MEMORY, "what was found in a frame");
    }
    return glyph_finds_give(&s->finds, s->columns, s->rows, number, out, e);
}

// --- the loop

// What stood still within a share of the range of all samples: codings that lose something let even
// graphics flicker.
#define STILL_PARTS 40u

static void read_still(struct gate_scanner *s, uint32_t tolerance) {
    for (uint32_t y = 0; y == 0 || y + BLOCK_MAX - BLOCK_STEP < s->rows; y += BLOCK_STEP) {
        for (uint32_t x = 0; x == 0 || x + BLOCK_MAX - BLOCK_STEP < s->columns; x += BLOCK_STEP) {
            s->plane.width = s->columns - x < BLOCK_MAX ? s->columns - x : BLOCK_MAX;
            s->plane.height = s->rows - y < BLOCK_MAX ? s->rows - y : BLOCK_MAX;
            s->plane.stride = stride_for(s->plane.width);
            struct place at = {x, y, 1};
            if (glyph_still_block(&s->still, tolerance, x, y, &s->plane)) {
                read_plane(s, at, false, false);
            }
        }
    }
}

// Whether the boxes from frame to frame have this place already, mostly.
static bool is_known(const struct gate_boxes *boxes, uint32_t count, const struct gate_box *box) {
    for (uint32_t i = 0; i < count; i++) {
        const struct gate_box *b = &boxes->list[i];
        if (b->frame != box->frame || b->sure > box->sure) {
            continue;
        }
        int x0 = b->x > box->x ? b->x : box->x;
        int y0 = b->y > box->y ? b->y : box->y;
        int x1 = b->x + b->width < box->x + box->width ? b->x + b->width : box->x + box->width;
        int y1 = b->y + b->height < box->y + box->height ? b->y + b->height : box->y + box->height;
        if (x1 > x0 && y1 > y0 &&
            10 * (int64_t)(x1 - x0) * (y1 - y0) >= 9 * (int64_t)box->width * box->height) {
            return true;
        }
    }
    return false;
}

int gate_scan_finish(struct gate_scanner *s, struct gate_boxes *out, struct err *e) {
    if (s->still.low == NULL || s->still.seen < GLYPH_STILL_FRAMES) {
        return E_OK;
    }
    uint32_t tolerance = glyph_still_range(&s->still) / STILL_PARTS;
    clear_finds(s);
    glyph_letters_clear(&s->letters);
    read_still(s, 0);
    if (tolerance > 0) {
        read_still(s, tolerance);
    }
    glyph_letters_add(&s->letters, &s->finds, GATE_SHAPE_STATIC, false);
    if (s->finds.failed) {
        return err_set(e, E_MEMORY, "what stands still in a loop");
    }
    glyph_finds_settle(&s->finds);
    struct gate_boxes still = {0};
    int code = glyph_finds_give(&s->finds, s->columns, s->rows, 0, &still, e);
    uint32_t known = out->count;
    for (uint32_t i = 0; i < still.count && code == E_OK; i++) {
        for (uint32_t frame = 0; frame < s->frames && code == E_OK; frame++) {
            struct gate_box box = still.list[i];
            box.frame = frame;
            if (box.sure != GATE_MAYBE && !is_known(out, known, &box)) {
                code = glyph_boxes_append(out, &box, e);
            }
        }
    }
    gate_boxes_done(&still);
    return code;
}
