// SPDX-License-Identifier: Apache-2.0
// JPEG of 8 bits, sequential and progressive Huffman (ISO/IEC 10918-1 Annexes F and G), through
// libjpeg-turbo. Colour comes out as RGB.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct err;

struct px_jpeg_out {
    uint8_t *samples; // rows * columns * components bytes, interleaved
    uint16_t rows;
    uint16_t columns;
    uint8_t components; // 1 or 3
    bool ycc;           // three components are YCbCr, to be turned to RGB; else they are RGB
};

// The stream was looked at before (jpeg_stream.h): it has as many components as *out and is not
// larger. What a smaller one leaves open is filled with ones. E_CORRUPT with what libjpeg says;
// E_TRUNCATED when scans are missing.
int px_jpeg_read(struct slice bytes, const struct px_jpeg_out *out, struct err *e);
