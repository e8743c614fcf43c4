// SPDX-License-Identifier: Apache-2.0
#include "pixel/picture.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "pixel/codec.h"
#include "pixel/jpeg_write.h"
#include "pixel/png_write.h"

int px_encode(const struct px_bitmap *b, enum px_format format, unsigned quality, struct buf *out,
              struct err *e) {
    return format == PX_FORMAT_PNG
               ? px_png_write(b->data, b->width, b->height, b->channels, out, e)
               : px_jpeg_write(b->data, b->width, b->height, b->channels, quality, out, e);
}

int px_picture_make(const struct px_image *im, const struct px_frames *frames, struct slice file,
                    const struct px_picture *picture, struct buf *out, struct err *e) {
    CLEANUP(cleanup_px_frame) struct px_frame frame = {.may_borrow = true};
    CLEANUP(cleanup_px_bitmap) struct px_bitmap bitmap = {0};
    int code = px_decode(im, frames, file, picture->frame, &frame, e);
    if (code == E_OK) {
        code = px_render(im, &frame, picture->frame, &picture->options, &bitmap, e);
    }
    unsigned quality = picture->quality == 0 ? PX_QUALITY_DEFAULT : picture->quality;
    return code == E_OK ? px_encode(&bitmap, picture->format, quality, out, e) : code;
}

int px_thumbnail_make(const struct px_image *im, const struct px_frames *frames, struct slice file,
                      uint32_t side, enum px_format format, struct buf *out, struct err *e) {
    uint32_t most = side == 0 ? PX_THUMBNAIL_SIDE : side;
    struct px_picture picture = {.frame = px_image_representative(im), .format = format};
    picture.options.hide_overlays = true; // at this size they only hide the image
    double tall = im->pixel_height;
    double height = im->rows * (tall > 1 ? tall : 1);
    double width = im->columns / (tall < 1 ? tall : 1);
    if (height > most || width > most) {
        picture.options.has_viewport = true;
        picture.options.viewport = (struct px_viewport){.width = most, .height = most};
    }
    return px_picture_make(im, frames, file, &picture, out, e);
}
