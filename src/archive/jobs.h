// SPDX-License-Identifier: Apache-2.0
// The jobs that run in workers, and their callers' side. main hands archive_jobs to worker_main and
// archive_open to the pool.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "worker/worker.h"

struct archive;
struct buf;
struct err;
struct hash;

extern const struct worker_job archive_jobs[];
extern const size_t archive_job_count;

enum render_format { RENDER_JPEG, RENDER_PNG };

struct render_request {
    uint32_t frame;              // from 1
    enum render_format format;
    uint32_t quality;            // JPEG, 1 to 100; 0: default
    uint32_t width, height;      // viewport; 0: as stored
    double source[4];            // x, y, width, height in the image; all 0: whole. Negative width/height flip
    bool has_window;
    double centre, window_width;
    uint32_t function;           // 0 LINEAR, 1 LINEAR_EXACT, 2 SIGMOID
};

// Renders in a worker. E_NOT_ACCEPTABLE with a sentence when the syntax cannot be decoded here yet.
int archive_render(struct archive *a, const struct hash *object, const struct render_request *request,
                   struct buf *out, struct err *e);

// Decoded pixels of one frame as explicit little endian bytes.
int archive_decode(struct archive *a, const struct hash *object, uint32_t frame, struct buf *out,
                   struct err *e);
