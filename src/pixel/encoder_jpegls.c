// SPDX-License-Identifier: Apache-2.0
#include "pixel/encoder_jpegls.h"

#include <charls/charls.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "pixel/codec_jpegls.h"
#include "pixel/planes.h"
#include "pixel/samples_bits.h"

#define PRECISION_MIN 2u // JPEG-LS has no samples of one bit
#define ROOM_OVER 1024u  // headers, and a little for samples that do not compress

static const char *const syntaxes[] = {PX_JPEGLS_LOSSLESS_UID, NULL};

static void destroy(charls_jpegls_encoder **e) { charls_jpegls_encoder_destroy(*e); }

static const char *refuse(const struct px_frame *f) {
    if (f->kind != PX_PIXEL_INTEGER || (f->bits_allocated != 8 && f->bits_allocated != 16)) {
        return "does not code samples that are not integers of 8 or 16 bits";
    }
    return NULL;
}

static void describe(struct px_frame *f) { f->planar = false; }

// The samples as CharLS wants them: interleaved, bytes up to 8 bits, nothing above the precision.
struct input {
    const uint8_t *samples;
    size_t len;
    uint8_t *own;
};

static void input_done(struct input *in) { mem_free(in->own); }

static void mask8(uint8_t *p, size_t count, unsigned precision) {
    for (size_t i = 0; i < count; i++) {
        p[i] &= (uint8_t)((1u << precision) - 1);
    }
}

static void mask16(uint8_t *p, size_t count, unsigned precision) {
    for (size_t i = 0; i < count; i++) {
        num_put_le16(p + 2 * i, (uint16_t)(num_le16(p + 2 * i) & ((1u << precision) - 1)));
    }
}

static int make_input(const struct px_frame *f, unsigned precision, struct input *in,
                      struct err *e) {
    size_t len = (size_t)px_frame_bytes(f);
    size_t count = len / (f->bits_allocated / 8u);
    bool narrows = f->bits_allocated == 16 && precision <= 8;
    bool mixes = f->planar && f->samples > 1;
    if (!narrows && !mixes && !(f->is_signed && precision < f->bits_allocated)) {
        in->samples = f->data;
        in->len = len;
        return E_OK;
    }
    in->own = mem_alloc(len);
    if (in->own == NULL) {
        return err_set(e, E_MEMORY, "samples for JPEG-LS");
    }
    if (mixes) {
        px_planes_mix(f->data, (uint64_t)f->rows * f->columns, f->samples, f->bits_allocated / 8u,
                      in->own);
    } else {
        memcpy(in->own, f->data, len);
    }
    (f->bits_allocated == 8 ? mask8 : mask16)(in->own, count, precision);
    if (narrows) {
        px_samples_narrow(in->own, count);
    }
    in->samples = in->own;
    in->len = narrows ? count : len;
    return E_OK;
}

static charls_jpegls_errc set_up(charls_jpegls_encoder *c, const struct px_frame *f,
                                 unsigned precision, uint8_t *room, size_t len) {
    charls_frame_info info = {f->columns, f->rows, (int32_t)precision, f->samples};
    charls_jpegls_errc code = charls_jpegls_encoder_set_frame_info(c, &info);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS && f->samples > 1) {
        code = charls_jpegls_encoder_set_interleave_mode(c, CHARLS_INTERLEAVE_MODE_LINE);
    }
    return code == CHARLS_JPEGLS_ERRC_SUCCESS
               ? charls_jpegls_encoder_set_destination_buffer(c, room, len)
               : code;
}

// Room for the worst case is taken at the end of `out` and what is left of it given back.
static charls_jpegls_errc run(charls_jpegls_encoder *c, const struct px_frame *f,
                              unsigned precision, const struct input *in, size_t room,
                              struct buf *out) {
    size_t start = out->len;
    uint8_t *to = buf_extend(out, room);
    if (to == NULL) {
        return CHARLS_JPEGLS_ERRC_SUCCESS; // buf_check tells
    }
    size_t written = 0;
    charls_jpegls_errc code = set_up(c, f, precision, to, room);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS) {
        code = charls_jpegls_encoder_encode_from_buffer(c, in->samples, in->len, 0);
    }
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS) {
        code = charls_jpegls_encoder_get_bytes_written(c, &written);
    }
    out->len = start + written;
    return code;
}

static int encode(const struct px_frame *f, struct buf *out, struct err *e) {
    unsigned precision = px_samples_precision(f);
    precision = precision < PRECISION_MIN ? PRECISION_MIN : precision;
    CLEANUP(input_done) struct input in = {0};
    int rc = make_input(f, precision, &in, e);
    if (rc != E_OK) {
        return rc;
    }
    // Noise grows: a limited-length code takes up to four times a sample's bits (A.5.3).
    size_t rooms[] = {in.len + in.len / 8 + ROOM_OVER, in.len * 5 + ROOM_OVER};
    for (size_t i = 0; i < 2; i++) {
        CLEANUP(destroy) charls_jpegls_encoder *c = charls_jpegls_encoder_create();
        if (c == NULL) {
            return err_set(e, E_MEMORY, "JPEG-LS");
        }
        charls_jpegls_errc code = run(c, f, precision, &in, rooms[i], out);
        if (code == CHARLS_JPEGLS_ERRC_SUCCESS) {
            return buf_check(out, "a JPEG-LS frame", e);
        }
        if (code != CHARLS_JPEGLS_ERRC_DESTINATION_BUFFER_TOO_SMALL || i == 1) {
            return err_set(e, E_INTERNAL, "JPEG-LS: %s", charls_get_error_message(code));
        }
    }
    return E_OK;
}

const struct px_encoder px_encoder_jpegls = {"JPEG-LS lossless", syntaxes, false, refuse,
                                             describe,           encode};
