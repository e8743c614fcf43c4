// SPDX-License-Identifier: Apache-2.0
// The data set by the profile: default-deny over PS3.15 E.1-1 at every depth, in private, UN and
// implicit sequences; UIDs and pseudonyms by identity.h; ages banded; dates by the profile; text by
// words.h; compound actions by the attribute's Type in the IOD of this SOP class; unknown, new and
// retired attributes by VR. Structured content is handed to structured.h.
#pragma once

#include <stdint.h>

#include "gate/context.h"

struct dcm_dataset;
struct err;

// Cleans the top-level data set `d` in place. Pixel data elements stay as they are (pixels.h).
// c->methods gets what was done. E_MEMORY, E_LIMIT, E_INTERNAL only: what cannot be cleaned is
// removed or objected to.
int gate_header_clean(struct gate_context *c, struct dcm_dataset *d, struct err *e);

// The same for one item inside of a sequence that somebody else walks (structured.c). `path` is
// where it is, for notes.
int gate_header_clean_item(struct gate_context *c, struct dcm_dataset *item, const char *path,
                           struct err *e);

// Writes what PS3.15 E.1.1 and Table E.1-1 ask of the outcome, as the last step: Patient Identity
// Removed, method text and codes from c->methods, (0028,0301..0303), (0012,0052), (0012,0053), the
// contributing equipment item. Says only what was done.
int gate_header_mark(struct gate_context *c, struct dcm_dataset *d, struct err *e);

// What the catalogue of a delivery needs of the original, before cleaning: see delivery.h.
struct gate_origin {
    char patient[GATE_PSEUDONYM_MAX]; // pseudonym of Patient ID and issuer (of name and birth date
                                      // without ID)
    bool has_day;
    int32_t
        study_day; // days since 1970-01-01 of Study Date (else Series, Acquisition, Content Date)
};
void gate_header_origin(const struct gate_context *c, const struct dcm_dataset *d,
                        struct gate_origin *ret_origin);
