// SPDX-License-Identifier: Apache-2.0
#include "gate/glyphs_line.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "gate/glyphs_trees.h"

#define GLYPHS_MAX 12000u
#define SIDE_MAX 4096u // of a block
#define BUCKET 32u
#define BUCKETS (SIDE_MAX / BUCKET)
#define CHAIN_MAX 512u
#define NONE UINT32_MAX

// Along (u) and across (v) the line that is looked for.
struct glyph {
    int u0, u1, v0, v1;
    float height, stroke, contrast, sharp, flat, holes, fill, crisp, wide, cross;
    float letters; // how many it is worth: touching letters are one part
    uint32_t area;
    uint16_t level;
    uint32_t next, before; // nearest fitting neighbours
    uint32_t chain;        // next of the same bucket
    float gap;
};

struct glyph_liner {
    struct glyph *glyphs;
    uint32_t *order;
    uint32_t *starts;  // SIDE_MAX + 1
    uint32_t *buckets; // first of each
    uint32_t count;
    uint32_t most;
    int reach; // between the starts of neighbours at most
};

struct glyph_liner *glyph_liner_new(uint32_t width_max, uint32_t height_max) {
    struct glyph_liner *l = mem_zalloc(sizeof *l);
    if (l == NULL) {
        return NULL;
    }
    uint64_t samples = (uint64_t)width_max * height_max;
    l->most = samples < GLYPHS_MAX ? (uint32_t)samples : GLYPHS_MAX;
    l->glyphs = mem_array(l->most, sizeof *l->glyphs);
    l->order = mem_array(l->most, sizeof *l->order);
    l->starts = mem_array(SIDE_MAX + 1, sizeof *l->starts);
    l->buckets = mem_array(BUCKETS, sizeof *l->buckets);
    if (l->glyphs == NULL || l->order == NULL || l->starts == NULL || l->buckets == NULL) {
        glyph_liner_free(l);
        return NULL;
    }
    return l;
}

void glyph_liner_free(struct glyph_liner *l) {
    if (l != NULL) {
        mem_free(l->glyphs);
        mem_free(l->order);
        mem_free(l->starts);
        mem_free(l->buckets);
        mem_free(l);
    }
}

// --- glyphs

// Width of the strokes: twice the area over the outline.
static float stroke_of(const struct glyph_part *p) {
    float outline = 2.0f * (float)p->runs + 2.0f * (float)p->area - 2.0f * (float)p->shared;
    return outline > 0 ? 2.0f * (float)p->area / outline : 0;
}

static bool read_glyph(const struct glyph_part *p, const struct glyph_line_options *o,
                       struct glyph *g) {
    int width = p->x1 - p->x0 + 1;
    int height = p->y1 - p->y0 + 1;
    int along = o->vertical ? height : width;
    int across = o->vertical ? width : height;
    if (across < o->shortest || across > o->tallest || along > across * 40) {
        return false;
    }
    float fill = (float)p->area / (float)(width * height);
    float stroke = stroke_of(p);
    float holes = 1.0f - (float)p->runs + (float)p->links;
    // Runs in a row tell letters that touch from a bar.
    float crossings = (float)p->runs / (float)height;
    float letters = 1;
    if (along > 2 * across) {
        if (!o->vertical && crossings < 0.4f * (float)along / (float)across) {
            return false;
        }
        letters = (float)along / (0.7f * (float)across);
    }
    if (fill < 0.08f || (fill > 0.92f && along > across) || stroke > 0.5f * (float)across + 0.6f ||
        holes > 1 + 2 * letters) {
        return false;
    }
    float contrast = p->contrast / (float)p->area;
    float step = p->steps / (2.0f * (float)p->runs);
    if (o->exact) {
        contrast = step;
        if (step < 1.5f) {
            return false;
        }
    }
    float mean = p->peaks / (float)p->runs;
    float variance = p->squares / (float)p->runs - mean * mean;
    *g = (struct glyph){.u0 = o->vertical ? p->y0 : p->x0,
                        .u1 = o->vertical ? p->y1 : p->x1,
                        .v0 = o->vertical ? p->x0 : p->y0,
                        .v1 = o->vertical ? p->x1 : p->y1,
                        .height = (float)across,
                        .stroke = stroke,
                        .contrast = contrast,
                        .sharp = contrast > 0 ? step / contrast : 0,
                        .flat = contrast > 0 && variance > 0 ? sqrtf(variance) / contrast : 0,
                        .holes = holes,
                        .crisp = p->spans > 0 ? p->rises / p->spans : 0,
                        .wide = (float)along / (float)across / letters,
                        .cross = crossings / letters,
                        .fill = fill,
                        .letters = letters,
                        .area = p->area,
                        .level = p->level,
                        .next = NONE,
                        .before = NONE,
                        .chain = NONE};
    return true;
}

