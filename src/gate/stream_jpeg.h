// SPDX-License-Identifier: Apache-2.0
// The marker segments of JPEG (ISO/IEC 10918-1 Annex B, all processes) and JPEG-LS (ISO/IEC 14495-1
// Annex C) without what no decoder needs: application data (EXIF, XMP, ICC, Photoshop, thumbnails),
// comments, reserved segments, fill bytes, bytes behind a segment's own content or the end marker.
// Kept, in a canonical form without anything to hide in: JFIF's APP0 and Adobe's APP14 (the colour
// transform hangs on them), the colour transform of JPEG-LS (APP8 "mrfx").
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct buf;
struct err;
struct gate_notes;

// As gate_stream_clean (container.h). E_CORRUPT or E_TRUNCATED with the offset in `stream`.
int gate_stream_jpeg(struct slice stream, bool is_ls, struct gate_notes *notes, uint32_t frame,
                     struct buf *out, bool *ret_changed, struct err *e);
