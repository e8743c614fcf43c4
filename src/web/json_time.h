// SPDX-License-Identifier: Apache-2.0
// Moments in JSON answers.
#pragma once

#include "base/clock.h"
#include "base/json.h"

// RFC 3339 in UTC; 0 gives null.
static inline void web_json_time(struct json *j, const char *name, usec at) {
    char text[CLOCK_TEXT_LEN + 1];
    json_member_str(j, name, at == 0 ? NULL : clock_text(at, text));
}
