// SPDX-License-Identifier: Apache-2.0
// Speed of decoding on one core: for each file frames a second of processor time, the median of
// several runs; for JPEG-LS and JPEG 2000 also what the library alone makes of the same bytes, so
// that the wrapper's cost shows. Prints "file<TAB>maclab<TAB>rate" and "file<TAB>library<TAB>rate".
// It asserts nothing.
//
//   bench_decode FILE…
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <charls/charls.h>
#include <openjpeg.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "dicom/part10.h"
#include "dicom/uid.h"
#include "pixel/codec.h"
#include "pixel/j2k_memory.h"

#define RUNS 5
#define RUN_SECONDS 0.3
#define ARENA_LIMIT ((size_t)1 << 30)

struct work {
    struct arena arena;
    struct file_map map;
    struct px_image image;
    struct px_frames frames;
    struct slice file;
    struct px_frame frame;
    struct buf joined;
    struct slice bytes; // of the first frame
    uint32_t number;    // of the next frame
    struct err e;
};

static double now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const char *path, const char *who, int (*once)(struct work *w),
                    struct work *w) {
    double rates[RUNS];
    for (int run = 0; run < RUNS; run++) {
        int count = 0;
        double begin = now();
        double spent;
        do {
            if (once(w) != E_OK) {
                printf("%s\t%s\tfailed: %s\n", path, who, w->e.text);
                return;
            }
            count++;
            spent = now() - begin;
        } while (spent < RUN_SECONDS);
        rates[run] = count / spent;
    }
    qsort(rates, RUNS, sizeof rates[0], by_value);
    printf("%s\t%s\t%.1f\n", path, who, rates[RUNS / 2]);
    fflush(stdout);
}

static int decode(struct work *w) {
    w->number = (w->number + 1) % w->image.frames;
    return px_decode(&w->image, &w->frames, w->file, w->number, &w->frame, &w->e);
}

static int charls_alone(struct work *w) {
    charls_jpegls_decoder *d = charls_jpegls_decoder_create();
    bool good = d != NULL &&
                charls_jpegls_decoder_set_source_buffer(d, w->bytes.ptr, w->bytes.len) == 0 &&
                charls_jpegls_decoder_read_header(d) == 0 &&
                charls_jpegls_decoder_decode_to_buffer(d, w->frame.own, w->frame.cap, 0) == 0;
    charls_jpegls_decoder_destroy(d);
    return good ? E_OK : err_set(&w->e, E_CORRUPT, "CharLS");
}

static int openjpeg_alone(struct work *w) {
    struct px_j2k_source source = {.bytes = w->bytes};
    CLEANUP(cleanup_j2k_codec) opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
    CLEANUP(cleanup_j2k_stream) opj_stream_t *stream = px_j2k_source_stream(&source);
    CLEANUP(cleanup_j2k_image) opj_image_t *image = NULL;
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    bool good = opj_setup_decoder(codec, &parameters) && opj_read_header(stream, codec, &image) &&
                opj_decode(codec, stream, image);
    return good ? E_OK : err_set(&w->e, E_CORRUPT, "OpenJPEG");
}

static int open_file(struct work *w, const char *path) {
    struct dcm_file file = {0};
    struct dcm_dataset *d = NULL;
    if (file_map_path(path, &w->map, &w->e) != E_OK ||
        dcm_file_open(&w->arena, w->map.bytes, &file, &w->e) != E_OK ||
        dcm_file_dataset(&w->arena, &file, 0, &d, &w->e) != E_OK ||
        px_image_read(&w->arena, d, file.syntax, &w->image, &w->e) != E_OK) {
        return w->e.code;
    }
    w->file = file.deflated ? file.body : w->map.bytes;
    int code = px_frames_build(&w->arena, &w->image, d, &w->frames, &w->e);
    return code == E_OK ? px_frames_bytes(&w->frames, w->file, 0, &w->joined, &w->bytes, &w->e)
                        : code;
}

static int bench(const char *path) {
    struct work w = {0};
    arena_init(&w.arena, ARENA_LIMIT);
    buf_init(&w.joined, PX_FRAME_BYTES_MAX);
    int code = open_file(&w, path);
    if (code == E_OK) {
        const char *codec = px_codec_find(w.image.syntax->uid)->name;
        measure(path, "maclab", decode, &w);
        if (strcmp(codec, "JPEG-LS") == 0) {
            measure(path, "library", charls_alone, &w);
        } else if (strcmp(codec, "JPEG 2000") == 0) {
            measure(path, "library", openjpeg_alone, &w);
        }
    } else {
        fprintf(stderr, "bench_decode: %s: %s\n", path, w.e.text);
    }
    px_frame_done(&w.frame);
    buf_done(&w.joined);
    arena_done(&w.arena);
    file_unmap(&w.map);
    return code;
}

int main(int argc, char **argv) {
    int bad = 0;
    for (int i = 1; i < argc; i++) {
        bad |= bench(argv[i]) != E_OK;
    }
    return bad;
}
