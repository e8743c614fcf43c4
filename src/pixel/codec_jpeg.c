// SPDX-License-Identifier: Apache-2.0
// Colour: DICOM's photometric interpretation, the JFIF and Adobe markers and the component ids all
// claim to say whether samples are YCbCr, and files exist in which each of them lies. The order of
// trust is written at stored_space().
#include "pixel/codec_jpeg.h"

#include <string.h>

#include "base/err.h"
#include "dicom/uid.h"
#include "pixel/jpeg_error.h"

#include <jerror.h>

static const char *const syntaxes[] = {DCM_JPEG_BASELINE_UID, "1.2.840.10008.1.2.4.51", NULL};

#define ROWS_AT_ONCE 8u

struct reader {
    struct jpeg_decompress_struct cinfo;
    struct px_jpeg_error error;
};

static const char *refuse(const struct px_image *im) {
    if (im->bits_allocated != 8 || im->bits_stored > 8) {
        return "with more than 8 bits a sample is not decoded by this server";
    }
    return NULL;
}

static bool has_subsampling(const struct jpeg_decompress_struct *c) {
    for (int i = 1; i < c->num_components; i++) {
        if (c->comp_info[i].h_samp_factor != c->comp_info[0].h_samp_factor ||
            c->comp_info[i].v_samp_factor != c->comp_info[0].v_samp_factor) {
            return true;
        }
    }
    return false;
}

// An Adobe marker was written by whoever coded the samples: believe it. Subsampled components are
// never RGB. Component ids 'R' 'G' 'B' are nothing else. Otherwise the data set decides.
static J_COLOR_SPACE stored_space(const struct jpeg_decompress_struct *c,
                                  const struct px_image *im) {
    if (c->saw_Adobe_marker) {
        return c->Adobe_transform == 0 ? JCS_RGB : JCS_YCbCr;
    }
    if (has_subsampling(c)) {
        return JCS_YCbCr;
    }
    if (c->comp_info[0].component_id == 'R' && c->comp_info[1].component_id == 'G' &&
        c->comp_info[2].component_id == 'B') {
        return JCS_RGB;
    }
    return im->photometric == PX_RGB ? JCS_RGB : JCS_YCbCr;
}

// Slide scanners write narrower streams for the tiles at the right and lower edge.
static bool size_fits(const struct jpeg_decompress_struct *c, const struct px_image *im) {
    if (im->tiled) {
        return c->image_width <= im->columns && c->image_height <= im->rows;
    }
    return c->image_width == im->columns && c->image_height == im->rows;
}

static int check_stream(const struct jpeg_decompress_struct *c, const struct px_image *im,
                        struct err *e) {
    if (!size_fits(c, im)) {
        return err_set(e, E_MISMATCH, "the JPEG stream is %u x %u, the data set says %u x %u",
                       c->image_width, c->image_height, im->columns, im->rows);
    }
    if (c->num_components != im->samples) {
        return err_set(e, E_MISMATCH, "the JPEG stream has %d components, the data set says %u",
                       c->num_components, im->samples);
    }
    if (c->progressive_mode || c->arith_code) {
        return err_set(e, E_MISMATCH, "the JPEG stream is %s, not sequential Huffman",
                       c->progressive_mode ? "progressive" : "arithmetic-coded");
    }
    return E_OK;
}

static int start(struct reader *r, const struct px_image *im, struct slice bytes, struct err *e) {
    struct jpeg_decompress_struct *c = &r->cinfo;
    jpeg_mem_src(c, bytes.ptr, bytes.len);
    (void)jpeg_read_header(c, TRUE);
    int code = check_stream(c, im, e);
    if (code == E_OK) {
        c->jpeg_color_space = im->samples == 1 ? JCS_GRAYSCALE : stored_space(c, im);
        c->out_color_space = im->samples == 1 ? JCS_GRAYSCALE : JCS_RGB;
        c->dct_method = JDCT_ISLOW;
        (void)jpeg_start_decompress(c);
    }
    return code;
}

static void read_rows(struct reader *r, struct px_frame *frame) {
    struct jpeg_decompress_struct *c = &r->cinfo;
    size_t row_len = (size_t)frame->columns * frame->samples;
    if (c->output_width < frame->columns || c->output_height < frame->rows) {
        memset(frame->own, UINT8_MAX, frame->len); // what the tile leaves open is bare glass
    }
    while (c->output_scanline < c->output_height && r->error.damage == 0) {
        JSAMPROW rows[ROWS_AT_ONCE];
        JDIMENSION count = 0;
        for (; count < ROWS_AT_ONCE && c->output_scanline + count < c->output_height; count++) {
            rows[count] = frame->own + (c->output_scanline + count) * row_len;
        }
        (void)jpeg_read_scanlines(c, rows, count);
    }
}

static void describe(const struct px_image *im, struct px_frame *frame) {
    px_frame_describe(frame, im);
    if (im->samples == 3) {
        frame->photometric = PX_RGB;
        frame->planar = false;
    }
}

// libjpeg stops by itself at the header of a stream of 12 bits.
static int failure(const struct px_jpeg_error *error, struct err *e) {
    if (error->manager.msg_code == JERR_BAD_PRECISION) {
        return err_set(e, E_NOT_ACCEPTABLE,
                       "JPEG of %d bits a sample is not decoded by this server",
                       error->manager.msg_parm.i[0]);
    }
    return err_set(e, E_CORRUPT, "JPEG: %s", error->text);
}

static int decode(const struct px_image *im, struct slice bytes, unsigned bit_offset,
                  struct px_frame *frame, struct err *e) {
    (void)bit_offset;
    if (bytes.len == 0) {
        return err_set(e, E_TRUNCATED, "an empty JPEG stream");
    }
    int code = px_frame_reserve(frame, (uint64_t)im->rows * im->columns * im->samples, e);
    if (code != E_OK) {
        return code;
    }
    describe(im, frame);
    struct reader r;
    r.cinfo.err = px_jpeg_error_init(&r.error);
    if (setjmp(r.error.back) != 0) {
        jpeg_destroy_decompress(&r.cinfo);
        return failure(&r.error, e);
    }
    jpeg_create_decompress(&r.cinfo);
    int started = start(&r, im, bytes, e);
    if (started == E_OK) {
        read_rows(&r, frame);
    }
    // What follows the last row (a missing end marker, padding) is nobody's loss, but where colours
    // come one behind the other it is whole colours.
    bool cut = r.error.ended && started == E_OK && jpeg_has_multiple_scans(&r.cinfo);
    jpeg_destroy_decompress(&r.cinfo);
    if (cut) {
        return err_set(e, E_TRUNCATED, "the JPEG stream ends before its end marker");
    }
    if (started == E_OK && r.error.damage != 0) {
        return err_set(e, E_CORRUPT, "JPEG: %s", r.error.text);
    }
    return started;
}

const struct px_codec px_codec_jpeg = {"JPEG, 8 bits", syntaxes, refuse, decode, describe};
