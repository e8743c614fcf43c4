// SPDX-License-Identifier: Apache-2.0
// The grey path out of a data set: Modality LUT module or rescale (PS3.3 C.11.1), VOI windows and
// LUTs (C.11.2), and their functional group macros in enhanced multi-frame images (C.7.6.16.2.9,
// .10).
#pragma once

#include "pixel/image.h"

struct arena;
struct dcm_dataset;
struct err;

// Fills im->grey and im->frame_grey; the rest of `im` must be set. Windows that no VOI function
// allows (width 0, negative) are left out; a width below 1, and any LINEAR of float pixels, is read
// as LINEAR_EXACT: LINEAR counts in whole steps.
int px_grey_read(struct arena *a, const struct dcm_dataset *d, struct px_image *im, struct err *e);
