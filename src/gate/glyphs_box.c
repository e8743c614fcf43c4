// SPDX-License-Identifier: Apache-2.0
#include "gate/glyphs_box.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#define SCORE_SURE 4.0F
#define SCORE_LIKELY 2.0F
#define SCORE_MAYBE (-0.3F)
#define GLYPHS_SURE 3u
#define SCORE_STATIC 3.5F // of what stands still and was not weighed
#define FLIPPED_LETTERS 6u

void glyph_finds_add(struct glyph_finds *f, const struct glyph_find *find) {
    if (f->count == GLYPH_FINDS_MAX) {
        f->full = true;
        return;
    }
    if (f->count == f->cap) {
        uint32_t cap = f->cap == 0 ? 256 : f->cap * 2;
        struct glyph_find *list = mem_realloc(f->list, cap * sizeof *list);
        if (list == NULL) {
            f->failed = true;
            return;
        }
        f->list = list;
        f->cap = cap;
    }
    f->list[f->count++] = *find;
}

void glyph_finds_done(struct glyph_finds *f) {
    mem_free(f->list);
    *f = (struct glyph_finds){0};
}

static int least(int a, int b) { return a < b ? a : b; }
static int most(int a, int b) { return a > b ? a : b; }

static int64_t area(const struct glyph_find *f) {
    return (int64_t)(f->x1 - f->x0 + 1) * (f->y1 - f->y0 + 1);
}

static int64_t common(const struct glyph_find *a, const struct glyph_find *b) {
    int w = least(a->x1, b->x1) - most(a->x0, b->x0) + 1;
    int h = least(a->y1, b->y1) - most(a->y0, b->y0) + 1;
    return w > 0 && h > 0 ? (int64_t)w * h : 0;
}

static int by_score(const void *a, const void *b) {
    const struct glyph_find *p = a;
    const struct glyph_find *q = b;
    if (p->score != q->score) {
        return p->score > q->score ? -1 : 1;
    }
    if (p->y0 != q->y0) {
        return p->y0 < q->y0 ? -1 : 1;
    }
    return p->x0 != q->x0 ? (p->x0 < q->x0 ? -1 : 1) : 0;
}

static void take_in(struct glyph_find *into, const struct glyph_find *f) {
    into->x0 = least(into->x0, f->x0);
    into->y0 = least(into->y0, f->y0);
    into->x1 = most(into->x1, f->x1);
    into->y1 = most(into->y1, f->y1);
    into->exact |= f->exact;
    into->certain |= f->certain;
}

// The stronger find takes the weaker in when most of it lies inside, or when
// both lie on one line with no more than a space between them. Anything else
// that overlaps stays: the crossing of lines.
static bool same_line(const struct glyph_find *a, const struct glyph_find *b) {
    if (a->vertical != b->vertical || a->shape != b->shape) {
        return false;
    }
    int ah = a->vertical ? a->x1 - a->x0 + 1 : a->y1 - a->y0 + 1;
    int bh = b->vertical ? b->x1 - b->x0 + 1 : b->y1 - b->y0 + 1;
    int across = a->vertical ? least(a->x1, b->x1) - most(a->x0, b->x0) + 1
                             : least(a->y1, b->y1) - most(a->y0, b->y0) + 1;
    int gap = a->vertical ? most(a->y0, b->y0) - least(a->y1, b->y1) - 1
                          : most(a->x0, b->x0) - least(a->x1, b->x1) - 1;
    int small = least(ah, bh);
    return 3 * across >= 2 * small && most(ah, bh) <= 2 * small &&
           gap <= 3 * most(a->letter, b->letter);
}

// A weak find beside a strong one of its kind: the line's end over other
// ground.
static bool goes_on(const struct glyph_find *strong, const struct glyph_find *weak) {
    return strong->score >= SCORE_LIKELY && strong->dark == weak->dark &&
           3 * weak->letter >= 2 * strong->letter && 2 * weak->letter <= 3 * strong->letter;
}

static bool inside(const struct glyph_find *big, const struct glyph_find *f) {
    return 10 * common(big, f) >= 6 * area(f);
}