static void collect(struct glyph_liner *l, struct glyph_parts parts,
                    const struct glyph_line_options *o) {
    l->count = 0;
    l->reach = 0;
    for (uint32_t i = 0; i < parts.count && l->count < l->most; i++) {
        struct glyph *g = &l->glyphs[l->count];
        if (read_glyph(&parts.list[i], o, g)) {
            int reach = g->u1 - g->u0 + 2 * (int)g->height;
            l->reach = reach > l->reach ? reach : l->reach;
            l->count++;
        }
    }
    l->reach += 2 * o->tallest;
}

// l->order: by u0.
static void sort(struct glyph_liner *l) {
    memset(l->starts, 0, sizeof *l->starts * (SIDE_MAX + 1));
    for (uint32_t i = 0; i < l->count; i++) {
        l->starts[l->glyphs[i].u0 + 1]++;
    }
    for (uint32_t i = 0; i < SIDE_MAX; i++) {
        l->starts[i + 1] += l->starts[i];
    }
    for (uint32_t i = 0; i < l->count; i++) {
        l->order[l->starts[l->glyphs[i].u0]++] = i;
    }
}

// --- neighbours

static float over(float a, float b) { return a > b ? a / b : b / a; }

static bool fits(const struct glyph *a, const struct glyph *b, const struct glyph_line_options *o) {
    int low = a->v0 > b->v0 ? a->v0 : b->v0;
    int high = a->v1 < b->v1 ? a->v1 : b->v1;
    float small = a->height < b->height ? a->height : b->height;
    if ((float)(high - low + 1) < 0.5f * small || over(a->height, b->height) > 2.3f) {
        return false;
    }
    if (o->exact) {
        return a->level == b->level && over(a->stroke, b->stroke) < 2.2f;
    }
    return over(a->stroke, b->stroke) < 2.2f && over(a->contrast, b->contrast) < 2.5f;
}

// The nearest fitting glyph behind b's start among those of one bucket, newest
// first.
static void link_from(struct glyph_liner *l, uint32_t self, uint32_t bucket,
                      const struct glyph_line_options *o) {
    struct glyph *b = &l->glyphs[self];
    float reach = o->second ? 1.8f : 1.5f;
    for (uint32_t i = l->buckets[bucket]; i != NONE; i = l->glyphs[i].chain) {
        struct glyph *a = &l->glyphs[i];
        float tall = a->height > b->height ? a->height : b->height;
        float gap = (float)(b->u0 - a->u1 - 1);
        if (b->u0 - a->u0 > l->reach) {
            break; // the bucket is in order
        }
        if (gap > reach * tall + 1 || gap < -0.35f * tall || b->u1 <= a->u1 || !fits(a, b, o)) {
            continue;
        }
        if (b->before == NONE || gap < b->gap) {
            b->before = i;
            b->gap = gap;
        }
    }
}

