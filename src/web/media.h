// SPDX-License-Identifier: Apache-2.0
// Media types with parameters (RFC 9110 8.3.1) and the other comma- and semicolon-separated forms
// of HTTP fields. It reads; what is acceptable is accept.h's business.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct arena;
struct err;

#define WEB_MEDIA_PARAMS_MAX 12

struct web_param {
    struct slice name;
    struct slice value; // without quotes, backslash pairs resolved
};

struct web_media {
    struct slice type;    // "multipart", "*"
    struct slice subtype; // "related", "*"
    struct web_param params[WEB_MEDIA_PARAMS_MAX];
    size_t param_count;
};

// The whole text is one media type. Slices point into `text` or the arena. E_SYNTAX with an offset.
int web_media_parse(struct arena *a, struct slice text, struct web_media *ret_media, struct err *e);

// Names compare without case.
bool web_media_is(const struct web_media *m, const char *type, const char *subtype);

// .ptr NULL when there is none of that name.
struct slice web_media_param(const struct web_media *m, const char *name);

// Cuts the next element of a comma-separated list off *rest, minding quoted strings. Empty elements
// are passed over (RFC 9110 5.6.1). false at the end.
bool web_list_next(struct slice *rest, struct slice *ret_element);

bool web_equal_nocase(struct slice a, struct slice b);
bool web_is_token(struct slice text); // RFC 9110 5.6.2, not empty
