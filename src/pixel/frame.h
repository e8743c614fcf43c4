// SPDX-License-Identifier: Apache-2.0
// One decoded frame: samples in little-endian order, as an Explicit VR Little Endian file holds
// them (PS3.5 8), with a description of its own because decoding may change it (a JPEG of
// YBR_FULL_422 comes out as RGB; packed 12-bit words come out as 16-bit ones). A frame whose
// photometric is YBR_FULL_422 or YBR_PARTIAL_422 has the layout of an uncompressed one: two samples
// a pixel (PS3.3 C.7.6.3.1.2); no decoder of compressed pixels gives that out.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pixel/image.h"

struct err;

struct px_frame {
    const uint8_t *data; // the samples: `own`, or borrowed from the file
    size_t len;
    uint8_t *own;    // owned; aligned for any type
    size_t cap;      // of own
    bool may_borrow; // set by who knows that the file outlives the frame: saves a copy
    uint16_t rows;
    uint16_t columns;
    uint16_t samples;
    uint16_t bits_allocated; // 1 (packed, first pixel in the lowest bit), 8, 16, 32, 64
    uint16_t bits_stored;
    uint16_t high_bit;
    bool is_signed;
    bool planar;
    enum px_photometric photometric;
    enum px_pixel_kind kind;
};

// Zero-initialise or px_frame_init; a frame may be used again for the next decode and keeps its
// memory. px_frame_done frees.
void px_frame_init(struct px_frame *f);
void px_frame_done(struct px_frame *f);
static inline void cleanup_px_frame(struct px_frame *f) { px_frame_done(f); }

// Makes room for `len` bytes at f->own, not cleared, and points data there. E_LIMIT over
// PX_FRAME_BYTES_MAX, E_MEMORY.
int px_frame_reserve(struct px_frame *f, uint64_t len, struct err *e);

// Points data at bytes that must outlive the frame (or its next use).
void px_frame_borrow(struct px_frame *f, struct slice bytes);

// Copies the description of an image: what an uncompressed frame of it looks like.
void px_frame_describe(struct px_frame *f, const struct px_image *im);

// Fills the bits above bits stored of signed integers with the sign, where the coding gave exactly
// `precision` = bits stored bits of two's complement (JPEG and JPEG-LS know no sign). Own samples.
void px_frame_extend_sign(struct px_frame *f, unsigned precision);

// Whether two frames have the same description (their samples are not looked at).
bool px_frame_same(const struct px_frame *a, const struct px_frame *b);

// Whether chroma is shared by two pixels: the layout of YBR_FULL_422 above.
static inline bool px_frame_is_422(const struct px_frame *f) {
    return f->photometric == PX_YBR_FULL_422 || f->photometric == PX_YBR_PARTIAL_422;
}

// Bytes that a frame of this description has.
uint64_t px_frame_bytes(const struct px_frame *f);
