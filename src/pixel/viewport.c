// SPDX-License-Identifier: Apache-2.0
#include "pixel/viewport.h"

#include <math.h>

#include "base/err.h"
#include "base/num.h"

static bool finite_region(const struct px_viewport *v) {
    return isfinite(v->x) && isfinite(v->y) && isfinite(v->region_width) &&
           isfinite(v->region_height);
}

// One direction: start and signed length (0: to the edge) cut to 0 … size.
static bool cut(double start, double length, double size, double *ret_start, double *ret_length,
                bool *ret_flip) {
    *ret_flip = length < 0;
    double end = length == 0 ? size : start + fabs(length);
    *ret_start = fmax(start, 0);
    *ret_length = fmin(end, size) - *ret_start;
    return *ret_length > 0;
}

static uint32_t side(double v, uint32_t most) {
    double rounded = floor(v + 0.5);
    return rounded < 1 ? 1 : rounded > most ? most : (uint32_t)rounded;
}

// Without a viewport nothing shrinks: the shorter side of a pixel is stretched.
static void full_size(const struct px_image *im, struct px_place *p) {
    double tall = im->pixel_height;
    p->out_width = side(tall < 1 ? p->width / tall : p->width, UINT32_MAX);
    p->out_height = side(tall > 1 ? p->height * tall : p->height, UINT32_MAX);
}

static void fit(const struct px_image *im, const struct px_viewport *v, struct px_place *p) {
    double shown_height = p->height * im->pixel_height;
    double scale = fmin(v->width / p->width, v->height / shown_height);
    p->out_width = side(p->width * scale, v->width);
    p->out_height = side(shown_height * scale, v->height);
}

int px_viewport_place(const struct px_image *im, const struct px_render_options *options,
                      struct px_place *ret_place, struct err *e) {
    struct px_place p = {.width = im->columns, .height = im->rows};
    const struct px_viewport *v = &options->viewport;
    if (options->has_viewport && v->has_region) {
        if (!finite_region(v) ||
            !cut(v->x, v->region_width, im->columns, &p.x, &p.width, &p.flip_x) ||
            !cut(v->y, v->region_height, im->rows, &p.y, &p.height, &p.flip_y)) {
            return err_set(e, E_ARGUMENT, "the region lies outside of the %u x %u image",
                           im->columns, im->rows);
        }
    }
    if (options->has_viewport) {
        if (v->width == 0 || v->height == 0 || v->width > PX_VIEWPORT_MAX ||
            v->height > PX_VIEWPORT_MAX) {
            return err_set(e, E_ARGUMENT, "a viewport of %u x %u", v->width, v->height);
        }
        fit(im, v, &p);
    } else {
        full_size(im, &p);
    }
    if ((uint64_t)p.out_width * p.out_height * 3 > PX_FRAME_BYTES_MAX) {
        return err_set(e, E_LIMIT, "a picture of %u x %u", p.out_width, p.out_height);
    }
    *ret_place = p;
    return E_OK;
}

static struct slice without_blanks(struct slice text) { return slice_trim(text, " "); }

int px_window_parse(struct slice text, struct px_render_options *options, struct err *e) {
    static const struct {
        const char *name;
        enum px_voi_function function;
    } functions[] = {{"linear", PX_VOI_LINEAR},
                     {"linear-exact", PX_VOI_LINEAR_EXACT},
                     {"sigmoid", PX_VOI_SIGMOID}};
    struct slice part[3] = {{0}, {0}, slice_str("linear")};
    struct slice rest = text;
    size_t count = 0;
    while (count < 3 && slice_split(&rest, ',', &part[count])) {
        part[count] = without_blanks(part[count]);
        count++;
    }
    struct px_window w = {0};
    bool ok = count >= 2 && rest.ptr == NULL && num_parse_double(part[0], &w.centre) &&
              num_parse_double(part[1], &w.width) && w.width > 0;
    bool known = false;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (slice_eq_str(part[2], functions[i].name)) {
            w.function = functions[i].function;
            known = true;
        }
    }
    if (!ok || !known || (w.function == PX_VOI_LINEAR && w.width < 1)) {
        return err_set(e, E_ARGUMENT,
                       "window=%.*s is not centre,width[,linear|linear-exact|sigmoid]",
                       (int)(text.len < 64 ? text.len : 64), (const char *)text.ptr);
    }
    options->choice = PX_WINDOW_GIVEN;
    options->window = w;
    return E_OK;
}

// An empty member keeps what is there.
static bool member(struct slice text, double *value) {
    return text.len == 0 || num_parse_double(text, value);
}

static bool viewport_side(struct slice text, uint32_t *ret_side) {
    uint64_t value;
    if (!num_parse_u64(text, PX_VIEWPORT_MAX, &value) || value == 0) {
        return false;
    }
    *ret_side = (uint32_t)value;
    return true;
}

int px_viewport_parse(struct slice text, struct px_render_options *options, struct err *e) {
    struct slice part[6] = {{0}};
    struct slice rest = text;
    size_t count = 0;
    while (count < 6 && slice_split(&rest, ',', &part[count])) {
        part[count] = without_blanks(part[count]);
        count++;
    }
    struct px_viewport v = {.has_region = count > 2};
    bool ok = count >= 2 && rest.ptr == NULL && viewport_side(part[0], &v.width) &&
              viewport_side(part[1], &v.height) && member(part[2], &v.x) && member(part[3], &v.y) &&
              member(part[4], &v.region_width) && member(part[5], &v.region_height);
    if (!ok || v.x < 0 || v.y < 0) {
        return err_set(e, E_ARGUMENT, "viewport=%.*s is not vw,vh[,sx,sy,sw,sh], sides to %u",
                       (int)(text.len < 64 ? text.len : 64), (const char *)text.ptr,
                       PX_VIEWPORT_MAX);
    }
    options->has_viewport = true;
    options->viewport = v;
    return E_OK;
}
