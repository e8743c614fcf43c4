// SPDX-License-Identifier: Apache-2.0
// Deflated Image Frame (PS3.5 8.2.16, A.4.13).
#pragma once

#include "pixel/encoder.h"

extern const struct px_encoder px_encoder_deflated;
