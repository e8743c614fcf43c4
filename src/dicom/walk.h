// SPDX-License-Identifier: Apache-2.0
// A tree as the events that the reader would give for it, so that one consumer serves both. Offsets
// and declared lengths are those of the bytes that the tree was read from.
#pragma once

#include <stdint.h>

#include "dicom/dataset.h"

struct err;

struct dcm_walk_level {
    const struct dcm_dataset *dataset;
    uint32_t node; // current
    uint32_t part; // item or fragment of it
    bool inside;   // between its BEGIN and END
};

struct dcm_walk {
    struct dcm_walk_level levels[DCM_NESTING_MAX + 1];
    uint16_t depth;
};

void dcm_walk_init(struct dcm_walk *w, const struct dcm_dataset *d);

// As dcm_reader_next. *ret_node is the element's node for SEQUENCE_*, FRAGMENTS_* and ELEMENT, else
// NULL. E_NESTING for a tree deeper than the reader would take.
int dcm_walk_next(struct dcm_walk *w, struct dcm_element *ret_element,
                  const struct dcm_node **ret_node, struct err *e);

// Behind the element that has begun, as dcm_reader_skip but without an event: for FRAGMENTS_BEGIN
// and SEQUENCE_BEGIN just returned.
void dcm_walk_skip(struct dcm_walk *w);
