// SPDX-License-Identifier: Apache-2.0
// Items of code sequences (PS3.3 8.8). A code of the standard with the standard's meaning stays;
// other codes of public schemes stay when they look like one (form, SNOMED's check digit), local
// ones when value and meaning hold no identifier; meanings go through the words. Anything else in
// the item goes.
#pragma once

#include <stdbool.h>

#include "dicom/tag.h"
#include "gate/context.h"

struct dcm_dataset;
struct err;

// Cleans one item in place. *ret_usable: it still says something (a code and a meaning); false: the
// caller removes it. `path`: of the item, for notes.
int gate_code_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                    bool *ret_usable, struct err *e);

// Designator and version of a coding scheme where they stand without a code (Coding Scheme
// Identification Sequence): the same as in codes.
int gate_code_scheme_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                           struct err *e);

// All items of the code sequence `tag` of `d`; unusable ones are removed, and the sequence with the
// last. `path`: of `d`, empty at the top.
int gate_codes_clean(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag, const char *path,
                     struct err *e);
