// SPDX-License-Identifier: Apache-2.0
// How the first bytes of a compressed frame look, so that frames can be told apart in files without
// an offset table (PS3.5 A.4): JPEG and JPEG-LS begin with SOI, JPEG 2000 with SOC and SIZ, RLE
// with its header of segment offsets.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct buf;
struct dcm_fragment;
struct err;

enum px_stream { PX_STREAM_OTHER, PX_STREAM_JPEG, PX_STREAM_JPEG_2000, PX_STREAM_RLE };

enum px_stream px_stream_of(const char *syntax_uid);

// Whether these bytes begin a code stream. PX_STREAM_OTHER: never.
bool px_stream_starts(enum px_stream stream, struct slice bytes);

// Whether one of the fragments behind the first begins another code stream.
bool px_stream_restarts(enum px_stream stream, const struct dcm_fragment *fragments,
                        uint32_t count);

// Makes *bytes end in the marker that ends JPEG and JPEG 2000 streams (FFD9, padding behind it
// aside), in a copy in `scratch` where it is missing: decoders of libraries take its want for worse
// than it is.
int px_stream_with_end(struct slice *bytes, struct buf *scratch, struct err *e);
