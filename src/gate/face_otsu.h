// SPDX-License-Identifier: Apache-2.0
// Otsu's threshold: what parts a histogram best in two.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Values INT16_MIN are not looked at. The highest percent counts as one value, so that a few bright
// samples do not draw the threshold up.
int16_t gate_otsu(const int16_t *values, size_t count);

// Where the body begins in an MR: fat and brain lie over Otsu's threshold, skin and muscle below
// it, air near the darkest.
int16_t gate_otsu_body(const int16_t *values, size_t count);
