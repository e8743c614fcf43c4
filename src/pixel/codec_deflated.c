// SPDX-License-Identifier: Apache-2.0
#include "pixel/codec_deflated.h"

#include <libdeflate.h>

#include "base/cleanup.h"
#include "base/err.h"

static const char *const syntaxes[] = {PX_DEFLATED_FRAME_UID, NULL};

static void release(struct libdeflate_decompressor **d) {
    if (*d != NULL) {
        libdeflate_free_decompressor(*d);
    }
}

static const char *refuse(const struct px_image *im) {
    return im->bits_allocated == 12 ? "of packed 12-bit samples is not decoded by this server"
                                    : NULL;
}

// Stored as it is; whole chroma under a 4:2:2 label cannot be told apart before it is inflated.
static void describe(const struct px_image *im, struct px_frame *frame) {
    px_frame_describe(frame, im);
}

static int verdict(enum libdeflate_result result, size_t got, size_t wanted, struct err *e) {
    switch (result) {
    case LIBDEFLATE_SUCCESS:
        return got == wanted ? E_OK
                             : err_set(e, E_TRUNCATED,
                                       "a deflated frame holds %zu bytes where %zu are declared",
                                       got, wanted);
    case LIBDEFLATE_INSUFFICIENT_SPACE:
        return err_set(e, E_MISMATCH, "a deflated frame holds more than the %zu bytes declared",
                       wanted);
    case LIBDEFLATE_BAD_DATA:
    case LIBDEFLATE_SHORT_OUTPUT:
    default:
        return err_set(e, E_CORRUPT, "a frame that does not inflate");
    }
}

static int decode(const struct px_image *im, struct slice bytes, unsigned bit_offset,
                  struct px_frame *frame, struct err *e) {
    (void)bit_offset;
    px_frame_describe(frame, im);
    int code = px_frame_reserve(frame, px_frame_bytes(frame), e);
    if (code != E_OK) {
        return code;
    }
    CLEANUP(release) struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    if (d == NULL) {
        return err_set(e, E_MEMORY, "inflating a frame");
    }
    size_t taken;
    size_t got = 0;
    enum libdeflate_result result = libdeflate_deflate_decompress_ex(
        d, bytes.ptr, bytes.len, frame->own, frame->len, &taken, &got);
    if (result == LIBDEFLATE_BAD_DATA && bytes.len > 2 && (bytes.ptr[0] & 15u) == 8) {
        result = libdeflate_zlib_decompress_ex(d, bytes.ptr, bytes.len, frame->own, frame->len,
                                               &taken, &got);
    }
    return verdict(result, got, frame->len, e);
}

const struct px_codec px_codec_deflated = {"Deflated Image Frame", syntaxes, refuse, decode,
                                           describe};
