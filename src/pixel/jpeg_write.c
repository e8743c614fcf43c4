// SPDX-License-Identifier: Apache-2.0
#include "pixel/jpeg_write.h"

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "pixel/jpeg_error.h"

#define BLOCK_BYTES 32768u
#define ROWS_AT_ONCE 16u
#define FULL_CHROMA_FROM 90u

struct writer {
    struct jpeg_compress_struct cinfo;
    struct jpeg_destination_mgr destination;
    struct px_jpeg_error error;
    struct buf *out;
    uint8_t block[BLOCK_BYTES];
};

static struct writer *writer_of(j_compress_ptr cinfo) { return cinfo->client_data; }

static void start_block(j_compress_ptr cinfo) {
    struct writer *w = writer_of(cinfo);
    w->destination.next_output_byte = w->block;
    w->destination.free_in_buffer = sizeof w->block;
}

static boolean block_full(j_compress_ptr cinfo) {
    struct writer *w = writer_of(cinfo);
    buf_put(w->out, w->block, sizeof w->block);
    start_block(cinfo);
    return TRUE;
}

static void last_block(j_compress_ptr cinfo) {
    struct writer *w = writer_of(cinfo);
    buf_put(w->out, w->block, sizeof w->block - w->destination.free_in_buffer);
}

struct picture {
    const uint8_t *pixels;
    uint32_t width;
    uint32_t height;
    uint8_t channels;
    J_COLOR_SPACE space;
};

static void set_up(struct writer *w, const struct picture *p, unsigned quality) {
    struct jpeg_compress_struct *c = &w->cinfo;
    w->destination.init_destination = start_block;
    w->destination.empty_output_buffer = block_full;
    w->destination.term_destination = last_block;
    c->dest = &w->destination;
    c->client_data = w;
    c->image_width = p->width;
    c->image_height = p->height;
    c->input_components = p->channels;
    c->in_color_space = p->space;
    jpeg_set_defaults(c);
    jpeg_set_quality(c, (int)quality, TRUE);
    if (p->channels == 3 && quality >= FULL_CHROMA_FROM) {
        c->comp_info[0].h_samp_factor = 1;
        c->comp_info[0].v_samp_factor = 1;
    }
}

static void write_rows(struct writer *w, const uint8_t *pixels) {
    struct jpeg_compress_struct *c = &w->cinfo;
    size_t row_len = (size_t)c->image_width * (size_t)c->input_components;
    while (c->next_scanline < c->image_height) {
        JSAMPROW rows[ROWS_AT_ONCE];
        JDIMENSION count = 0;
        for (; count < ROWS_AT_ONCE && c->next_scanline + count < c->image_height; count++) {
            // libjpeg's type has no const; it does not write to its input.
            rows[count] = (JSAMPROW)(uintptr_t)(pixels + (c->next_scanline + count) * row_len);
        }
        (void)jpeg_write_scanlines(c, rows, count);
    }
}

static int write_picture(const struct picture *p, unsigned quality, struct buf *out,
                         struct err *e) {
    if (p->width == 0 || p->height == 0 || (p->channels != 1 && p->channels != 3) || quality < 1 ||
        quality > 100) {
        return err_set(e, E_ARGUMENT, "a JPEG of %u x %u with %u channels, quality %u", p->width,
                       p->height, p->channels, quality);
    }
    if (p->width > JPEG_MAX_DIMENSION || p->height > JPEG_MAX_DIMENSION) {
        return err_set(e, E_LIMIT, "a JPEG has at most %ld pixels a side", JPEG_MAX_DIMENSION);
    }
    struct writer w = {.out = out};
    w.cinfo.err = px_jpeg_error_init(&w.error);
    if (setjmp(w.error.back) != 0) {
        jpeg_destroy_compress(&w.cinfo);
        return err_set(e, E_INTERNAL, "JPEG writing: %s", w.error.text);
    }
    jpeg_create_compress(&w.cinfo);
    set_up(&w, p, quality);
    jpeg_start_compress(&w.cinfo, TRUE);
    write_rows(&w, p->pixels);
    jpeg_finish_compress(&w.cinfo);
    jpeg_destroy_compress(&w.cinfo);
    return buf_check(out, "a JPEG", e);
}

int px_jpeg_write(const uint8_t *pixels, uint32_t width, uint32_t height, uint8_t channels,
                  unsigned quality, struct buf *out, struct err *e) {
    struct picture p = {pixels, width, height, channels, channels == 3 ? JCS_RGB : JCS_GRAYSCALE};
    return write_picture(&p, quality, out, e);
}

int px_jpeg_write_ycc(const uint8_t *pixels, uint32_t width, uint32_t height, unsigned quality,
                      struct buf *out, struct err *e) {
    struct picture p = {pixels, width, height, 3, JCS_YCbCr};
    return write_picture(&p, quality, out, e);
}
