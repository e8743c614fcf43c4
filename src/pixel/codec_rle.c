// SPDX-License-Identifier: Apache-2.0
#include "pixel/codec_rle.h"

#include "base/err.h"
#include "dicom/uid.h"
#include "pixel/planes.h"
#include "pixel/rle.h"

static const char *const syntaxes[] = {DCM_RLE_UID, NULL};

static const char *refuse(const struct px_image *im) {
    if (im->bits_allocated % 8 != 0) {
        return "of samples that are not whole bytes is not decoded by this server";
    }
    return im->samples * im->bits_allocated / 8 > (int)PX_RLE_SEGMENTS_MAX
               ? "has room for 15 bytes a pixel, the image has more"
               : NULL;
}

// RLE knows no shared chroma: a 4:2:2 label on it means three whole samples (PS3.5 8.2.2).
static void describe(const struct px_image *im, struct px_frame *frame) {
    px_frame_describe(frame, im);
    if (frame->photometric == PX_YBR_FULL_422) {
        frame->photometric = PX_YBR_FULL;
    }
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
    describe(im, frame);
    frame->planar = false;
    code = px_rle_decode(bytes, &shape, frame->own, e);
    // A data set that says Planar Configuration 1 gets planes, so that the bytes fit its metadata.
    return code == E_OK ? px_planes_set(frame, im->planar, e) : code;
}

const struct px_codec px_codec_rle = {"RLE Lossless", syntaxes, refuse, decode, describe};
