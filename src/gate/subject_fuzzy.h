// SPDX-License-Identifier: Apache-2.0
// A subject's terms in text that was read from pixels: confusions of shapes count as equal, and one
// wrong letter in six is allowed. For short texts: every piece is compared.
#pragma once

#include "gate/subject_table.h"

uint32_t gate_fuzzy_at(const struct gate_subject *s, const struct gate_text *t, uint32_t i,
                       enum gate_kind *ret_kind);
