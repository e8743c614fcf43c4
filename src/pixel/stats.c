// SPDX-License-Identifier: Apache-2.0
#include "pixel/stats.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "pixel/sample.h"

#define BINS 65536u

const double px_percentile_of[PX_PERCENTILES] = {1, 5, 50, 95, 99};

// Counts of values: bin i stands for low + i * step.
struct histogram {
    uint32_t *bins;
    uint32_t used;
    double low;
    double step;
};

CLEANUP_DEFINE(counts, uint32_t, mem_free);

static void count16(const struct px_frame *f, struct px_sample s, uint64_t pixels, uint32_t *bins) {
    const uint8_t *p = f->data;
    for (uint64_t i = 0; i < pixels; i++) {
        bins[px_sample_rank(s, num_le16(p + 2 * i))]++;
    }
}

static void count_small(const struct px_frame *f, struct px_sample s, uint64_t pixels,
                        uint32_t *bins) {
    for (uint64_t i = 0; i < pixels; i++) {
        bins[px_sample_rank(s, px_sample_raw(f, i))]++;
    }
}

static void fill_small(const struct px_image *im, const struct px_frame *f, uint64_t pixels,
                       struct histogram *h, struct px_stats *out) {
    struct px_sample s = px_sample_of(f);
    h->used = s.mask + 1;
    h->low = (double)px_sample_of_rank(s, 0);
    h->step = 1;
    (f->bits_allocated == 16 ? count16 : count_small)(f, s, pixels, h->bins);
    if (im != NULL && im->has_padding) {
        for (uint32_t i = 0; i < h->used; i++) {
            int64_t value = px_sample_of_rank(s, i);
            if (value >= im->padding_low && value <= im->padding_high) {
                out->excluded += h->bins[i];
                h->bins[i] = 0;
            }
        }
    }
}

static bool is_counted(const struct px_image *im, double v) {
    if (!isfinite(v)) {
        return false;
    }
    return im == NULL || !im->has_padding || v < (double)im->padding_low ||
           v > (double)im->padding_high;
}

// Wide integers and floats: BINS equal steps between the extremes.
static void fill_wide(const struct px_image *im, const struct px_frame *f, uint64_t pixels,
                      struct histogram *h, struct px_stats *out) {
    struct px_sample s = px_sample_of(f);
    double low = DBL_MAX;
    double high = -DBL_MAX;
    for (uint64_t i = 0; i < pixels; i++) {
        double v = px_sample_number(f, s, i);
        if (is_counted(im, v)) {
            low = fmin(low, v);
            high = fmax(high, v);
        } else {
            out->excluded++;
        }
    }
    h->used = BINS;
    h->low = low;
    h->step = high / (BINS - 1) - low / (BINS - 1);
    for (uint64_t i = 0; i < pixels; i++) {
        double v = px_sample_number(f, s, i);
        if (is_counted(im, v)) {
            double bin = h->step > 0 ? (v - low) / h->step : 0;
            h->bins[bin < BINS - 1 ? (uint32_t)bin : BINS - 1]++;
        }
    }
}

static void take_moments(const struct histogram *h, struct px_stats *out) {
    double sum = 0;
    for (uint32_t i = 0; i < h->used; i++) {
        sum += h->bins[i] * (h->low + i * h->step);
    }
    out->mean = sum / (double)out->count;
    double squares = 0;
    for (uint32_t i = 0; i < h->used; i++) {
        double away = h->low + i * h->step - out->mean;
        squares += h->bins[i] * away * away;
    }
    out->deviation = sqrt(squares / (double)out->count);
}

// The smallest value that at least p per cent of the pixels do not exceed.
static void take_order(const struct histogram *h, struct px_stats *out) {
    uint64_t seen = 0;
    int next = 0;
    for (uint32_t i = 0; i < h->used; i++) {
        if (h->bins[i] == 0) {
            continue;
        }
        double value = h->low + i * h->step;
        out->min = seen == 0 ? value : out->min;
        out->max = value;
        seen += h->bins[i];
        while (next < PX_PERCENTILES &&
               (double)seen >= px_percentile_of[next] / 100 * (double)out->count) {
            out->percentile[next++] = value;
        }
    }
}

int px_stats_frame(const struct px_image *im, const struct px_frame *f, struct px_stats *ret_stats,
                   struct err *e) {
    if (f->samples != 1) {
        return err_set(e, E_UNSUPPORTED, "statistics of %u samples a pixel", f->samples);
    }
    CLEANUP(cleanup_counts) uint32_t *bins = mem_array(BINS, sizeof *bins);
    if (bins == NULL) {
        return err_set(e, E_MEMORY, "a histogram");
    }
    struct histogram h = {.bins = bins};
    struct px_stats stats = {0};
    uint64_t pixels = (uint64_t)f->rows * f->columns;
    bool small = f->kind == PX_PIXEL_INTEGER && f->bits_stored <= 16;
    (small ? fill_small : fill_wide)(im, f, pixels, &h, &stats);
    stats.count = pixels - stats.excluded;
    if (stats.count > 0) {
        take_moments(&h, &stats);
        take_order(&h, &stats);
    }
    *ret_stats = stats;
    return E_OK;
}
