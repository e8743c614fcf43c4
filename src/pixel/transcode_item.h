// SPDX-License-Identifier: Apache-2.0
// What transcoding does to the data set: the attributes that describe its pixels, and pixel data
// inside of sequences (icons). For transcoding and for the gate, which may change the coding as
// well.
#pragma once

#include "dicom/part10.h"
#include "pixel/frame.h"

struct arena;
struct err;

// Makes the Image Pixel attributes say what `f` says; what is right already stays as written. Takes
// out the extended offset table, which belongs to the old fragments.
int px_transcode_describe(struct dcm_dataset *d, const struct px_frame *f, struct err *e);

// Pixel Data in fragments below the top becomes native (PS3.5 A.4 lets an icon be native in every
// transfer syntax). Where it cannot be decoded, the sequence that holds it goes: an icon is only
// ever a convenience. `bytes` is what offsets of the tree count in.
int px_transcode_nested(struct arena *a, struct dcm_dataset *d,
                        const struct dcm_transfer_syntax *syntax, struct slice bytes,
                        struct err *e);