static void link_all(struct glyph_liner *l, const struct glyph_line_options *o) {
    for (uint32_t i = 0; i < BUCKETS; i++) {
        l->buckets[i] = NONE;
    }
    for (uint32_t k = 0; k < l->count; k++) {
        uint32_t self = l->order[k];
        struct glyph *g = &l->glyphs[self];
        int centre = (g->v0 + g->v1) / 2;
        int first = (centre - (int)g->height * 2 / 3) / (int)BUCKET;
        int last = (centre + (int)g->height * 2 / 3) / (int)BUCKET;
        for (int b = first < 0 ? 0 : first; b <= last && b < (int)BUCKETS; b++) {
            link_from(l, self, (uint32_t)b, o);
        }
        uint32_t bucket = (uint32_t)centre / BUCKET;
        g->chain = l->buckets[bucket];
        l->buckets[bucket] = self;
    }
    // A glyph is followed by the nearest of those that chose it.
    for (uint32_t i = 0; i < l->count; i++) {
        uint32_t before = l->glyphs[i].before;
        if (before != NONE) {
            uint32_t *next = &l->glyphs[before].next;
            if (*next == NONE || l->glyphs[i].gap < l->glyphs[*next].gap) {
                *next = i;
            }
        }
    }
    for (uint32_t i = 0; i < l->count; i++) {
        uint32_t before = l->glyphs[i].before;
        if (before != NONE && l->glyphs[before].next != i) {
            l->glyphs[i].before = NONE;
        }
    }
}

// --- lines

struct chain {
    const struct glyph *of[CHAIN_MAX];
    uint32_t count;
    float letters;
};

static void follow(const struct glyph_liner *l, uint32_t first, struct chain *c) {
    c->count = 0;
    c->letters = 0;
    for (uint32_t i = first; i != NONE && c->count < CHAIN_MAX; i = l->glyphs[i].next) {
        c->of[c->count++] = &l->glyphs[i];
        c->letters += l->glyphs[i].letters;
    }
}

struct spread {
    float mean, deviation;
};

// Weighted by what each glyph is worth.
static struct spread spread_of(const struct chain *c, float (*get)(const struct glyph *g)) {
    float sum = 0;
    float squares = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        float v = get(c->of[i]);
        sum += v * c->of[i]->letters;
        squares += v * v * c->of[i]->letters;
    }
    float mean = sum / c->letters;
    float variance = squares / c->letters - mean * mean;
    return (struct spread){mean, variance > 0 ? sqrtf(variance) : 0};
}

static float get_height(const struct glyph *g) { return g->height; }
static float get_sharp(const struct glyph *g) { return g->sharp < 2 ? g->sharp : 2; }
static float get_flat(const struct glyph *g) { return g->flat < 3 ? g->flat : 3; }
static float get_contrast(const struct glyph *g) { return g->contrast; }
static float get_stroke(const struct glyph *g) { return g->stroke; }
static float get_fill(const struct glyph *g) { return g->fill; }
static float get_holes(const struct glyph *g) { return g->holes / g->letters; }

static float get_crisp(const struct glyph *g) { return g->crisp; }
static float get_wide(const struct glyph *g) { return g->wide; }
static float get_cross(const struct glyph *g) { return g->cross; }

static float slope_of(const struct chain *c) {
    float su = 0, sv = 0, suu = 0, suv = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        float u = (float)(c->of[i]->u0 + c->of[i]->u1) / 2;
        float v = (float)(c->of[i]->v0 + c->of[i]->v1) / 2;
        su += u;
        sv += v;
        suu += u * u;
        suv += u * v;
    }
    float n = (float)c->count;
    float spread = suu - su * su / n;
    return spread > 0 && c->count > 2 ? (suv - su * sv / n) / spread : 0;
}

// Share of glyphs whose near or far side lies within a tenth of the height of
// the most common place.
static float share_aligned(const struct chain *c, float slope, float height, bool far) {
    float tolerance = 0.08f * height + 0.6f;
    float best = 0;
    for (uint32_t i = 0; i < c->count && i < 64; i++) {
        const struct glyph *a = c->of[i];
        float place = (float)(far ? a->v1 : a->v0) - slope * (float)(a->u0 + a->u1) / 2;
        float sum = 0;
        for (uint32_t k = 0; k < c->count; k++) {
            const struct glyph *b = c->of[k];
            float other = (float)(far ? b->v1 : b->v0) - slope * (float)(b->u0 + b->u1) / 2;
            sum += fabsf(other - place) <= tolerance ? b->letters : 0;
        }
        best = sum > best ? sum : best;
    }
    return best / c->letters;
}

