// SPDX-License-Identifier: Apache-2.0
// Uncompressed pixel data on their way from the mapped file to the sink: a piece without edits and
// hidden bits goes as it stands, others through a buffer. Bytes behind the last frame stay behind.
// Private to pixels_*.c.
#pragma once

#include <stdint.h>

#include "base/slice.h"
#include "dicom/writer.h"
#include "gate/pixels_edits.h"

struct err;
struct gate_notes;

struct gate_native {
    const struct px_image *im;
    const struct px_frames *frames;
    const struct gate_edit_set *set;
    struct slice file; // what the offsets of frames count in
    struct gate_notes *notes;
    uint32_t frames_edited; // counted here
};

// Bytes of the value that is written: all frames, made even.
uint64_t gate_native_length(const struct px_image *im, const struct px_frames *frames);
// Whether the pixels as they stand can be written as they are.
bool gate_native_untouched(const struct gate_native *n);
int gate_native_write(struct gate_native *n, struct dcm_sink sink, struct err *e);

// Applies the edits of one frame to a decoded frame that owns its samples: masks, then boxes.
int gate_frame_edit(const struct px_image *im, const struct gate_edit_set *set, uint32_t number,
                    struct px_frame *f, struct err *e);
