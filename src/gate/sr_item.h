// SPDX-License-Identifier: Apache-2.0
// One content item (PS3.3 C.17.3, and the Content Item Macro 10.2 of acquisition context and
// specimen preparation) by its value type and concept: PS3.15 E.3.4. Elements that no content item
// has go. It does not look at the items below; sr_tree.c walks.
#pragma once

#include <stdbool.h>

#include "gate/context.h"

struct dcm_dataset;
struct err;

enum gate_item_fate {
    GATE_ITEM_STAYS,
    GATE_ITEM_GOES,
    GATE_ITEM_HOLLOW // its text went: it stays only for what is below it, with a dummy text
};

// Whether the item is one that can be cleaned: a value type of the standard, no element twice.
bool gate_item_known(const struct dcm_dataset *item);

// Cleans the item in place.
int gate_item_clean(struct gate_context *c, struct dcm_dataset *item, const char *path,
                    enum gate_item_fate *ret_fate, struct err *e);

// Gives a hollow item a text that says that there was one.
int gate_item_fill(struct dcm_dataset *item, struct err *e);
