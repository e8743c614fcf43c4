// SPDX-License-Identifier: Apache-2.0
// An RLE frame (PS3.5 Annex G) without what no decoder reads: bytes between and behind its
// segments, offsets of segments that are not there. The coded bytes stay as they are.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct buf;
struct err;
struct gate_notes;

// As gate_stream_clean (container.h). `pixels`: bytes that each segment decodes to, rows × columns;
// 0 when not known: what the first of several segments decodes to, and a single one stays whole.
int gate_stream_rle(struct slice stream, uint64_t pixels, struct gate_notes *notes, uint32_t frame,
                    struct buf *out, bool *ret_changed, struct err *e);
