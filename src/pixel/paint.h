// SPDX-License-Identifier: Apache-2.0
// A decoded frame as rows of 8-bit grey or RGB, on demand: the tables are made once, each row costs
// itself, and nobody needs the whole picture in memory.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pixel/grey_table.h"

struct err;

struct px_painter {
    const struct px_image *image;
    const struct px_frame *frame;
    uint32_t frame_number;    // from 0
    struct px_grey_path path; // grey only
    uint8_t *table;           // owned; NULL when the path is taken value by value
    uint8_t channels;         // 1 or 3
    bool invert;              // colour only: the grey path has its own
    bool overlays;            // are drawn
};

// The image and the frame must outlive the painter. On failure there is nothing to release.
int px_painter_init(struct px_painter *p, const struct px_image *im, const struct px_frame *f,
                    uint32_t frame_number, const struct px_render_options *options, struct err *e);
void px_painter_done(struct px_painter *p);

// columns * channels bytes.
void px_painter_row(const struct px_painter *p, uint32_t y, uint8_t *out);
