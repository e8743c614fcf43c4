// SPDX-License-Identifier: Apache-2.0
#include "pixel/overlay.h"

#include "base/arena.h"
#include "base/err.h"
#include "dicom/dataset.h"
#include "pixel/lut.h"
#include "pixel/sample.h"

#define FIRST_GROUP 0x6000u
#define ELEMENT_ROWS 0x0010u
#define ELEMENT_COLUMNS 0x0011u
#define ELEMENT_FRAMES 0x0015u
#define ELEMENT_DESCRIPTION 0x0022u
#define ELEMENT_TYPE 0x0040u
#define ELEMENT_ORIGIN 0x0050u
#define ELEMENT_FRAME_ORIGIN 0x0051u
#define ELEMENT_BITS_ALLOCATED 0x0100u
#define ELEMENT_BIT_POSITION 0x0102u
#define ELEMENT_LABEL 0x1500u
#define ELEMENT_DATA 0x3000u

#define WHITE 255

struct source {
    const struct dcm_dataset *d;
    uint16_t group;
};

static int64_t number(const struct source *s, uint16_t element, uint32_t index, int64_t otherwise) {
    int64_t value;
    return dcm_int(s->d, DCM_TAG(s->group, element), index, &value) ? value : otherwise;
}

static bool in_range(int64_t value, int64_t low, int64_t high) {
    return value >= low && value <= high;
}

static bool read_shape(const struct source *s, struct px_overlay *o) {
    int64_t rows = number(s, ELEMENT_ROWS, 0, 0);
    int64_t columns = number(s, ELEMENT_COLUMNS, 0, 0);
    int64_t frames = number(s, ELEMENT_FRAMES, 0, 0);
    int64_t first = number(s, ELEMENT_FRAME_ORIGIN, 0, 0);
    // SS that implicit VR or a careless writer made unsigned.
    int64_t top = (int16_t)(uint16_t)number(s, ELEMENT_ORIGIN, 0, 1);
    int64_t left = (int16_t)(uint16_t)number(s, ELEMENT_ORIGIN, 1, 1);
    if (!in_range(rows, 1, PX_SIDE_MAX) || !in_range(columns, 1, PX_SIDE_MAX) ||
        !in_range(frames, 0, PX_FRAMES_MAX) || !in_range(first, 0, PX_FRAMES_MAX)) {
        return false;
    }
    o->rows = (uint32_t)rows;
    o->columns = (uint32_t)columns;
    // One plane with a place among the frames is a plane for that frame.
    o->frames = frames == 0 && first > 0 ? 1 : (uint32_t)frames;
    o->first_frame = first == 0 ? 1 : (uint32_t)first;
    o->top = (int32_t)top - 1;
    o->left = (int32_t)left - 1;
    return true;
}

static void read_words(const struct source *s, struct px_overlay *o) {
    struct slice type;
    bool said = dcm_text(s->d, DCM_TAG(s->group, ELEMENT_TYPE), 0, &type);
    o->type = said && slice_eq_str(type, "R") ? PX_OVERLAY_ROI : PX_OVERLAY_GRAPHICS;
    px_text_copy(s->d, DCM_TAG(s->group, ELEMENT_LABEL), 0, o->label, PX_OVERLAY_LABEL_MAX);
    if (o->label[0] == '\0') {
        px_text_copy(s->d, DCM_TAG(s->group, ELEMENT_DESCRIPTION), 0, o->label,
                     PX_OVERLAY_LABEL_MAX);
    }
}

static bool take_data(const struct dcm_node *n, struct px_overlay *o) {
    uint64_t planes = o->frames == 0 ? 1 : o->frames;
    uint64_t needed = ((uint64_t)o->rows * o->columns * planes + 7) / 8;
    if (n->value.len < needed) {
        return false;
    }
    o->bits = n->value;
    o->swapped = n->encoding == DCM_EXPLICIT_BE && n->vr != DCM_VR_OB;
    return !o->swapped || n->value.len % 2 == 0;
}

// A bit beside the stored ones of whole cells. Compressed pixels do not keep such bits, RLE does.
static bool take_embedded(const struct source *s, const struct px_image *im, struct px_overlay *o) {
    int64_t bit = number(s, ELEMENT_BIT_POSITION, 0, -1);
    int64_t allocated = number(s, ELEMENT_BITS_ALLOCATED, 0, im->bits_allocated);
    int64_t lowest = im->high_bit + 1 - im->bits_stored;
    if (im->kind != PX_PIXEL_INTEGER || im->samples != 1 || allocated != im->bits_allocated ||
        (im->bits_allocated != 8 && im->bits_allocated != 16) ||
        !in_range(bit, 0, im->bits_allocated - 1) || in_range(bit, lowest, im->high_bit) ||
        o->rows != im->rows || o->columns != im->columns) {
        return false;
    }
    o->embedded = true;
    o->bit = (uint8_t)bit;
    o->frames = 0;
    return true;
}

