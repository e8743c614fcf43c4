// SPDX-License-Identifier: Apache-2.0
#include "gate/glyphs_code.h"

#include <string.h>

#define TILE GLYPH_CODE_TILE
#define LEVELS_LEAST 6u // between dark and light
#define PURE_PART 200u  // of 256 samples of a tile that are dark or light, not between
#define DARK_LEAST 64u  // of 256
#define DARK_MOST 192u
#define BAR_EDGES 24u  // along a bar code
#define BAR_SIDE 40u   // samples, its length at least
#define FIELD_SIDE 24u // of a two-dimensional code
#define STACK_MAX 4096u

enum kind { KIND_NONE, KIND_ACROSS, KIND_DOWN, KIND_FIELD };

struct sheet {
    const struct glyph_plane *plane;
    struct glyph_code_tile *tiles;
    uint32_t across, down;
};

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

// Dark and light of the tile and its neighbours: a tile may lie within one
// module.
static void measure_range(struct sheet *s, uint32_t tx, uint32_t ty) {
    const struct glyph_plane *p = s->plane;
    struct glyph_code_tile *t = &s->tiles[ty * s->across + tx];
    uint32_t y1 = least((ty + 1) * TILE, p->height);
    uint16_t low = UINT16_MAX;
    uint16_t high = 0;
    for (uint32_t y = ty * TILE; y < y1; y++) {
        const uint16_t *row = p->px + (size_t)y * p->stride + tx * TILE; // strides hold whole tiles
        for (uint32_t i = 0; i < TILE; i++) {
            low = row[i] < low ? row[i] : low;
            high = row[i] > high ? row[i] : high;
        }
    }
    *t = (struct glyph_code_tile){.low = low, .high = high};
}

// A tile within one module has no levels of its own: those around it hold.
static void borrow_range(struct sheet *s, uint32_t tx, uint32_t ty) {
    struct glyph_code_tile *t = &s->tiles[ty * s->across + tx];
    uint32_t low = t->low;
    uint32_t high = t->high;
    for (uint32_t y = ty > 0 ? ty - 1 : 0; y <= ty + 1 && y < s->down; y++) {
        for (uint32_t x = tx > 0 ? tx - 1 : 0; x <= tx + 1 && x < s->across; x++) {
            const struct glyph_code_tile *n = &s->tiles[y * s->across + x];
            low = least(low, n->low);
            high = n->high > high ? n->high : high;
        }
    }
    if (2u * (uint32_t)(t->high - t->low) < high - low) {
        t->low = (uint16_t)low;
        t->high = (uint16_t)high;
    }
}

struct tally {
    uint32_t count, pure, dark, across, down;
};

static struct tally tally_tile(const struct sheet *s, uint32_t tx, uint32_t ty) {
    const struct glyph_plane *p = s->plane;
    const struct glyph_code_tile *t = &s->tiles[ty * s->across + tx];
    struct tally sum = {0};
    uint32_t margin = (uint32_t)(t->high - t->low) / 4;
    uint32_t middle = ((uint32_t)t->low + t->high) / 2;
    uint32_t x0 = tx * TILE;
    uint32_t x1 = least(x0 + TILE, p->width);
    uint32_t y1 = least((ty + 1) * TILE, p->height);
    for (uint32_t y = ty * TILE; y < y1; y++) {
        const uint16_t *row = p->px + (size_t)y * p->stride;
        const uint16_t *below = y + 1 < p->height ? row + p->stride : row;
        for (uint32_t x = x0; x < x1; x++) {
            bool dark = row[x] <= middle;
            sum.count++;
            sum.pure += row[x] <= t->low + margin || row[x] + margin >= t->high;
            sum.dark += dark;
            sum.across += x + 1 < p->width && dark != (row[x + 1] <= middle);
            sum.down += dark != (below[x] <= middle);
        }
    }
    return sum;
}

static void judge_tile(struct sheet *s, uint32_t tx, uint32_t ty) {
    struct glyph_code_tile *t = &s->tiles[ty * s->across + tx];
    if (t->high - t->low < (int)LEVELS_LEAST) {
        return;
    }
    struct tally sum = tally_tile(s, tx, ty);
    if (256 * sum.pure < PURE_PART * sum.count || 256 * sum.dark < DARK_LEAST * sum.count ||
        256 * sum.dark > DARK_MOST * sum.count) {
        return;
    }
    uint32_t busy = sum.across + sum.down;
    t->busy = (uint8_t)least(busy, 255);
    if (busy < 2 * TILE) {
        return;
    }
    if (sum.across > 12 * sum.down) {
        t->kind = KIND_ACROSS;
    } else if (sum.down > 12 * sum.across) {
        t->kind = KIND_DOWN;
    } else if (sum.across > TILE && sum.down > TILE) {
        t->kind = KIND_FIELD;
    }
}

