// SPDX-License-Identifier: Apache-2.0
#include "gate/pixels_loss.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "dicom/uid.h"
#include "pixel/codestream.h"
#include "pixel/j2k_header.h"
#include "pixel/jpeg_stream.h"

#define SCAN_HEADER 0xDAu

// The NEAR parameter of a JPEG-LS stream's first scan (ISO/IEC 14495-1 C.2.3); 0: lossless.
static unsigned near_of(struct slice s) {
    size_t at = 2;
    while (at + 4 <= s.len && s.ptr[at] == 0xFF) {
        size_t len = num_be16(s.ptr + at + 2);
        if (s.ptr[at + 1] == SCAN_HEADER) {
            size_t near = at + 5 + 2u * (at + 4 < s.len ? s.ptr[at + 4] : 0);
            return near < s.len ? s.ptr[near] : 0;
        }
        at += 2 + len;
    }
    return 0;
}

static const char *lossy_jpeg(struct slice stream) {
    struct px_jpeg_stream s;
    struct err ignored = {0};
    if (px_jpeg_open(&s, stream, &ignored) != E_OK) {
        return NULL;
    }
    if (s.frame.process == PX_JPEG_LS) {
        return near_of(stream) > 0 ? "ISO_14495_1" : NULL;
    }
    return s.frame.process == PX_JPEG_LOSSLESS ? NULL : "ISO_10918_1";
}

// The defined term of the method that lost something (PS3.3 C.7.6.1.1.5.1), or NULL.
static const char *method_of(const struct px_image *im, struct slice stream) {
    struct px_j2k_header h;
    struct err ignored = {0};
    switch (px_stream_of(im->syntax->uid)) {
    case PX_STREAM_JPEG:
        return lossy_jpeg(stream);
    case PX_STREAM_JPEG_2000:
        if (px_j2k_header_read(stream, &h, &ignored) != E_OK || h.reversible) {
            return NULL;
        }
        return strncmp(im->syntax->uid, "1.2.840.10008.1.2.4.20", 22) == 0 ? "ISO_15444_15"
                                                                           : "ISO_15444_1";
    case PX_STREAM_RLE:
    case PX_STREAM_OTHER:
    default:
        return NULL;
    }
}

static int put_ratio(struct dcm_dataset *d, const struct px_image *im,
                     const struct px_frames *frames, struct err *e) {
    double before = (double)px_image_frame_bits(im) / 8 * im->frames;
    double after = 0;
    for (uint32_t i = 0; i < frames->count; i++) {
        after += (double)frames->ranges[i].length;
    }
    char text[17];
    (void)snprintf(text, sizeof text, "%.2f", after > 0 ? before / after : 1.0);
    return dcm_put_str(d, DCM_LossyImageCompressionRatio, DCM_VR_DS, text, e);
}

int gate_loss_keep(struct dcm_dataset *d, const struct px_image *im, const struct px_frames *frames,
                   struct slice stream, struct err *e) {
    const char *method = method_of(im, stream);
    struct slice said;
    if (method == NULL) {
        return E_OK;
    }
    int code = E_OK;
    if (!dcm_text(d, DCM_LossyImageCompression, 0, &said) || !slice_eq_str(said, "01")) {
        code = dcm_put_str(d, DCM_LossyImageCompression, DCM_VR_CS, "01", e);
    }
    if (code == E_OK && !dcm_text(d, DCM_LossyImageCompressionRatio, 0, &said)) {
        code = put_ratio(d, im, frames, e);
    }
    if (code == E_OK && !dcm_text(d, DCM_LossyImageCompressionMethod, 0, &said)) {
        code = dcm_put_str(d, DCM_LossyImageCompressionMethod, DCM_VR_CS, method, e);
    }
    return code;
}
