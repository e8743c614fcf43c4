// SPDX-License-Identifier: Apache-2.0
// JPEG 2000 Part 1 and High-Throughput JPEG 2000 (PS3.5 8.2.4, 8.2.14; ISO/IEC 15444-1 and -15)
// through OpenJPEG. Part 2's multi-component syntaxes code several frames in one stream, which
// OpenJPEG does not take apart: nothing here decodes them.
#pragma once

#include "pixel/codec.h"

extern const struct px_codec px_codec_j2k;

#define PX_J2K_LOSSLESS_UID "1.2.840.10008.1.2.4.90"
