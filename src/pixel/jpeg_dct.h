// SPDX-License-Identifier: Apache-2.0
// JPEG by discrete cosine transform, sequential and progressive Huffman coding (ISO/IEC 10918-1
// Annexes F and G), of any precision up to 12 bits: what libjpeg of 8 bits does not read. One to
// four components with any sampling factors, restart intervals, several scans.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct err;
struct px_jpeg_stream;

#define PX_JPEG_DCT_PRECISION_MAX 12u
#define PX_JPEG_COEFFICIENT_BYTES_MAX ((uint64_t)1 << 30) // of one frame, on the way

// `s` as px_jpeg_open left it; `rows` is taken where the frame header leaves it to DNL. Gives
// rows * columns * components samples of 16 bits, interleaved, components at full size (those with
// half the samples across, down or both are interpolated as the common libraries do, others
// repeated), no colour conversion. E_TRUNCATED, E_CORRUPT with the byte offset in the stream,
// E_NOT_ACCEPTABLE, E_LIMIT, E_MEMORY.
int px_jpeg_dct_read(struct px_jpeg_stream *s, uint16_t rows, uint8_t *out, struct err *e);
