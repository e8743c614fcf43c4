// SPDX-License-Identifier: Apache-2.0
// Radiographs and digitised film: islands in the unexposed (or unattenuated) ground around what was
// exposed: labels, stickers, handwriting, lead letters. The ground is what the frame's border is
// made of, as far as it is connected with the border; anatomy is what is large. Where the border is
// of no clear level there is no clear field, and nothing is found. Private to pixels_*.c.
#pragma once

#include <stdint.h>

#include "gate/glyphs.h"

struct err;
struct px_image;

#define GATE_ISLANDS_MAX 64u // of one frame; more are noise, not writing: none is given

// Appends a box for each island: GATE_SHAPE_STROKES, GATE_LIKELY.
int gate_margin_find(const struct px_image *im, const struct px_frame *f, uint32_t number,
                     struct gate_boxes *out, struct err *e);

// Room for one more box; false when memory is short.
bool gate_boxes_add(struct gate_boxes *b, const struct gate_box *box);
