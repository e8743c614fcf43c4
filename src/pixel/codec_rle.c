// SPDX-License-Identifier: Apache-2.0
#include "pixel/codec_rle.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "dicom/uid.h"
#include "pixel/rle.h"

static const char *const syntaxes[] = {DCM_RLE_UID, NULL};

CLEANUP_DEFINE(bytes, uint8_t, mem_free);

static const char *refuse(const struct px_image *im) {
    if (im->bits_allocated % 8 != 0) {
        return "of samples that are not whole bytes is not decoded by this server";
    }
    return im->samples * im->bits_allocated / 8 > (int)PX_RLE_SEGMENTS_MAX
               ? "has room for 15 bytes a pixel, the image has more"
               : NULL;
}

// A data set that says Planar Configuration 1 gets planes, so that decoded bytes fit its metadata.
static int make_planar(const struct px_rle_shape *shape, struct px_frame *frame, struct err *e) {
    CLEANUP(cleanup_bytes) uint8_t *mixed = mem_alloc(frame->len);
    if (mixed == NULL) {
        return err_set(e, E_MEMORY, "planes of an RLE frame");
    }
    memcpy(mixed, frame->data, frame->len);
    uint8_t *out = frame->own;
    for (size_t s = 0; s < shape->samples; s++) {
        const uint8_t *in = mixed + s * shape->sample_bytes;
        for (uint64_t i = 0; i < shape->pixels; i++) {
            memcpy(out, in + i * shape->samples * shape->sample_bytes, shape->sample_bytes);
            out += shape->sample_bytes;
        }
    }
    return E_OK;
}

static int decode(const struct px_image *im, struct slice bytes, unsigned bit_offset,
                  struct px_frame *frame, struct err *e) {
    (void)bit_offset;
    struct px_rle_shape shape = {(uint64_t)im->rows * im->columns, im->samples,
                                 im->bits_allocated / 8};
    int code = px_frame_reserve(frame, shape.pixels * shape.samples * shape.sample_bytes, e);
    if (code != E_OK) {
        return code;
    }
    px_frame_describe(frame, im);
    // RLE knows no shared chroma: a 4:2:2 label on it means three whole samples (PS3.5 8.2.2).
    if (frame->photometric == PX_YBR_FULL_422) {
        frame->photometric = PX_YBR_FULL;
    }
    code = px_rle_decode(bytes, &shape, frame->own, e);
    return code == E_OK && im->planar && im->samples > 1 ? make_planar(&shape, frame, e) : code;
}

const struct px_codec px_codec_rle = {"RLE Lossless", syntaxes, refuse, decode};
