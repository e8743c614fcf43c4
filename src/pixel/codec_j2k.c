// SPDX-License-Identifier: Apache-2.0
#include "pixel/codec_j2k.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "pixel/codestream.h"
#include "pixel/j2k_header.h"
#include "pixel/j2k_memory.h"
#include "pixel/planes.h"

static const char *const syntaxes[] = {PX_J2K_LOSSLESS_UID,       "1.2.840.10008.1.2.4.91",
                                       "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202",
                                       "1.2.840.10008.1.2.4.203", NULL};

static const char *refuse(const struct px_image *im) {
    return im->bits_allocated == 12 || im->bits_allocated > 32
               ? "of samples that are not 1, 8, 16 or 32 bits wide is not decoded by this server"
               : NULL;
}

// YBR_ICT and YBR_RCT name transforms inside the stream: what comes out of it is RGB.
static void describe(const struct px_image *im, struct px_frame *frame) {
    px_frame_describe(frame, im);
    if (im->photometric == PX_YBR_ICT || im->photometric == PX_YBR_RCT) {
        frame->photometric = PX_RGB;
    } else if (im->photometric == PX_YBR_FULL_422) {
        frame->photometric = PX_YBR_FULL;
    }
}

static int check_stream(const struct px_j2k_header *h, const struct px_image *im, struct err *e) {
    if (h->columns != im->columns || h->rows != im->rows) {
        return err_set(e, E_MISMATCH, "the JPEG 2000 stream is %u x %u, the data set says %u x %u",
                       h->columns, h->rows, im->columns, im->rows);
    }
    if (h->count != im->samples) {
        return err_set(e, E_MISMATCH,
                       "the JPEG 2000 stream has %u components, the data set says %u", h->count,
                       im->samples);
    }
    for (unsigned i = 0; i < h->count; i++) {
        if (h->components[i].precision > im->bits_allocated ||
            h->components[i].precision != h->components[0].precision) {
            return err_set(e, E_MISMATCH,
                           "the JPEG 2000 stream has %u bits a sample, the data set %u",
                           h->components[i].precision, im->bits_allocated);
        }
    }
    return E_OK;
}

static int failure(const struct px_j2k_message *m, struct err *e) {
    return err_set(e, E_CORRUPT, "JPEG 2000: %s", m->text[0] == '\0' ? "does not decode" : m->text);
}

// Threads stay off: the sandbox has none, whatever the environment asks for.
static int open_stream(opj_codec_t *codec, opj_stream_t *stream, opj_image_t **ret_image,
                       const struct px_j2k_message *m, struct err *e) {
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    if (!opj_setup_decoder(codec, &parameters) || !opj_codec_set_threads(codec, 0) ||
        !opj_read_header(stream, codec, ret_image)) {
        return failure(m, e);
    }
    return E_OK;
}

static int check_component(const opj_image_comp_t *c, const struct px_image *im, struct err *e) {
    bool there = c->data != NULL && c->w > 0 && c->h > 0 && c->dx > 0 && c->dy > 0;
    return there && (im->columns - 1u) / c->dx < c->w && (im->rows - 1u) / c->dy < c->h
               ? E_OK
               : err_set(e, E_CORRUPT, "JPEG 2000: a component without all its samples");
}

static void put_full16(const OPJ_INT32 *restrict in, size_t count, size_t step,
                       uint8_t *restrict out) {
    for (size_t i = 0; i < count; i++) {
        num_put_le16(out + i * step * 2, (uint16_t)in[i]);
    }
}

static void put_full8(const OPJ_INT32 *restrict in, size_t count, size_t step,
                      uint8_t *restrict out) {
    for (size_t i = 0; i < count; i++) {
        out[i * step] = (uint8_t)in[i];
    }
}

static void put_row(const opj_image_comp_t *c, const struct px_frame *f, uint32_t y, uint8_t *out) {
    const OPJ_INT32 *row = c->data + (size_t)(y / c->dy) * c->w;
    size_t step = f->samples;
    if (c->dx == 1 && f->bits_allocated == 16) {
        put_full16(row, f->columns, step, out);
        return;
    }
    if (c->dx == 1 && f->bits_allocated == 8) {
        put_full8(row, f->columns, step, out);
        return;
    }
    unsigned bytes = f->bits_allocated / 8u;
    for (uint32_t x = 0; x < f->columns; x++) {
        uint32_t value = (uint32_t)row[x / c->dx];
        memcpy(out + x * step * bytes, &value, bytes); // the low bytes: little endian
    }
}