// --- clusters of tiles of one kind

struct cluster {
    uint32_t x0, y0, x1, y1; // tiles, inclusive
    uint32_t tiles;
    uint8_t kind;
};

static struct cluster flood(struct sheet *s, uint32_t tx, uint32_t ty, uint16_t number) {
    uint32_t stack[STACK_MAX];
    uint32_t depth = 0;
    struct cluster c = {tx, ty, tx, ty, 0, s->tiles[ty * s->across + tx].kind};
    s->tiles[ty * s->across + tx].cluster = number;
    stack[depth++] = ty * s->across + tx;
    while (depth > 0) {
        uint32_t at = stack[--depth];
        uint32_t x = at % s->across;
        uint32_t y = at / s->across;
        c.x0 = least(c.x0, x);
        c.y0 = least(c.y0, y);
        c.x1 = x > c.x1 ? x : c.x1;
        c.y1 = y > c.y1 ? y : c.y1;
        c.tiles++;
        for (int k = 0; k < 8; k++) {
            static const int8_t steps[8][2] = {{-1, -1}, {0, -1}, {1, -1}, {-1, 0},
                                               {1, 0},   {-1, 1}, {0, 1},  {1, 1}};
            int64_t nx = (int64_t)x + steps[k][0];
            int64_t ny = (int64_t)y + steps[k][1];
            if (nx < 0 || ny < 0 || nx >= s->across || ny >= s->down) {
                continue;
            }
            struct glyph_code_tile *n = &s->tiles[ny * s->across + nx];
            if (n->cluster == 0 && n->kind == c.kind && depth < STACK_MAX) {
                n->cluster = number;
                stack[depth++] = (uint32_t)(ny * s->across + nx);
            }
        }
    }
    return c;
}

static bool is_dark(const struct sheet *s, uint32_t x, uint32_t y) {
    const struct glyph_code_tile *t = &s->tiles[y / TILE * s->across + x / TILE];
    return s->plane->px[(size_t)y * s->plane->stride + x] <= ((uint32_t)t->low + t->high) / 2;
}

// --- bars

// A sample `along` the code in line `across` it.
static bool bar_dark(const struct sheet *s, bool down, uint32_t along, uint32_t across) {
    return down ? is_dark(s, across, along) : is_dark(s, along, across);
}

// Changes along one line, and in how many of the samples another line differs.
static uint32_t changes(const struct sheet *s, bool down, uint32_t from, uint32_t to, uint32_t line,
                        uint32_t other, uint32_t *ret_differ) {
    uint32_t count = 0;
    *ret_differ = 0;
    for (uint32_t i = from; i <= to; i++) {
        bool dark = bar_dark(s, down, i, line);
        count += i > from && dark != bar_dark(s, down, i - 1, line);
        *ret_differ += dark != bar_dark(s, down, i, other);
    }
    return count;
}

// Widths of the bars: a code has more than one, and no wide ones beyond four
// modules.
static bool widths_vary(const struct sheet *s, bool down, uint32_t from, uint32_t to,
                        uint32_t line) {
    uint32_t widths[33] = {0};
    uint32_t run = 1;
    uint32_t total = 0;
    for (uint32_t i = from + 1; i <= to; i++) {
        if (bar_dark(s, down, i, line) == bar_dark(s, down, i - 1, line)) {
            run++;
            continue;
        }
        widths[least(run, 32)]++;
        total++;
        run = 1;
    }
    uint32_t common = 0;
    for (uint32_t w = 1; w <= 32; w++) {
        uint32_t near = widths[w] + (w > 1 ? widths[w - 1] : 0) + (w < 32 ? widths[w + 1] : 0);
        common = near > common && w > 2 ? near : widths[w] > common ? widths[w] : common;
    }
    return total > 0 && 10 * common < 9 * total;
}

