// SPDX-License-Identifier: Apache-2.0
// Parts: connected pieces of a picture's block, and what can be said of each
// from its runs. Private to the detector (glyphs.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct err;

// A block of a frame as samples in the order of their values. `stride` is a
// multiple of GLYPH_LANES and every row may be read and written up to it.
#define GLYPH_LANES 32u
struct glyph_plane {
    uint16_t *px; // owned by whoever made it
    uint32_t width, height, stride;
};

#define GLYPH_PARTS_MAX 60000u // of a block; more is noise, not writing

// Bounds are inclusive. The sums are over all runs of the part.
struct glyph_part {
    uint16_t x0, y0, x1, y1;
    uint32_t area;
    uint32_t runs;
    uint32_t links;   // pairs of runs that touch, corners too: 1 - (runs - links)
                      // is the holes
    uint32_t shared;  // length of the vertical contact of its rows
    uint32_t longest; // run
    float contrast;   // sum of the contrast over all pixels
    float steps;      // sum over both ends of all runs of the steepest step there
    float rises;      // sum over both ends of the largest step from one sample to the
                      // next
    float spans;      // over the range of the four samples there
    float peaks;      // sum over the runs of the brightest sample
    float squares;    // and of its square
    uint16_t level;   // the one value of all samples; of exact parts only
};

struct glyph_parts {
    struct glyph_part *list;
    uint32_t count;
    bool full; // there were more than GLYPH_PARTS_MAX
};

struct glyph_labels; // scratch memory of the labelling, kept from block to
                     // block
struct glyph_labels *glyph_labels_new(uint32_t width_max, uint32_t height_max);
void glyph_labels_free(struct glyph_labels *l); // NULL allowed

// 8-connected parts of mask != 0. `plane` gives levels and steps, `contrast`
// the contrast; the mask has the plane's stride. The list lives in `l` until
// the next call.
struct glyph_parts glyph_parts_of_mask(struct glyph_labels *l, const struct glyph_plane *plane,
                                       const uint16_t *contrast, const uint8_t *mask);

// 8-connected parts of exactly one value; samples of which mask is 0 are
// skipped.
struct glyph_parts glyph_parts_of_levels(struct glyph_labels *l, const struct glyph_plane *plane,
                                         const uint8_t *mask);
