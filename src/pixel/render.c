// SPDX-License-Identifier: Apache-2.0
#include "pixel/render.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "pixel/colour.h"
#include "pixel/grey_table.h"
#include "pixel/resample.h"
#include "pixel/viewport.h"

void px_bitmap_done(struct px_bitmap *b) {
    mem_free(b->data);
    *b = (struct px_bitmap){0};
}

static int reserve(struct px_bitmap *b, uint32_t width, uint32_t height, uint8_t channels,
                   struct err *e) {
    size_t len = (size_t)width * height * channels;
    if (b->data == NULL || b->cap < len) {
        px_bitmap_done(b);
        b->data = mem_alloc(len);
        if (b->data == NULL) {
            return err_set(e, E_MEMORY, "a picture of %u x %u", width, height);
        }
        b->cap = len;
    }
    b->width = width;
    b->height = height;
    b->channels = channels;
    return E_OK;
}

static int paint(const struct px_image *im, const struct px_frame *f, uint32_t frame_number,
                 const struct px_render_options *options, struct px_bitmap *bitmap, struct err *e) {
    bool mono = px_is_mono(f->photometric);
    int code = reserve(bitmap, f->columns, f->rows, mono ? 1 : 3, e);
    if (code != E_OK) {
        return code;
    }
    if (!mono) {
        code = px_colour_apply(im, f, bitmap->data, e);
        for (size_t i = 0; options->invert && i < (size_t)f->rows * f->columns * 3; i++) {
            bitmap->data[i] = (uint8_t)~bitmap->data[i];
        }
        return code;
    }
    struct px_grey_path path;
    code = px_grey_choose(im, f, frame_number, options, &path, e);
    return code == E_OK ? px_grey_apply(&path, f, bitmap->data, e) : code;
}

static bool as_it_is(const struct px_frame *f, const struct px_place *p) {
    return p->out_width == f->columns && p->out_height == f->rows && p->width == f->columns &&
           p->height == f->rows && !p->flip_x && !p->flip_y;
}

int px_render(const struct px_image *im, const struct px_frame *f, uint32_t frame_number,
              const struct px_render_options *options, struct px_bitmap *bitmap, struct err *e) {
    struct px_place place;
    if (f->len == 0) {
        return err_set(e, E_ARGUMENT, "there is no decoded frame to render");
    }
    int code = px_viewport_place(im, options, &place, e);
    if (code != E_OK) {
        return code;
    }
    if (as_it_is(f, &place)) {
        return paint(im, f, frame_number, options, bitmap, e);
    }
    CLEANUP(cleanup_px_bitmap) struct px_bitmap whole = {0};
    code = paint(im, f, frame_number, options, &whole, e);
    if (code == E_OK) {
        code = reserve(bitmap, place.out_width, place.out_height, whole.channels, e);
    }
    if (code != E_OK) {
        return code;
    }
    struct px_resample from = {whole.data, whole.width, whole.height, whole.channels, place.x,
                               place.y,    place.width, place.height, place.flip_x,   place.flip_y};
    return px_resample(&from, place.out_width, place.out_height, bitmap->data, e);
}

bool px_render_window(const struct px_image *im, const struct px_frame *f, uint32_t frame_number,
                      const struct px_render_options *options, struct px_window *ret_window) {
    struct px_grey_path path;
    struct err ignored = {0};
    if (!px_is_mono(f->photometric) || f->len == 0 ||
        px_grey_choose(im, f, frame_number, options, &path, &ignored) != E_OK || path.by_lut) {
        return false;
    }
    *ret_window = path.window;
    return true;
}
