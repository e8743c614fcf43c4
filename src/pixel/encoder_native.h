// SPDX-License-Identifier: Apache-2.0
// Uncompressed pixels, little endian (PS3.5 A.1, A.2).
#pragma once

#include "pixel/encoder.h"

extern const struct px_encoder px_encoder_native;
