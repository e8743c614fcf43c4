// SPDX-License-Identifier: Apache-2.0
// CT and MR: a scene sampled in axial slices, with the sharpness and the noise that a protocol
// gives. Noise has the spectrum of filtered back projection (CT) or is Rician under coil shading
// (MR). No beam hardening, no streaks, no motion, no Gibbs ringing.
#pragma once

#include <stdint.h>

#include "phantom/paint.h"
#include "phantom/studio.h"

struct err;

struct ph_stack {
    int matrix;         // columns and rows
    int count;          // slices
    float pitch;        // mm
    float thickness;    // mm
    struct ph_v3 first; // first pixel of slice 0, patient mm
    float step;         // mm along z from slice to slice; negative goes down
};

struct ph_ct {
    bool contrast;
    float edge_mm; // sharpness of boundaries
    float enhance; // of the kernel: 0 soft … 1.5 bone
    float noise;   // HU in the middle of the body
    enum ph_grain grain;
    float body_x, body_y; // half-axes of the body, mm: noise falls off towards the skin
};

struct ph_mr {
    enum ph_mr_kind kind;
    float noise; // standard deviation, of a signal of about 1000
};

// Called once a slice in order; `values` has matrix * matrix pixels. Negative ends the scan.
typedef int (*ph_slice_done)(void *context, int index, const uint16_t *values, struct err *e);

// Stored values are HU + 1024 in 12 bits.
int ph_scan_ct(const struct ph_scene *scene, const struct ph_studio *studio,
               const struct ph_v3 *size, const struct ph_stack *stack, const struct ph_ct *ct,
               uint64_t seed, ph_slice_done done, void *context, struct err *e);

// Stored values are signal, 12 bits.
int ph_scan_mr(const struct ph_scene *scene, const struct ph_studio *studio,
               const struct ph_v3 *size, const struct ph_stack *stack, const struct ph_mr *mr,
               uint64_t seed, ph_slice_done done, void *context, struct err *e);
