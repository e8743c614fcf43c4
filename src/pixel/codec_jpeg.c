// SPDX-License-Identifier: Apache-2.0
// Colour: DICOM's photometric interpretation, the JFIF and Adobe markers and the component ids all
// claim to say whether samples are YCbCr, and files exist in which each of them lies. The order of
// trust is written at px_jpeg_is_ycc().
#include "pixel/codec_jpeg.h"

#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "dicom/uid.h"
#include "pixel/jpeg_dct.h"
#include "pixel/jpeg_lossless.h"
#include "pixel/jpeg_read.h"
#include "pixel/jpeg_stream.h"
#include "pixel/planes.h"
#include "pixel/samples_bits.h"

#define LOSSLESS "1.2.840.10008.1.2.4.57"
#define LOSSLESS_SV1 "1.2.840.10008.1.2.4.70"

static const char *const syntaxes[] = {DCM_JPEG_BASELINE_UID,
                                       "1.2.840.10008.1.2.4.51",
                                       "1.2.840.10008.1.2.4.53", // retired: spectral selection
                                       "1.2.840.10008.1.2.4.55", // retired: full progression
                                       LOSSLESS,
                                       LOSSLESS_SV1,
                                       NULL};

static bool says_lossless(const struct px_image *im) {
    return strcmp(im->syntax->uid, LOSSLESS) == 0 || strcmp(im->syntax->uid, LOSSLESS_SV1) == 0;
}

static const char *refuse(const struct px_image *im) {
    return im->bits_allocated == 8 || im->bits_allocated == 16
               ? NULL
               : "of samples that are not 8 or 16 bits wide is not decoded by this server";
}

static void describe_as(const struct px_image *im, bool lossless, struct px_frame *frame) {
    px_frame_describe(frame, im);
    if (im->samples == 3 && !lossless) {
        frame->photometric = PX_RGB;
        frame->planar = false;
    } else if (frame->photometric == PX_YBR_FULL_422) {
        frame->photometric = PX_YBR_FULL; // the lossless process shares no chroma
    }
}

static void describe(const struct px_image *im, struct px_frame *frame) {
    describe_as(im, says_lossless(im), frame);
}

static bool has_subsampling(const struct px_jpeg_frame *f) {
    for (unsigned i = 1; i < f->count; i++) {
        if (f->components[i].across != f->components[0].across ||
            f->components[i].down != f->components[0].down) {
            return true;
        }
    }
    return false;
}

// An Adobe marker was written by whoever coded the samples: believe it. Subsampled components are
// never RGB. Component ids 'R' 'G' 'B' are nothing else. Otherwise the data set decides.
bool px_jpeg_is_ycc(const struct px_jpeg_stream *s, const struct px_image *im) {
    const struct px_jpeg_frame *f = &s->frame;
    if (s->adobe_transform >= 0) {
        return s->adobe_transform != 0;
    }
    if (has_subsampling(f)) {
        return true;
    }
    bool named =
        f->components[0].id == 'R' && f->components[1].id == 'G' && f->components[2].id == 'B';
    return !named && im->photometric != PX_RGB;
}

// Slide scanners write narrower streams for the tiles at the right and lower edge.
static bool size_fits(const struct px_jpeg_frame *f, const struct px_image *im) {
    if (im->tiled && f->process != PX_JPEG_LOSSLESS && f->precision == 8) {
        return f->columns <= im->columns && f->rows <= im->rows;
    }
    return f->columns == im->columns && (f->rows == im->rows || f->rows == 0);
}

static int check_stream(const struct px_jpeg_frame *f, const struct px_image *im, struct err *e) {
    if (f->process > PX_JPEG_LOSSLESS) {
        return err_set(e, E_MISMATCH, "the JPEG stream is %s, which this transfer syntax is not",
                       f->process == PX_JPEG_LS ? "JPEG-LS" : "arithmetic-coded or hierarchical");
    }
    if (!size_fits(f, im)) {
        return err_set(e, E_MISMATCH, "the JPEG stream is %u x %u, the data set says %u x %u",
                       f->columns, f->rows, im->columns, im->rows);
    }
    if (f->count != im->samples) {
        return err_set(e, E_MISMATCH, "the JPEG stream has %u components, the data set says %u",
                       f->count, im->samples);
    }
    if (f->precision > im->bits_allocated) {
        return err_set(e, E_MISMATCH, "the JPEG stream has %u bits a sample, the data set %u",
                       f->precision, im->bits_allocated);
    }
    return E_OK;
}

