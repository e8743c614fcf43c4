// SPDX-License-Identifier: Apache-2.0
#include "gate/glyphs_grow.h"

#include <stdbool.h>

// Of the line's contrast, what a stroke that belongs to it has.
#define WEAKEST 0.5f
#define STRONGEST 2.2f
// Of a window half a letter wide, what strokes cover.
#define COVER_LEAST 0.05f
#define COVER_MOST 0.6f
#define REST 1.4f // letters without strokes: the end

struct grower {
    const struct glyph_plane *plane;
    const uint16_t *hat;
    bool vertical;
    uint16_t low, high, level;
    int v0, v1;
    int length; // of the plane along the line
};

static bool hit(const struct grower *g, int u, int v) {
    size_t at = g->vertical ? (size_t)u * g->plane->stride + (size_t)v
                            : (size_t)v * g->plane->stride + (size_t)u;
    return g->hat == NULL ? g->plane->px[at] == g->level
                          : g->hat[at] >= g->low && g->hat[at] <= g->high;
}

// How far the line goes on from `end` in direction `way`: the place of its last
// stroke.
static int follow(const struct grower *g, int end, int way, int letter, unsigned letters) {
    int window = letter / 2 > 2 ? letter / 2 : 2;
    int stop = end + way * (int)letters * letter;
    int from = end;
    while ((stop - from) * way > 0 && (float)((from - end) * way) < REST * (float)letter + 1) {
        int hits = 0;
        int cells = 0;
        int last = end;
        for (int i = 1; i <= window; i++) {
            int u = from + way * i;
            if (u < 0 || u >= g->length) {
                break;
            }
            for (int v = g->v0; v <= g->v1; v++) {
                bool is = hit(g, u, v);
                hits += is;
                last = is ? u : last;
                cells++;
            }
        }
        if (cells == 0) {
            break;
        }
        float cover = (float)hits / (float)cells;
        if (cover >= COVER_LEAST && cover <= COVER_MOST) {
            end = last;
        }
        from += way * window;
    }
    return end;
}

static uint16_t limited(float v) { return (uint16_t)(v < 1 ? 1 : v > 65535 ? 65535 : v); }

void glyph_line_grow(struct glyph_line *line, const struct glyph_plane *plane, const uint16_t *hat,
                     unsigned letters) {
    struct grower g = {.plane = plane,
                       .hat = hat,
                       .vertical = line->vertical,
                       .low = limited(WEAKEST * line->contrast),
                       .high = limited(STRONGEST * line->contrast),
                       .level = line->level,
                       .v0 = line->vertical ? line->x0 : line->y0,
                       .v1 = line->vertical ? line->x1 : line->y1,
                       .length = (int)(line->vertical ? plane->height : plane->width)};
    int u0 = line->vertical ? line->y0 : line->x0;
    int u1 = line->vertical ? line->y1 : line->x1;
    u0 = follow(&g, u0, -1, line->letter, letters);
    u1 = follow(&g, u1, 1, line->letter, letters);
    if (line->vertical) {
        line->y0 = (uint16_t)u0;
        line->y1 = (uint16_t)u1;
    } else {
        line->x0 = (uint16_t)u0;
        line->x1 = (uint16_t)u1;
    }
}
