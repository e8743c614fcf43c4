// SPDX-License-Identifier: Apache-2.0
// 8-bit JPEG: baseline and extended sequential (PS3.5 8.2.1) through libjpeg-turbo. Colour comes
// out as RGB. 12-bit streams are refused.
#pragma once

#include "pixel/codec.h"

extern const struct px_codec px_codec_jpeg;
