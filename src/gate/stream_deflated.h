// SPDX-License-Identifier: Apache-2.0
// A deflated frame (Deflated Image Frame Compression, PS3.5 A.4.12; RFC 1951) without bytes behind
// its final block.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct buf;
struct err;
struct gate_notes;

// As gate_stream_clean (container.h). E_LIMIT when it inflates to more than a frame may have.
int gate_stream_deflated(struct slice stream, struct gate_notes *notes, uint32_t frame,
                         struct buf *out, bool *ret_changed, struct err *e);
