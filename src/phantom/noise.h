// SPDX-License-Identifier: Apache-2.0
// Random fields from a seed: periodic three-dimensional tables for texture and irregular outlines,
// and two-dimensional tiles with the power spectra of CT, MR and radiographic noise.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "phantom/maths.h"

struct rng;

#define PH_FIELD_SIDE 64 // cells; a power of two
#define PH_FIELD_CELLS (PH_FIELD_SIDE * PH_FIELD_SIDE * PH_FIELD_SIDE)

// A periodic field of mean 0 and variance 1. One cell is one unit of the argument.
struct ph_field {
    float cell[PH_FIELD_CELLS];
};

// A band of wavelengths around `cells` cells (4 … 16); smooth between. false when memory is short.
bool ph_field_band(struct ph_field *f, struct rng *rng, float cells);

// The field at a point, trilinear.
float ph_field_at(const struct ph_field *f, float x, float y, float z);

// out[i] = the field at p + i * step, i = 0 … n-1 (in cells).
void ph_field_row(const struct ph_field *f, struct ph_v3 p, struct ph_v3 step, int n, float *out);

#define PH_TILE_SIDE 512

// A periodic plane of noise, mean 0, variance 1.
struct ph_tile {
    float cell[PH_TILE_SIDE * PH_TILE_SIDE];
};

// White noise passed through a difference of two Gaussians: `sharp` and `wide` are their sigmas in
// pixels, `share` how much of the wide one is taken away (1: no power at frequency 0, as filtered
// back projection leaves it; 0: plain blur). false when memory is short.
bool ph_tile_make(struct ph_tile *t, struct rng *rng, float sharp, float wide, float share);

// One row of fresh-looking noise: two shifted readings of the tile, chosen by `key`, added.
void ph_tile_row(const struct ph_tile *t, uint64_t key, int row, int n, float *out);

// A well-mixed 64-bit hash of a number.
uint64_t ph_hash(uint64_t v);

// About normal, mean 0, variance 1, from a hash (a sum of bits): quick and the same everywhere.
float ph_hash_normal(uint64_t key);
