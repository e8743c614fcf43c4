// SPDX-License-Identifier: Apache-2.0
// The header fields that every answer carries, and the checks of Host and Origin that keep a page
// of another site from using a browser on this machine against us (DNS rebinding, cross-site
// requests).
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct MHD_Response;

#define WEB_CSP                                                                                    \
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; "          \
    "img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "                               \
    "connect-src 'self' blob: data:; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; " \
    "form-action 'none'"

void web_headers_secure(struct MHD_Response *response);

// Names we answer to besides localhost, 127.0.0.1 and [::1], and origins that may call us.
struct web_names_allowed {
    const char *const *hosts;
    size_t host_count;
    const char *const *origins; // "https://viewer.example"
    size_t origin_count;
};

// `host` is the Host field: name, with or without port.
bool web_host_allowed(struct slice host, const struct web_names_allowed *allowed);

// Whether a request that changes something may come from `origin` (empty: not from a page). Our own
// origin is http:// and the Host field.
bool web_origin_allowed(struct slice origin, struct slice host,
                        const struct web_names_allowed *allowed);

// Whether `origin` is one of the configured other ones: then the answer gets CORS fields.
bool web_origin_foreign(struct slice origin, const struct web_names_allowed *allowed);
