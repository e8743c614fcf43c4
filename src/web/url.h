// SPDX-License-Identifier: Apache-2.0
// The request target (RFC 9112 3.2, RFC 3986): path segments and query parameters, percent-decoded
// once and checked. Dot segments, encoded slashes and control characters in a path are refused, not
// resolved.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct arena;
struct err;

#define WEB_URL_MAX 16384 // bytes of a target; longer is 414
#define WEB_SEGMENTS_MAX 16
#define WEB_QUERY_PARAMS_MAX 128

struct web_query_param {
    struct slice name;
    struct slice value; // UTF-8; '+' was a space
};

struct web_url {
    struct slice path; // as written, without the query
    struct slice segments[WEB_SEGMENTS_MAX];
    size_t segment_count;
    struct web_query_param *params; // in the order written
    size_t param_count;
};

// Origin form and absolute form. Decoded text lives in the arena, the rest points into `target`.
int web_url_parse(struct arena *a, struct slice target, struct web_url *ret_url, struct err *e);

// The first parameter of that name (exact case); .ptr NULL when there is none.
struct slice web_url_param(const struct web_url *u, const char *name);
bool web_url_has(const struct web_url *u, const char *name);
