// SPDX-License-Identifier: Apache-2.0
// JPEG-LS lossless (PS3.5 8.2.3) through CharLS; colour is interleaved by line.
#pragma once

#include "pixel/encoder.h"

extern const struct px_encoder px_encoder_jpegls;
