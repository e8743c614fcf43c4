// SPDX-License-Identifier: Apache-2.0
#include "pixel/paint.h"

#include "base/err.h"
#include "base/mem.h"
#include "pixel/colour.h"
#include "pixel/overlay.h"

static int make_table(struct px_painter *p, size_t len, struct err *e) {
    p->table = mem_alloc(len);
    return p->table == NULL ? err_set(e, E_MEMORY, "a table of greys or colours") : E_OK;
}

static int init_grey(struct px_painter *p, uint32_t frame_number,
                     const struct px_render_options *options, struct err *e) {
    int code = px_grey_choose(p->image, p->frame, frame_number, options, &p->path, e);
    if (code != E_OK || !px_grey_by_table(p->frame)) {
        return code;
    }
    code = make_table(p, PX_GREY_TABLE_LEN, e);
    if (code == E_OK) {
        px_grey_fill(&p->path, px_sample_of(p->frame), p->table);
    }
    return code;
}

// Three bytes for each stored value: its colour from the palette's first value on, its grey below.
static int init_supplemental(struct px_painter *p, uint32_t frame_number,
                             const struct px_render_options *options, struct err *e) {
    int code = px_grey_choose(p->image, p->frame, frame_number, options, &p->path, e);
    code = code == E_OK ? make_table(p, PX_COLOUR_TABLE_LEN, e) : code;
    if (code == E_OK) {
        px_colour_fill_supplemental(p->image, p->frame, &p->path, p->table);
    }
    return code;
}

static int init_colour(struct px_painter *p, struct err *e) {
    int code = px_colour_check(p->image, p->frame, e);
    if (code != E_OK || p->frame->photometric != PX_PALETTE_COLOR) {
        return code;
    }
    code = make_table(p, PX_COLOUR_TABLE_LEN, e);
    if (code == E_OK) {
        px_colour_fill(p->image, p->frame, p->table);
    }
    return code;
}

int px_painter_init(struct px_painter *p, const struct px_image *im, const struct px_frame *f,
                    uint32_t frame_number, const struct px_render_options *options, struct err *e) {
    bool coloured = im->supplemental && px_grey_by_table(f);
    bool mono = px_is_mono(f->photometric) && !coloured;
    *p = (struct px_painter){.image = im,
                             .frame = f,
                             .frame_number = frame_number,
                             .channels = mono ? 1 : 3,
                             .invert = !mono && !coloured && options->invert,
                             .overlays = im->overlay_count > 0 && !options->hide_overlays};
    return coloured ? init_supplemental(p, frame_number, options, e)
           : mono   ? init_grey(p, frame_number, options, e)
                    : init_colour(p, e);
}

void px_painter_done(struct px_painter *p) {
    mem_free(p->table);
    p->table = NULL;
}

static void paint_row(const struct px_painter *p, uint32_t y, uint8_t *out) {
    if (p->channels == 1) {
        px_grey_row(&p->path, p->table, p->frame, y, out);
        return;
    }
    if (p->image->supplemental) {
        px_colour_table_row(p->frame, p->table, y, out);
        return;
    }
    px_colour_row(p->frame, p->table, y, out);
    for (size_t i = 0; p->invert && i < (size_t)p->frame->columns * 3; i++) {
        out[i] = (uint8_t)~out[i];
    }
}

void px_painter_row(const struct px_painter *p, uint32_t y, uint8_t *out) {
    paint_row(p, y, out);
    if (p->overlays) {
        px_overlays_draw(p->image, p->frame, p->frame_number, y, p->channels, out);
    }
}
