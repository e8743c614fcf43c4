// SPDX-License-Identifier: Apache-2.0
// JPEG 2000 lossless (PS3.5 8.2.4): 5-3 wavelet, one tile, one layer; RGB through the reversible
// colour transform, which makes it YBR_RCT.
#pragma once

#include "pixel/encoder.h"

extern const struct px_encoder px_encoder_j2k;
