// SPDX-License-Identifier: Apache-2.0
#include "pixel/codec_native.h"

#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "dicom/uid.h"

static const char *const syntaxes[] = {DCM_IMPLICIT_LE_UID, DCM_EXPLICIT_LE_UID,
                                       DCM_EXPLICIT_BE_UID, DCM_DEFLATED_UID, NULL};

// Bytes of the units that a big-endian file reverses: samples, or the words of OW around them.
static unsigned swap_unit(const struct px_image *im) {
    if (!im->big_endian) {
        return 1;
    }
    if (im->bits_allocated >= 16) {
        return im->bits_allocated / 8u;
    }
    return im->pixel_vr == DCM_VR_OW ? 2 : 1;
}

static void copy_swapped16(const uint8_t *restrict in, size_t len, uint8_t *restrict out) {
    for (size_t i = 0; i + 1 < len; i += 2) {
        out[i] = in[i + 1];
        out[i + 1] = in[i];
    }
}

static void copy_swapped(const uint8_t *in, size_t len, unsigned unit, uint8_t *out) {
    if (unit == 2) {
        copy_swapped16(in, len, out);
        return;
    }
    for (size_t i = 0; i + unit <= len; i += unit) {
        for (unsigned k = 0; k < unit; k++) {
            out[i + k] = in[i + unit - 1 - k];
        }
    }
}

// The byte that the little-endian view has at `index`.
static inline unsigned byte_at(struct slice bytes, size_t index, unsigned unit) {
    return bytes.ptr[unit == 2 ? index ^ 1u : index];
}

static void unpack_bits(struct slice bytes, unsigned bit, unsigned unit, size_t out_len,
                        uint64_t bits, uint8_t *out) {
    size_t start = bit / 8;
    unsigned shift = bit % 8;
    size_t last = (size_t)((bit + bits - 1) / 8);
    for (size_t i = 0; i < out_len; i++) {
        unsigned low = byte_at(bytes, start + i, unit);
        unsigned high = start + i < last ? byte_at(bytes, start + i + 1, unit) : 0;
        out[i] = (uint8_t)((low | high << 8) >> shift);
    }
    if (bits % 8 != 0) {
        out[out_len - 1] &= (uint8_t)((1u << bits % 8) - 1);
    }
}

// Two samples in three bytes, the first in the low bits.
static void unpack_12(struct slice bytes, unsigned bit, unsigned unit, uint64_t samples,
                      uint8_t *out) {
    for (uint64_t i = 0; i < samples; i++) {
        uint64_t at = bit + 12 * i;
        unsigned two = byte_at(bytes, (size_t)(at / 8), unit) |
                       byte_at(bytes, (size_t)(at / 8) + 1, unit) << 8;
        num_put_le16(out + 2 * i, (uint16_t)(two >> at % 8 & 0xFFF));
    }
}

static int decode_bytes(const struct px_image *im, struct slice bytes, unsigned bit,
                        struct px_frame *frame, struct err *e) {
    uint64_t len = px_image_frame_bits(im) / 8;
    unsigned unit = swap_unit(im);
    if (unit == 1 && frame->may_borrow) {
        px_frame_borrow(frame, slice_of(bytes.ptr + bit / 8, (size_t)len));
        return E_OK;
    }
    int code = px_frame_reserve(frame, len, e);
    if (code != E_OK) {
        return code;
    }
    if (unit == 1) {
        memcpy(frame->own, bytes.ptr + bit / 8, (size_t)len);
    } else if (im->bits_allocated == 8) {
        for (size_t i = 0; i < len; i++) {
            frame->own[i] = (uint8_t)byte_at(bytes, bit / 8 + i, unit);
        }
    } else {
        copy_swapped(bytes.ptr, (size_t)len, unit, frame->own);
    }
    return E_OK;
}

static int decode_packed(const struct px_image *im, struct slice bytes, unsigned bit,
                         struct px_frame *frame, struct err *e) {
    uint64_t bits = px_image_frame_bits(im);
    uint64_t len = im->bits_allocated == 1 ? (bits + 7) / 8 : bits / 12 * 2;
    int code = px_frame_reserve(frame, len, e);
    if (code != E_OK) {
        return code;
    }
    if (im->bits_allocated == 1) {
        unpack_bits(bytes, bit, swap_unit(im), (size_t)len, bits, frame->own);
    } else {
        unpack_12(bytes, bit, swap_unit(im), bits / 12, frame->own);
        frame->bits_allocated = 16;
    }
    return E_OK;
}

static int decode(const struct px_image *im, struct slice bytes, unsigned bit_offset,
                  struct px_frame *frame, struct err *e) {
    uint64_t word_bits = swap_unit(im) == 2 ? 16 : 8;
    uint64_t bits = (bit_offset + px_image_frame_bits(im) + word_bits - 1) / word_bits * word_bits;
    if (bytes.len < bits / 8) {
        return err_set(e, E_TRUNCATED, "%zu bytes of pixels where %llu are declared", bytes.len,
                       (unsigned long long)(bits / 8));
    }
    px_frame_describe(frame, im);
    bool packed = im->bits_allocated == 1 || im->bits_allocated == 12;
    return (packed ? decode_packed : decode_bytes)(im, bytes, bit_offset, frame, e);
}

static void describe(const struct px_image *im, struct px_frame *frame) {
    px_frame_describe(frame, im);
    if (im->bits_allocated == 12) {
        frame->bits_allocated = 16;
    }
}

const struct px_codec px_codec_native = {"uncompressed", syntaxes, NULL, decode, describe};
