// SPDX-License-Identifier: Apache-2.0
#include "pixel/paint.h"

#include "base/err.h"
#include "base/mem.h"
#include "pixel/colour.h"

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
    bool mono = px_is_mono(f->photometric);
    *p = (struct px_painter){
        .image = im, .frame = f, .channels = mono ? 1 : 3, .invert = !mono && options->invert};
    return mono ? init_grey(p, frame_number, options, e) : init_colour(p, e);
}

void px_painter_done(struct px_painter *p) {
    mem_free(p->table);
    p->table = NULL;
}

void px_painter_row(const struct px_painter *p, uint32_t y, uint8_t *out) {
    if (p->channels == 1) {
        px_grey_row(&p->path, p->table, p->frame, y, out);
        return;
    }
    px_colour_row(p->frame, p->table, y, out);
    for (size_t i = 0; p->invert && i < (size_t)p->frame->columns * 3; i++) {
        out[i] = (uint8_t)~out[i];
    }
}
