// SPDX-License-Identifier: Apache-2.0
// data/openapi.json, built into the program.
#pragma once

#include <stddef.h>

extern const unsigned char web_openapi[];
extern const size_t web_openapi_len;
