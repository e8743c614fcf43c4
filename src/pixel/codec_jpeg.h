// SPDX-License-Identifier: Apache-2.0
// JPEG, all processes with Huffman codes that are not hierarchical (PS3.5 8.2.1): baseline,
// extended, spectral selection, full progression, lossless. The stream itself says which decoder
// reads it: 8 bits by cosine transform go through libjpeg-turbo (jpeg_read.h), deeper ones and the
// lossless process through our own (jpeg_dct.h, jpeg_lossless.h). Colour of the lossy processes
// comes out as RGB, that of the lossless one as it is labelled.
#pragma once

#include "pixel/codec.h"

struct px_jpeg_stream;

// Whether the three components of an opened stream are YCbCr; else they are RGB.
bool px_jpeg_is_ycc(const struct px_jpeg_stream *s, const struct px_image *im);

extern const struct px_codec px_codec_jpeg;
