// SPDX-License-Identifier: Apache-2.0
// A tree of content items (PS3.3 C.17.3): all of it walked without recursion, each item cleaned
// (sr_item.h), items that go taken out with what is below them, and references by position
// (Referenced Content Item Identifier) put right where positions moved.
#pragma once

#include <stdbool.h>

#include "gate/context.h"

struct dcm_dataset;
struct err;

#define GATE_SR_ITEMS_MAX 1000000u // in one tree

// The Content Sequence of `root` (a document, or the item of another sequence). *ret_walked false:
// it cannot be walked whole (an unknown value type, an element twice, a reference to nowhere), and
// nothing was changed. `path`: of `root`.
int gate_tree_clean(struct gate_context *c, struct dcm_dataset *root, const char *path,
                    bool *ret_walked, struct err *e);
