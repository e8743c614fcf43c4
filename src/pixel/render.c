// SPDX-License-Identifier: Apache-2.0
#include "pixel/render.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "pixel/paint.h"
#include "pixel/resample.h"
#include "pixel/viewport.h"

CLEANUP_DEFINE(bytes, uint8_t, mem_free);

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

static bool as_it_is(const struct px_frame *f, const struct px_place *p) {
    return p->out_width == f->columns && p->out_height == f->rows && p->width == f->columns &&
           p->height == f->rows && !p->flip_x && !p->flip_y;
}

static void paint_whole(const struct px_painter *p, struct px_bitmap *bitmap) {
    size_t row_len = (size_t)bitmap->width * bitmap->channels;
    for (uint32_t y = 0; y < bitmap->height; y++) {
        px_painter_row(p, y, bitmap->data + y * row_len);
    }
}

// The last two rows painted: growing asks for each several times.
struct rows {
    const struct px_painter *painter;
    uint8_t *room[2]; // even and odd rows
    uint32_t held[2];
};

static const uint8_t *paint_row(void *context, uint32_t y) {
    struct rows *r = context;
    uint32_t slot = y % 2;
    if (r->held[slot] != y) {
        px_painter_row(r->painter, y, r->room[slot]);
        r->held[slot] = y;
    }
    return r->room[slot];
}

static int paint_resampled(const struct px_painter *p, const struct px_place *place,
                           struct px_bitmap *bitmap, struct err *e) {
    size_t row_len = (size_t)p->frame->columns * p->channels;
    CLEANUP(cleanup_bytes) uint8_t *room = mem_alloc(2 * row_len);
    if (room == NULL) {
        return err_set(e, E_MEMORY, "rows of a picture");
    }
    struct rows rows = {p, {room, room + row_len}, {UINT32_MAX, UINT32_MAX}};
    struct px_resample from = {.row = paint_row,
                               .context = &rows,
                               .width = p->frame->columns,
                               .height = p->frame->rows,
                               .channels = p->channels,
                               .x = place->x,
                               .y = place->y,
                               .region_width = place->width,
                               .region_height = place->height,
                               .flip_x = place->flip_x,
                               .flip_y = place->flip_y};
    return px_resample(&from, bitmap->width, bitmap->height, bitmap->data, e);
}

int px_render(const struct px_image *im, const struct px_frame *f, uint32_t frame_number,
              const struct px_render_options *options, struct px_bitmap *bitmap, struct err *e) {
    struct px_place place;
    CLEANUP(px_painter_done) struct px_painter painter = {0};
    if (f->len == 0) {
        return err_set(e, E_ARGUMENT, "there is no decoded frame to render");
    }
    int code = px_viewport_place(im, options, &place, e);
    if (code == E_OK) {
        code = px_painter_init(&painter, im, f, frame_number, options, e);
    }
    if (code == E_OK) {
        code = reserve(bitmap, place.out_width, place.out_height, painter.channels, e);
    }
    if (code != E_OK) {
        return code;
    }
    if (as_it_is(f, &place)) {
        paint_whole(&painter, bitmap);
        return E_OK;
    }
    return paint_resampled(&painter, &place, bitmap, e);
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
