// SPDX-License-Identifier: Apache-2.0
// Structured and graphic content (PS3.15 E.3.4 Clean Structured Content, E.3.3 Clean Graphics): SR
// and key object trees by concept (Table E.3.4-1) and value type, presentation states,
// segmentations, RT structure sets and plans, waveforms and their annotations, acquisition context,
// specimen preparation. Content items whose concept is not known to be safe go; where the template
// needs them their value is a dummy or cleaned text. What cannot be walked whole is refused by
// name.
#pragma once

#include <stdbool.h>

#include "gate/context.h"

struct dcm_dataset;
struct err;

// Whether header.c leaves this sequence to gate_structured_clean.
bool gate_structured_owns(dcm_tag sequence);

// Cleans the sequence `tag` of `d` in place, items and all that is in them; may remove it.
int gate_structured_clean(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag,
                          const char *path, struct err *e);
