// SPDX-License-Identifier: Apache-2.0
// Overlay planes (PS3.3 C.9.2, C.9.3): graphics and regions of interest of one bit a pixel in
// groups 6000 to 601E, kept in Overlay Data or, as old files do, in unused bits of the pixel cells
// (retired PS3.3 2004 C.9.2.1.1). Curves of group 50xx are not shown.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "pixel/frame.h"
#include "pixel/image.h"

struct arena;
struct dcm_dataset;
struct err;

#define PX_OVERLAYS_MAX 16u // groups 6000 … 601E
#define PX_OVERLAY_LABEL_MAX 64

enum px_overlay_type { PX_OVERLAY_GRAPHICS, PX_OVERLAY_ROI };

struct px_overlay {
    uint16_t group;
    enum px_overlay_type type;
    uint32_t rows;
    uint32_t columns;
    uint32_t frames;      // in the overlay; 0: one for every frame of the image
    uint32_t first_frame; // of the image, from 1: Image Frame Origin
    int32_t top;          // the first row and column in the image, from 0; may be outside
    int32_t left;
    struct slice bits; // packed, first pixel in the lowest bit; empty when embedded
    bool swapped;      // bytes of words of a big-endian file
    bool embedded;     // in bit `bit` of each pixel cell
    uint8_t bit;
    char label[PX_OVERLAY_LABEL_MAX + 1]; // Overlay Label, else its description; may be empty
};

// The overlays of a data set whose image was read. Ones that contradict themselves (data too short,
// no size, a bit inside of the stored ones) are left out and counted in *ret_bad: they must not
// keep the image from being seen. E_MEMORY only.
int px_overlays_read(struct arena *a, const struct dcm_dataset *d, const struct px_image *im,
                     const struct px_overlay **ret_overlays, uint32_t *ret_count, uint32_t *ret_bad,
                     struct err *e);

// Whether the overlay lies on that frame of the image (from 0).
bool px_overlay_on(const struct px_overlay *o, uint32_t frame_number);

// Whether the bit of image pixel (x, y) is set. `f` is the decoded frame, of an embedded overlay
// the place of its bits.
bool px_overlay_bit(const struct px_overlay *o, const struct px_frame *f, uint32_t frame_number,
                    int64_t x, int64_t y);

// Draws row y of all overlays into a painted row of `channels` bytes a pixel, in white: graphics as
// they are, of regions the outline (pixels with a neighbour outside).
void px_overlays_draw(const struct px_image *im, const struct px_frame *f, uint32_t frame_number,
                      uint32_t y, uint8_t channels, uint8_t *row);
