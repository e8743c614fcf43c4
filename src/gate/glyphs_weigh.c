// SPDX-License-Identifier: Apache-2.0
#include "gate/glyphs_weigh.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "gate/glyphs_plane.h"
#include "gate/lettering.h"

#define SIDE 256u      // samples of a look; of longer lines, the middle
#define AROUND 24      // samples of surroundings at each side
#define LETTER_MOST 20 // samples of a letter's height; larger ones are looked at in a halved plane
#define STEP_MOST 4u   // pixels a sample
#define CELL ((uint32_t)LETTERING_CELL)
#define EVEN 128.0F      // even odds in a cell
#define UNIT 16.0F       // of the logarithm
#define PLAIN 8.0F       // from that score on nobody is asked
#define HOPELESS (-3.0F) // below it neither

// Fitted by logistic regression to finds in planted and clean pictures, then moved and scaled so
// that the limits of glyphs_box.c keep their meaning.
#define WEIGHT_SCORE 0.47F
#define WEIGHT_MEAN 0.31F
#define WEIGHT_PEAK 0.25F
#define OFFSET (-0.03F)
#define OPINION_MOST 8.0F

struct glyph_weigher {
    struct lettering *network;
    struct glyph_plane planes[3]; // a look in full, halved, halved again
    uint8_t cells[(SIDE / CELL) * (SIDE / CELL)];
};

CLEANUP_DEFINE(weigher, struct glyph_weigher, glyph_weigher_free);

int glyph_weigher_new(struct glyph_weigher **ret_weigher, struct err *e) {
    CLEANUP(cleanup_weigher) struct glyph_weigher *w = mem_zalloc(sizeof *w);
    if (w == NULL) {
        return err_set(e, E_MEMORY, "a second opinion on writing");
    }
    for (unsigned i = 0; i < 3; i++) {
        size_t side = SIDE * STEP_MOST >> i;
        w->planes[i].px = mem_array(side * side, sizeof *w->planes[i].px);
        if (w->planes[i].px == NULL) {
            return err_set(e, E_MEMORY, "a second opinion on writing");
        }
    }
    int code = lettering_new(SIDE, SIDE, &w->network, e);
    if (code == E_OK) {
        *ret_weigher = steal(w);
    }
    return code;
}

void glyph_weigher_free(struct glyph_weigher *w) {
    if (w == NULL) {
        return;
    }
    for (unsigned i = 0; i < 3; i++) {
        mem_free(w->planes[i].px);
    }
    lettering_free(w->network);
    mem_free(w);
}

struct range { // of pixels along one axis
    uint32_t from, count;
};

// Around [low, high], in whole samples of `step` pixels, no more than a look holds.
static struct range look_along(int low, int high, uint32_t step, uint32_t pixels) {
    int around = AROUND * (int)step;
    int most = (int)(SIDE * step);
    int from = low - around;
    int to = high + around + 1;
    if (to - from > most) {
        from = (from + to) / 2 - most / 2;
        to = from + most;
    }
    from = from < 0 ? 0 : from;
    to = to > (int)pixels ? (int)pixels : to;
    return (struct range){(uint32_t)from, (uint32_t)(to - from)};
}

static void set_size(struct glyph_plane *p, uint32_t width, uint32_t height) {
    p->width = width;
    p->height = height;
    p->stride = (width + GLYPH_LANES - 1) / GLYPH_LANES * GLYPH_LANES;
}

// Cells of [low, high] in a look that begins at pixel `from`, inclusive.
static void cells_of(int low, int high, uint32_t from, uint32_t step, uint32_t cells,
                     uint32_t *ret_low, uint32_t *ret_high) {
    uint32_t a = low > (int)from ? ((uint32_t)low - from) / step / CELL : 0;
    uint32_t b = high > (int)from ? ((uint32_t)high - from) / step / CELL : 0;
    *ret_low = a < cells ? a : cells - 1;
    *ret_high = b < cells ? b : cells - 1;
}

static bool ask(struct glyph_weigher *w, const struct glyph_source *source,
                const struct glyph_find *f, struct glyph_opinion *ret_opinion) {
    unsigned halved = f->letter <= LETTER_MOST ? 0 : f->letter <= 2 * LETTER_MOST ? 1 : 2;
    uint32_t step = 1u << halved;
    struct range x = look_along(f->x0, f->x1, step, source->frame->columns);
    struct range y = look_along(f->y0, f->y1, step, source->frame->rows);
    if (x.count / step < CELL || y.count / step < CELL) {
        return false;
    }
    set_size(&w->planes[0], x.count, y.count);
    glyph_source_block(source, (enum glyph_view)f->view, x.from, y.from, &w->planes[0]);
    for (unsigned i = 1; i <= halved; i++) {
        set_size(&w->planes[i], w->planes[i - 1].width / 2, w->planes[i - 1].height / 2);
        glyph_plane_halve(&w->planes[i - 1], &w->planes[i]);
    }
    const struct glyph_plane *p = &w->planes[halved];
    uint32_t across = lettering_cells(p->width);
    uint32_t x0, x1, y0, y1;
    lettering_run(w->network, p->px, p->width, p->height, p->stride, w->cells);
    cells_of(f->x0, f->x1, x.from, step, across, &x0, &x1);
    cells_of(f->y0, f->y1, y.from, step, lettering_cells(p->height), &y0, &y1);
    float sum = 0;
    float peak = 0;
    for (uint32_t v = y0; v <= y1; v++) {
        for (uint32_t u = x0; u <= x1; u++) {
            float value = w->cells[(size_t)v * across + u];
            sum += value;
            peak = value > peak ? value : peak;
        }
    }
    float count = (float)(x1 - x0 + 1) * (float)(y1 - y0 + 1);
    *ret_opinion = (struct glyph_opinion){(sum / count - EVEN) / UNIT, (peak - EVEN) / UNIT};
    return true;
}

static float limited(float v) {
    return v < -OPINION_MOST ? -OPINION_MOST : v > OPINION_MOST ? OPINION_MOST : v;
}

void glyph_weigh(struct glyph_weigher *w, const struct glyph_source *source,
                 struct glyph_finds *finds, glyph_heard heard, void *context) {
    for (uint32_t i = 0; i < finds->count; i++) {
        struct glyph_find *f = &finds->list[i];
        struct glyph_opinion o;
        if (f->shape != GATE_SHAPE_TEXT || f->certain || f->score >= PLAIN || f->score < HOPELESS ||
            !ask(w, source, f, &o)) {
            continue;
        }
        if (heard != NULL) {
            heard(f, o, context);
        }
        f->score = WEIGHT_SCORE * f->score + WEIGHT_MEAN * limited(o.mean) +
                   WEIGHT_PEAK * limited(o.peak) + OFFSET;
    }
}
