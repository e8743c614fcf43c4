// SPDX-License-Identifier: Apache-2.0
// A JPEG 2000 or HTJ2K code stream (ISO/IEC 15444-1 Annex A) without its comments (COM in the main
// header and in tile-part headers, lengths in SOT and TLM put right), without a JP2 file's boxes
// around it (Annex I: XML, UUID, ICC; what they say about colour does not count in DICOM, PS3.5
// 8.2.4), unknown segments and bytes behind its end. The coded bits stay as they are.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct buf;
struct err;
struct gate_notes;

// As gate_stream_clean (container.h). E_CORRUPT or E_TRUNCATED with the offset in `stream`.
int gate_stream_j2k(struct slice stream, struct gate_notes *notes, uint32_t frame, struct buf *out,
                    bool *ret_changed, struct err *e);
