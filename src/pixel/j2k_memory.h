// SPDX-License-Identifier: Apache-2.0
// OpenJPEG's streams over bytes in memory, and its messages. Private to the JPEG 2000 codec and
// encoder.
#pragma once

#include <stddef.h>

#include <openjpeg.h>

#include "base/err.h"
#include "base/slice.h"

struct buf;

struct px_j2k_source {
    struct slice bytes;
    size_t at;
};

struct px_j2k_sink {
    struct buf *out;
    size_t start; // length of `out` before
    size_t at;    // behind start
};

// NULL without memory. The argument must outlive the stream.
opj_stream_t *px_j2k_source_stream(struct px_j2k_source *s);
opj_stream_t *px_j2k_sink_stream(struct px_j2k_sink *s);

// The first error that the library reports.
struct px_j2k_message {
    char text[ERR_TEXT_MAX];
};
void px_j2k_listen(opj_codec_t *codec, struct px_j2k_message *m);

static inline void cleanup_j2k_stream(opj_stream_t **s) {
    if (*s != NULL) {
        opj_stream_destroy(*s);
    }
}

static inline void cleanup_j2k_codec(opj_codec_t **c) {
    if (*c != NULL) {
        opj_destroy_codec(*c);
    }
}

static inline void cleanup_j2k_image(opj_image_t **i) {
    if (*i != NULL) {
        opj_image_destroy(*i);
    }
}
