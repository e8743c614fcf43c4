// SPDX-License-Identifier: Apache-2.0
// Choosing a representation: the Accept field and parameter (RFC 9110 12.5.1, PS3.18 8.3.3.1, 8.7)
// against what the server can offer. DICOM wraps types: multipart/related; type="image/jpeg";
// transfer-syntax=1.2.… asks for parts. A range without transfer-syntax means the default one of
// its media type (PS3.18 8.7.3), "*" any.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct arena;
struct err;

#define WEB_ACCEPT_RANGES_MAX 32

struct web_want {
    bool multipart;      // multipart/related: `media` is its type parameter
    bool anything;       // */* : also multipart
    struct slice media;  // "image/jpeg", "image/*", "*/*"
    struct slice syntax; // .ptr NULL: not said; "*"; a UID
    unsigned q;          // thousandths, 0 to 1000
};

struct web_accept {
    struct web_want wants[WEB_ACCEPT_RANGES_MAX]; // in the order written
    size_t count;
};

// An absent or empty field is */*. Ranges that make no sense are E_SYNTAX.
int web_accept_parse(struct arena *a, struct slice field, struct web_accept *ret_accept,
                     struct err *e);

struct web_offer {
    const char *media;
    const char *syntax; // NULL: the medium has no transfer syntax
    bool multipart;
    bool is_default; // chosen when the range says no transfer syntax
};

// Index of the best offer, or -1. The highest q wins; equals go to the earlier offer, so offers
// stand in the server's order of preference. */* takes a default first, and when there is none,
// anything.
int web_accept_choose(const struct web_accept *accept, const struct web_offer *offers,
                      size_t count);

// Whether content coding `coding` (such as "gzip") may be sent (RFC 9110 12.5.3).
bool web_accepts_coding(struct slice field, const char *coding);
