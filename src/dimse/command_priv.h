// SPDX-License-Identifier: Apache-2.0
// What the reader and the writer of command sets share.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// N-GET, N-SET, N-ACTION, N-DELETE requests name a Requested, everything else an Affected SOP class
// and instance (PS3.7 9.3, 10.3).
bool command_names_requested(uint16_t field);

#define COMMAND_NO_DATA_SET 0x0101 // Command Data Set Type (PS3.7 9.3)
#define COMMAND_DATA_SET 0x0001    // any other value
