// SPDX-License-Identifier: Apache-2.0
#include "gate/face_otsu.h"

#include <string.h>

#define BINS 65536
#define BRIGHT_SHARE 0.01
#define BODY_SHARE 0.4 // of the way from the darkest to the threshold

static void count_values(const int16_t *values, size_t count, uint32_t *counts, double *ret_total) {
    double total = 0;
    memset(counts, 0, BINS * sizeof *counts);
    for (size_t i = 0; i < count; i++) {
        if (values[i] != INT16_MIN) {
            counts[values[i] - INT16_MIN]++;
            total++;
        }
    }
    double cut = total * BRIGHT_SHARE, seen = 0;
    for (int b = BINS - 1; b > 0 && seen < cut; b--) { // into the bin below, until it is enough
        seen = counts[b];
        if (seen < cut) {
            counts[b - 1] += counts[b];
            counts[b] = 0;
        }
    }
    *ret_total = total;
}

int16_t gate_otsu(const int16_t *values, size_t count) {
    uint32_t counts[BINS];
    double total, all = 0, n = 0, below = 0, best = -1;
    int at = 0;
    count_values(values, count, counts, &total);
    for (int b = 0; b < BINS; b++) {
        all += (double)b * counts[b];
    }
    for (int b = 0; b < BINS - 1; b++) {
        n += counts[b];
        below += (double)b * counts[b];
        if (n > 0 && n < total) {
            double apart = below / n - (all - below) / (total - n);
            double score = n * (total - n) * apart * apart;
            at = score > best ? b : at;
            best = score > best ? score : best;
        }
    }
    return (int16_t)(at + INT16_MIN);
}

int16_t gate_otsu_body(const int16_t *values, size_t count) {
    int16_t darkest = INT16_MAX, threshold = gate_otsu(values, count);
    for (size_t i = 0; i < count; i++) {
        darkest = values[i] != INT16_MIN && values[i] < darkest ? values[i] : darkest;
    }
    return (int16_t)(darkest + BODY_SHARE * (threshold - darkest));
}