static bool judge_bars(const struct sheet *s, const struct cluster *c, struct glyph_code *code) {
    bool down = c->kind == KIND_DOWN;
    uint32_t from = down ? code->y0 : code->x0;
    uint32_t to = down ? code->y1 : code->x1;
    uint32_t first = down ? code->x0 : code->y0;
    uint32_t last = down ? code->x1 : code->y1;
    if (to - from + 1 < BAR_SIDE || last - first < 5) {
        return false;
    }
    uint32_t differ;
    uint32_t line = first + (last - first) / 3;
    uint32_t other = first + (last - first) * 2 / 3;
    uint32_t edges = changes(s, down, from, to, line, other, &differ);
    code->certain = true;
    return edges >= BAR_EDGES && 20 * differ < to - from && widths_vary(s, down, from, to, line);
}

// --- finder patterns of QR: 1:1:3:1:1 along a line

static bool near(uint32_t run, uint32_t modules, uint32_t total) {
    uint32_t wanted = modules * total; // sevenths
    uint32_t have = run * 7;
    uint32_t apart = have > wanted ? have - wanted : wanted - have;
    return apart <= total * 7 / 10 + 3;
}

// Whether five runs of a dark-light-dark-light-dark line end at `end` in the
// proportions of a finder.
static bool is_finder(const uint32_t *runs) {
    uint32_t total = runs[0] + runs[1] + runs[2] + runs[3] + runs[4];
    return total >= 7 && near(runs[0], 1, total) && near(runs[1], 1, total) &&
           near(runs[2], 3, total) && near(runs[3], 1, total) && near(runs[4], 1, total);
}

// The same across, through the middle of the pattern.
static bool finder_across(const struct sheet *s, uint32_t x, uint32_t y, uint32_t total,
                          bool dark) {
    uint32_t runs[5] = {0};
    const struct glyph_plane *p = s->plane;
    uint32_t i = y;
    for (; i < p->height && is_dark(s, x, i) == dark; i++) {
        runs[2]++;
    }
    for (; i < p->height && is_dark(s, x, i) != dark && runs[3] <= total; i++) {
        runs[3]++;
    }
    for (; i < p->height && is_dark(s, x, i) == dark && runs[4] <= total; i++) {
        runs[4]++;
    }
    for (i = y; i > 0 && is_dark(s, x, i - 1) == dark; i--) {
        runs[2]++;
    }
    for (; i > 0 && is_dark(s, x, i - 1) != dark && runs[1] <= total; i--) {
        runs[1]++;
    }
    for (; i > 0 && is_dark(s, x, i - 1) == dark && runs[0] <= total; i--) {
        runs[0]++;
    }
    uint32_t sum = runs[0] + runs[1] + runs[2] + runs[3] + runs[4];
    return is_finder(runs) && 4 * sum > 3 * total && 3 * sum < 4 * total;
}

// Finder patterns within the bounds, each counted once for about every line
// through its middle.
static uint32_t count_finders(const struct sheet *s, const struct glyph_code *c) {
    uint32_t lines = 0;
    for (uint32_t y = c->y0; y <= c->y1; y++) {
        uint32_t runs[6] = {0};
        bool before = is_dark(s, c->x0, y);
        for (uint32_t x = c->x0; x <= c->x1 + 1; x++) {
            bool now = x <= c->x1 ? is_dark(s, x, y) : !before;
            if (now == before) {
                runs[4]++;
                continue;
            }
            uint32_t total = runs[0] + runs[1] + runs[2] + runs[3] + runs[4];
            if (runs[0] > 0 && is_finder(runs)) {
                uint32_t middle = x - runs[4] - runs[3] - runs[2] / 2 - 1;
                lines += finder_across(s, middle, y, total, before);
            }
            memmove(runs, runs + 1, 4 * sizeof *runs);
            runs[4] = 1;
            before = now;
        }
    }
    return lines;
}

// --- fields

#define RUN_MAX 48u
#define MODULES_LEAST 10u // along a side
#define WHOLE_PART 230u   // of 256 runs that are whole numbers of modules