static struct spread gap_spread(const struct chain *c, float height) {
    float sum = 0;
    float squares = 0;
    for (uint32_t i = 0; i + 1 < c->count; i++) {
        float gap = (float)(c->of[i + 1]->u0 - c->of[i]->u1 - 1) / height;
        sum += gap;
        squares += gap * gap;
    }
    float n = (float)(c->count > 1 ? c->count - 1 : 1);
    float variance = squares / n - sum * sum / n / n;
    return (struct spread){sum / n, variance > 0 ? sqrtf(variance) : 0};
}

// Area of parts that are no glyphs of the line but lie in or just beside it.
static float crowd_of(struct glyph_parts parts, const struct glyph_line *line,
                      const struct glyph_line_options *o, float height) {
    int margin = (int)(0.45f * height) + 1;
    int x0 = line->x0 - (o->vertical ? margin : 0);
    int x1 = line->x1 + (o->vertical ? margin : 0);
    int y0 = line->y0 - (o->vertical ? 0 : margin);
    int y1 = line->y1 + (o->vertical ? 0 : margin);
    uint32_t low = 0;
    uint32_t high = parts.count;
    int top = y0 - 2 * (int)height - 8; // parts that begin higher have their middle elsewhere
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (parts.list[middle].y0 < top) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    float area = 0;
    for (uint32_t i = low; i < parts.count && parts.list[i].y0 <= y1; i++) {
        const struct glyph_part *p = &parts.list[i];
        int x = (p->x0 + p->x1) / 2;
        int y = (p->y0 + p->y1) / 2;
        if (x >= x0 && x <= x1 && y >= y0 && y <= y1) {
            area += (float)p->area;
        }
    }
    return area;
}

static void bound(const struct chain *c, const struct glyph_line_options *o,
                  struct glyph_line *line) {
    int u0 = c->of[0]->u0, u1 = 0, v0 = c->of[0]->v0, v1 = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        const struct glyph *g = c->of[i];
        u0 = g->u0 < u0 ? g->u0 : u0;
        u1 = g->u1 > u1 ? g->u1 : u1;
        v0 = g->v0 < v0 ? g->v0 : v0;
        v1 = g->v1 > v1 ? g->v1 : v1;
    }
    line->x0 = (uint16_t)(o->vertical ? v0 : u0);
    line->x1 = (uint16_t)(o->vertical ? v1 : u1);
    line->y0 = (uint16_t)(o->vertical ? u0 : v0);
    line->y1 = (uint16_t)(o->vertical ? u1 : v1);
}

static float noise_at(const struct glyph_line_options *o, const struct glyph_line *line) {
    uint32_t x = (uint32_t)(line->x0 + line->x1) / 2 / 32;
    uint32_t y = (uint32_t)(line->y0 + line->y1) / 2 / 32;
    return o->noise == NULL ? 1 : (float)o->noise[y * o->tiles_across + x] + 1;
}

