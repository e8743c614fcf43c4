// SPDX-License-Identifier: Apache-2.0
// What kind of recording an instance is, by SOP class, modality and content (clause N11, GMC
// "Making and using visual and audio recordings" para. 10): only kinds that need no consent when
// they are anonymous may enter; photographs, video of people, sound, documents and private SOP
// classes are refused without it.
#pragma once

#include "gate/context.h"

struct dcm_dataset;

// X(name, code, words)
#define GATE_CATEGORY_LIST(X)                                                                      \
    X(XRAY, "x-ray", "an X-ray image, CT included")                                                \
    X(ULTRASOUND, "ultrasound", "an ultrasound image")                                             \
    X(ORGAN, "internal-organ", "an image of internal organs (MR, nuclear medicine, PET)")          \
    X(FUNCTION, "organ-function", "a recording of organ function (ECG, pressure)")                 \
    X(ENDOSCOPY, "endoscopy", "a laparoscopic or endoscopic image")                                \
    X(PATHOLOGY, "pathology", "a pathology slide")                                                 \
    X(DERIVED, "derived",                                                                          \
      "what refers to images (report, key objects, presentation, segmentation, plan)")             \
    X(PHOTOGRAPH, "photograph", "a photograph or video of a person")                               \
    X(DOCUMENT, "document", "an enclosed document or model")                                       \
    X(OTHER, "other", "none of the kinds that need no consent")

enum gate_category {
#define X(name, code, words) GATE_CATEGORY_##name,
    GATE_CATEGORY_LIST(X)
#undef X
        GATE_CATEGORY_COUNT
};
const char *gate_category_code(enum gate_category category);

// Reads the original data set; objects (gate_object) where it may not enter.
enum gate_category gate_category_of(struct gate_context *c, const struct dcm_dataset *d);
