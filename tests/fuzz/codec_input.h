// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets of the codecs share: two bytes of description before a stream, and a decode
// of a stream under it.
//   byte 0: bits 0-1 photometric of colour, 2 signed, 3 planar, 4 words although 8 bits would do,
//           5 Bits Stored 3 less
//   byte 1: free to the target
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "dicom/uid.h"
#include "pixel/codec.h"

#define INPUT_HEAD 2u
#define INPUT_PIXELS_MAX (1u << 18)

static inline struct px_image input_image(const uint8_t *data, const char *uid, uint32_t rows,
                                          uint32_t columns, unsigned samples, unsigned precision) {
    static const enum px_photometric colours[] = {PX_RGB, PX_YBR_FULL, PX_YBR_FULL_422, PX_YBR_RCT};
    unsigned allocated = precision <= 1 ? 1 : precision > 16 ? 32 : precision > 8 ? 16 : 8;
    allocated = (data[0] >> 4 & 1) != 0 && allocated == 8 ? 16 : allocated;
    unsigned stored = precision > 3 && (data[0] >> 5 & 1) != 0 ? precision - 3 : precision;
    return (struct px_image){.rows = (uint16_t)rows,
                             .columns = (uint16_t)columns,
                             .frames = 1,
                             .samples = (uint16_t)samples,
                             .bits_allocated = (uint16_t)allocated,
                             .bits_stored = (uint16_t)stored,
                             .high_bit = (uint16_t)(stored - 1),
                             .is_signed = (data[0] >> 2 & 1) != 0,
                             .planar = (data[0] >> 3 & 1) != 0 && samples > 1,
                             .pixel_height = 1,
                             .pixel_vr = DCM_VR_OB,
                             .photometric = samples == 3 ? colours[data[0] & 3] : PX_MONOCHROME2,
                             .syntax = dcm_transfer_syntax_find(slice_str(uid))};
}

// Whether it decoded. A frame that did must be as large as it says, in memory that is there.
static inline bool input_decode(const struct px_image *im, struct slice stream) {
    CLEANUP(cleanup_px_frame) struct px_frame frame = {0};
    struct err e = {0};
    if (px_image_check(im, &e) != E_OK || (uint64_t)im->rows * im->columns > INPUT_PIXELS_MAX ||
        !px_can_decode(im, NULL)) {
        return false;
    }
    int code = px_codec_find(im->syntax->uid)->decode(im, stream, 0, &frame, &e);
    if (code != E_OK) {
        if (e.code != code || e.text[0] == '\0') {
            abort();
        }
        return false;
    }
    if (frame.len != px_frame_bytes(&frame) || frame.rows != im->rows) {
        abort();
    }
    volatile uint8_t sum = 0;
    for (size_t i = 0; i < frame.len; i++) {
        sum = (uint8_t)(sum + frame.data[i]);
    }
    return true;
}
