// SPDX-License-Identifier: Apache-2.0
// Where each frame lies in the file (PS3.5 A.4, 8.2; PS3.3 C.7.6.3.1.8 extended offset table), so
// that a frame is served by a seek and never by a parse. It refuses pixel elements that are shorter
// than their description. It decodes nothing; it looks at the first and last bytes of fragments
// only when the file has no offset table and more fragments than frames.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "pixel/image.h"

struct arena;
struct buf;
struct dcm_dataset;
struct dcm_fragment;
struct err;

// One frame. Offsets count from the start of the file (of the inflated text when the data set was
// deflated). One fragment: exactly its bytes, ready for sendfile. Several: from the first byte of
// the first fragment to the last byte of the last one, with an 8-byte item header between two
// fragments (px_frames_bytes takes them out). Unaligned frames (1-bit, packed 12-bit): every byte
// or word that holds a bit of the frame.
struct px_range {
    uint64_t offset;
    uint64_t length;
    uint32_t fragments; // 0: native (not encapsulated)
};

enum px_frames_source {
    PX_FRAMES_NATIVE,
    PX_FRAMES_BASIC_TABLE,
    PX_FRAMES_EXTENDED_TABLE,
    PX_FRAMES_ONE_EACH, // as many fragments as frames
    PX_FRAMES_SINGLE,   // one frame: all fragments are its
    PX_FRAMES_SCANNED,  // split where a fragment starts a new code stream
    PX_FRAMES_STREAM    // video: one range for all frames
};

struct px_frames {
    struct px_range *ranges; // count of them, in an arena
    uint32_t count;          // as image.frames, but 1 for PX_FRAMES_STREAM
    enum px_frames_source source;
    uint64_t frame_bits; // native: bits of a frame
    bool unaligned;      // frames do not begin on bytes (or, see word_bits, on words)
    uint8_t word_bits;   // 8; 16 where a big-endian file holds bytes or bits in 16-bit words
    bool table_wrong;    // an offset table was there and did not fit; frames were found without
};

// Bits of the first byte or word of the frame's range that belong to the frame before it.
static inline unsigned px_frames_bit_offset(const struct px_frames *t, uint32_t frame) {
    return t->unaligned ? (unsigned)(t->frame_bits * frame % t->word_bits) : 0;
}

// From the pixel element of the data set that `im` was read from. E_TRUNCATED when it holds fewer
// bytes or frames than declared (with both numbers), E_MISMATCH when fragments cannot be divided
// into frames, E_NOT_FOUND when there is no pixel element. Native elements longer than declared are
// accepted (padding, trailing garbage); encapsulated ones with more frames than declared are
// refused.
int px_frames_build(struct arena *a, const struct px_image *im, const struct dcm_dataset *d,
                    struct px_frames *ret_frames, struct err *e);

// The two halves, on plain values.
int px_frames_native(struct arena *a, const struct px_image *im, uint64_t value_offset,
                     uint64_t value_length, struct px_frames *ret_frames, struct err *e);
struct px_encapsulated {
    const struct dcm_fragment *fragments; // [0] is the Basic Offset Table
    uint32_t count;
    struct slice extended_offsets; // (7FE0,0001), 64-bit little endian; may be empty
    struct slice extended_lengths; // (7FE0,0002)
};
int px_frames_encapsulated(struct arena *a, const struct px_image *im,
                           const struct px_encapsulated *from, struct px_frames *ret_frames,
                           struct err *e);

// The bytes of frame `frame` (from 0) without item headers: borrowed from `file` when the frame
// lies in one piece, else joined in `scratch` (cleared first). `file` is what offsets count in.
int px_frames_bytes(const struct px_frames *t, struct slice file, uint32_t frame,
                    struct buf *scratch, struct slice *ret_bytes, struct err *e);
