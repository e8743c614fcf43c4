// SPDX-License-Identifier: Apache-2.0
// Codes for machines: bar codes (Code 39, Code 128, and whatever else is made
// of bars), QR by its finder patterns, DataMatrix and PDF417 by being two
// levels in a dense field of modules. Private to the detector (glyphs.h).
#pragma once

#include <stdint.h>

#include "gate/glyphs_part.h"

struct glyph_code {
    uint32_t x0, y0, x1, y1; // inclusive, samples of the block
    bool certain;            // finder patterns, or bars that nothing else makes
};

#define GLYPH_CODES_MAX 64u
struct glyph_codes {
    struct glyph_code list[GLYPH_CODES_MAX];
    uint32_t count;
};

// Scratch: a byte a tile of GLYPH_CODE_TILE samples' side, twice, and a tile's
// number.
#define GLYPH_CODE_TILE 16u
struct glyph_code_tile {
    uint16_t low, high;
    uint8_t kind;     // 0: no code
    uint8_t busy;     // changes of level, 255 at most
    uint16_t cluster; // 0: none yet
};

// `tiles`: room for (width + 15) / 16 × (height + 15) / 16 of them.
void glyph_codes_find(const struct glyph_plane *plane, struct glyph_code_tile *tiles,
                      struct glyph_codes *out);
