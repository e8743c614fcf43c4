// SPDX-License-Identifier: Apache-2.0
// PALETTE COLOR look-up tables (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6) and their segmented form (C.7.9.2).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "pixel/image.h"

struct arena;
struct dcm_dataset;
struct err;

#define PX_SEGMENTED_BYTES_MAX ((size_t)1 << 20)

// `is_signed`: of the pixels, so the first value mapped may be negative whatever its VR says.
// E_MISSING without tables; E_MISMATCH when the three colours have different lengths.
int px_palette_read(struct arena *a, const struct dcm_dataset *d, bool is_signed,
                    struct px_palette *ret_palette, struct err *e);

// Segments to exactly `count` entries. Units are bytes or words of either order.
struct px_segments {
    struct slice data;
    bool words;
    bool big_endian;
};
int px_palette_expand(const struct px_segments *from, uint32_t count, uint16_t *ret_entries,
                      struct err *e);
