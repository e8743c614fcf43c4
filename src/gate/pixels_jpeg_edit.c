// SPDX-License-Identifier: Apache-2.0
#include "gate/pixels_jpeg_edit.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "dicom/uid.h"
#include "pixel/codec_jpeg.h"
#include "pixel/codestream.h"
#include "pixel/jpeg_error.h"
#include "pixel/jpeg_stream.h"

#define BLOCK 8u
// Sums of cosines: the mean of a block is its DC coefficient divided by 8.
#define DARKEST (-128 * (int)BLOCK)
#define BRIGHTEST (127 * (int)BLOCK)
#define COEFFICIENTS_MAX ((uint64_t)64 << 20) // of one frame, two bytes each; else coded anew
#define PROGRESSIVE_UID "1.2.840.10008.1.2.4.55"
#define SPECTRAL_UID "1.2.840.10008.1.2.4.53"

bool gate_jpeg_editable(const struct px_image *im, struct slice stream) {
    struct px_jpeg_stream s;
    struct err ignored = {0};
    if (px_jpeg_open(&s, stream, &ignored) != E_OK) {
        return false;
    }
    const struct px_jpeg_frame *f = &s.frame;
    bool process = f->process == PX_JPEG_BASELINE || f->process == PX_JPEG_EXTENDED ||
                   f->process == PX_JPEG_PROGRESSIVE;
    // Writing spectral selection alone is no use of anybody.
    uint64_t samples = (uint64_t)im->rows * im->columns * im->samples;
    return process && samples <= COEFFICIENTS_MAX && f->precision == 8 && f->rows != 0 &&
           f->count == im->samples && im->bits_allocated == 8 &&
           strcmp(im->syntax->uid, SPECTRAL_UID) != 0;
}

struct gate_rect gate_jpeg_reach(const struct px_image *im, struct slice stream,
                                 const struct gate_rect *r) {
    struct px_jpeg_stream s;
    struct err ignored = {0};
    if (px_jpeg_open(&s, stream, &ignored) != E_OK) {
        return (struct gate_rect){0, 0, im->columns, im->rows};
    }
    const struct px_jpeg_frame *f = &s.frame;
    uint32_t wide = BLOCK * f->across;
    uint32_t high = BLOCK * f->down;
    uint32_t left = r->x / wide * wide;
    uint32_t top = r->y / high * high;
    uint32_t right = (r->x + r->width + wide - 1) / wide * wide;
    uint32_t bottom = (r->y + r->height + high - 1) / high * high;
    uint32_t ring = f->count > 1 && (f->across > 1 || f->down > 1) ? 1 : 0;
    left -= left > 0 ? ring : 0;
    top -= top > 0 ? ring : 0;
    right = right + ring < im->columns ? right + ring : im->columns;
    bottom = bottom + ring < im->rows ? bottom + ring : im->rows;
    return (struct gate_rect){left, top, right - left, bottom - top};
}

struct gate_rect gate_jpeg_inside(const struct px_image *im, struct slice stream,
                                  const struct gate_rect *r) {
    struct px_jpeg_stream s;
    struct err ignored = {0};
    if (px_stream_of(im->syntax->uid) != PX_STREAM_JPEG ||
        px_jpeg_open(&s, stream, &ignored) != E_OK || s.frame.rows == 0) {
        return *r;
    }
    uint32_t right = r->x + r->width < s.frame.columns ? r->x + r->width : s.frame.columns;
    uint32_t bottom = r->y + r->height < s.frame.rows ? r->y + r->height : s.frame.rows;
    if (right <= r->x || bottom <= r->y) {
        return (struct gate_rect){r->x, r->y, 0, 0};
    }
    return (struct gate_rect){r->x, r->y, right - r->x, bottom - r->y};
}

struct editor {
    struct jpeg_progress_mgr progress;
    struct jpeg_decompress_struct in;
    struct jpeg_compress_struct out;
    struct px_jpeg_error error;
    unsigned char *bytes; // of the new stream, libjpeg's malloc
    unsigned long len;
};

// A stream can ask for a walk over the whole picture in each of its scans.
static void count_scans(j_common_ptr cinfo) {
    const struct jpeg_decompress_struct *in = (struct jpeg_decompress_struct *)cinfo;
    if (in->input_scan_number > (int)PX_JPEG_SCANS_MAX) {
        struct px_jpeg_error *error = (struct px_jpeg_error *)cinfo->err;
        error->too_many_scans = true;
        longjmp(error->back, 1);
    }
}

static void editor_done(struct editor *ed) {
    jpeg_destroy_compress(&ed->out);
    jpeg_destroy_decompress(&ed->in);
    free(ed->bytes);
}

// What the mean of a block becomes: no light. Only shared or separate chroma has a neutral level.
static int level_of(const struct px_image *im, bool ycc, unsigned component) {
    if (im->samples == 3) {
        return ycc && component > 0 ? 0 : DARKEST;
    }
    return im->photometric == PX_MONOCHROME1 && !im->inverse ? BRIGHTEST : DARKEST;
}

