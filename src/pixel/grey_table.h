// SPDX-License-Identifier: Apache-2.0
// Grey frames to 8 bits: the whole path modality → VOI → presentation becomes one table over the
// stored values, and a row of the picture is that table applied. Wide integers and floats take the
// path value by value.
#pragma once

#include <stdint.h>

#include "pixel/frame.h"
#include "pixel/image.h"
#include "pixel/render.h"
#include "pixel/sample.h"

struct err;

#define PX_GREY_TABLE_LEN 65536u

// What one frame's stored values go through.
struct px_grey_path {
    const struct px_grey *grey;
    bool by_lut; // else by window
    struct px_window window;
    const struct px_lut *lut;
    bool invert;
};

// Chooses VOI and polarity. Reads the frame only when an automatic window is wanted.
int px_grey_choose(const struct px_image *im, const struct px_frame *f, uint32_t frame_number,
                   const struct px_render_options *options, struct px_grey_path *ret_path,
                   struct err *e);

// One stored value to its grey.
uint8_t px_grey_byte(const struct px_grey_path *path, double stored);

// Whether a frame's values fit a table; and the table, by rank (sample.h).
bool px_grey_by_table(const struct px_frame *f);
void px_grey_fill(const struct px_grey_path *path, struct px_sample s,
                  uint8_t table[PX_GREY_TABLE_LEN]);

// Row y, `columns` bytes. `table` is NULL where px_grey_by_table said no.
void px_grey_row(const struct px_grey_path *path, const uint8_t *table, const struct px_frame *f,
                 uint32_t y, uint8_t *out);
