// SPDX-License-Identifier: Apache-2.0
// Colour frames to interleaved 8-bit RGB: planes, deep samples, PALETTE COLOR, and the YBR spaces
// of PS3.3 C.7.6.3.1.2. ICC profiles are not applied.
#pragma once

#include <stdint.h>

#include "pixel/frame.h"
#include "pixel/image.h"

struct err;

// rows * columns * 3 bytes. E_UNSUPPORTED for spaces that only exist inside code streams.
int px_colour_apply(const struct px_image *im, const struct px_frame *f, uint8_t *out,
                    struct err *e);
