// SPDX-License-Identifier: Apache-2.0
// Frame tables as a few bytes for the catalogue.
#pragma once

#include "base/slice.h"
#include "pixel/frames.h"

struct arena;
struct buf;
struct err;

// A compact form for the catalogue (uniform tables take about 20 bytes however many frames). Unpack
// checks everything: it may come from a damaged database (E_CORRUPT).
void px_frames_pack(const struct px_frames *t, struct buf *out);
int px_frames_unpack(struct arena *a, struct slice packed, struct px_frames *ret_frames,
                     struct err *e);
