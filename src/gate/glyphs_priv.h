// SPDX-License-Identifier: Apache-2.0
// A look into the detector (glyphs.h), for the tool that fits its judgement.
#pragma once

#include "gate/glyphs_box.h"
#include "gate/glyphs_weigh.h"

struct gate_scanner;

// Called for every row of glyphs before anything is decided: where it is, its
// score, and GLYPH_FEATURES features.
typedef void (*glyph_watch)(const struct glyph_find *find, const float *features, void *context);
// Either may be NULL. `heard`: glyphs_weigh.h.
void gate_scanner_watch(struct gate_scanner *s, glyph_watch watch, glyph_heard heard,
                        void *context);
