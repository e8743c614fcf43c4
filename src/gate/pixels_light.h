// SPDX-License-Identifier: Apache-2.0
// A row of a decoded frame as one number of 16 bits a pixel that differs where the picture differs,
// for rules that ask where there is structure at all. Private to pixels_*.c.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/pixels_cells.h"

// columns numbers. Grey and palette indices in the order of values; colour: light and, less, hue.
void gate_light_row(const struct px_frame *f, uint32_t y, uint16_t *out);

// How much noise of coding is no structure: 0 for lossless codings.
uint16_t gate_light_ripple(const struct px_image *im, const struct px_frame *f);

// Whether the pixels of `r` differ by more than `ripple`.
bool gate_light_differs(const struct px_frame *f, const struct gate_rect *r, uint16_t ripple,
                        uint16_t *row); // room for a row
