// SPDX-License-Identifier: Apache-2.0
// Where writing is likely in one plane: a small convolutional network over the local contrast,
// learned from pictures of our own making (bench/deid/lettering). It knows writing of 6 to 28
// pixels a line whatever its direction, polarity or contrast; larger writing is found in a plane
// that was halved. Private to the detector (glyphs.h).
//
// The layers: contrast made even over 15 × 15 samples, 5 × 5 into 8 channels at every second
// sample, 3 × 3 into 16 at every fourth, then four times 3 × 3 within a channel and 1 × 1 into 24
// with what went in added, and a sum. Sums are made in one order on every machine.
#pragma once

#include <stdint.h>

struct err;

#define LETTERING_CELL 4 // samples of a cell's side

struct lettering;

// For planes of up to so many samples. E_MEMORY.
int lettering_new(uint32_t columns, uint32_t rows, struct lettering **ret_lettering, struct err *e);
void lettering_free(struct lettering *l); // NULL allowed

static inline uint32_t lettering_cells(uint32_t samples) {
    return (samples + LETTERING_CELL - 1) / LETTERING_CELL;
}

// One byte a cell, row by row: the log odds of writing, 128 for even odds, 16 a unit. `stride` in
// samples. The plane must not be larger than it was said in lettering_new.
void lettering_run(struct lettering *l, const uint16_t *plane, uint32_t columns, uint32_t rows,
                   uint32_t stride, uint8_t *ret_cells);
