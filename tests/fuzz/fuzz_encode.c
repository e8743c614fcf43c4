// SPDX-License-Identifier: Apache-2.0
// A property: what an encoder takes comes back through the decoder byte by byte. Six bytes describe
// the frame, the others are its samples, again and again.
//   0: syntax; 1: rows; 2: columns; 3: bits allocated and samples; 4: bits stored; 5: high bit
//   (bit 0: at the top), signed, planar, photometric
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "dicom/uid.h"
#include "pixel/encoder.h"
#include "pixel/planes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define HEAD 6u
#define CODED_MAX ((size_t)1 << 22)

static const char *const syntaxes[] = {DCM_EXPLICIT_LE_UID, DCM_RLE_UID, "1.2.840.10008.1.2.4.80",
                                       "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.8.1"};

static struct px_frame describe(const uint8_t *data) {
    static const uint16_t widths[] = {1, 8, 16, 32};
    static const enum px_photometric colours[] = {PX_RGB, PX_YBR_FULL};
    uint16_t allocated = widths[data[3] % 4];
    uint16_t stored = (uint16_t)(1 + data[4] % allocated);
    bool colour = allocated > 1 && (data[3] & 4) != 0;
    return (struct px_frame){.rows = (uint16_t)(1 + data[1]),
                             .columns = (uint16_t)(1 + data[2]),
                             .samples = colour ? 3 : 1,
                             .bits_allocated = allocated,
                             .bits_stored = stored,
                             .high_bit =
                                 (uint16_t)((data[5] & 1) != 0 ? allocated - 1 : stored - 1),
                             .is_signed = allocated > 1 && (data[5] & 2) != 0,
                             .planar = colour && (data[5] & 4) != 0,
                             .photometric = colour ? colours[data[5] >> 3 & 1] : PX_MONOCHROME2};
}

static struct px_image image_of(const char *uid, const struct px_frame *f) {
    return (struct px_image){.rows = f->rows,
                             .columns = f->columns,
                             .frames = 1,
                             .samples = f->samples,
                             .bits_allocated = f->bits_allocated,
                             .bits_stored = f->bits_stored,
                             .high_bit = f->high_bit,
                             .is_signed = f->is_signed,
                             .planar = f->planar,
                             .photometric = f->photometric,
                             .pixel_height = 1,
                             .pixel_vr = DCM_VR_OW,
                             .syntax = dcm_transfer_syntax_find(slice_str(uid))};
}

// The samples in the layout of `again`.
static bool same(const struct px_frame *f, const struct px_frame *again) {
    if (f->len != again->len || f->photometric != again->photometric) {
        return false;
    }
    if (f->planar == again->planar) {
        return memcmp(f->data, again->data, f->len) == 0;
    }
    uint8_t *mixed = malloc(f->len);
    px_planes_mix(f->data, (uint64_t)f->rows * f->columns, f->samples, f->bits_allocated / 8u,
                  mixed);
    bool equal = memcmp(mixed, again->data, f->len) == 0;
    free(mixed);
    return equal;
}

static void round_trip(const char *uid, const struct px_frame *f) {
    CLEANUP(cleanup_buf) struct buf coded;
    CLEANUP(cleanup_px_frame) struct px_frame again = {0};
    struct px_frame says;
    struct err e = {0};
    buf_init(&coded, CODED_MAX);
    if (px_encode_describe(uid, f, &says, &e) != E_OK) {
        return;
    }
    struct px_image im = image_of(uid, &says);
    if (px_encode_frame(uid, f, &coded, &e) != E_OK ||
        px_codec_find(uid)->decode(&im, buf_slice(&coded), 0, &again, &e) != E_OK ||
        !same(f, &again)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len <= HEAD) {
        return 0;
    }
    struct px_frame f = describe(data);
    f.len = (size_t)px_frame_bytes(&f);
    uint8_t *samples = malloc(f.len);
    for (size_t i = 0; i < f.len; i++) {
        samples[i] = data[HEAD + i % (len - HEAD)];
    }
    if (f.bits_allocated == 1 &&
        (unsigned)f.rows * f.columns % 8 != 0) { // bits behind the last pixel
        samples[f.len - 1] &= (uint8_t)((1u << (unsigned)f.rows * f.columns % 8) - 1);
    }
    f.data = samples;
    round_trip(syntaxes[data[0] % 5], &f);
    free(samples);
    return 0;
}
