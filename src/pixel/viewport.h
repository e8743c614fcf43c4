// SPDX-License-Identifier: Apache-2.0
// Geometry of a rendered picture: which rectangle of the source, how large, mirrored how (PS3.18
// 8.3.5.1.3), with pixels made square.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pixel/image.h"
#include "pixel/render.h"

struct err;

struct px_place {
    double x, y, width, height; // in source pixels, inside the source
    bool flip_x;
    bool flip_y;
    uint32_t out_width;
    uint32_t out_height;
};

// E_ARGUMENT when the region lies outside of the image, E_LIMIT when the result is over
// PX_FRAME_BYTES_MAX.
int px_viewport_place(const struct px_image *im, const struct px_render_options *options,
                      struct px_place *ret_place, struct err *e);
