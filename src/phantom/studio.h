// SPDX-License-Identifier: Apache-2.0
// Random tables that all cases of a seed share (case.h has new and free).
#pragma once

#include "phantom/noise.h"

// What a scanner's noise looks like: a tile each.
enum ph_grain { PH_GRAIN_SOFT, PH_GRAIN_SHARP, PH_GRAIN_MR, PH_GRAIN_FILM, PH_GRAINS };

#define PH_COARSE_CELLS 9.0f // wavelength of the coarse field
#define PH_FINE_CELLS 4.0f

struct ph_studio {
    struct ph_field coarse, fine;
    struct ph_tile grain[PH_GRAINS];
};
