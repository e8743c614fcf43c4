// SPDX-License-Identifier: Apache-2.0
// Radiographs: rays from a point source through the scene to a flat detector, Beer and Lambert
// along each, scatter behind a grid, quantum and electronic noise, the logarithm and the processing
// that a CR or DX workstation gives (detail gain, range compression, tone curve), collimation and a
// marker. One effective energy a beam; no beam hardening, no heel effect, no lag.
#pragma once

#include <stdint.h>

#include "phantom/paint.h"

struct err;
struct ph_tile;

struct ph_view {
    struct ph_v3 source; // mm
    struct ph_v3 centre; // of the detector
    struct ph_v3 across; // unit, along a row
    struct ph_v3 down;   // unit, along a column
    float pitch;         // mm a detector pixel
    int columns, rows;
    float near, far; // planes between source and detector that bound the body: distance of
                     // each from the detector plane, far > near, mm
    float step;      // mm between sampled planes
};

struct ph_exposure {
    float kv;
    float photons;          // that reach a detector pixel without a body
    float scatter;          // share of scatter in an average pixel behind the grid
    float detail;           // gain of fine detail
    float compress;         // share of the slow range that is kept
    float contrast;         // of the tone curve; 1 usual
    float air;              // line integral below which a pixel is beside the body
    float dark, bright;     // share of pixels of the body darker and brighter than the curve's ends
    char marker;            // 'L' or 'R'
    struct ph_v3 marker_at; // x, y as shares of the field; z: turn in radians
    struct ph_v3 field;     // half-width and half-height of the collimated field, mm; z: its turn
    uint64_t seed;
};

// The line integrals (no unit) of attenuation along the ray to each pixel: out[rows * columns].
int ph_line_integrals(const struct ph_scene *scene, const struct ph_view *view,
                      const struct ph_v3 *size, float kv, float *out, struct err *e);

#define PH_XRAY_BITS 12

// The finished picture, 0 … 4095, bone bright. `line` is used up.
int ph_develop(float *line, const struct ph_view *view, const struct ph_exposure *x,
               const struct ph_tile *noise, uint16_t *ret_pixels, struct err *e);

// Where a point of the patient falls on the detector (columns, rows; fractions).
struct ph_v3 ph_project(const struct ph_view *view, struct ph_v3 p);