// Rounded away from the middle, so that the block is wholly at the level: decoders clip.
static JCOEF quantised(int level, unsigned step) {
    int q = step == 0 ? 1 : (int)step;
    int part = level < 0 ? -((-level + q - 1) / q) : (level + q - 1) / q;
    return (JCOEF)(part < -1024 ? -1024 : part > 1023 ? 1023 : part);
}

static void black_blocks(struct editor *ed, jvirt_barray_ptr *arrays, unsigned component,
                         const struct gate_rect *mcus, int level) {
    const jpeg_component_info *info = &ed->in.comp_info[component];
    JDIMENSION across = (JDIMENSION)info->h_samp_factor;
    JDIMENSION down = (JDIMENSION)info->v_samp_factor;
    JDIMENSION columns = (info->width_in_blocks + across - 1) / across * across;
    JDIMENSION rows = (info->height_in_blocks + down - 1) / down * down;
    JDIMENSION right = (mcus->x + mcus->width) * across;
    JDIMENSION bottom = (mcus->y + mcus->height) * down;
    JCOEF mean = quantised(level, info->quant_table == NULL ? 1 : info->quant_table->quantval[0]);
    for (JDIMENSION y = mcus->y * down; y < bottom && y < rows; y++) {
        JBLOCKARRAY row =
            ed->in.mem->access_virt_barray((j_common_ptr)&ed->in, arrays[component], y, 1, TRUE);
        for (JDIMENSION x = mcus->x * across; x < right && x < columns; x++) {
            memset(row[0][x], 0, sizeof row[0][x]);
            row[0][x][0] = mean;
        }
    }
}

static void black(struct editor *ed, jvirt_barray_ptr *arrays, const struct px_image *im, bool ycc,
                  const struct gate_rect *r) {
    uint32_t wide = BLOCK * (uint32_t)ed->in.max_h_samp_factor;
    uint32_t high = BLOCK * (uint32_t)ed->in.max_v_samp_factor;
    struct gate_rect mcus = {r->x / wide, r->y / high, 0, 0};
    mcus.width = (r->x + r->width + wide - 1) / wide - mcus.x;
    mcus.height = (r->y + r->height + high - 1) / high - mcus.y;
    for (int i = 0; i < ed->in.num_components; i++) {
        black_blocks(ed, arrays, (unsigned)i, &mcus, level_of(im, ycc, (unsigned)i));
    }
}

static void edit(struct editor *ed, const struct px_image *im, struct slice stream, bool ycc,
                 const struct gate_rect *rects, uint32_t count) {
    ed->progress.progress_monitor = count_scans;
    ed->in.progress = &ed->progress;
    jpeg_mem_src(&ed->in, stream.ptr, stream.len);
    (void)jpeg_read_header(&ed->in, TRUE);
    jvirt_barray_ptr *arrays = jpeg_read_coefficients(&ed->in);
    for (uint32_t i = 0; i < count; i++) {
        black(ed, arrays, im, ycc, &rects[i]);
    }
    jpeg_mem_dest(&ed->out, &ed->bytes, &ed->len);
    jpeg_copy_critical_parameters(&ed->in, &ed->out);
    ed->out.optimize_coding = TRUE;
    ed->out.write_JFIF_header = ed->in.saw_JFIF_marker;
    ed->out.write_Adobe_marker = ed->in.saw_Adobe_marker;
    if (strcmp(im->syntax->uid, PROGRESSIVE_UID) == 0) {
        jpeg_simple_progression(&ed->out);
    }
    jpeg_write_coefficients(&ed->out, arrays);
    jpeg_finish_compress(&ed->out);
    (void)jpeg_finish_decompress(&ed->in);
}

int gate_jpeg_black(const struct px_image *im, struct slice stream, const struct gate_rect *rects,
                    uint32_t count, struct buf *out, struct err *e) {
    struct px_jpeg_stream s;
    int code = px_jpeg_open(&s, stream, e);
    if (code != E_OK) {
        return code;
    }
    struct editor ed = {0};
    ed.in.err = px_jpeg_error_init(&ed.error);
    ed.out.err = ed.in.err;
    if (setjmp(ed.error.back) != 0) {
        code = ed.error.too_many_scans
                   ? err_set(e, E_LIMIT, "a JPEG stream of over %u scans", PX_JPEG_SCANS_MAX)
                   : err_set(e, E_CORRUPT, "JPEG: %s", ed.error.text);
        editor_done(&ed);
        return code;
    }
    jpeg_create_decompress(&ed.in);
    jpeg_create_compress(&ed.out);
    edit(&ed, im, stream, im->samples == 3 && px_jpeg_is_ycc(&s, im), rects, count);
    bool damaged = ed.error.damage != 0;
    if (!damaged) {
        buf_put(out, ed.bytes, ed.len);
    }
    editor_done(&ed);
    return damaged ? err_set(e, E_CORRUPT, "JPEG: %s", ed.error.text)
                   : buf_check(out, "an edited JPEG frame", e);
}
