// SPDX-License-Identifier: Apache-2.0
#include "pixel/grey_table.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "pixel/stats.h"
#include "pixel/voi.h"

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
    *ret_window =
        low < high ? window_between(g, low, high) : window_between(g, stats.min, stats.max);
    return E_OK;
}

// Without any VOI, values of eight bits and values said to be P-Values are shown as they are.
static bool shows_as_is(const struct px_image *im, const struct px_frame *f) {
    return f->kind == PX_PIXEL_INTEGER && (f->bits_stored <= 8 || im->has_shape);
}

static struct px_window full_range(const struct px_frame *f, const struct px_grey *g) {
    struct px_sample s = px_sample_of(f);
    return window_between(g, (double)px_sample_of_rank(s, 0), (double)px_sample_of_rank(s, s.mask));
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

static uint8_t byte_of_rank(const struct px_grey_path *path, struct px_sample s, uint32_t rank) {
    return px_grey_byte(path, (double)px_sample_of_rank(s, rank));
}

static void fill_each(const struct px_grey_path *path, struct px_sample s, uint32_t from,
                      uint32_t end, uint8_t *table) {
    for (uint32_t rank = from; rank < end; rank++) {
        table[rank] = byte_of_rank(path, s, rank);
    }
}

// Bisects for the first rank in `from` … `end` whose grey is not `grey` (or is, when `until`).
static uint32_t find_change(const struct px_grey_path *path, struct px_sample s, uint32_t from,
                            uint32_t end, uint8_t grey, bool until) {
    while (from < end) {
        uint32_t middle = from + (end - from) / 2;
        if ((byte_of_rank(path, s, middle) == grey) == until) {
            end = middle;
        } else {
            from = middle + 1;
        }
    }
    return from;
}

// Windows over a linear rescale only rise or only fall: outside of the window the table is
// constant.
void px_grey_fill(const struct px_grey_path *path, struct px_sample s,
                  uint8_t table[PX_GREY_TABLE_LEN]) {
    uint32_t end = s.mask + 1;
    if (path->by_lut || path->grey->modality != NULL) {
        fill_each(path, s, 0, end, table);
        return;
    }
    uint8_t first = byte_of_rank(path, s, 0);
    uint8_t last = byte_of_rank(path, s, s.mask);
    uint32_t from = find_change(path, s, 0, end, first, false);
    uint32_t to = find_change(path, s, from, end, last, true);
    memset(table, first, from);
    fill_each(path, s, from, to, table);
    memset(table + to, last, end - to);
}

bool px_grey_by_table(const struct px_frame *f) {
    return f->kind == PX_PIXEL_INTEGER && f->bits_stored <= 16;
}

#define IN_FOUR_WORDS ((uint64_t)0x0001000100010001)
#define READ_AHEAD 2048 // bytes; a mapped frame is rarely in the processor's caches

// Four samples at a time where they lie at the foot of their words, which is the rule.
static void row16(const uint8_t *restrict p, struct px_sample s, const uint8_t *restrict table,
                  uint32_t columns, uint8_t *restrict out) {
    uint32_t x = 0;
    uint64_t mask = s.mask * IN_FOUR_WORDS;
    uint64_t sign = s.sign * IN_FOUR_WORDS;
    for (; s.shift == 0 && columns - x >= 4; x += 4) {
        __builtin_prefetch(p + 2 * (size_t)x + READ_AHEAD);
        uint64_t ranks = (num_le64(p + 2 * (size_t)x) & mask) ^ sign;
        out[x] = table[ranks & 0xFFFF];
        out[x + 1] = table[ranks >> 16 & 0xFFFF];
        out[x + 2] = table[ranks >> 32 & 0xFFFF];
        out[x + 3] = table[ranks >> 48];
    }
    for (; x < columns; x++) {
        out[x] = table[px_sample_rank(s, num_le16(p + 2 * (size_t)x))];
    }
}

void px_grey_row(const struct px_grey_path *path, const uint8_t *table, const struct px_frame *f,
                 uint32_t y, uint8_t *out) {
    struct px_sample s = px_sample_of(f);
    uint64_t first = (uint64_t)y * f->columns;
    if (table != NULL && f->bits_allocated == 16) {
        row16(f->data + 2 * first, s, table, f->columns, out);
        return;
    }
    for (uint32_t x = 0; x < f->columns; x++) {
        out[x] = table != NULL ? table[px_sample_rank(s, px_sample_raw(f, first + x))]
                               : px_grey_byte(path, px_sample_number(f, s, first + x));
    }
}
