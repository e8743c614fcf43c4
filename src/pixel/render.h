// SPDX-License-Identifier: Apache-2.0
// From a decoded frame to 8-bit grey or RGB: modality, VOI, presentation (PS3.3 C.11, PS3.4 N.2),
// colour spaces (C.7.6.3.1.2), overlays (C.9.2), viewport (PS3.18 8.3.5.1.3) with square pixels.
// Shutters and presentation states are not applied. picture.h makes a JPEG or PNG of it in one
// call.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "pixel/frame.h"
#include "pixel/image.h"

struct err;

#define PX_VIEWPORT_MAX 8192u // pixels a side asked for

// 8-bit picture, rows without gaps.
struct px_bitmap {
    uint8_t *data; // owned: width * height * channels bytes
    size_t cap;
    uint32_t width;
    uint32_t height;
    uint8_t channels; // 1 grey, 3 RGB
};
void px_bitmap_done(struct px_bitmap *b);
static inline void cleanup_px_bitmap(struct px_bitmap *b) { px_bitmap_done(b); }

enum px_window_choice {
    PX_WINDOW_FILE,  // the file's window number window_index, else its VOI LUT, else automatic
    PX_WINDOW_GIVEN, // .window, in modality units (HU for CT)
    PX_WINDOW_AUTO   // from percentiles of this frame without padding
};

// PS3.18 8.3.5.1.3: fit the region into width × height keeping the shape; negative region sizes
// flip.
struct px_viewport {
    uint32_t width;
    uint32_t height;
    bool has_region;
    double x, y;         // left upper corner in pixels of the source image
    double region_width; // 0: to the right edge; negative: flip left-right
    double region_height;
};

struct px_render_options {
    enum px_window_choice choice;
    uint32_t window_index;
    struct px_window window;
    bool has_viewport; // else full resolution
    struct px_viewport viewport;
    bool invert;        // after everything else
    bool hide_overlays; // they are drawn otherwise
};

// `frame_number` (from 0) chooses the grey path of enhanced images. Colour images ignore windows.
// *bitmap is zeroed or from an earlier call (memory is used again).
int px_render(const struct px_image *im, const struct px_frame *f, uint32_t frame_number,
              const struct px_render_options *options, struct px_bitmap *bitmap, struct err *e);

// The window that px_render would use, for telling people. false: the VOI is a LUT, or colour.
bool px_render_window(const struct px_image *im, const struct px_frame *f, uint32_t frame_number,
                      const struct px_render_options *options, struct px_window *ret_window);

// "centre,width[,linear|linear-exact|sigmoid]" and "vw,vh[,sx,sy,sw,sh]" with empty members as the
// standard allows. E_ARGUMENT with a sentence. They set choice and window, or the viewport.
int px_window_parse(struct slice text, struct px_render_options *options, struct err *e);
int px_viewport_parse(struct slice text, struct px_render_options *options, struct err *e);
