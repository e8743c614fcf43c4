// SPDX-License-Identifier: Apache-2.0
#include "pixel/voi.h"

#include <math.h>

static double clamp_unit(double y) { return y < 0 ? 0 : y > 1 ? 1 : y; }

// PS3.3 C.11.2.1.2.1: the first and last values of the window are c - 0.5 ∓ (w - 1) / 2.
static double linear(double c, double w, double x) {
    double half = (w - 1) / 2;
    if (x <= c - 0.5 - half) {
        return 0;
    }
    if (x > c - 0.5 + half) {
        return 1;
    }
    return clamp_unit((x - (c - 0.5)) / (w - 1) + 0.5);
}

// PS3.3 C.11.2.1.3.2
static double linear_exact(double c, double w, double x) {
    if (x <= c - w / 2) {
        return 0;
    }
    if (x > c + w / 2) {
        return 1;
    }
    return clamp_unit((x - c) / w + 0.5);
}

// PS3.3 C.11.2.1.3.1
static double sigmoid(double c, double w, double x) { return 1 / (1 + exp(-4 * (x - c) / w)); }

double px_voi_window(const struct px_window *w, double value) {
    switch (w->function) {
    case PX_VOI_SIGMOID:
        return sigmoid(w->centre, w->width, value);
    case PX_VOI_LINEAR_EXACT:
        return linear_exact(w->centre, w->width, value);
    case PX_VOI_LINEAR:
    default:
        return linear(w->centre, w->width, value);
    }
}

static uint16_t look_up(const struct px_lut *lut, double value) {
    double index = floor(value + 0.5) - lut->first;
    if (!(index > 0)) {
        return lut->entries[0];
    }
    return lut->entries[index >= lut->count ? lut->count - 1 : (uint32_t)index];
}

double px_voi_lut(const struct px_lut *lut, double value) {
    return (double)look_up(lut, value) / (double)((1u << lut->bits) - 1);
}

double px_modality(const struct px_grey *g, double stored) {
    if (g->modality != NULL) {
        return look_up(g->modality, stored);
    }
    return stored * g->slope + g->intercept;
}
