// SPDX-License-Identifier: Apache-2.0
// References to instances from content items and annotations (SOP Instance Reference Macro, Image
// SOP Instance Reference Macro, PS3.3 10.3, 10.8): UIDs by gate_uid, so that they still lead to the
// instances of the delivery; frame, segment and channel numbers stay; icons go.
#pragma once

#include "dicom/tag.h"
#include "gate/context.h"

struct dcm_dataset;
struct err;

// All items of the sequence `tag` of `d`. Items without an instance are removed, the sequence with
// the last. `path`: of `d`.
int gate_references_clean(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag,
                          const char *path, struct err *e);
