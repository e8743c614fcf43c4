// SPDX-License-Identifier: Apache-2.0
// VOI functions (PS3.3 C.11.2.1.2, .3) and look-up tables as numbers; render.c builds its tables of
// them, tests compare them with the standard's pseudo-code.
#pragma once

#include <stdint.h>

#include "pixel/image.h"

// Modality value → [0, 1].
double px_voi_window(const struct px_window *w, double value);
double px_voi_lut(const struct px_lut *lut, double value);

// Stored value → modality value.
double px_modality(const struct px_grey *g, double stored);
