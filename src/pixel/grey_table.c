// SPDX-License-Identifier: Apache-2.0
#include "pixel/grey_table.h"

#include <math.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "pixel/sample.h"
#include "pixel/stats.h"
#include "pixel/voi.h"

#define TABLE_MAX 65536u

CLEANUP_DEFINE(table, uint8_t, mem_free);

uint8_t px_grey_byte(const struct px_grey_path *path, double stored) {
    double value = px_modality(path->grey, stored);
    double y = path->by_lut ? px_voi_lut(path->lut, value) : px_voi_window(&path->window, value);
    y = path->invert ? 1 - y : y;
    return y > 0 ? (uint8_t)(fmin(y, 1) * 255 + 0.5) : 0; // NaN is black
}

// The window that shows modality values between those of two stored values.
static struct px_window window_between(const struct px_grey *g, double stored_a, double stored_b) {
    double a = px_modality(g, stored_a);
    double b = px_modality(g, stored_b);
    double width = fabs(b - a);
    return (struct px_window){.centre = a + (b - a) / 2,
                              .width = width > 0 && isfinite(width) ? width : 1,
                              .function = PX_VOI_LINEAR_EXACT};
}

// Everything from 1 to 99 per cent; all of it when that is a single value.
static int automatic(const struct px_image *im, const struct px_frame *f, const struct px_grey *g,
                     struct px_window *ret_window, struct err *e) {
    struct px_stats stats;
    int code = px_stats_frame(im, f, &stats, e);
    if (code != E_OK) {
        return code;
    }
    double low = stats.percentile[0];
    double high = stats.percentile[PX_PERCENTILES - 1];
    *ret_window = low < high ? window_between(g, low, high) : window_between(g, stats.min, stats.max);
    return E_OK;
}

// Without any VOI, values of eight bits and values said to be P-Values are shown as they are.
static bool shows_as_is(const struct px_image *im, const struct px_frame *f) {
    return f->kind == PX_PIXEL_INTEGER && (f->bits_stored <= 8 || im->has_shape);
}

static struct px_window full_range(const struct px_frame *f, const struct px_grey *g) {
    struct px_sample s = px_sample_of(f);
    return window_between(g, (double)px_sample_of_rank(s, 0),
                          (double)px_sample_of_rank(s, s.mask));
}

int px_grey_choose(const struct px_image *im, const struct px_frame *f, uint32_t frame_number,
                   const struct px_render_options *options, struct px_grey_path *ret_path,
                   struct err *e) {
    const struct px_grey *g = px_image_grey(im, frame_number);
    struct px_grey_path path = {.grey = g};
    path.invert = (im->photometric == PX_MONOCHROME1 || im->inverse) != options->invert;
    uint32_t index = options->window_index;
    uint32_t known = g->window_count + g->voi_lut_count;
    index = index < known ? index : 0;
    int code = E_OK;
    if (options->choice == PX_WINDOW_GIVEN) {
        path.window = options->window;
    } else if (options->choice == PX_WINDOW_AUTO) {
        code = automatic(im, f, g, &path.window, e);
    } else if (index < g->window_count) {
        path.window = g->windows[index];
    } else if (index < known) {
        path.by_lut = true;
        path.lut = &g->voi_luts[index - g->window_count];
    } else if (shows_as_is(im, f)) {
        path.window = full_range(f, g);
    } else {
        code = automatic(im, f, g, &path.window, e);
    }
    if (code == E_OK) {
        *ret_path = path;
    }
    return code;
}

// Ranks (order of values) that occur, so that the table is no longer than it needs to be.
static void rank_range(const struct px_frame *f, struct px_sample s, uint64_t pixels,
                       uint16_t *ret_low, uint16_t *ret_high) {
    const uint8_t *p = f->data;
    uint16_t low = UINT16_MAX;
    uint16_t high = 0;
    uint16_t mask = (uint16_t)s.mask;
    uint16_t sign = (uint16_t)s.sign;
    for (uint64_t i = 0; i < pixels; i++) {
        uint16_t rank = (uint16_t)(((num_le16(p + 2 * i) >> s.shift) & mask) ^ sign);
        low = rank < low ? rank : low;
        high = rank > high ? rank : high;
    }
    *ret_low = low;
    *ret_high = high;
}

static void fill_table(const struct px_grey_path *path, struct px_sample s, uint32_t low,
                       uint32_t high, uint8_t *table) {
    for (uint32_t rank = low; rank <= high; rank++) {
        table[rank] = px_grey_byte(path, (double)px_sample_of_rank(s, rank));
    }
}

static void apply16(const struct px_frame *f, struct px_sample s, const uint8_t *restrict table,
                    uint64_t pixels, uint8_t *restrict out) {
    const uint8_t *p = f->data;
    for (uint64_t i = 0; i < pixels; i++) {
        out[i] = table[px_sample_rank(s, num_le16(p + 2 * i))];
    }
}

static void apply_small(const struct px_frame *f, struct px_sample s, const uint8_t *table,
                        uint64_t pixels, uint8_t *out) {
    for (uint64_t i = 0; i < pixels; i++) {
        out[i] = table[px_sample_rank(s, px_sample_raw(f, i))];
    }
}

static void apply_wide(const struct px_grey_path *path, const struct px_frame *f, uint64_t pixels,
                       uint8_t *out) {
    struct px_sample s = px_sample_of(f);
    for (uint64_t i = 0; i < pixels; i++) {
        out[i] = px_grey_byte(path, px_sample_number(f, s, i));
    }
}

int px_grey_apply(const struct px_grey_path *path, const struct px_frame *f, uint8_t *out,
                  struct err *e) {
    uint64_t pixels = (uint64_t)f->rows * f->columns;
    if (f->kind != PX_PIXEL_INTEGER || f->bits_stored > 16) {
        apply_wide(path, f, pixels, out);
        return E_OK;
    }
    CLEANUP(cleanup_table) uint8_t *table = mem_alloc(TABLE_MAX);
    if (table == NULL) {
        return err_set(e, E_MEMORY, "a grey table");
    }
    struct px_sample s = px_sample_of(f);
    if (f->bits_allocated == 16) {
        uint16_t low;
        uint16_t high;
        rank_range(f, s, pixels, &low, &high);
        fill_table(path, s, low, high, table);
        apply16(f, s, table, pixels, out);
    } else {
        fill_table(path, s, 0, s.mask, table);
        apply_small(f, s, table, pixels, out);
    }
    return E_OK;
}
