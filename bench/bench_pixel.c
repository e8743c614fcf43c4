// SPDX-License-Identifier: Apache-2.0
// Speed of the pixel floor on one core: RLE both ways, rendering to JPEG and PNG at full size and
// as a thumbnail. The image is a file given by name, or a synthetic 512 x 512 CT slice of 12 bits
// with noise. Prints frames a second of processor time, so that neighbours on the machine count
// little: the median of several runs. It asserts nothing.
//
//   bench_pixel [DICOM FILE]
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <png.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rng.h"
#include "dicom/part10.h"
#include "dicom/uid.h"
#include "pixel/codec.h"
#include "pixel/picture.h"
#include "pixel/rle.h"

#define RUNS 5
#define RUN_SECONDS 0.4
#define SIDE 512u
#define ARENA_LIMIT ((size_t)1 << 30)

struct work {
    struct px_image image;
    struct px_frames frames;
    struct slice file;
    struct px_frame frame; // decoded
    struct px_bitmap bitmap;
    struct buf rle;
    struct buf out;
    uint8_t *planes; // room for a decoded RLE frame
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

static void measure(const char *name, int (*once)(struct work *w), struct work *w) {
    double rates[RUNS];
    for (int run = 0; run < RUNS; run++) {
        int count = 0;
        double begin = now();
        double spent;
        do {
            if (once(w) != E_OK) {
                printf("%-44s failed: %s\n", name, w->e.text);
                return;
            }
            count++;
            spent = now() - begin;
        } while (spent < RUN_SECONDS);
        rates[run] = count / spent;
    }
    qsort(rates, RUNS, sizeof rates[0], by_value);
    printf("%-44s %9.0f frames/s\n", name, rates[RUNS / 2]);
}

static struct px_rle_shape shape_of(const struct work *w) {
    return (struct px_rle_shape){(uint64_t)w->image.rows * w->image.columns, w->image.samples,
                                 w->frame.bits_allocated / 8};
}

static int rle_encode(struct work *w) {
    struct px_rle_shape shape = shape_of(w);
    buf_clear(&w->rle);
    return px_rle_encode(w->frame.data, &shape, w->image.columns, &w->rle, &w->e);
}

static int rle_decode(struct work *w) {
    struct px_rle_shape shape = shape_of(w);
    return px_rle_decode(buf_slice(&w->rle), &shape, w->planes, &w->e);
}

static int render(struct work *w) {
    struct px_render_options options = {0};
    return px_render(&w->image, &w->frame, 0, &options, &w->bitmap, &w->e);
}

static int picture(struct work *w, enum px_format format) {
    struct px_picture p = {.format = format};
    buf_clear(&w->out);
    return px_picture_make(&w->image, &w->frames, w->file, &p, &w->out, &w->e);
}

static int picture_jpeg(struct work *w) { return picture(w, PX_FORMAT_JPEG); }
static int picture_png(struct work *w) { return picture(w, PX_FORMAT_PNG); }

static int thumbnail(struct work *w) {
    buf_clear(&w->out);
    return px_thumbnail_make(&w->image, &w->frames, w->file, 0, PX_FORMAT_JPEG, &w->out, &w->e);
}

static void keep(png_structp png, png_bytep data, png_size_t len) {
    buf_put(png_get_io_ptr(png), data, len);
}

// What libpng makes of the same bitmap at its fastest level, to weigh our writer against.
static int libpng_level_1(struct work *w) {
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    buf_clear(&w->out);
    if (setjmp(png_jmpbuf(png)) == 0) {
        png_set_write_fn(png, &w->out, keep, NULL);
        png_set_compression_level(png, 1);
        png_set_IHDR(png, info, w->bitmap.width, w->bitmap.height, 8,
                     w->bitmap.channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, 0, 0, 0);
        png_write_info(png, info);
        for (size_t y = 0; y < w->bitmap.height; y++) {
            png_write_row(png, w->bitmap.data + y * w->bitmap.width * w->bitmap.channels);
        }
        png_write_end(png, info);
    }
    png_destroy_write_struct(&png, &info);
    return E_OK;
}

static int open_file(struct work *w, struct arena *a, const char *path) {
    static struct file_map map;
    struct dcm_file file = {0};
    struct dcm_dataset *d = NULL;
    if (file_map_path(path, &map, &w->e) != E_OK ||
        dcm_file_open(a, map.bytes, &file, &w->e) != E_OK ||
        dcm_file_dataset(a, &file, 0, &d, &w->e) != E_OK ||
        px_image_read(a, d, file.syntax, &w->image, &w->e) != E_OK) {
        return w->e.code;
    }
    w->file = file.deflated ? file.body : map.bytes;
    return px_frames_build(a, &w->image, d, &w->frames, &w->e);
}

// A disc of soft tissue with an edge of bone and air around it, in 12 bits with noise.
static int make_slice(struct work *w, struct arena *a) {
    struct rng rng = rng_seeded(1);
    static struct px_window window = {.centre = 40, .width = 400};
    uint8_t *pixels = arena_alloc(a, (size_t)SIDE * SIDE * 2);
    if (pixels == NULL) {
        return E_MEMORY;
    }
    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        double r = hypot(i % SIDE - SIDE / 2.0, i / SIDE - SIDE / 2.0);
        double hu = r > 230 ? -1000 : r > 215 ? 800 : 40 + 30 * sin(r / 9);
        double value = r > 230 ? 0 : hu + 1024 + 12 * rng_normal(&rng);
        num_put_le16(pixels + 2 * (size_t)i, (uint16_t)(value < 0 ? 0 : value));
    }
    w->file = slice_of(pixels, (size_t)SIDE * SIDE * 2);
    w->image = (struct px_image){
        .rows = SIDE,
        .columns = SIDE,
        .frames = 1,
        .samples = 1,
        .bits_allocated = 16,
        .bits_stored = 12,
        .high_bit = 11,
        .photometric = PX_MONOCHROME2,
        .pixel_height = 1,
        .syntax = dcm_transfer_syntax_find(slice_str(DCM_EXPLICIT_LE_UID)),
        .grey = {.slope = 1, .intercept = -1024, .windows = &window, .window_count = 1}};
    return px_frames_native(a, &w->image, 0, w->file.len, &w->frames, &w->e);
}

