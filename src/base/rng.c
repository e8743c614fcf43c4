// SPDX-License-Identifier: Apache-2.0
#include "base/rng.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct rng rng_kernel(void) {
    return (struct rng){.from_kernel = 1};
}

static uint64_t splitmix(uint64_t *state) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

struct rng rng_seeded(uint64_t seed) {
    struct rng r = {.from_kernel = 0};
    for (size_t i = 0; i < 4; i++) {
        r.state[i] = splitmix(&seed);
    }
    return r;
}

static void kernel_bytes(void *out, size_t len) {
    uint8_t *p = out;
    while (len > 0) {
        ssize_t got = getrandom(p, len, 0);
        if (got < 0 && errno != EINTR) {
            abort();
        }
        if (got > 0) {
            p += got;
            len -= (size_t)got;
        }
    }
}

static uint64_t rotate_left(uint64_t v, int by) { return v << by | v >> (64 - by); }

uint64_t rng_u64(struct rng *r) {
    if (r->from_kernel) {
        uint64_t v;
        kernel_bytes(&v, sizeof v);
        return v;
    }
    uint64_t *s = r->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

void rng_bytes(struct rng *r, void *out, size_t len) {
    if (r->from_kernel) {
        kernel_bytes(out, len);
        return;
    }
    uint8_t *p = out;
    while (len > 0) {
        uint64_t v = rng_u64(r);
        size_t n = len < sizeof v ? len : sizeof v;
        memcpy(p, &v, n);
        p += n;
        len -= n;
    }
}

uint64_t rng_below(struct rng *r, uint64_t bound) {
    uint64_t reject_below = (0 - bound) % bound;
    uint64_t v;
    do {
        v = rng_u64(r);
    } while (v < reject_below);
    return v % bound;
}

double rng_unit(struct rng *r) { return (double)(rng_u64(r) >> 11) * 0x1.0p-53; }

double rng_normal(struct rng *r) {
    double u = 1.0 - rng_unit(r);
    double v = rng_unit(r);
    return sqrt(-2.0 * log(u)) * cos(2.0 * 3.14159265358979323846 * v);
}
