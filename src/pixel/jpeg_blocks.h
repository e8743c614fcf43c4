// SPDX-License-Identifier: Apache-2.0
// Entropy-coded 8 x 8 blocks of JPEG into coefficients (ISO/IEC 10918-1 F.2.2 and G.1.2, G.2):
// one function a kind of scan. Private to jpeg_dct.c.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pixel/jpeg_huffman.h"

struct px_jpeg_block_scan {
    struct px_jpeg_bits bits;
    const struct px_jpeg_codes *dc[PX_JPEG_COMPONENTS_MAX]; // of each part of the scan; may be NULL
    const struct px_jpeg_codes *ac[PX_JPEG_COMPONENTS_MAX]; // where the scan does not need them
    int32_t before[PX_JPEG_COMPONENTS_MAX];                 // the DC value of the block before
    uint32_t skip;                                          // blocks left of an end-of-band run
    uint8_t first;                                          // Ss
    uint8_t last;                                           // Se
    uint8_t low;                                            // Al
    bool bad; // a code that no symbol has, or a coefficient outside the block
};

// Adds to 64 coefficients in natural order. After an error they hold anything; s->bad says so.
typedef void (*px_jpeg_block_fn)(struct px_jpeg_block_scan *s, unsigned part, int16_t *block);

void px_jpeg_block_sequential(struct px_jpeg_block_scan *s, unsigned part, int16_t *block);
void px_jpeg_block_dc_first(struct px_jpeg_block_scan *s, unsigned part, int16_t *block);
void px_jpeg_block_dc_refine(struct px_jpeg_block_scan *s, unsigned part, int16_t *block);
void px_jpeg_block_ac_first(struct px_jpeg_block_scan *s, unsigned part, int16_t *block);
void px_jpeg_block_ac_refine(struct px_jpeg_block_scan *s, unsigned part, int16_t *block);

extern const uint8_t px_jpeg_zigzag[64]; // place in the stream to place in the block
