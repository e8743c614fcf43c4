// SPDX-License-Identifier: Apache-2.0
// From parts to lines of writing: which parts could be glyphs, which stand in a
// row, and how much that row is like writing and unlike anatomy. Private to the
// detector (glyphs.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/glyphs_part.h"

// What a line is judged by. All are ratios: they hold for every depth and size.
enum glyph_feature {
    GLYPH_F_COUNT,   // logarithm of the glyphs
    GLYPH_F_ALIGN,   // share of glyphs that stand on one line
    GLYPH_F_HEIGHT,  // spread of heights over the height
    GLYPH_F_SHARP,   // steepest steps over the contrast
    GLYPH_F_FLAT,    // spread of peaks over the contrast
    GLYPH_F_EVEN,    // spread of the glyphs' contrasts over their mean
    GLYPH_F_STROKE,  // width of strokes over the height
    GLYPH_F_STROKES, // spread of that over the mean
    GLYPH_F_GAPS,    // spread of gaps over the height
    GLYPH_F_CROWD,   // area of other parts in and around the line over its own
    GLYPH_F_FILL,    // area over bounds
    GLYPH_F_HOLES,   // a glyph
    GLYPH_F_LOUD,    // contrast over the noise, logarithm
    GLYPH_F_EXACT,   // 1: all samples of one value
    GLYPH_F_SLOPE,   // of the line
    GLYPH_F_CRISP,   // steps from one sample to the next over the range around them
    GLYPH_F_CRISPS,  // spread of that
    GLYPH_F_SIZE,    // logarithm of the height in samples
    GLYPH_F_STEP,    // pixels a sample
    GLYPH_F_CUT,     // number of the threshold
    GLYPH_F_WIDE,    // width of a letter over the height
    GLYPH_F_WIDES,   // spread of that
    GLYPH_F_CROSS,   // runs in a row of a letter
    GLYPH_F_GAP,     // mean gap over the height
    GLYPH_F_OTHER,   // share of glyphs aligned at the other side
    GLYPH_F_FILLS,   // spread of the fill
    GLYPH_FEATURES
};

struct glyph_line {
    uint16_t x0, y0, x1, y1; // inclusive, samples of the block
    uint16_t letter;         // height of its tall glyphs
    uint16_t glyphs;
    bool vertical;
    bool hanging; // the far side from the baseline is the even one: upside down,
                  // or turned the other way
    bool exact;
    uint16_t level; // exact lines
    float contrast; // mean of the glyphs'
    float score;    // logistic: above 0 more likely writing
    float f[GLYPH_FEATURES];
};

struct glyph_liner; // scratch memory
struct glyph_liner *glyph_liner_new(uint32_t width_max,
                                    uint32_t height_max); // of a block
void glyph_liner_free(struct glyph_liner *l);             // NULL allowed

struct glyph_line_options {
    bool vertical;
    bool exact;        // the parts are of one value each
    bool second;       // wider tolerances
    uint16_t step;     // pixels a sample
    uint16_t cut;      // number of the threshold, only told on
    uint16_t shortest; // height of a glyph
    uint16_t tallest;
    // contrast that noise has at (x, y); tiles as glyphs_stroke.h
    const uint16_t *noise;
    uint32_t tiles_across;
};

// Calls `each` for every row of at least two glyphs.
typedef void (*glyph_line_each)(const struct glyph_line *line, void *context);
void glyph_lines_find(struct glyph_liner *l, struct glyph_parts parts,
                      const struct glyph_line_options *o, glyph_line_each each, void *context);
