// SPDX-License-Identifier: Apache-2.0
// Coding frames, the counterpart of codec.h: one static const table an encoder, listed in encoder.c
// by transfer syntax. What goes in is a decoded frame (frame.h) with its own description; what
// comes out are the bytes of one frame in the new syntax, and px_encode_describe says what the data
// set must say about them. Whole files are somebody else's (transcode.h).
//
// Coded here: Explicit VR Little Endian (and Implicit, the same pixels), RLE Lossless, JPEG-LS
// lossless, JPEG 2000 lossless, Deflated Image Frame, and, lossy, JPEG baseline of 8 bits. Every
// lossless one gives back the same bytes through px_decode, whatever the bits outside bits stored
// hold.
#pragma once

#include <stdbool.h>

#include "base/slice.h"
#include "pixel/codec.h"
#include "pixel/frame.h"

struct buf;
struct err;

struct px_encoder {
    const char *name;            // "RLE Lossless"
    const char *const *syntaxes; // transfer syntax UIDs, NULL at the end
    bool lossy;                  // the samples that come back are not those that went in
    // Why frames of this description cannot be coded, or NULL. The member may be NULL.
    const char *(*refuse)(const struct px_frame *f);
    // Changes the description of a decoded frame into that of the coded one. NULL: the same.
    void (*describe)(struct px_frame *f);
    // Appends the coded frame. Reads f->data only.
    int (*encode)(const struct px_frame *f, struct buf *out, struct err *e);
};

// NULL when nothing here codes this transfer syntax.
const struct px_encoder *px_encoder_find(const char *syntax_uid);

// Whether px_encode_frame will try frames described as *f (its data may be NULL: see
// px_decode_describe). *ret_reason (may be NULL) gets a sentence when not.
bool px_can_encode(const char *syntax_uid, const struct px_frame *f,
                   char ret_reason[PX_REASON_MAX]);

// What the data set must say about frames like *f once they are coded: photometric interpretation,
// planar configuration, samples, bits allocated, stored and high, pixel representation; its data is
// NULL, its len 0. The kind says which element holds them. E_NOT_ACCEPTABLE as px_can_encode.
int px_encode_describe(const char *syntax_uid, const struct px_frame *f, struct px_frame *ret_coded,
                       struct err *e);

// Appends the bytes of one coded frame to `out`: for an encapsulated syntax the content of one
// fragment, not padded to an even length (PS3.5 A.4 asks the writer of the fragment for it). A
// frame of 1-bit samples begins on a byte; who joins native frames joins their bits
// (frames_pack.h). E_NOT_ACCEPTABLE as px_can_encode, E_LIMIT when `out` is full, E_MEMORY. On
// failure `out` is as long as before.
int px_encode_frame(const char *syntax_uid, const struct px_frame *f, struct buf *out,
                    struct err *e);
