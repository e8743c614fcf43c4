// SPDX-License-Identifier: Apache-2.0
// Deflated Image Frame (PS3.5 8.2.16, A.4.13; transfer syntax .8.1): each frame's uncompressed
// bytes, little endian, as one deflate stream (RFC 1951) with a zero byte behind it where its
// length is odd. Frames of 1-bit samples begin on a byte. A zlib wrapper (RFC 1950), which the
// standard does not have but some writers put there, is taken too.
#pragma once

#include "pixel/codec.h"

extern const struct px_codec px_codec_deflated;

#define PX_DEFLATED_FRAME_UID "1.2.840.10008.1.2.8.1"
