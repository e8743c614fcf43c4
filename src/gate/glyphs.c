// SPDX-License-Identifier: Apache-2.0
// The detector's order of work: a frame is looked at in blocks, so that memory
// does not grow with it; a block in several views, scales and polarities; each
// of these at several thresholds.
#include "gate/glyphs.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "gate/glyphs_box.h"
#include "gate/glyphs_code.h"
#include "gate/glyphs_grow.h"
#include "gate/glyphs_line.h"
#include "gate/glyphs_part.h"
#include "gate/glyphs_plane.h"
#include "gate/glyphs_priv.h"
#include "gate/glyphs_static.h"
#include "gate/glyphs_stroke.h"
#include "gate/glyphs_weigh.h"

#define BLOCK_MAX 1216u // side of a block
#define BLOCK_STEP 1024u
#define SCALES 3
#define SHORTEST 3u
#define SHORTEST_SMALLER 8u // at the scales behind the first
#define TALLEST 44u
#define CUTS 3
#define SCORE_CODE_CERTAIN 20.0f
#define SCORE_CODE 3.0f
#define SCORE_GROWS 0.0F
#define SCORE_GROWS_FAR 3.0F
#define SCORE_LEAST (-3.0f) // may still be taken in by a neighbour

struct gate_scanner {
    uint32_t rows, columns, frames;
    struct glyph_plane plane, inverse;
    uint16_t *hat, *scratch, *lines;
    uint8_t *mask;
    struct glyph_tile *tiles;
    uint16_t *thresholds, *before, *noise;
    uint8_t *changed;
    struct glyph_labels *labels;
    struct glyph_liner *liner;
    struct glyph_code_tile *code_tiles;
    struct glyph_codes codes;
    struct glyph_still still;
    struct glyph_weigher *weigher;
    struct glyph_finds finds;
    glyph_watch watch; // glyphs_priv.h
    glyph_heard heard;
    void *watcher;
};

CLEANUP_DEFINE(scanner, struct gate_scanner, gate_scanner_free);

static uint32_t stride_for(uint32_t width) {
    return (width + GLYPH_LANES - 1) / GLYPH_LANES * GLYPH_LANES;
}

static bool make_buffers(struct gate_scanner *s) {
    uint32_t width = s->columns < BLOCK_MAX ? s->columns : BLOCK_MAX;
    uint32_t height = s->rows < BLOCK_MAX ? s->rows : BLOCK_MAX;
    size_t count = (size_t)stride_for(width) * height;
    size_t tiles =
        (size_t)((width + GLYPH_TILE - 1) / GLYPH_TILE) * ((height + GLYPH_TILE - 1) / GLYPH_TILE);
    size_t code_tiles = (size_t)((width + GLYPH_CODE_TILE - 1) / GLYPH_CODE_TILE) *
                        ((height + GLYPH_CODE_TILE - 1) / GLYPH_CODE_TILE);
    s->plane.px = mem_array(count, sizeof *s->plane.px);
    s->inverse.px = mem_array(count, sizeof *s->inverse.px);
    s->hat = mem_array(count, sizeof *s->hat);
    s->scratch = mem_array(count, sizeof *s->scratch);
    s->lines = mem_array((size_t)stride_for(width) * GLYPH_HAT_ROWS, sizeof *s->lines);
    s->mask = mem_array(count, 1);
    s->tiles = mem_array(tiles, sizeof *s->tiles);
    s->thresholds = mem_array(tiles, sizeof *s->thresholds);
    s->before = mem_array(tiles, sizeof *s->before);
    s->noise = mem_array(tiles, sizeof *s->noise);
    s->changed = mem_array(tiles, 1);
    s->code_tiles = mem_array(code_tiles, sizeof *s->code_tiles);
    s->labels = glyph_labels_new(width, height);
    s->liner = glyph_liner_new(width, height);
    return s->plane.px != NULL && s->inverse.px != NULL && s->hat != NULL && s->scratch != NULL &&
           s->lines != NULL && s->mask != NULL && s->tiles != NULL && s->thresholds != NULL &&
           s->before != NULL && s->changed != NULL && s->noise != NULL && s->code_tiles != NULL &&
           s->labels != NULL && s->liner != NULL;
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
    int code = glyph_weigher_new(&s->weigher, e);
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
    mem_free(s->inverse.px);
    mem_free(s->hat);
    mem_free(s->scratch);
    mem_free(s->lines);
    mem_free(s->mask);
    mem_free(s->tiles);
    mem_free(s->thresholds);
    mem_free(s->before);
    mem_free(s->changed);
    mem_free(s->noise);
    mem_free(s->code_tiles);
    glyph_still_done(&s->still);
    glyph_weigher_free(s->weigher);
    glyph_labels_free(s->labels);
    glyph_liner_free(s->liner);
    glyph_finds_done(&s->finds);
    mem_free(s);
}

