// SPDX-License-Identifier: Apache-2.0
// Randomness is passed in: the kernel's for keys and names, a seeded generator (xoshiro256**) for
// phantoms and tests, which gives the same numbers on every machine.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t state[4];
    int from_kernel;
};

struct rng rng_kernel(void); // getrandom(2); the program ends when the kernel has none
struct rng rng_seeded(uint64_t seed);

uint64_t rng_u64(struct rng *r);
void rng_bytes(struct rng *r, void *out, size_t len);
uint64_t rng_below(struct rng *r, uint64_t bound); // 0 … bound-1, no bias; bound > 0
double rng_unit(struct rng *r);                    // [0, 1)
double rng_normal(struct rng *r);                  // mean 0, variance 1