void glyph_finds_settle(struct glyph_finds *f) {
    if (f->count == 0) {
        return;
    }
    bool changed = true;
    for (int round = 0; round < 4 && changed; round++) {
        uint32_t kept = 0;
        changed = false;
        qsort(f->list, f->count, sizeof *f->list, by_score);
        for (uint32_t i = 0; i < f->count; i++) {
            struct glyph_find find = f->list[i];
            bool gone = false;
            for (uint32_t k = 0; k < kept && !gone; k++) {
                struct glyph_find *big = &f->list[k];
                if (inside(big, &find)) {
                    gone = true;
                    if (find.shape == big->shape) {
                        take_in(big, &find);
                    }
                } else if (inside(&find, big) && find.score > SCORE_MAYBE &&
                           find.shape == big->shape && find.vertical == big->vertical) {
                    take_in(big, &find);
                    gone = true;
                } else if (same_line(big, &find) &&
                           (find.score > SCORE_MAYBE || goes_on(big, &find))) {
                    take_in(big, &find);
                    gone = true;
                }
            }
            if (!gone) {
                f->list[kept++] = find;
            }
            changed |= gone;
        }
        f->count = kept;
    }
}

static uint8_t sureness(const struct glyph_find *f) {
    if (f->certain || (f->score >= SCORE_SURE && f->glyphs >= GLYPHS_SURE)) {
        return GATE_SURE;
    }
    return f->score >= SCORE_LIKELY ? GATE_LIKELY : GATE_MAYBE;
}

static uint8_t turn_of(const struct glyph_find *f) {
    if (f->shape != GATE_SHAPE_TEXT) {
        return 255;
    }
    if (f->vertical) {
        return f->hanging ? 3 : 1;
    }
    return f->hanging && f->glyphs >= FLIPPED_LETTERS ? 2 : 0;
}

static struct gate_box box_of(const struct glyph_find *f, int columns, int rows, uint32_t frame) {
    int pad = most(2, f->letter / 4);
    int x0 = most(0, f->x0 - pad);
    int y0 = most(0, f->y0 - pad);
    int x1 = least(columns - 1, f->x1 + pad);
    int y1 = least(rows - 1, f->y1 + pad);
    return (struct gate_box){.x = (uint16_t)x0,
                             .y = (uint16_t)y0,
                             .width = (uint16_t)(x1 - x0 + 1),
                             .height = (uint16_t)(y1 - y0 + 1),
                             .frame = frame,
                             .shape = f->shape,
                             .sure = sureness(f),
                             .turn = turn_of(f),
                             .dark = f->dark,
                             .glyphs = (uint8_t)least(f->glyphs, 255),
                             .letter = f->letter,
                             .crop = UINT32_MAX};
}

int glyph_boxes_append(struct gate_boxes *out, const struct gate_box *box, struct err *e) {
    if (out->count == out->cap) {
        uint32_t cap = out->cap == 0 ? 32 : out->cap * 2;
        struct gate_box *list =
            cap > UINT32_MAX / 2 ? NULL : mem_realloc(out->list, cap * sizeof *list);
        if (list == NULL) {
            return err_set(e, E_MEMORY, "%u boxes", cap);
        }
        out->list = list;
        out->cap = cap;
    }
    out->list[out->count++] = *box;
    return E_OK;
}

void gate_boxes_done(struct gate_boxes *b) {
    mem_free(b->list);
    *b = (struct gate_boxes){0};
}

static int give_whole(uint32_t columns, uint32_t rows, uint32_t frame, struct gate_boxes *out,
                      struct err *e) {
    struct gate_box whole = {.width = (uint16_t)columns,
                             .height = (uint16_t)rows,
                             .frame = frame,
                             .shape = GATE_SHAPE_TEXT,
                             .sure = GATE_MAYBE,
                             .turn = 255,
                             .glyphs = 255,
                             .crop = UINT32_MAX};
    return glyph_boxes_append(out, &whole, e);
}

static bool is_worth(const struct glyph_find *f) {
    float least_score = f->shape == GATE_SHAPE_STATIC ? SCORE_STATIC : SCORE_MAYBE;
    return f->certain || f->score >= least_score;
}

int glyph_finds_give(const struct glyph_finds *f, uint32_t columns, uint32_t rows, uint32_t frame,
                     struct gate_boxes *out, struct err *e) {
    uint32_t worth = 0;
    int code = E_OK;
    for (uint32_t i = 0; i < f->count; i++) {
        worth += is_worth(&f->list[i]);
    }
    if (worth > GATE_BOXES_MAX || f->full) {
        return give_whole(columns, rows, frame, out, e);
    }
    for (uint32_t i = 0; i < f->count && code == E_OK; i++) {
        if (is_worth(&f->list[i])) {
            struct gate_box box = box_of(&f->list[i], (int)columns, (int)rows, frame);
            code = glyph_boxes_append(out, &box, e);
        }
    }
    return code;
}
