// SPDX-License-Identifier: Apache-2.0
// A second opinion on a row of glyphs that is neither plainly writing nor plainly none: the network
// (lettering.h) looks at it and its surroundings, and both opinions are weighed together. The
// network sees no more than that, because it costs more than all else. Private to the detector
// (glyphs.h).
#pragma once

#include "gate/glyphs_box.h"

struct err;
struct glyph_source;
struct glyph_weigher;

// What the network thinks of a find, in log odds: mean and largest of the cells within it.
struct glyph_opinion {
    float mean, peak;
};

// E_MEMORY.
int glyph_weigher_new(struct glyph_weigher **ret_weigher, struct err *e);
void glyph_weigher_free(struct glyph_weigher *w); // NULL allowed

// Gives all finds of text their joint score. `heard` (may be NULL) is told what the network thought
// and the score before.
typedef void (*glyph_heard)(const struct glyph_find *find, struct glyph_opinion opinion,
                            void *context);
void glyph_weigh(struct glyph_weigher *w, const struct glyph_source *source,
                 struct glyph_finds *finds, glyph_heard heard, void *context);
