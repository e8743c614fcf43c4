// SPDX-License-Identifier: Apache-2.0
// Pictures for the web: decode, render and encode in one call, and thumbnails.
#pragma once

#include <stdint.h>

#include "base/slice.h"
#include "pixel/frames.h"
#include "pixel/image.h"
#include "pixel/render.h"

struct buf;
struct err;

enum px_format { PX_FORMAT_JPEG, PX_FORMAT_PNG };

#define PX_QUALITY_DEFAULT 90u

// Encodes into `out` (appended). quality 1 … 100, JPEG only.
int px_encode(const struct px_bitmap *b, enum px_format format, unsigned quality, struct buf *out,
              struct err *e);

// Decode, render, encode in one call: what a /rendered resource sends.
struct px_picture {
    uint32_t frame; // from 0
    struct px_render_options options;
    enum px_format format;
    unsigned quality; // 0: PX_QUALITY_DEFAULT
};
int px_picture_make(const struct px_image *im, const struct px_frames *frames, struct slice file,
                    const struct px_picture *picture, struct buf *out, struct err *e);

// A thumbnail of the representative frame, no side over `side` (PX_THUMBNAIL_SIDE when 0), smaller
// images are not blown up.
#define PX_THUMBNAIL_SIDE 256u
int px_thumbnail_make(const struct px_image *im, const struct px_frames *frames, struct slice file,
                      uint32_t side, enum px_format format, struct buf *out, struct err *e);
