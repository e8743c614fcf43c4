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

// Numbers of the rows of archive_jobs.
enum archive_job { JOB_INTAKE, JOB_REWRITE, JOB_RENDER, JOB_DECODE, JOB_BULK };

extern const struct worker_job archive_jobs[];
extern const size_t archive_job_count;

enum render_format { RENDER_JPEG, RENDER_PNG };

struct render_request {
    uint32_t frame; // from 1
    enum render_format format;
    uint32_t quality;       // JPEG, 1 to 100; 0: default
    uint32_t width, height; // viewport; 0: as stored
    double source[4]; // x, y, width, height in the image; all 0: whole. Negative width/height flip
    bool has_window;
    double centre, window_width;
    uint32_t function; // 0 LINEAR, 1 LINEAR_EXACT, 2 SIGMOID
};

// Renders in a worker, or takes the same picture from the cache. E_NOT_FOUND beyond the last frame.
// E_NOT_ACCEPTABLE with a sentence when the syntax cannot be decoded here yet.
int archive_render(struct archive *a, const struct hash *object,
                   const struct render_request *request, struct buf *out, struct err *e);

// Decoded pixels of one frame as explicit little endian bytes.
int archive_decode(struct archive *a, const struct hash *object, uint32_t frame, struct buf *out,
                   struct err *e);

// A thumbnail: the frame that represents the instance, no side over `side` (0: 256).
int archive_thumbnail(struct archive *a, const struct hash *object, enum render_format format,
                      uint32_t side, struct buf *out, struct err *e);

// The bytes of one bulk value (retrieve.h) of an object whose data set is deflated, where a range
// of the file does not hold it.
int archive_bulk(struct archive *a, const struct hash *object, uint64_t offset, uint64_t len,
                 struct buf *out, struct err *e);
