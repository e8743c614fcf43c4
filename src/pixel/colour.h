// SPDX-License-Identifier: Apache-2.0
// Colour frames to interleaved 8-bit RGB, row by row: planes, deep samples, PALETTE COLOR, and the
// YBR spaces of PS3.3 C.7.6.3.1.2. ICC profiles are not applied.
#pragma once

#include <stdint.h>

#include "pixel/frame.h"
#include "pixel/image.h"

struct err;

#define PX_COLOUR_TABLE_LEN (65536u * 3u)

// E_UNSUPPORTED for spaces that only exist inside code streams, and depths that nothing here shows.
int px_colour_check(const struct px_image *im, const struct px_frame *f, struct err *e);

// PALETTE COLOR only: three bytes for each rank (sample.h) of a stored value.
void px_colour_fill(const struct px_image *im, const struct px_frame *f,
                    uint8_t table[PX_COLOUR_TABLE_LEN]);

// A supplemental palette over a grey path (PS3.3 C.7.6.19).
struct px_grey_path;
void px_colour_fill_supplemental(const struct px_image *im, const struct px_frame *f,
                                 const struct px_grey_path *path,
                                 uint8_t table[PX_COLOUR_TABLE_LEN]);
// Row y through such a table.
void px_colour_table_row(const struct px_frame *f, const uint8_t *table, uint32_t y, uint8_t *out);

// Row y, columns * 3 bytes, of a frame that passed the check. `table` is for PALETTE COLOR.
void px_colour_row(const struct px_frame *f, const uint8_t *table, uint32_t y, uint8_t *out);
