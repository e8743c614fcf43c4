// SPDX-License-Identifier: Apache-2.0
// Uncompressed pixels (PS3.5 8.1, 8.2.0 and Annex D): bytes, words of either order, 1-bit and the
// retired 12-bit packing.
#pragma once

#include "pixel/codec.h"

extern const struct px_codec px_codec_native;
