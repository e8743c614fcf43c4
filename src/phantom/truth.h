// SPDX-License-Identifier: Apache-2.0
// What is really in a case: for tests and for marking, kept apart from the images.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "phantom/maths.h"

struct buf;
struct ph_case;

#define PH_LESION_LIST(X)                                                                          \
    X(NORMAL, "normal")                                                                            \
    X(NODULE, "lung nodule")                                                                       \
    X(EFFUSION, "pleural effusion")                                                                \
    X(PNEUMOTHORAX, "pneumothorax")                                                                \
    X(CONSOLIDATED, "consolidation")                                                               \
    X(OBSTRUCTION, "small bowel obstruction")                                                      \
    X(RENAL_STONE, "renal stone")                                                                  \
    X(LIVER_LESION, "liver metastases")                                                            \
    X(ANEURYSM, "abdominal aortic aneurysm")                                                       \
    X(RADIUS_FRACTURE, "distal radius fracture")                                                   \
    X(METACARPAL_FRACTURE, "fifth metacarpal fracture")                                            \
    X(SCAPHOID_FRACTURE, "scaphoid fracture")                                                      \
    X(FOREARM_FRACTURE, "radial shaft fracture")                                                   \
    X(PLATEAU_FRACTURE, "tibial plateau fracture")                                                 \
    X(FIBULA_FRACTURE, "distal fibula fracture")                                                   \
    X(EXTRADURAL, "extradural haematoma")                                                          \
    X(SUBDURAL, "subdural haematoma")                                                              \
    X(BRAIN_BLEED, "intraparenchymal haemorrhage")                                                 \
    X(SUBARACHNOID, "subarachnoid haemorrhage")                                                    \
    X(BRAIN_TUMOUR, "ring-enhancing mass with oedema")                                             \
    X(PLAQUES, "periventricular white matter lesions")                                             \
    X(INFARCT, "middle cerebral artery infarct")

enum ph_lesion {
#define X(name, words) PH_LESION_##name,
    PH_LESION_LIST(X)
#undef X
        PH_LESION_COUNT
};

const char *ph_lesion_words(enum ph_lesion lesion);

// A lesion on one image.
struct ph_mark {
    int series, instance; // numbers in the headers
    char sop_uid[65];
    float column, row; // centre, pixels from the middle of the first
    float radius;      // pixels
};

struct ph_truth {
    enum ph_lesion lesion;
    struct ph_v3 centre;   // patient mm, axes of PS3.3 C.7.6.2.1.1; meaningless when normal
    struct ph_v3 extent;   // mm, half-sizes along the axes
    float side;            // -1 right, 1 left
    struct ph_mark *marks; // owned
    int mark_count, mark_cap;
    bool failed; // memory was short
};

void ph_truth_mark(struct ph_truth *t, const struct ph_mark *mark);
void ph_truth_done(struct ph_truth *t);

// One JSON object: case, patient id, study, lesion, position, size, marks.
void ph_truth_json(const struct ph_truth *t, const struct ph_case *c, struct buf *out);