static void put_component(const opj_image_comp_t *c, unsigned index, struct px_frame *f) {
    size_t bytes = f->bits_allocated / 8u;
    size_t row_len = (size_t)f->columns * f->samples * bytes;
    for (uint32_t y = 0; y < f->rows; y++) {
        put_row(c, f, y, f->own + y * row_len + index * bytes);
    }
}

// One-bit samples are packed, the first pixel in the lowest bit, without a gap between rows.
static void put_bits(const opj_image_comp_t *c, struct px_frame *f) {
    memset(f->own, 0, f->len);
    uint64_t at = 0;
    for (uint32_t y = 0; y < f->rows; y++) {
        const OPJ_INT32 *row = c->data + (size_t)(y / c->dy) * c->w;
        for (uint32_t x = 0; x < f->columns; x++, at++) {
            f->own[at / 8] |= (uint8_t)((row[x / c->dx] & 1) << at % 8);
        }
    }
}

static int take_image(const opj_image_t *image, const struct px_image *im, struct px_frame *frame,
                      struct err *e) {
    int code = image->numcomps == im->samples
                   ? E_OK
                   : err_set(e, E_CORRUPT, "JPEG 2000: components were lost");
    for (unsigned i = 0; code == E_OK && i < image->numcomps; i++) {
        code = check_component(&image->comps[i], im, e);
    }
    if (code == E_OK) {
        code = px_frame_reserve(frame, px_frame_bytes(frame), e);
    }
    if (code != E_OK) {
        return code;
    }
    if (im->bits_allocated == 1) {
        put_bits(&image->comps[0], frame);
        return E_OK;
    }
    for (unsigned i = 0; i < image->numcomps; i++) {
        put_component(&image->comps[i], i, frame);
    }
    return E_OK;
}

static int decode_stream(const struct px_j2k_header *h, const struct px_image *im,
                         struct px_frame *frame, struct err *e) {
    CLEANUP(cleanup_buf) struct buf copy;
    buf_init(&copy, h->stream.len + 2);
    struct px_j2k_source source = {.bytes = h->stream};
    struct px_j2k_message message = {.text = ""};
    int code = px_stream_with_end(&source.bytes, &copy, e);
    if (code != E_OK) {
        return code;
    }
    CLEANUP(cleanup_j2k_codec) opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
    CLEANUP(cleanup_j2k_stream) opj_stream_t *stream = px_j2k_source_stream(&source);
    CLEANUP(cleanup_j2k_image) opj_image_t *image = NULL;
    if (codec == NULL || stream == NULL) {
        return err_set(e, E_MEMORY, "JPEG 2000");
    }
    px_j2k_listen(codec, &message);
    code = open_stream(codec, stream, &image, &message, e);
    if (code == E_OK && !opj_decode(codec, stream, image)) {
        code = failure(&message, e);
    }
    return code == E_OK ? take_image(image, im, frame, e) : code;
}

static int decode(const struct px_image *im, struct slice bytes, unsigned bit_offset,
                  struct px_frame *frame, struct err *e) {
    (void)bit_offset;
    struct px_j2k_header h;
    int code = px_j2k_header_read(bytes, &h, e);
    code = code == E_OK ? check_stream(&h, im, e) : code;
    if (code != E_OK) {
        return code;
    }
    describe(im, frame);
    frame->planar = false;
    if (h.transforms && im->samples == 3) {
        frame->photometric = PX_RGB;
    }
    code = decode_stream(&h, im, frame, e);
    if (code != E_OK || im->bits_allocated == 1) {
        return code;
    }
    if (!h.components[0].is_signed) {
        px_frame_extend_sign(frame, h.components[0].precision);
    }
    return px_planes_set(frame, im->planar, e);
}

const struct px_codec px_codec_j2k = {"JPEG 2000", syntaxes, refuse, decode, describe};