static bool read_one(const struct source *s, const struct px_image *im, struct px_overlay *o) {
    const struct dcm_node *data = dcm_get(s->d, DCM_TAG(s->group, ELEMENT_DATA));
    *o = (struct px_overlay){.group = s->group};
    if (!read_shape(s, o)) {
        return false;
    }
    read_words(s, o);
    return data != NULL && data->value.len > 0 ? take_data(data, o) : take_embedded(s, im, o);
}

static bool is_there(const struct source *s) {
    return dcm_get(s->d, DCM_TAG(s->group, ELEMENT_ROWS)) != NULL ||
           dcm_get(s->d, DCM_TAG(s->group, ELEMENT_DATA)) != NULL;
}

int px_overlays_read(struct arena *a, const struct dcm_dataset *d, const struct px_image *im,
                     const struct px_overlay **ret_overlays, uint32_t *ret_count, uint32_t *ret_bad,
                     struct err *e) {
    struct px_overlay found[PX_OVERLAYS_MAX];
    uint32_t count = 0;
    uint32_t bad = 0;
    for (uint32_t i = 0; i < PX_OVERLAYS_MAX; i++) {
        struct source s = {d, (uint16_t)(FIRST_GROUP + 2 * i)};
        if (is_there(&s)) {
            bool good = read_one(&s, im, &found[count]);
            count += good;
            bad += !good;
        }
    }
    struct px_overlay *kept = NULL;
    if (count > 0) {
        kept = arena_array(a, count, sizeof *kept);
        if (kept == NULL) {
            return err_set(e, E_MEMORY, "overlays");
        }
        memcpy(kept, found, count * sizeof *kept);
    }
    *ret_overlays = kept;
    *ret_count = count;
    *ret_bad = bad;
    return E_OK;
}

bool px_overlay_on(const struct px_overlay *o, uint32_t frame_number) {
    uint64_t number = (uint64_t)frame_number + 1;
    return o->frames == 0 || (number >= o->first_frame && number - o->first_frame < o->frames);
}

static bool packed_bit(const struct px_overlay *o, uint64_t index) {
    size_t byte = (size_t)(index / 8) ^ (o->swapped ? 1u : 0u);
    return (o->bits.ptr[byte] >> index % 8 & 1) != 0;
}

bool px_overlay_bit(const struct px_overlay *o, const struct px_frame *f, uint32_t frame_number,
                    int64_t x, int64_t y) {
    int64_t column = x - o->left;
    int64_t row = y - o->top;
    if (o->embedded) {
        bool inside =
            in_range(x, 0, (int64_t)f->columns - 1) && in_range(y, 0, (int64_t)f->rows - 1);
        return inside && o->bit < f->bits_allocated &&
               (f->bits_allocated == 8 || f->bits_allocated == 16) &&
               (px_sample_raw(f, (uint64_t)y * f->columns + (uint64_t)x) >> o->bit & 1) != 0;
    }
    if (!in_range(column, 0, (int64_t)o->columns - 1) || !in_range(row, 0, (int64_t)o->rows - 1)) {
        return false;
    }
    uint64_t plane = o->frames == 0 ? 0 : frame_number + 1 - o->first_frame;
    return packed_bit(o, (plane * o->rows + (uint64_t)row) * o->columns + (uint64_t)column);
}

static bool is_edge(const struct px_overlay *o, const struct px_frame *f, uint32_t frame_number,
                    int64_t x, int64_t y) {
    return !px_overlay_bit(o, f, frame_number, x - 1, y) ||
           !px_overlay_bit(o, f, frame_number, x + 1, y) ||
           !px_overlay_bit(o, f, frame_number, x, y - 1) ||
           !px_overlay_bit(o, f, frame_number, x, y + 1);
}

static void draw_row(const struct px_overlay *o, const struct px_frame *f, uint32_t frame_number,
                     uint32_t y, uint8_t channels, uint8_t *row) {
    int64_t from = o->embedded || o->left < 0 ? 0 : o->left;
    int64_t end = o->embedded ? f->columns : (int64_t)o->left + o->columns;
    end = end < f->columns ? end : f->columns;
    for (int64_t x = from; x < end; x++) {
        if (px_overlay_bit(o, f, frame_number, x, y) &&
            (o->type == PX_OVERLAY_GRAPHICS || is_edge(o, f, frame_number, x, y))) {
            memset(row + (size_t)x * channels, WHITE, channels);
        }
    }
}

void px_overlays_draw(const struct px_image *im, const struct px_frame *f, uint32_t frame_number,
                      uint32_t y, uint8_t channels, uint8_t *row) {
    for (uint32_t i = 0; i < im->overlay_count; i++) {
        const struct px_overlay *o = &im->overlays[i];
        bool touched = o->embedded || (y >= (int64_t)o->top && y < (int64_t)o->top + o->rows);
        if (touched && px_overlay_on(o, frame_number)) {
            draw_row(o, f, frame_number, y, channels, row);
        }
    }
}
