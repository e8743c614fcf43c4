// SPDX-License-Identifier: Apache-2.0
// Lossless JPEG (ISO/IEC 10918-1 Annex H, processes 14: Huffman, not hierarchical), the coding of
// transfer syntaxes .57 and .70: 2 to 16 bits, predictors 1 to 7, point transform, restart
// intervals, up to four components in one scan or several. Subsampled components are refused.
#pragma once

#include <stdint.h>

struct err;
struct px_jpeg_stream;

// Where samples go: interleaved, `sample_bytes` 1 (precision up to 8) or 2, little endian.
struct px_jpeg_lossless_out {
    uint8_t *samples;
    uint16_t rows;
    uint16_t columns;
    uint8_t components;
    uint8_t sample_bytes;
};

// `s` as px_jpeg_open left it, its frame of the size, count and precision of *out (rows 0 there:
// whatever *out says). Fills every sample or fails: E_TRUNCATED, E_CORRUPT with the byte offset in
// the stream, E_NOT_ACCEPTABLE for what is refused, E_MEMORY.
int px_jpeg_lossless_read(struct px_jpeg_stream *s, const struct px_jpeg_lossless_out *out,
                          struct err *e);