static int read_lossless(struct px_jpeg_stream *s, const struct px_image *im,
                         struct px_frame *frame, struct err *e) {
    struct px_jpeg_lossless_out out = {.samples = frame->own,
                                       .rows = im->rows,
                                       .columns = im->columns,
                                       .components = (uint8_t)im->samples,
                                       .sample_bytes = (uint8_t)(im->bits_allocated / 8)};
    int code = px_jpeg_lossless_read(s, &out, e);
    if (code != E_OK) {
        return code;
    }
    frame->planar = false;
    px_frame_extend_sign(frame, s->frame.precision);
    return px_planes_set(frame, im->planar, e);
}

static int read_eight(struct px_jpeg_stream *s, const struct px_image *im, struct px_frame *frame,
                      struct err *e) {
    struct px_jpeg_out out = {.samples = frame->own,
                              .rows = im->rows,
                              .columns = im->columns,
                              .components = (uint8_t)im->samples,
                              .ycc = im->samples == 3 && px_jpeg_is_ycc(s, im)};
    int code = px_jpeg_read(s->bytes, &out, e);
    if (code == E_OK && im->bits_allocated == 16) {
        px_samples_widen(frame->own, (size_t)im->rows * im->columns * im->samples);
    }
    return code;
}

static uint16_t within(int32_t value, int32_t most) {
    return (uint16_t)(value < 0 ? 0 : value > most ? most : value);
}

// ITU-T T.871 7 with 16 fraction bits, on samples of any depth.
static void to_rgb(uint8_t *samples, size_t pixels, unsigned precision) {
    const int32_t half = 1 << 15;
    const int32_t centre = 1 << (precision - 1);
    const int32_t most = (1 << precision) - 1;
    for (uint8_t *p = samples; pixels-- > 0; p += 6) {
        int32_t y = num_le16(p);
        int32_t blue = num_le16(p + 2) - centre;
        int32_t red = num_le16(p + 4) - centre;
        num_put_le16(p, within(y + ((91881 * red + half) >> 16), most));
        num_put_le16(p + 2, within(y + ((-22554 * blue - 46802 * red + half) >> 16), most));
        num_put_le16(p + 4, within(y + ((116130 * blue + half) >> 16), most));
    }
}

static int read_deep(struct px_jpeg_stream *s, const struct px_image *im, struct px_frame *frame,
                     struct err *e) {
    size_t pixels = (size_t)im->rows * im->columns;
    int code = px_jpeg_dct_read(s, im->rows, frame->own, e);
    if (code != E_OK) {
        return code;
    }
    if (im->samples == 3 && px_jpeg_is_ycc(s, im)) {
        to_rgb(frame->own, pixels, s->frame.precision);
    }
    if (im->bits_allocated == 8) {
        px_samples_narrow(frame->own, pixels * im->samples);
        frame->len = pixels * im->samples;
    }
    return E_OK;
}

static int decode(const struct px_image *im, struct slice bytes, unsigned bit_offset,
                  struct px_frame *frame, struct err *e) {
    (void)bit_offset;
    struct px_jpeg_stream s;
    int code = px_jpeg_open(&s, bytes, e);
    code = code == E_OK ? check_stream(&s.frame, im, e) : code;
    if (code != E_OK) {
        return code;
    }
    bool lossless = s.frame.process == PX_JPEG_LOSSLESS;
    bool deep = !lossless && (s.frame.precision != 8 || s.frame.rows == 0); // libjpeg has no DNL
    uint64_t samples = (uint64_t)im->rows * im->columns * im->samples;
    code = px_frame_reserve(frame, samples * (deep ? 2 : im->bits_allocated / 8u), e);
    if (code != E_OK) {
        return code;
    }
    describe_as(im, lossless, frame);
    if (lossless) {
        return read_lossless(&s, im, frame, e);
    }
    return deep ? read_deep(&s, im, frame, e) : read_eight(&s, im, frame, e);
}

const struct px_codec px_codec_jpeg = {"JPEG", syntaxes, refuse, decode, describe};
