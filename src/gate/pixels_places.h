// SPDX-License-Identifier: Apache-2.0
// Boxes of different frames at the same place, so that a caption that stands through a loop is read
// a few times and not once a frame. Private to pixels_*.c.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/glyphs.h"

#define GATE_PLACE_CROPS 3u // different pictures of one place that are read

struct gate_place {
    uint16_t x, y, width, height;
    uint32_t next;        // of the same bucket, plus one
    uint32_t first, last; // frames
    uint32_t boxes;
    uint32_t crops[GATE_PLACE_CROPS];
    uint32_t crop_count;
};

struct gate_places {
    struct gate_place *list; // owned
    uint32_t count, cap;
    uint32_t buckets[1024]; // index of a place plus one
};
void gate_places_done(struct gate_places *p);

// The place of a box: the one that was there, or a new one. NULL: no memory, or too many places.
// Valid until the next call.
struct gate_place *gate_place_of(struct gate_places *p, const struct gate_box *box);
