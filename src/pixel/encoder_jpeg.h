// SPDX-License-Identifier: Apache-2.0
// JPEG baseline (PS3.5 8.2.1), lossy, 8 bits; colour without subsampling, as YBR_FULL.
#pragma once

#include "pixel/encoder.h"

extern const struct px_encoder px_encoder_jpeg;

#define PX_JPEG_QUALITY_CODED 95u // of frames for other systems: more careful than of a picture
