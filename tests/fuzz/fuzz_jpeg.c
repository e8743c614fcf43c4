// SPDX-License-Identifier: Apache-2.0
// JPEG streams: one byte of photometric interpretation and tiling, then the stream. The image is
// declared as the stream's own first frame header says, so that decoding gets past the comparison
// of sizes; a tile may be declared larger.
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/uid.h"
#include "pixel/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define PIXELS_MAX (1u << 18)

// Looks for a start-of-frame marker and takes sizes from it; 8 x 8 grey when there is none.
static void declare(struct slice stream, struct px_image *im) {
    for (size_t i = 0; i + 10 <= stream.len; i++) {
        const uint8_t *p = stream.ptr + i;
        if (p[0] == 0xFF && p[1] >= 0xC0 && p[1] <= 0xC2) {
            im->rows = num_be16(p + 5);
            im->columns = num_be16(p + 7);
            im->samples = p[9];
            return;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const enum px_photometric colours[] = {PX_RGB, PX_YBR_FULL, PX_YBR_FULL_422};
    if (len < 1) {
        return 0;
    }
    struct slice stream = slice_of(data + 1, len - 1);
    struct px_image im = {.rows = 8,
                          .columns = 8,
                          .frames = 1,
                          .samples = 1,
                          .bits_allocated = 8,
                          .bits_stored = 8,
                          .high_bit = 7,
                          .pixel_height = 1,
                          .photometric = PX_MONOCHROME2,
                          .syntax = dcm_transfer_syntax_find(slice_str(DCM_JPEG_BASELINE_UID))};
    declare(stream, &im);
    if (im.samples == 3) {
        im.photometric = colours[data[0] % 3];
    }
    im.tiled = data[0] >= 128;
    if (im.tiled) {
        im.columns = (uint16_t)(im.columns + (data[0] >> 2) % 8u);
        im.rows = (uint16_t)(im.rows + (data[0] >> 4) % 8u);
    }
    CLEANUP(cleanup_px_frame) struct px_frame frame = {0};
    struct err e = {0};
    if (px_image_check(&im, &e) == E_OK && (uint64_t)im.rows * im.columns <= PIXELS_MAX) {
        (void)px_codec_find(DCM_JPEG_BASELINE_UID)->decode(&im, stream, 0, &frame, &e);
    }
    return 0;
}
