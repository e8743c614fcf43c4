// SPDX-License-Identifier: Apache-2.0
// RLE Lossless (PS3.5 8.2.2, Annex G).
#pragma once

#include "pixel/encoder.h"

extern const struct px_encoder px_encoder_rle;
