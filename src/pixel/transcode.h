// SPDX-License-Identifier: Apache-2.0
// A whole instance from one transfer syntax to another (PS3.5 Annex A, PS3.10 7): the data set in
// the new encoding, pixel data decoded and coded anew where they must be, and what the data set
// says of them kept true (photometric interpretation, planes, bits, PS3.3 C.7.6.3). One frame is in
// memory at a time. The SOP Instance UID stays: nothing is lost on the way. Pixel data that lost
// something before keep saying so (C.7.6.1.1.5).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/part10.h"

struct arena;
struct err;

// Whether px_transcode will try: a decoder for the one syntax, an encoder for the other, or both
// native. True for equal ones.
bool px_transcode_known(const char *from_uid, const char *to_uid);

// Where the file goes: bytes in order, and a few that become known late (the offsets of frames).
struct px_transcode_out {
    struct dcm_sink sink;
    // Replaces bytes that the sink has had, counted from the first one. NULL: encapsulated files
    // get an empty Basic Offset Table, which the standard allows.
    int (*patch)(void *context, uint64_t offset, struct slice bytes, struct err *e);
    void *context; // of patch
};

struct px_transcoded {
    uint64_t len;         // of the file
    uint64_t body_offset; // where the data set begins
};

// Writes `file` (opened from `bytes`) as a Part 10 file in the transfer syntax named, behind meta
// information of our own. Icons and other pixel data inside of sequences become native; one that
// cannot be decoded is left out with its item's sequence. Memory for the tree comes from `a`.
// E_NOT_ACCEPTABLE: no codec, or the pixels do not fit the syntax (floats in fragments, over 4 GiB
// of native pixel data); E_CORRUPT, E_TRUNCATED, E_MISMATCH name the frame that is bad. What was
// written before a failure is of no use.
int px_transcode(struct arena *a, struct dcm_file *file, struct slice bytes, const char *syntax_uid,
                 const struct px_transcode_out *out, struct px_transcoded *ret_done, struct err *e);
