// SPDX-License-Identifier: Apache-2.0
// The ultrasound rule: what lies outside of all regions of ultrasound data (0018,6011) is not
// anatomy, and goes as far as there is anything in it. Private to pixels_*.c.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/pixels_hints.h"

struct arena;
struct err;

struct gate_outside {
    struct gate_rect *list; // the frame without the regions, as rectangles that do not meet
    uint32_t count;
    bool *filled; // of each: something was in it in one of the frames so far
    uint16_t *row;
};
// From the regions and the first frame: *ret_believed false (and nothing in the list) where most of
// the picture would go, because the regions are of something else then.
int gate_outside_make(struct arena *a, const struct gate_pixel_hints *h, const struct px_image *im,
                      const struct px_frame *first, struct gate_outside *ret_outside,
                      bool *ret_believed, struct err *e);
// Looks at one more frame.
void gate_outside_look(struct gate_outside *o, const struct px_image *im, const struct px_frame *f);
