// SPDX-License-Identifier: Apache-2.0
// Statistics of a decoded single-sample frame: the automatic window stands on them, and the gate's
// checks do later. Stored values, before any modality transformation.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pixel/frame.h"
#include "pixel/image.h"

struct err;

#define PX_PERCENTILES 5
// 1, 5, 50, 95 and 99 per cent.
extern const double px_percentile_of[PX_PERCENTILES];

struct px_stats {
    uint64_t count;    // pixels counted
    uint64_t excluded; // padding, and NaN or infinite floats
    double min;
    double max;
    double mean;
    double deviation;
    double percentile[PX_PERCENTILES];
};

// `im` gives the padding range (NULL: none). All zero with count 0 when every pixel was excluded.
// E_UNSUPPORTED for colour frames.
int px_stats_frame(const struct px_image *im, const struct px_frame *f, struct px_stats *ret_stats,
                   struct err *e);
