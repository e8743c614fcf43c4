// SPDX-License-Identifier: Apache-2.0
// Instances with made-up pixels for the tests of Clean Pixel Data, and what they are written to.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "gate/pixels.h"

struct pixkit_image {
    const char *name;
    const char *syntax;
    const char *photometric;
    const char *sop_class; // NULL: secondary capture
    const char *modality;  // NULL: OT
    uint16_t rows, columns, samples, allocated, stored;
    bool is_signed, planar;
    uint32_t frames;
    unsigned quality; // of JPEG baseline
};

struct pixkit {
    struct arena arena;
    struct err e;
    struct gate_context c;
    struct gate_profile profile;
    struct dcm_dataset *d; // as made
    struct buf file;       // Part 10
    struct dcm_file opened;
    struct dcm_dataset *read;
    struct px_image image;
    struct px_frames frames;
    struct buf written;
    struct gate_pixels_out done;
};

// Made samples of one frame: a slope with a little noise, `text` drawn at x, y where it is not
// NULL.
struct pixkit_text {
    const char *text; // capitals, digits and blanks
    unsigned x, y, scale;
    uint32_t frame; // GATE_ALL_FRAMES
};

void pixkit_begin(struct pixkit *k);
void pixkit_end(struct pixkit *k);
// The data set without pixels; more may be put into k->d before pixkit_make.
void pixkit_describe(struct pixkit *k, const struct pixkit_image *im);
// Pixels, the file, and the file opened again.
void pixkit_make(struct pixkit *k, const struct pixkit_image *im, const struct pixkit_text *texts,
                 unsigned count);
// Opens k->file (whatever is in it).
void pixkit_open(struct pixkit *k);
int pixkit_write(struct pixkit *k, const struct gate_edit *edits, uint32_t count);
// Opens k->written.
void pixkit_reopen(struct pixkit *k, struct px_image *ret_image, struct px_frames *ret_frames,
                   struct dcm_dataset **ret_dataset);
void pixkit_draw(uint8_t *mask, unsigned columns, unsigned rows, const struct pixkit_text *t);