// Runs of one level along all lines (or columns) of the field, by length.
static uint32_t count_runs(const struct sheet *s, const struct glyph_code *c, bool down,
                           uint32_t lengths[RUN_MAX + 1]) {
    uint32_t first = down ? c->x0 : c->y0;
    uint32_t last = down ? c->x1 : c->y1;
    uint32_t from = down ? c->y0 : c->x0;
    uint32_t to = down ? c->y1 : c->x1;
    uint32_t total = 0;
    for (uint32_t line = first; line <= last; line++) {
        uint32_t run = 0; // the first one began outside
        bool begun = false;
        for (uint32_t i = from + 1; i <= to; i++) {
            run++;
            if (bar_dark(s, down, i, line) != bar_dark(s, down, i - 1, line)) {
                total += begun && run <= RUN_MAX;
                lengths[run <= RUN_MAX && begun ? run : 0]++;
                begun = true;
                run = 0;
            }
        }
    }
    return total;
}

// Whether the field is made of square modules of one size, of which single ones
// and pairs are about as common as chance makes them.
static bool module_of(const struct sheet *s, const struct glyph_code *c, bool down) {
    uint32_t lengths[RUN_MAX + 1] = {0};
    uint32_t total = count_runs(s, c, down, lengths);
    uint32_t side = down ? c->y1 - c->y0 : c->x1 - c->x0;
    for (uint32_t m = 2; m <= RUN_MAX / 4; m++) {
        uint32_t whole = 0;
        for (uint32_t k = 1; k * m <= RUN_MAX; k++) {
            whole += lengths[k * m];
        }
        uint32_t twice = lengths[2 * m];
        if (side >= MODULES_LEAST * m && 256 * whole >= WHOLE_PART * total &&
            4 * lengths[m] >= total && 8 * twice >= total && total > side) {
            return true;
        }
    }
    return false;
}

// Straight sides tell a code from a heap of noise: the outline's tiles are all
// of the field.
static bool judge_field(const struct sheet *s, const struct cluster *c, struct glyph_code *code) {
    uint32_t w = c->x1 - c->x0 + 1;
    uint32_t h = c->y1 - c->y0 + 1;
    if (code->x1 - code->x0 + 1 < FIELD_SIDE || code->y1 - code->y0 + 1 < FIELD_SIDE ||
        4 * c->tiles < 3 * w * h) {
        return false;
    }
    code->certain = count_finders(s, code) >= 4;
    return code->certain || (module_of(s, code, false) && module_of(s, code, true));
}

// A cluster's bounds in samples, a tile wider: the code's edge may end within
// the next tile.
static struct glyph_code bounds(const struct sheet *s, const struct cluster *c) {
    return (struct glyph_code){.x0 = c->x0 * TILE,
                               .y0 = c->y0 * TILE,
                               .x1 = least((c->x1 + 1) * TILE, s->plane->width) - 1,
                               .y1 = least((c->y1 + 1) * TILE, s->plane->height) - 1};
}

static void widen(const struct sheet *s, struct glyph_code *code) {
    code->x0 -= least(code->x0, TILE);
    code->y0 -= least(code->y0, TILE);
    code->x1 = least(code->x1 + TILE, s->plane->width - 1);
    code->y1 = least(code->y1 + TILE, s->plane->height - 1);
}

void glyph_codes_find(const struct glyph_plane *plane, struct glyph_code_tile *tiles,
                      struct glyph_codes *out) {
    struct sheet s = {plane, tiles, (plane->width + TILE - 1) / TILE,
                      (plane->height + TILE - 1) / TILE};
    uint16_t number = 0;
    out->count = 0;
    for (uint32_t ty = 0; ty < s.down; ty++) {
        for (uint32_t tx = 0; tx < s.across; tx++) {
            measure_range(&s, tx, ty);
        }
    }
    for (uint32_t ty = 0; ty < s.down; ty++) {
        for (uint32_t tx = 0; tx < s.across; tx++) {
            borrow_range(&s, tx, ty);
            judge_tile(&s, tx, ty);
        }
    }
    for (uint32_t ty = 0; ty < s.down; ty++) {
        for (uint32_t tx = 0; tx < s.across; tx++) {
            const struct glyph_code_tile *t = &tiles[ty * s.across + tx];
            if (t->kind == KIND_NONE || t->cluster != 0 || number == UINT16_MAX) {
                continue;
            }
            struct cluster c = flood(&s, tx, ty, ++number);
            struct glyph_code code = bounds(&s, &c);
            bool found =
                c.kind == KIND_FIELD ? judge_field(&s, &c, &code) : judge_bars(&s, &c, &code);
            if (found && out->count < GLYPH_CODES_MAX) {
                widen(&s, &code);
                out->list[out->count++] = code;
            }
        }
    }
}
