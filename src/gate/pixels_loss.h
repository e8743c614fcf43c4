// SPDX-License-Identifier: Apache-2.0
// Pixels that lost something in their coding keep saying so when they are coded anew without loss
// (PS3.3 C.7.6.1.1.5): Lossy Image Compression, its ratio and its method. Private to pixels_*.c.
#pragma once

#include "base/slice.h"
#include "pixel/frames.h"
#include "pixel/image.h"

struct dcm_dataset;
struct err;

// `stream`: the first frame's. Puts what is missing; does nothing for lossless streams.
int gate_loss_keep(struct dcm_dataset *d, const struct px_image *im, const struct px_frames *frames,
                   struct slice stream, struct err *e);
