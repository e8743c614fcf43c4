// SPDX-License-Identifier: Apache-2.0
// RLE Lossless frames (PS3.5 Annex G).
#pragma once

#include "pixel/codec.h"

extern const struct px_codec px_codec_rle;
