// SPDX-License-Identifier: Apache-2.0
// Resampling of 8-bit pictures: area average when shrinking, bilinear when growing, each direction
// on its own; a source rectangle with fractions and flips.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct err;

struct px_resample {
    // Row y of the source: width * channels bytes that hold until the next call. Rows are asked for
    // one behind the other, a few again; those outside of the rectangle never.
    const uint8_t *(*row)(void *context, uint32_t y);
    void *context;
    uint32_t width;
    uint32_t height;
    uint8_t channels; // 1 or 3
    double x, y;      // of the rectangle, within the source
    double region_width;
    double region_height;
    bool flip_x;
    bool flip_y;
};

// Fills out_width * out_height * channels bytes. E_MEMORY only.
int px_resample(const struct px_resample *from, uint32_t out_width, uint32_t out_height,
                uint8_t *out, struct err *e);