static int run(struct work *w) {
    int code = px_decode(&w->image, &w->frames, w->file, 0, &w->frame, &w->e);
    if (code != E_OK) {
        return code;
    }
    w->planes = mem_alloc(w->frame.len);
    printf("%u x %u x %u, %u of %u bits, %s\n", w->image.columns, w->image.rows, w->image.samples,
           w->image.bits_stored, w->image.bits_allocated, w->image.syntax->name);
    measure("RLE encode", rle_encode, w);
    measure("RLE decode", rle_decode, w);
    measure("render (decoded frame to 8 bits)", render, w);
    measure("decode + render + JPEG quality 90", picture_jpeg, w);
    printf("%-44s %9zu bytes\n", "", w->out.len);
    measure("decode + render + PNG", picture_png, w);
    printf("%-44s %9zu bytes\n", "", w->out.len);
    measure("  libpng level 1 of the same bitmap, alone", libpng_level_1, w);
    printf("%-44s %9zu bytes\n", "", w->out.len);
    measure("decode + thumbnail of 256", thumbnail, w);
    mem_free(w->planes);
    return E_OK;
}

int main(int argc, char **argv) {
    struct work w = {0};
    struct arena arena;
    arena_init(&arena, ARENA_LIMIT);
    buf_init(&w.rle, PX_FRAME_BYTES_MAX);
    buf_init(&w.out, PX_FRAME_BYTES_MAX);
    int code = argc > 1 ? open_file(&w, &arena, argv[1]) : make_slice(&w, &arena);
    code = code == E_OK ? run(&w) : code;
    if (code != E_OK) {
        fprintf(stderr, "bench_pixel: %s\n", w.e.text);
    }
    px_frame_done(&w.frame);
    px_bitmap_done(&w.bitmap);
    buf_done(&w.rle);
    buf_done(&w.out);
    arena_done(&arena);
    return code == E_OK ? 0 : 1;
}
