// SPDX-License-Identifier: Apache-2.0
// Identifiers by their form, whoever they belong to: UK numbers with their check digits (NHS, CHI,
// H&C: mod 11, CHI begins with a date of birth; National Insurance; GMC, NMC; hospital numbers),
// postcodes, telephone numbers, e-mail and web addresses, dates and times in all usual forms,
// titles before names ("Dr Hand", "Mrs O'Neill"), given and family names, trusts, hospitals and
// wards, UIDs, long numbers.
#pragma once

#include <stdbool.h>

#include "base/slice.h"
#include "gate/notes.h"
#include "gate/subject.h"

// The first one that begins at or after `from`; the longest where several begin together.
bool gate_recognise(struct slice utf8, size_t from, struct gate_hit *ret_hit);
