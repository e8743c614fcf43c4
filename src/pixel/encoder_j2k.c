// SPDX-License-Identifier: Apache-2.0
#include "pixel/encoder_j2k.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "pixel/codec_j2k.h"
#include "pixel/j2k_memory.h"
#include "pixel/samples_bits.h"

#define RESOLUTIONS_MAX 6

static const char *const syntaxes[] = {PX_J2K_LOSSLESS_UID, NULL};

// OpenJPEG's code-block coder keeps six fraction bits in 32: deeper samples do not come back.
static const char *refuse(const struct px_frame *f) {
    bool fits = f->bits_allocated == 1 || f->bits_allocated == 8 || f->bits_allocated == 16;
    return f->kind == PX_PIXEL_INTEGER && fits
               ? NULL
               : "does not code samples that are not integers of up to 16 bits";
}

static void describe(struct px_frame *f) {
    f->planar = false;
    if (f->photometric == PX_RGB) {
        f->photometric = PX_YBR_RCT;
    }
}

// Sample i of a component: `first` and `step` in samples.
static void take_component(const struct px_frame *f, size_t first, size_t step, size_t count,
                           OPJ_INT32 *out) {
    const uint8_t *p = f->data;
    for (size_t i = 0; i < count; i++) {
        size_t at = first + i * step;
        if (f->bits_allocated == 1) {
            out[i] = p[at / 8] >> at % 8 & 1;
        } else if (f->bits_allocated == 8) {
            out[i] = f->is_signed ? (int8_t)p[at] : p[at];
        } else {
            uint16_t value = num_le16(p + 2 * at);
            out[i] = f->is_signed ? (int16_t)value : value;
        }
    }
}

static opj_image_t *make_image(const struct px_frame *f) {
    unsigned precision = f->bits_allocated == 1 ? 1 : px_samples_precision(f);
    opj_image_cmptparm_t parts[3] = {0};
    for (unsigned i = 0; i < f->samples && i < 3; i++) {
        parts[i] = (opj_image_cmptparm_t){.dx = 1,
                                          .dy = 1,
                                          .w = f->columns,
                                          .h = f->rows,
                                          .prec = precision,
                                          .sgnd = f->is_signed && f->bits_allocated > 1};
    }
    opj_image_t *image =
        opj_image_create(f->samples, parts, f->samples == 1 ? OPJ_CLRSPC_GRAY : OPJ_CLRSPC_SRGB);
    if (image == NULL) {
        return NULL;
    }
    image->x1 = f->columns;
    image->y1 = f->rows;
    size_t count = (size_t)f->rows * f->columns;
    for (unsigned i = 0; i < f->samples; i++) {
        take_component(f, f->planar ? i * count : i, f->planar ? 1 : f->samples, count,
                       image->comps[i].data);
    }
    return image;
}

// Each resolution halves: a side of n has room for 1 + log2(n). Masks do not become smoother.
static int resolutions(const struct px_frame *f) {
    if (f->bits_stored == 1) {
        return 1;
    }
    unsigned side = f->rows < f->columns ? f->rows : f->columns;
    int count = 1;
    while (count < RESOLUTIONS_MAX && side >> count != 0) {
        count++;
    }
    return count;
}

static void set_up(const struct px_frame *f, int levels, opj_cparameters_t *p) {
    static char no_comment[] = "";
    opj_set_default_encoder_parameters(p);
    p->tcp_numlayers = 1;
    p->cp_disto_alloc = 1;
    p->tcp_rates[0] = 0; // all of it
    p->numresolution = levels;
    p->tcp_mct = f->samples == 3 && f->photometric == PX_RGB;
    p->cp_comment = no_comment;
}

static int write_stream(opj_codec_t *codec, opj_stream_t *stream, opj_image_t *image,
                        opj_cparameters_t *parameters, const struct buf *out,
                        const struct px_j2k_message *m, struct err *e) {
    bool good = opj_setup_encoder(codec, parameters, image) && opj_codec_set_threads(codec, 0) &&
                opj_start_compress(codec, image, stream) && opj_encode(codec, stream) &&
                opj_end_compress(codec, stream);
    if (out->failed) {
        return buf_check(out, "a JPEG 2000 frame", e);
    }
    return good ? E_OK
                : err_set(e, E_INTERNAL, "JPEG 2000: %s",
                          m->text[0] == '\0' ? "does not encode" : m->text);
}

static int encode_with(const struct px_frame *f, int levels, struct buf *out, struct err *e) {
    struct px_j2k_sink sink = {.out = out, .start = out->len};
    struct px_j2k_message message = {.text = ""};
    CLEANUP(cleanup_j2k_codec) opj_codec_t *codec = opj_create_compress(OPJ_CODEC_J2K);
    CLEANUP(cleanup_j2k_stream) opj_stream_t *stream = px_j2k_sink_stream(&sink);
    CLEANUP(cleanup_j2k_image) opj_image_t *image = make_image(f);
    if (codec == NULL || stream == NULL || image == NULL) {
        return err_set(e, E_MEMORY, "JPEG 2000");
    }
    opj_cparameters_t parameters;
    set_up(f, levels, &parameters);
    px_j2k_listen(codec, &message);
    return write_stream(codec, stream, image, &parameters, out, &message, e);
}

// The library's room for a tile is 1.4 times its samples, which noise behind a wavelet can exceed:
// without one it does not.
static int encode(const struct px_frame *f, struct buf *out, struct err *e) {
    size_t start = out->len;
    int levels = resolutions(f);
    int code = encode_with(f, levels, out, e);
    if (code == E_INTERNAL && levels > 1) {
        out->len = start;
        code = encode_with(f, 1, out, e);
    }
    return code;
}

const struct px_encoder px_encoder_j2k = {
    "JPEG 2000 lossless", syntaxes, false, refuse, describe, encode};
