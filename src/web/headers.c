// SPDX-License-Identifier: Apache-2.0
#include "web/headers.h"

#include <microhttpd.h>

#include "web/media.h"

void web_headers_secure(struct MHD_Response *response) {
    static const struct {
        const char *name, *value;
    } fields[] = {
        {"Content-Security-Policy", WEB_CSP},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Embedder-Policy", "require-corp"},
        {"Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        (void)MHD_add_response_header(response, fields[i].name, fields[i].value);
    }
}

// Name without port: "[::1]:80" to "[::1]", "a:80" to "a". Empty when the port is no number.
static struct slice host_name(struct slice host) {
    bool bracketed = host.len > 0 && host.ptr[0] == '[';
    size_t end = bracketed ? slice_find(host, ']') + 1 : slice_find(host, ':');
    struct slice port = slice_from(host, end);
    for (size_t i = 0; i < port.len; i++) {
        bool good = i == 0 ? port.ptr[i] == ':' : port.ptr[i] >= '0' && port.ptr[i] <= '9';
        if (!good) {
            return slice_str("");
        }
    }
    return slice_first(host, end);
}

static bool listed(struct slice text, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (web_equal_nocase(text, slice_str(list[i]))) {
            return true;
        }
    }
    return false;
}

bool web_host_allowed(struct slice host, const struct web_names_allowed *allowed) {
    static const char *const own[] = {"localhost", "127.0.0.1", "[::1]"};
    struct slice name = host_name(host);
    return listed(name, own, 3) || listed(name, allowed->hosts, allowed->host_count);
}

bool web_origin_allowed(struct slice origin, struct slice host,
                        const struct web_names_allowed *allowed) {
    struct slice scheme = slice_str("http://");
    if (origin.len == 0) {
        return true;
    }
    if (slice_starts(origin, scheme) && web_equal_nocase(slice_from(origin, scheme.len), host)) {
        return true;
    }
    return web_origin_foreign(origin, allowed);
}

bool web_origin_foreign(struct slice origin, const struct web_names_allowed *allowed) {
    return origin.len > 0 && listed(origin, allowed->origins, allowed->origin_count);
}
