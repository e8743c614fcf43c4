// SPDX-License-Identifier: Apache-2.0
// The inverse discrete cosine transform of 12-bit JPEG (ISO/IEC 10918-1 A.3.3) in integers, by the
// scheme of Loeffler, Ligtenberg and Moschytz with 13 fraction bits: the one that the common JPEG
// libraries use for their accurate method, so that samples come out as theirs do.
#pragma once

#include <stddef.h>
#include <stdint.h>

// 64 dequantised coefficients in natural order (row by row; within ±2^31) to 8 rows of 8 samples,
// `stride` samples apart, within 0 … most; `most` is 2^precision - 1.
void px_jpeg_idct(const int32_t coefficients[64], int32_t most, uint16_t *out, size_t stride);
