// SPDX-License-Identifier: Apache-2.0
// A whole image: 16 bytes of rendering options, one of transfer syntax, then a data set. Read, find
// frames, decode, render, encode: what a hostile file that got as far as the archive could reach.
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/dataset.h"
#include "dicom/uid.h"
#include "pixel/codec.h"
#include "pixel/picture.h"
#include "pixel/stats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define HEADER 17u
#define ARENA_LIMIT ((size_t)64 << 20)
#define DECODED_MAX ((uint64_t)1 << 18)
#define VIEWPORT_MAX 300u
#define STRETCH_MAX 5.0

static const struct {
    const char *uid;
    enum dcm_encoding encoding;
} syntaxes[] = {
    {DCM_EXPLICIT_LE_UID, DCM_EXPLICIT_LE},   {DCM_IMPLICIT_LE_UID, DCM_IMPLICIT_LE},
    {DCM_EXPLICIT_BE_UID, DCM_EXPLICIT_BE},   {DCM_RLE_UID, DCM_EXPLICIT_LE},
    {DCM_JPEG_BASELINE_UID, DCM_EXPLICIT_LE},
};

static struct px_picture wish(const uint8_t *p) {
    struct px_picture w = {.frame = p[0] % 4u,
                           .format = p[1] % 2 ? PX_FORMAT_PNG : PX_FORMAT_JPEG,
                           .quality = p[2] % 101u};
    struct px_render_options *o = &w.options;
    o->choice = (enum px_window_choice)(p[3] % 3);
    o->window_index = p[4] % 5u;
    o->window = (struct px_window){.centre = (int16_t)num_le16(p + 5),
                                   .width = 1 + num_le16(p + 7),
                                   .function = (enum px_voi_function)(p[3] / 3 % 3)};
    o->has_viewport = p[1] / 2 % 2 != 0;
    o->viewport = (struct px_viewport){.width = num_le16(p + 9) % VIEWPORT_MAX,
                                       .height = num_le16(p + 11) % VIEWPORT_MAX,
                                       .has_region = p[1] / 4 % 2 != 0,
                                       .x = p[13] / 3.0,
                                       .y = p[14] / 5.0,
                                       .region_width = (int8_t)p[15],
                                       .region_height = (int8_t)p[13]};
    o->invert = p[1] / 8 % 2 != 0;
    return w;
}

static void draw(struct arena *a, const struct px_image *im, const struct dcm_dataset *d,
                 struct slice file, const uint8_t *options) {
    CLEANUP(cleanup_buf) struct buf out;
    CLEANUP(cleanup_px_frame) struct px_frame frame = {0};
    struct px_frames frames;
    struct px_picture w = wish(options);
    struct px_stats stats;
    struct err e = {0};
    buf_init(&out, (size_t)1 << 22);
    if (px_frames_build(a, im, d, &frames, &e) != E_OK) {
        return;
    }
    (void)px_picture_make(im, &frames, file, &w, &out, &e);
    buf_clear(&out);
    (void)px_thumbnail_make(im, &frames, file, 0, PX_FORMAT_JPEG, &out, &e);
    if (px_decode(im, &frames, file, 0, &frame, &e) == E_OK) {
        (void)px_stats_frame(im, &frame, &stats, &e);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len < HEADER) {
        return 0;
    }
    size_t which = data[16] % (sizeof syntaxes / sizeof syntaxes[0]);
    struct slice file = slice_of(data + HEADER, len - HEADER);
    struct arena arena;
    struct dcm_dataset *d;
    struct px_image im;
    struct err e = {0};
    arena_init(&arena, ARENA_LIMIT);
    // Small images only, and pixels that stretch them little, for speed.
    if (dcm_dataset_read(&arena, file, syntaxes[which].encoding, 0, 0, &d, NULL, &e) == E_OK &&
        px_image_read(&arena, d, dcm_transfer_syntax_find(slice_str(syntaxes[which].uid)), &im,
                      &e) == E_OK &&
        px_image_decoded_bytes(&im) <= DECODED_MAX &&
        (im.pixel_height > 1 ? im.pixel_height : 1 / im.pixel_height) <= STRETCH_MAX) {
        draw(&arena, &im, d, file, data);
    }
    arena_done(&arena);
    return 0;
}
