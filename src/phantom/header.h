// SPDX-License-Identifier: Apache-2.0
// Headers of synthetic images: the CT, MR, CR and DX IODs of PS3.3 (A.3, A.4, A.2, A.26) with every
// attribute of type 1 and 2 and those of type 3 that viewers use.
#pragma once

#include <stdint.h>

#include "dicom/dataset.h"
#include "phantom/case.h"
#include "phantom/maths.h"

struct err;

// A data set being filled; the first error sticks.
struct ph_header {
    struct dcm_dataset *set;
    struct err *e;
    int status;
};

void ph_put(struct ph_header *h, dcm_tag tag, enum dcm_vr vr, const char *text);
void ph_put_int(struct ph_header *h, dcm_tag tag, enum dcm_vr vr, int64_t value);
void ph_put_number(struct ph_header *h, dcm_tag tag, const double *values, uint32_t count); // DS

// One series as its headers see it.
struct ph_series {
    int number;
    const char *modality;    // "CT"
    const char *description; // of technique
    const char *protocol;
    const char *body_part;
    char uid[65];
};

// Patient, study, series, equipment, SOP common and general image modules. `instance` from 1.
void ph_header_common(struct ph_header *h, const struct ph_case *c, const struct ph_series *s,
                      const char *sop_class, const char *sop_uid, const char *image_type,
                      int instance);

struct ph_pixels {
    int columns, rows;
    int bits; // stored, unsigned
    const uint16_t *values;
};
// Image pixel module; the values are borrowed until the data set is written.
void ph_header_pixels(struct ph_header *h, const struct ph_pixels *p);

struct ph_slice {
    struct ph_v3 first; // centre of the first pixel, patient mm
    float pitch;        // mm
    float thickness, spacing;
};
// Image plane and frame of reference modules; axial.
void ph_header_plane(struct ph_header *h, const struct ph_case *c, const struct ph_slice *s);

// Window Center and Width, one or two with what they are for ("BRAIN\BONE"; NULL for none).
void ph_header_window(struct ph_header *h, const double *centre, const double *width,
                      uint32_t count, const char *words);

void ph_header_ct(struct ph_header *h, double kv, int mas, const char *kernel, float fov,
                  bool contrast);
void ph_header_mr(struct ph_header *h, const char *sequence, const char *variant, const char *name,
                  double tr, double te, double ti);

struct ph_film {
    bool dx;                 // else CR
    const char *position;    // "PA", "AP", "LL"
    const char *orientation; // "L\F"
    double kv;
    double distance, to_patient; // mm from source
    float pitch;
    char laterality;         // 'L', 'R', or 'U' for unpaired
    const char *region_code; // SNOMED CT, CID 4031
    const char *region_words;
};
void ph_header_film(struct ph_header *h, const struct ph_film *f);
