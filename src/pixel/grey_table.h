// SPDX-License-Identifier: Apache-2.0
// Grey frames to 8 bits: the whole path modality → VOI → presentation becomes one table over the
// stored values that occur, and the picture is that table applied. Wide integers and floats take
// the path value by value.
#pragma once

#include <stdint.h>

#include "pixel/frame.h"
#include "pixel/image.h"
#include "pixel/render.h"

struct err;

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

// rows * columns bytes.
int px_grey_apply(const struct px_grey_path *path, const struct px_frame *f, uint8_t *out,
                  struct err *e);
