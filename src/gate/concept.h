// SPDX-License-Identifier: Apache-2.0
// SR content items by concept name and value type: PS3.15 Table E.3.4-1 (data/deid/sr_items.csv).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum gate_concept_action {
    GATE_CONCEPT_REMOVE, // X
    GATE_CONCEPT_DUMMY,  // D
    GATE_CONCEPT_EITHER  // X/D: the templates that use it differ in whether it must be there
};

// Which options change the action: K of the first five, C of the last two.
enum gate_concept_option {
    GATE_CONCEPT_UIDS = 1 << 0,
    GATE_CONCEPT_DEVICE = 1 << 1,
    GATE_CONCEPT_INSTITUTION = 1 << 2,
    GATE_CONCEPT_CHARACTERISTICS = 1 << 3,
    GATE_CONCEPT_FULL_DATES = 1 << 4,
    GATE_CONCEPT_MODIFIED_DATES = 1 << 5,
    GATE_CONCEPT_CLEAN = 1 << 6
};

struct gate_concept {
    const char *value; // of the concept name's code
    const char *scheme;
    const char *type; // value type
    enum gate_concept_action action;
    uint32_t options; // enum gate_concept_option
};

// NULL: the table has no such item.
const struct gate_concept *gate_concept_find(struct slice value, struct slice scheme,
                                             struct slice type);

// Whether the standard uses this code (PS3.16), and whether with this meaning (letters and digits
// compared, case not): such an item says nothing of anybody.
bool gate_concept_known(struct slice value, struct slice scheme);
bool gate_concept_means(struct slice value, struct slice scheme, struct slice meaning);

// Whether meanings of the standard's codes are made of this word (and it is nobody's name).
bool gate_concept_word(struct slice word);
