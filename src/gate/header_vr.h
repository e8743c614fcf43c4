// SPDX-License-Identifier: Apache-2.0
// The VR that an element has against the one it should have: UN of known attributes is read as the
// dictionary says (PS3.5 6.2.2); numbers of another kind of number stay numbers; anything else that
// is no value of the attribute goes.
#pragma once

#include <stdbool.h>

#include "dicom/dataset.h"
#include "gate/rules.h"

// false: the element cannot be read as what it should be, and goes.
bool gate_vr_settle(struct dcm_node *n, const struct gate_rule *r);
