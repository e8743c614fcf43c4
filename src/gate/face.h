// SPDX-License-Identifier: Apache-2.0
// Recognizable visual features (PS3.15 E.3.2): whether a series can be rendered to a face, and for
// CT the removal of face and ears (deid.md 4). Recognition goes by geometry and content of the
// volume, never by Body Part Examined alone; secondary captures of renderings and localisers of the
// same study count. MR heads are held for a person.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct arena;
struct buf;
struct dcm_dataset;
struct err;

// What each instance tells of itself (by gate_face_slice in its worker), for grouping by series in
// the parent.
struct gate_slice {
    bool is_slice; // a single plane with position, orientation and spacing
    bool is_ct, is_mr, is_pet,
        is_rendering;                      // rendering: a secondary capture that may show a surface
    bool head_words;                       // body part, protocol or description says head or neck
    double position[3], row[3], column[3]; // mm, patient LPS
    double spacing[2];                     // mm between rows, between columns
    double thickness;                      // mm; 0 unknown
    double step[3]; // of a multi-frame volume, from frame to frame, mm; 0: unknown
    uint16_t rows, columns;
    uint32_t frames; // over 1: an enhanced multi-frame volume in itself
    bool
        head_shape; // the section alone looks like a head: size, closed ring of bone, bone before
                    // air (CT), size (MR); or it is a volume in itself, which must be judged as one
};
int gate_face_slice(const struct dcm_dataset *d, const int16_t *hu, struct gate_slice *ret_slice,
                    struct err *e);

// A volume to be judged: slices sorted along the normal, samples in HU (CT) or stored values (MR).
struct gate_volume {
    uint32_t columns, rows, slices;
    double spacing[3]; // mm between columns, rows, slices
    // Unit vectors of a step along columns (the row direction of the image), rows, slices in LPS.
    // The last may be oblique to the plane (gantry tilt): it is the way from one slice to the next.
    double axes[3][3];
    bool head_words; // some slice says that it is of a head or neck
    bool is_ct;
    const int16_t *samples; // columns × rows × slices
};

enum gate_face_finding {
    GATE_FACE_NONE,    // no head in it, or too coarse to render a face
    GATE_FACE_PRESENT, // a face could be rendered
    GATE_FACE_PARTIAL  // part of a face (sinuses, orbits, jaw, neck with chin)
};
// A negative error code (E_ARGUMENT, E_MEMORY, E_LIMIT) where it could not be judged.
enum gate_face_finding gate_face_find(const struct gate_volume *v, struct err *e);

// What is to be removed: one bit a sample, slice by slice without gaps. `relief_before`,
// `relief_after`: variance in mm² of the depth of the surface seen from the front, after a plane
// and how a head and a cut bend (a surface of fourth order) are taken off. `brain_lost`: samples of
// the brain window inside of the bone ring that the mask takes (must be 0).
struct gate_face_mask {
    uint8_t *bits; // columns × rows × slices / 8, owned by the arena
    double relief_before, relief_after;
    double likeness; // correlation of the surface after with the one before, -1 to 1
    uint64_t brain_lost, samples;
    bool safe; // all checks hold
};
// E_NOT_FOUND: no face in it. The same seed gives the same mask.
int gate_face_mask_make(struct arena *a, const struct gate_volume *v, uint64_t seed,
                        struct gate_face_mask *ret_mask, struct err *e);

// One slice of the mask as runs (for the request of the job that edits that instance), and its
// walk.
int gate_mask_pack(const uint8_t *bits, uint32_t columns, uint32_t rows, struct buf *out,
                   struct err *e);
// Fills the samples of the mask of one frame: air and noise, seeded, within the image's own range.
int gate_mask_fill(struct slice mask, uint32_t columns, uint32_t rows, double slope,
                   double intercept, unsigned bits_stored, bool is_signed, uint16_t *samples,
                   uint64_t seed, struct err *e);

// Surface renderings for the curator: a three-quarter view, the front, the other three-quarter view
// side by side, 8-bit grey, each `side` high and wide; before (`mask` NULL) or after.
int gate_face_render(const struct gate_volume *v, const struct gate_face_mask *mask, uint32_t side,
                     struct buf *ret_png, struct err *e);
