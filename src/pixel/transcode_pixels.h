// SPDX-License-Identifier: Apache-2.0
// Frames on their way out: native pixel data of either byte order, or fragments with an offset
// table (PS3.5 8.2, A.4; PS3.3 C.7.6.3.1.8). A frame at a time; the tables are put in place behind
// the last one. For transcoding and for the gate.
#pragma once

#include "base/buf.h"
#include "dicom/part10.h"
#include "pixel/frame.h"
#include "pixel/transcode.h"

struct arena;
struct err;

// The element of the pixels as it is written. Begin, put each frame, end.
struct px_transcode_pixels {
    const struct dcm_transfer_syntax *syntax; // of what is written
    struct dcm_sink sink;                     // where the element goes
    const struct px_transcode_out *out;       // for patching
    const uint64_t *written;                  // bytes of the file so far; counted by the sink
    uint32_t frames;
    uint32_t done;
    uint64_t frame_bits; // native
    uint8_t carry;       // bits of frames that do not end on a byte
    unsigned carry_bits;
    unsigned swap;   // bytes of the units that big endian turns round; 1: none
    uint64_t tables; // where the offset table's value begins in the file; 0: none
    bool extended;
    uint64_t first; // the first fragment's item tag in the file
    uint8_t *offsets;
    uint8_t *lengths; // extended only
    struct buf coded;
};

// Writes the head of the element (and an extended offset table before it) for `frames` frames like
// *f, which is described as it will be coded. E_NOT_ACCEPTABLE: native pixel data over 4 GiB.
int px_transcode_begin(struct px_transcode_pixels *p, struct arena *a, const struct px_frame *f,
                       struct err *e);
int px_transcode_put(struct px_transcode_pixels *p, const struct px_frame *f, struct err *e);
int px_transcode_end(struct px_transcode_pixels *p, struct err *e);
static inline void cleanup_px_transcode_pixels(struct px_transcode_pixels *p) {
    buf_done(&p->coded);
}
