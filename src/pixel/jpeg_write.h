// SPDX-License-Identifier: Apache-2.0
// Baseline JPEG of 8-bit grey or RGB through libjpeg-turbo. Colour is coded 4:2:0 below quality 90
// and without subsampling from there.
#pragma once

#include <stdint.h>

struct buf;
struct err;

int px_jpeg_write(const uint8_t *pixels, uint32_t width, uint32_t height, uint8_t channels,
                  unsigned quality, struct buf *out, struct err *e);

// The same of samples that are YCbCr already.
int px_jpeg_write_ycc(const uint8_t *pixels, uint32_t width, uint32_t height, unsigned quality,
                      struct buf *out, struct err *e);
