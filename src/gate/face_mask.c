// SPDX-License-Identifier: Apache-2.0
// One slice of a mask as runs, and what is put in its place. Runs of samples that stay and samples
// that go in turn, beginning with those that stay (perhaps none), each a number of seven bits a
// byte, low ones first; together they are the slice. What goes is filled with air as this image has
// it: the level and the noise of the air under the mask, where there is enough of it.
#include <math.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/rng.h"
#include "gate/face.h"

#define AIR_HU (-1000.0)
#define AIR_BELOW_HU (-850.0)
#define AIR_NOISE_HU 8.0
#define AIR_LEAST 256 // samples that tell level and noise
#define RUN_BYTES_MAX 5

static bool bit(const uint8_t *bits, size_t i) { return (bits[i / 8] >> (i % 8) & 1) != 0; }

static void put_run(struct buf *out, size_t n) {
    while (n >= 0x80) {
        buf_put_byte(out, (uint8_t)(n | 0x80));
        n >>= 7;
    }
    buf_put_byte(out, (uint8_t)n);
}

int gate_mask_pack(const uint8_t *bits, uint32_t columns, uint32_t rows, struct buf *out,
                   struct err *e) {
    size_t count = (size_t)columns * rows, start = 0;
    bool goes = false;
    for (size_t i = 0; i < count; i++) {
        if (bit(bits, i) != goes) {
            put_run(out, i - start);
            start = i;
            goes = !goes;
        }
    }
    put_run(out, count - start);
    return buf_check(out, "mask of a slice", e);
}

// The next run; false at the end or where it is none.
static bool take_run(struct slice *rest, size_t *ret_run) {
    size_t run = 0;
    for (unsigned i = 0; i < RUN_BYTES_MAX && i < rest->len; i++) {
        run |= (size_t)(rest->ptr[i] & 0x7F) << (7 * i);
        if (rest->ptr[i] < 0x80) {
            *rest = slice_from(*rest, i + 1);
            *ret_run = run;
            return true;
        }
    }
    return false;
}

static int check(struct slice mask, size_t count, struct err *e) {
    size_t at = 0, run;
    while (mask.len > 0) {
        if (!take_run(&mask, &run) || run > count - at) {
            return err_set(e, E_CORRUPT, "a mask that is no runs of %zu samples", count);
        }
        at += run;
    }
    return at == count ? E_OK : err_set(e, E_CORRUPT, "a mask of %zu samples for %zu", at, count);
}

// The stored words of one frame.
struct words {
    uint16_t *samples;
    unsigned bits;
    bool is_signed;
    double slope, intercept;
};

static double hu_of(const struct words *w, uint16_t word) {
    uint32_t v = (uint32_t)word << (32U - w->bits);
    double stored =
        w->is_signed ? (double)((int32_t)v >> (32U - w->bits)) : (double)(v >> (32U - w->bits));
    return stored * w->slope + w->intercept;
}

static uint16_t word_of(const struct words *w, double hu) {
    double stored = nearbyint((hu - w->intercept) / w->slope);
    double low = w->is_signed ? -ldexp(1, (int)w->bits - 1) : 0;
    double high = w->is_signed ? ldexp(1, (int)w->bits - 1) - 1 : ldexp(1, (int)w->bits) - 1;
    stored = !(stored >= low) ? low : stored > high ? high : stored; // NaN too
    uint32_t mask = w->bits == 16 ? 0xFFFF : (1U << w->bits) - 1;
    return (uint16_t)((uint32_t)(int32_t)stored & (w->is_signed ? 0xFFFF : mask));
}

struct air {
    double level, noise;
};

// Of the air that lies under the mask: the mean, and the spread without what is far off (hair).
static struct air measure_air(const struct words *w, struct slice mask) {
    double sum = 0, squares = 0;
    size_t n = 0, at = 0, run;
    for (bool goes = false; mask.len > 0 && take_run(&mask, &run); goes = !goes, at += run) {
        for (size_t i = at; goes && i < at + run; i++) {
            double hu = hu_of(w, w->samples[i]);
            if (hu < AIR_BELOW_HU) {
                sum += hu;
                squares += hu * hu;
                n++;
            }
        }
    }
    if (n < AIR_LEAST) {
        return (struct air){AIR_HU, AIR_NOISE_HU};
    }
    double mean = sum / (double)n, spread = squares / (double)n - mean * mean;
    return (struct air){mean, spread > 0 ? fmin(sqrt(spread), 4 * AIR_NOISE_HU) : 0};
}

int gate_mask_fill(struct slice mask, uint32_t columns, uint32_t rows, double slope,
                   double intercept, unsigned bits_stored, bool is_signed, uint16_t *samples,
                   uint64_t seed, struct err *e) {
    size_t count = (size_t)columns * rows, at = 0, run;
    if (bits_stored == 0 || bits_stored > 16 || !isfinite(slope) || slope == 0 ||
        !isfinite(intercept)) {
        return err_set(e, E_ARGUMENT, "a mask over samples without a scale");
    }
    if (check(mask, count, e) != E_OK) {
        return e->code;
    }
    struct words w = {samples, bits_stored, is_signed, slope, intercept};
    struct air air = measure_air(&w, mask);
    // Slices of a volume have different masks, so that their noise differs too.
    for (size_t i = 0; i < mask.len; i++) {
        seed = (seed ^ mask.ptr[i]) * 0x100000001B3ull;
    }
    struct rng r = rng_seeded(seed);
    for (bool goes = false; mask.len > 0 && take_run(&mask, &run); goes = !goes, at += run) {
        for (size_t i = at; goes && i < at + run; i++) {
            samples[i] = word_of(&w, air.level + air.noise * rng_normal(&r));
        }
    }
    return E_OK;
}