static void measure(const struct chain *c, struct glyph_parts parts,
                    const struct glyph_line_options *o, struct glyph_line *line) {
    float *f = line->f;
    struct spread height = spread_of(c, get_height);
    struct spread contrast = spread_of(c, get_contrast);
    struct spread stroke = spread_of(c, get_stroke);
    float own = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        own += (float)c->of[i]->area;
    }
    float slope = slope_of(c);
    float near = share_aligned(c, slope, height.mean, false);
    float far = share_aligned(c, slope, height.mean, true);
    line->hanging = near > far + 0.1f;
    line->contrast = contrast.mean;
    f[GLYPH_F_COUNT] = logf(c->letters);
    f[GLYPH_F_ALIGN] = near > far ? near : far;
    f[GLYPH_F_HEIGHT] = height.deviation / height.mean;
    f[GLYPH_F_SHARP] = spread_of(c, get_sharp).mean;
    f[GLYPH_F_FLAT] = spread_of(c, get_flat).mean;
    f[GLYPH_F_EVEN] = contrast.deviation / contrast.mean;
    f[GLYPH_F_STROKE] = stroke.mean / height.mean;
    f[GLYPH_F_STROKES] = stroke.deviation / stroke.mean;
    struct spread gap = gap_spread(c, height.mean);
    f[GLYPH_F_GAPS] = gap.deviation;
    f[GLYPH_F_GAP] = gap.mean;
    float crowd = crowd_of(parts, line, o, height.mean) / own - 1;
    f[GLYPH_F_CROWD] = crowd < 0 ? 0 : crowd > 3 ? 3 : crowd;
    struct spread fill = spread_of(c, get_fill);
    f[GLYPH_F_FILL] = fill.mean;
    f[GLYPH_F_FILLS] = fill.deviation;
    f[GLYPH_F_HOLES] = spread_of(c, get_holes).mean;
    f[GLYPH_F_LOUD] = logf(contrast.mean / noise_at(o, line) + 0.01f);
    f[GLYPH_F_EXACT] = o->exact ? 1 : 0;
    f[GLYPH_F_SLOPE] = fabsf(slope);
    struct spread crisp = spread_of(c, get_crisp);
    f[GLYPH_F_CRISP] = crisp.mean;
    f[GLYPH_F_CRISPS] = crisp.deviation;
    f[GLYPH_F_SIZE] = logf(height.mean);
    f[GLYPH_F_STEP] = o->step;
    f[GLYPH_F_CUT] = o->cut;
    struct spread wide = spread_of(c, get_wide);
    f[GLYPH_F_WIDE] = wide.mean;
    f[GLYPH_F_WIDES] = wide.deviation;
    f[GLYPH_F_CROSS] = spread_of(c, get_cross).mean;
    f[GLYPH_F_OTHER] = near > far ? far : near;
}

// The sum of what the trees' leaves say.
static float judge(const float *f) {
    float score = 0;
    for (uint32_t t = 0; t < GLYPH_TREES; t++) {
        const uint8_t *features = glyph_tree_features + (size_t)t * GLYPH_TREE_NODES;
        const float *thresholds = glyph_tree_thresholds + (size_t)t * GLYPH_TREE_NODES;
        uint32_t node = 0;
        for (uint32_t level = 0; level < GLYPH_TREE_DEPTH; level++) {
            node = 2 * node + 1 + (f[features[node]] >= thresholds[node]);
        }
        score += glyph_tree_leaves[(size_t)t * GLYPH_TREE_LEAVES + node - GLYPH_TREE_NODES];
    }
    return score;
}

static uint16_t tallest_of(const struct chain *c) {
    float tall = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        tall = c->of[i]->height > tall ? c->of[i]->height : tall;
    }
    return (uint16_t)tall;
}

void glyph_lines_find(struct glyph_liner *l, struct glyph_parts parts,
                      const struct glyph_line_options *o, glyph_line_each each, void *context) {
    collect(l, parts, o);
    if (l->count == 0) {
        return;
    }
    sort(l);
    link_all(l, o);
    for (uint32_t i = 0; i < l->count; i++) {
        struct chain c;
        if (l->glyphs[i].before != NONE) {
            continue;
        }
        follow(l, i, &c);
        if (c.letters < 2) {
            continue;
        }
        struct glyph_line line = {.vertical = o->vertical,
                                  .exact = o->exact,
                                  .level = c.of[0]->level,
                                  .glyphs = (uint16_t)(c.letters + 0.5f),
                                  .letter = tallest_of(&c)};
        bound(&c, o, &line);
        measure(&c, parts, o, &line);
        line.score = judge(line.f);
        each(&line, context);
    }
}
