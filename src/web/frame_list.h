// SPDX-License-Identifier: Apache-2.0
// The frame list of a path: "1", "1,3,5" (PS3.18 10.1.2). From 1, ascending or not, at most so
// many.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct err;

#define WEB_FRAMES_MAX 4096u

// E_ARGUMENT for what is no list, E_NOT_FOUND for a frame behind the last.
int web_frame_list_parse(struct slice text, uint32_t frames, uint32_t *numbers, size_t max,
                         size_t *ret_count, struct err *e);
