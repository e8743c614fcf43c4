// SPDX-License-Identifier: Apache-2.0
// How the cases of a seed are drawn (case.h has the call), and UIDs from it.
#pragma once

#include <stdint.h>

#include "phantom/case.h"

// A UID (2.25 form, PS3.5 B.2) that depends on the case and the numbers alone.
void ph_uid(const struct ph_case *c, int series, int instance, char ret_uid[65]);
