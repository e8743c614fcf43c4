// SPDX-License-Identifier: Apache-2.0
// RLE Lossless (PS3.5 Annex G), both directions, on plain bytes: PackBits segments, one a byte
// plane, most significant first. It knows nothing of images; codec_rle.c does.
#pragma once

#include <stdint.h>

#include "base/slice.h"

struct buf;
struct err;

#define PX_RLE_HEADER 64
#define PX_RLE_SEGMENTS_MAX 15u

struct px_rle_shape {
    uint64_t pixels;       // in a plane
    uint16_t samples;      // 1 … 4
    uint16_t sample_bytes; // 1, 2, 4
};

// Decodes one frame to `out` (pixels * samples * sample_bytes bytes, samples interleaved, little
// endian). Segments that end early are E_TRUNCATED, too many or misplaced ones E_CORRUPT; bytes
// behind a full plane are padding and passed over.
int px_rle_decode(struct slice bytes, const struct px_rle_shape *shape, uint8_t *out,
                  struct err *e);

// Codes one frame; `row_pixels` is the columns: runs never cross a row (PS3.5 G.3.1).
int px_rle_encode(const uint8_t *samples, const struct px_rle_shape *shape, uint64_t row_pixels,
                  struct buf *out, struct err *e);
