// SPDX-License-Identifier: Apache-2.0
#include "pixel/jpeg_read.h"

#include <string.h>

#include "base/err.h"
#include "pixel/jpeg_error.h"
#include "pixel/jpeg_stream.h"

#include <jerror.h>

#define ROWS_AT_ONCE 8u

struct reader {
    struct jpeg_decompress_struct cinfo;
    struct px_jpeg_error error;
    struct jpeg_progress_mgr progress;
};

// libjpeg reads as many scans as a stream has, each a walk over the whole picture.
static void count_scans(j_common_ptr cinfo) {
    const struct jpeg_decompress_struct *c = (struct jpeg_decompress_struct *)cinfo;
    if (c->input_scan_number > (int)PX_JPEG_SCANS_MAX) {
        struct px_jpeg_error *error = (struct px_jpeg_error *)cinfo->err;
        error->too_many_scans = true;
        longjmp(error->back, 1);
    }
}

static void start(struct reader *r, struct slice bytes, const struct px_jpeg_out *out) {
    struct jpeg_decompress_struct *c = &r->cinfo;
    r->progress = (struct jpeg_progress_mgr){.progress_monitor = count_scans};
    c->progress = &r->progress;
    jpeg_mem_src(c, bytes.ptr, bytes.len);
    (void)jpeg_read_header(c, TRUE);
    c->jpeg_color_space = out->components == 1 ? JCS_GRAYSCALE : (out->ycc ? JCS_YCbCr : JCS_RGB);
    c->out_color_space = out->components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    c->dct_method = JDCT_ISLOW;
    (void)jpeg_start_decompress(c);
}

static void read_rows(struct reader *r, const struct px_jpeg_out *out) {
    struct jpeg_decompress_struct *c = &r->cinfo;
    size_t row_len = (size_t)out->columns * out->components;
    if (c->output_width < out->columns || c->output_height < out->rows) {
        memset(out->samples, UINT8_MAX, out->rows * row_len);
    }
    while (c->output_scanline < c->output_height && r->error.damage == 0) {
        JSAMPROW rows[ROWS_AT_ONCE];
        JDIMENSION count = 0;
        for (; count < ROWS_AT_ONCE && c->output_scanline + count < c->output_height; count++) {
            rows[count] = out->samples + (c->output_scanline + count) * row_len;
        }
        (void)jpeg_read_scanlines(c, rows, count);
    }
}

static int failure(const struct px_jpeg_error *error, struct err *e) {
    if (error->too_many_scans) {
        return err_set(e, E_LIMIT, "a JPEG stream of over %u scans", PX_JPEG_SCANS_MAX);
    }
    return err_set(e, E_CORRUPT, "JPEG: %s", error->text);
}

int px_jpeg_read(struct slice bytes, const struct px_jpeg_out *out, struct err *e) {
    struct reader r;
    r.cinfo.err = px_jpeg_error_init(&r.error);
    if (setjmp(r.error.back) != 0) {
        jpeg_destroy_decompress(&r.cinfo);
        return failure(&r.error, e);
    }
    jpeg_create_decompress(&r.cinfo);
    start(&r, bytes, out);
    if (r.cinfo.num_components != out->components || r.cinfo.output_width > out->columns ||
        r.cinfo.output_height > out->rows) {
        jpeg_destroy_decompress(&r.cinfo);
        return err_set(e, E_CORRUPT, "JPEG: two frame headers of different sizes");
    }
    read_rows(&r, out);
    // What follows the last row (a missing end marker, padding) is nobody's loss, but where colours
    // come one behind the other it is whole colours.
    bool cut = r.error.ended && jpeg_has_multiple_scans(&r.cinfo);
    jpeg_destroy_decompress(&r.cinfo);
    if (cut) {
        return err_set(e, E_TRUNCATED, "the JPEG stream ends before its end marker");
    }
    return r.error.damage == 0 ? E_OK : err_set(e, E_CORRUPT, "JPEG: %s", r.error.text);
}
