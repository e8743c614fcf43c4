// SPDX-License-Identifier: Apache-2.0
// CharLS gives colour that was coded component by component as planes, other colour interleaved;
// the frame gets the layout that its data set says. Samples of up to 8 bits are bytes, others
// words. Two's complement of signed images is coded as if it were unsigned: the sign is put back
// here.
#include "pixel/codec_jpegls.h"

#include <charls/charls.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "pixel/codestream.h"
#include "pixel/planes.h"
#include "pixel/samples_bits.h"

static const char *const syntaxes[] = {PX_JPEGLS_LOSSLESS_UID, PX_JPEGLS_NEAR_UID, NULL};

static void destroy(charls_jpegls_decoder **d) { charls_jpegls_decoder_destroy(*d); }

static const char *refuse(const struct px_image *im) {
    return im->bits_allocated == 8 || im->bits_allocated == 16
               ? NULL
               : "of samples that are not 8 or 16 bits wide is not decoded by this server";
}

static void describe(const struct px_image *im, struct px_frame *frame) {
    px_frame_describe(frame, im);
    if (frame->photometric == PX_YBR_FULL_422) {
        frame->photometric = PX_YBR_FULL; // JPEG-LS of DICOM shares no chroma
    }
}

static int failure(charls_jpegls_errc code, struct err *e) {
    if (code == CHARLS_JPEGLS_ERRC_NOT_ENOUGH_MEMORY) {
        return err_set(e, E_MEMORY, "JPEG-LS");
    }
    bool cut = code == CHARLS_JPEGLS_ERRC_SOURCE_BUFFER_TOO_SMALL;
    return err_set(e, cut ? E_TRUNCATED : E_CORRUPT, "JPEG-LS: %s", charls_get_error_message(code));
}

static int check_stream(const charls_frame_info *info, const struct px_image *im, struct err *e) {
    if (info->width != im->columns || info->height != im->rows) {
        return err_set(e, E_MISMATCH, "the JPEG-LS stream is %u x %u, the data set says %u x %u",
                       info->width, info->height, im->columns, im->rows);
    }
    if (info->component_count != im->samples) {
        return err_set(e, E_MISMATCH, "the JPEG-LS stream has %d components, the data set says %u",
                       info->component_count, im->samples);
    }
    if (info->bits_per_sample > im->bits_allocated) {
        return err_set(e, E_MISMATCH, "the JPEG-LS stream has %d bits a sample, the data set %u",
                       info->bits_per_sample, im->bits_allocated);
    }
    return E_OK;
}

static int open_stream(charls_jpegls_decoder *d, struct slice bytes, charls_frame_info *ret_info,
                       charls_interleave_mode *ret_mode, struct err *e) {
    charls_jpegls_errc code = charls_jpegls_decoder_set_source_buffer(d, bytes.ptr, bytes.len);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS) {
        code = charls_jpegls_decoder_read_header(d);
    }
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS) {
        code = charls_jpegls_decoder_get_frame_info(d, ret_info);
    }
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS) {
        code = charls_jpegls_decoder_get_interleave_mode(d, ret_mode);
    }
    return code == CHARLS_JPEGLS_ERRC_SUCCESS ? E_OK : failure(code, e);
}

// The samples as CharLS lays them out, at the front of the frame.
static int read_samples(charls_jpegls_decoder *d, size_t len, struct px_frame *frame,
                        struct err *e) {
    charls_jpegls_errc code = charls_jpegls_decoder_decode_to_buffer(d, frame->own, len, 0);
    return code == CHARLS_JPEGLS_ERRC_SUCCESS ? E_OK : failure(code, e);
}

static int decode(const struct px_image *im, struct slice bytes, unsigned bit_offset,
                  struct px_frame *frame, struct err *e) {
    (void)bit_offset;
    CLEANUP(destroy) charls_jpegls_decoder *d = charls_jpegls_decoder_create();
    if (d == NULL) {
        return err_set(e, E_MEMORY, "JPEG-LS");
    }
    CLEANUP(cleanup_buf) struct buf copy;
    buf_init(&copy, bytes.len + 2);
    charls_frame_info info = {0};
    charls_interleave_mode mode = CHARLS_INTERLEAVE_MODE_NONE;
    // CharLS 2.4 notices that entropy-coded bits have run out at a marker, but not always at the
    // end of its bytes: then it reads zeros for minutes.
    int code = px_stream_with_end(&bytes, &copy, e);
    code = code == E_OK ? open_stream(d, bytes, &info, &mode, e) : code;
    code = code == E_OK ? check_stream(&info, im, e) : code;
    uint64_t samples = (uint64_t)im->rows * im->columns * im->samples;
    if (code == E_OK) {
        code = px_frame_reserve(frame, samples * (im->bits_allocated / 8u), e);
    }
    if (code != E_OK) {
        return code;
    }
    describe(im, frame);
    bool words = info.bits_per_sample > 8;
    code = read_samples(d, (size_t)samples * (words ? 2 : 1), frame, e);
    if (code != E_OK) {
        return code;
    }
    if (!words && im->bits_allocated == 16) {
        px_samples_widen(frame->own, (size_t)samples);
    }
    px_frame_extend_sign(frame, (unsigned)info.bits_per_sample);
    frame->planar = im->samples > 1 && mode == CHARLS_INTERLEAVE_MODE_NONE;
    return px_planes_set(frame, im->planar, e);
}

const struct px_codec px_codec_jpegls = {"JPEG-LS", syntaxes, refuse, decode, describe};
