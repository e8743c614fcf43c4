// SPDX-License-Identifier: Apache-2.0
// The ends of a line of writing: letters there may touch anatomy or lie over
// other ground, so that they were no glyphs of their own; what is as strong as
// the line goes on with it. Private to the detector (glyphs.h).
#pragma once

#include "gate/glyphs_line.h"
#include "gate/glyphs_part.h"

// `hat`: the contrast that the line was found in; NULL for a line of one exact
// level, which goes on where the plane has that level. At most `letters`
// letters' heights are added at either end.
void glyph_line_grow(struct glyph_line *line, const struct glyph_plane *plane, const uint16_t *hat,
                     unsigned letters);
