// SPDX-License-Identifier: Apache-2.0
// Conditional and range requests (RFC 9110 13, 14) for strong entity tags and single byte ranges.
// Several ranges in one request are answered with the whole, as the RFC allows.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum web_range_verdict {
    WEB_RANGE_WHOLE,        // none asked, several asked, not understood, or If-Range does not match
    WEB_RANGE_PART,         // 206
    WEB_RANGE_UNSATISFIABLE // 416
};

struct web_range {
    uint64_t first; // byte
    uint64_t len;
};

// `field` is the Range field's value ("" when absent), `if_range` that of If-Range, `etag` with
// quotes.
enum web_range_verdict web_range_parse(struct slice field, struct slice if_range, const char *etag,
                                       uint64_t total, struct web_range *ret_range);

// Whether If-None-Match (value; "" when absent) names `etag` or is "*". Weak comparison.
bool web_etag_listed(struct slice field, const char *etag);