// --- one plane

struct place { // of the block's sample (0, 0) in the frame, and pixels a sample
    uint32_t x, y, step;
    bool dark;
    uint8_t shape; // what the lines are
    uint8_t view;
};

struct giving {
    struct gate_scanner *s;
    const struct glyph_plane *plane;
    const uint16_t *hat; // NULL: exact levels
    const struct place *at;
};

static void give_line(const struct glyph_line *found, void *context) {
    const struct giving *g = context;
    struct glyph_line grown = *found;
    const struct glyph_line *line = &grown;
    if (g->s->watch == NULL && found->score >= SCORE_GROWS) {
        glyph_line_grow(&grown, g->plane, g->hat, found->score >= SCORE_GROWS_FAR ? 12 : 4);
    }
    const struct place *p = g->at;
    int step = (int)p->step;
    struct glyph_find find = {.x0 = (int)p->x + line->x0 * step,
                              .y0 = (int)p->y + line->y0 * step,
                              .x1 = (int)p->x + (line->x1 + 1) * step - 1,
                              .y1 = (int)p->y + (line->y1 + 1) * step - 1,
                              .score = line->score,
                              .shape = p->shape,
                              .view = p->view,
                              .vertical = line->vertical,
                              .hanging = line->hanging,
                              .dark = p->dark,
                              .exact = line->exact,
                              .letter = (uint16_t)(line->letter * step),
                              .glyphs = line->glyphs};
    if (g->s->watch != NULL) {
        g->s->watch(&find, line->f, g->s->watcher);
    }
    if (find.score > SCORE_LEAST) {
        glyph_finds_add(&g->s->finds, &find);
    }
}

void gate_scanner_watch(struct gate_scanner *s, glyph_watch watch, glyph_heard heard,
                        void *context) {
    s->watch = watch;
    s->heard = heard;
    s->watcher = context;
}

static void read_lines(struct gate_scanner *s, struct glyph_parts parts, const struct place *at,
                       const struct glyph_plane *plane, const uint16_t *hat, uint16_t cut,
                       bool second) {
    struct giving giving = {s, plane, hat, at};
    struct glyph_line_options o = {.exact = hat == NULL,
                                   .second = second,
                                   .step = (uint16_t)at->step,
                                   .cut = cut,
                                   .shortest = at->step == 1 ? SHORTEST : SHORTEST_SMALLER,
                                   .tallest = TALLEST,
                                   .noise = s->noise,
                                   .tiles_across = (s->plane.width + GLYPH_TILE - 1) / GLYPH_TILE};
    glyph_lines_find(s->liner, parts, &o, give_line, &giving);
    o.vertical = true;
    glyph_lines_find(s->liner, parts, &o, give_line, &giving);
}

// First the noise alone, then what is half as bright as the brightest of its
// surroundings, and a step between them.
static const struct glyph_cut cuts[CUTS] = {{12, 0, 1}, {12, 64, 1}, {12, 140, 1}};
static const struct glyph_cut second_cuts[CUTS] = {{15, 0, 1}, {15, 40, 1}, {10, 100, 1}};

