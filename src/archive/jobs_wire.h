// SPDX-License-Identifier: Apache-2.0
// Requests of jobs as bytes. Both ends are this program, so a struct's bytes are enough.
#pragma once

#include <stdint.h>

#include "archive/jobs.h"

struct job_render {
    struct render_request request;
    uint32_t thumbnail_side; // 0: render what the request says
};

struct job_bulk {
    uint64_t offset, len;
};

struct job_decode {
    uint32_t frame;
    char syntax[65];
};

// Behind the bytes of a decoded frame.
struct job_decoded {
    uint32_t photometric; // enum px_photometric
    uint16_t bits_allocated;
    uint16_t planar;
};

struct job_transcode {
    char syntax[65];
};

struct job_transcoded {
    uint64_t same; // 1: it is stored so, nothing was written
    uint64_t len;
    uint64_t body_offset;
};
