// SPDX-License-Identifier: Apache-2.0
// JPEG-LS, lossless and near-lossless (PS3.5 8.2.3, ISO/IEC 14495-1), through CharLS.
#pragma once

#include "pixel/codec.h"

extern const struct px_codec px_codec_jpegls;

#define PX_JPEGLS_LOSSLESS_UID "1.2.840.10008.1.2.4.80"
#define PX_JPEGLS_NEAR_UID "1.2.840.10008.1.2.4.81"
