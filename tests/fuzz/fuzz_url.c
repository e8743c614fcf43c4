// SPDX-License-Identifier: Apache-2.0
// Request targets: what parses has clean segments, and its path finds a row or none.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/utf8.h"
#include "web/route.h"
#include "web/routes.h"
#include "web/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct web_route routes[] = {
#define X(method, path, action, handler, where)                                                    \
    {WEB_##method, path, #handler, POLICY_CHECKED(POLICY_##action), NULL, WEB_##where},
    WEB_ROUTE_LIST(X)
#undef X
};

static void must(bool holds) {
    if (!holds) {
        abort();
    }
}

static void check(const struct web_url *u) {
    for (size_t i = 0; i < u->segment_count; i++) {
        struct slice s = u->segments[i];
        must(utf8_valid(s) && slice_find(s, '/') == s.len && slice_find(s, 0) == s.len);
        must(!slice_eq_str(s, "..") && !slice_eq_str(s, "."));
    }
    for (size_t i = 0; i < u->param_count; i++) {
        must(utf8_valid(u->params[i].name) && utf8_valid(u->params[i].value));
    }
    const struct web_route *route = NULL;
    struct web_names names;
    char allow[WEB_ALLOW_MAX];
    size_t count = sizeof routes / sizeof routes[0];
    if (web_route_find(routes, count, WEB_GET, u, &route, &names) == WEB_MATCH) {
        must(strlen(names.study) < WEB_UID_TEXT && strlen(names.instance) < WEB_UID_TEXT);
        must(route->action > POLICY_NONE);
    }
    web_route_allow(routes, count, u, allow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct arena a;
    struct web_url u;
    struct err e = {0};
    arena_init(&a, (size_t)1 << 20);
    if (web_url_parse(&a, slice_of(data, len), &u, &e) == E_OK) {
        check(&u);
    }
    arena_done(&a);
    return 0;
}