static void read_strokes(struct gate_scanner *s, const struct glyph_plane *plane,
                         const struct place *at, bool second) {
    uint32_t across = (plane->width + GLYPH_TILE - 1) / GLYPH_TILE;
    uint32_t down = (plane->height + GLYPH_TILE - 1) / GLYPH_TILE;
    uint32_t tiles = across * down;
    glyph_stroke_hat(plane, s->hat, s->scratch, s->lines);
    glyph_stroke_tiles(plane, s->hat, s->tiles);
    memset(s->before, 0, tiles * sizeof *s->before);
    for (uint32_t i = 0; i < tiles; i++) {
        uint32_t noise = (uint32_t)s->tiles[i].middle * 3;
        s->noise[i] = (uint16_t)(noise > UINT16_MAX ? UINT16_MAX : noise);
    }
    for (int k = 0; k < CUTS; k++) {
        const struct glyph_cut *cut = second ? &second_cuts[k] : &cuts[k];
        if (glyph_stroke_thresholds(s->tiles, across, down, cut, s->changed, s->before,
                                    s->thresholds) == 0) {
            continue; // the same mask again
        }
        glyph_stroke_mask(plane, s->hat, s->thresholds, s->mask);
        read_lines(s, glyph_parts_of_mask(s->labels, plane, s->hat, s->mask), at, plane, s->hat,
                   (uint16_t)k, second);
    }
}

static void read_levels(struct gate_scanner *s, const struct place *at, bool second) {
    glyph_level_mask(&s->plane, s->mask);
    uint32_t tiles = (s->plane.width + GLYPH_TILE - 1) / GLYPH_TILE *
                     ((s->plane.height + GLYPH_TILE - 1) / GLYPH_TILE);
    memset(s->noise, 0, tiles * sizeof *s->noise);
    read_lines(s, glyph_parts_of_levels(s->labels, &s->plane, s->mask), at, &s->plane, NULL, 0,
               second);
}

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
    read_levels(s, &at, second);
    for (int scale = 0; scale < SCALES; scale++) {
        if (codes) {
            read_codes(s, &at);
        }
        at.dark = false;
        read_strokes(s, &s->plane, &at, second);
        s->inverse.width = s->plane.width;
        s->inverse.height = s->plane.height;
        s->inverse.stride = s->plane.stride;
        glyph_plane_invert(&s->plane, &s->inverse);
        at.dark = true;
        read_strokes(s, &s->inverse, &at, second);
        if (scale + 1 < SCALES) {
            struct glyph_plane half = {.px = s->inverse.px,
                                       .width = s->plane.width / 2,
                                       .height = s->plane.height / 2,
                                       .stride = stride_for(s->plane.width / 2)};
            if (half.width < SHORTEST_SMALLER || half.height < SHORTEST_SMALLER) {
                return;
            }
            glyph_plane_halve(&s->plane, &half);
            s->inverse.px = s->plane.px;
            s->plane = half;
            at.step *= 2;
        }
    }
}

// --- one frame

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
        struct place at = {x, y, 1, false, GATE_SHAPE_TEXT, (uint8_t)views[i]};
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
    glyph_weigh(s->weigher, &source, &s->finds, s->heard, s->watcher);
    return glyph_finds_give(&s->finds, s->columns, s->rows, number, out, e);
}

// --- the loop

// What stood still within a share of the range of all samples: codings that
// lose something let even graphics flicker.
#define STILL_PARTS 40u

static void read_still(struct gate_scanner *s, uint32_t tolerance) {
    for (uint32_t y = 0; y == 0 || y + BLOCK_MAX - BLOCK_STEP < s->rows; y += BLOCK_STEP) {
        for (uint32_t x = 0; x == 0 || x + BLOCK_MAX - BLOCK_STEP < s->columns; x += BLOCK_STEP) {
            s->plane.width = s->columns - x < BLOCK_MAX ? s->columns - x : BLOCK_MAX;
            s->plane.height = s->rows - y < BLOCK_MAX ? s->rows - y : BLOCK_MAX;
            s->plane.stride = stride_for(s->plane.width);
            struct place at = {x, y, 1, false, GATE_SHAPE_STATIC, GLYPH_VIEW_LIGHT};
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
    read_still(s, 0);
    if (tolerance > 0) {
        read_still(s, tolerance);
    }
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
            if (box.sure == GATE_SURE && !is_known(out, known, &box)) {
                code = glyph_boxes_append(out, &box, e);
            }
        }
    }
    gate_boxes_done(&still);
    return code;
}
