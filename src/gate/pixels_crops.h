// SPDX-License-Identifier: Apache-2.0
// Pictures of boxes for a reader, within a budget: each picture once, a few for each place of a
// loop. Private to pixels_*.c.
#pragma once

#include <stdint.h>

#include "gate/pixels.h"
#include "gate/pixels_places.h"

struct err;

struct gate_crops {
    struct gate_look *look;
    struct gate_places places;
    uint64_t seen[GATE_READINGS_MAX]; // hashes of the pictures
    uint32_t first;                   // number of seen[0]
    uint32_t made;                    // pictures that are kept
    uint32_t drawn;
};
void gate_crops_init(struct gate_crops *c, struct gate_look *look);
void gate_crops_done(struct gate_crops *c);

// Sets box->crop, and GATE_TRAIT_SPARE where the budget is spent. E_MEMORY only.
int gate_crops_take(struct gate_crops *c, const struct px_frame *f, struct gate_box *box,
                    uint8_t *traits, struct err *e);
