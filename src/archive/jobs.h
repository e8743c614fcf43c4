// SPDX-License-Identifier: Apache-2.0
// The jobs that run in workers, and their callers' side. The program's table is the gate's rows and
// these behind them: main hands it to worker_main, archive_open to the pool.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "gate/instance.h"
#include "worker/worker.h"

struct archive;
struct buf;
struct err;
struct hash;

// Numbers of rows of the table.
enum archive_job {
    JOB_INTAKE = GATE_JOB_COUNT,
    JOB_REWRITE,
    JOB_RENDER,
    JOB_DECODE,
    JOB_BULK,
    JOB_TRANSCODE,
    ARCHIVE_JOBS
};
void archive_jobs_list(struct worker_job out[ARCHIVE_JOBS]);

enum render_format { RENDER_JPEG, RENDER_PNG };

struct render_request {
    uint32_t frame; // from 1
    enum render_format format;
    uint32_t quality;       // JPEG, 1 to 100; 0: default
    uint32_t width, height; // viewport; 0: as stored
    double source[4]; // x, y, width, height in the image; all 0: whole. Negative width/height flip
    bool has_window;
    double centre, window_width;
    uint32_t function;      // 0 LINEAR, 1 LINEAR_EXACT, 2 SIGMOID
    uint32_t hide_overlays; // 1: without overlay planes
};

// Renders in a worker, or takes the same picture from the cache. E_NOT_FOUND beyond the last frame.
// E_NOT_ACCEPTABLE with a sentence when the syntax cannot be decoded here yet.
int archive_render(struct archive *a, const struct hash *object,
                   const struct render_request *request, struct buf *out, struct err *e);

// How the frame is that archive_decode gave: decoding may change what the data set says of it.
struct archive_pixels {
    char photometric[17];
    uint16_t bits_allocated;
    bool planar;
};

// One frame (from 1) decoded: explicit little endian samples, or coded anew in another syntax that
// px_encoder_find knows. E_NOT_ACCEPTABLE as archive_transcode. ret_pixels may be NULL.
int archive_decode(struct archive *a, const struct hash *object, uint32_t frame,
                   const char *syntax_uid, struct buf *out, struct archive_pixels *ret_pixels,
                   struct err *e);

// A thumbnail: the frame that represents the instance, no side over `side` (0: 256).
int archive_thumbnail(struct archive *a, const struct hash *object, enum render_format format,
                      uint32_t side, struct buf *out, struct err *e);

// The bytes of one bulk value (retrieve.h) of an object whose data set is deflated, where a range
// of the file does not hold it.
int archive_bulk(struct archive *a, const struct hash *object, uint64_t offset, uint64_t len,
                 struct buf *out, struct err *e);

// --- whole instances in another transfer syntax (pixel/transcode.h) ----------------------------

// A whole Part 10 file: a transcoded one, or the object itself. Its bytes do not change while it is
// open, also when the cache forgets it meanwhile.
struct archive_file {
    int fd;               // read-only, the caller's: archive_file_done
    uint64_t len;         // of the file: fd may hold more behind it
    uint64_t body_offset; // where the data set begins (deflated where the syntax says so)
};
#define ARCHIVE_FILE_NONE ((struct archive_file){.fd = -1})
void archive_file_done(struct archive_file *f); // also of ARCHIVE_FILE_NONE; as that afterwards

// Whether archive_transcode will try `from` → `to`: a decoder for the one, an encoder for the other
// (px_transcode_known). True for equal ones.
bool archive_can_transcode(const char *from_syntax, const char *to_syntax);

// The same instance, same SOP Instance UID, in transfer syntax `syntax_uid`; the object itself when
// it is stored so. Done in a worker, frame by frame, to a file without a name; kept in the cache up
// to TRANSCODED_MAX bytes. Thread-safe; may take as long as the job's limit (ten minutes).
// E_NOT_ACCEPTABLE with a sentence when there is no codec or the pixels cannot be put that way;
// E_CORRUPT when a frame cannot be decoded; E_FULL, E_BUSY, E_TIMEOUT.
#define TRANSCODED_MAX ((uint64_t)256 << 20)
int archive_transcode(struct archive *a, const struct hash *object, const char *syntax_uid,
                      struct archive_file *ret_file, struct err *e);
