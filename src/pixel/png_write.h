// SPDX-License-Identifier: Apache-2.0
// A PNG writer (ISO/IEC 15948) for 8-bit grey and RGB over libdeflate: one IDAT, one filter a row
// out of None, Sub, Up. It writes no ancillary chunk.
#pragma once

#include <stdint.h>

struct buf;
struct err;

#define PX_PNG_LEVEL 1

int px_png_write(const uint8_t *pixels, uint32_t width, uint32_t height, uint8_t channels,
                 struct buf *out, struct err *e);
