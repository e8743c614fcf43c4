// SPDX-License-Identifier: Apache-2.0
#include "web/dispatch.h"

#include <microhttpd.h>
#include <stdio.h>

#include "archive/archive.h"
#include "policy/audit.h"
#include "web/headers.h"
#include "web/peers.h"
#include "web/routes.h"
#include "web/server_priv.h"

const struct web_route web_routes[] = {WEB_ROUTE_LIST(WEB_ROUTE_ROW)};
const size_t web_route_count = sizeof web_routes / sizeof web_routes[0];
_Static_assert(sizeof web_routes / sizeof web_routes[0] < WEB_METRIC_ROUTES_MAX,
               "a counter for each row");

static bool host_is_ours(struct web_request *r) {
    struct slice host = web_request_header(r, "Host");
    if (web_host_allowed(host, &r->server->allowed)) {
        return true;
    }
    web_answer_failure(r, MHD_HTTP_MISDIRECTED_REQUEST, E_DENIED,
                       "this server does not answer to that host name; it answers to localhost and "
                       "to the names it was started with",
                       "A0");
    return false;
}

static bool target_is_good(struct web_request *r) {
    struct err e = {0};
    if (web_url_parse(&r->arena, r->target, &r->url, &e) == E_OK) {
        return true;
    }
    if (e.code == E_LIMIT) {
        web_answer_failure(r, MHD_HTTP_URI_TOO_LONG, e.code, e.text, NULL);
    } else {
        web_answer_error(r, &e);
    }
    return false;
}

static void answer_method(struct web_request *r) {
    char allow[WEB_ALLOW_MAX];
    web_route_allow(web_routes, web_route_count, &r->url, allow);
    if (r->method == WEB_OPTIONS) {
        web_answer_empty(r, MHD_HTTP_NO_CONTENT);
        web_answer_header(r, "Access-Control-Allow-Methods", allow);
        web_answer_header(r, "Access-Control-Allow-Headers",
                          "Accept, Content-Type, If-None-Match, Range");
    } else {
        web_answer_failure(r, MHD_HTTP_METHOD_NOT_ALLOWED, E_METHOD,
                           "the method is not allowed on this resource", NULL);
    }
    web_answer_header(r, "Allow", allow);
}

static bool find_route(struct web_request *r) {
    r->match =
        web_route_find(web_routes, web_route_count, r->method, &r->url, &r->route, &r->names);
    if (r->match == WEB_MATCH || r->match == WEB_MATCH_OTHER_METHOD) {
        return true;
    }
    r->route = NULL;
    if (r->match == WEB_MATCH_BAD_UID) {
        web_answer_failure(r, MHD_HTTP_BAD_REQUEST, E_ARGUMENT, "the path names no valid UID",
                           NULL);
    } else {
        web_answer_failure(r, MHD_HTTP_NOT_FOUND, E_NOT_FOUND, "no such resource", NULL);
    }
    return false;
}

static bool origin_is_good(struct web_request *r) {
    if (r->method == WEB_GET || r->method == WEB_OPTIONS ||
        web_origin_allowed(web_request_header(r, "Origin"), web_request_header(r, "Host"),
                           &r->server->allowed)) {
        return true;
    }
    web_answer_failure(r, MHD_HTTP_FORBIDDEN, E_DENIED,
                       "a page of another site may not send this request", "A0");
    return false;
}

static bool policy_allows(struct web_request *r) {
    char what[3 * WEB_UID_TEXT + 8];
    const struct web_names *n = &r->names;
    if (strstr(r->route->path, "{delivery}") != NULL) {
        (void)snprintf(what, sizeof what, "delivery/%.*s", n->word.len < 20 ? (int)n->word.len : 20,
                       (const char *)n->word.ptr);
    } else if (strstr(r->route->path, "{hold}") != NULL) { // numbers of ours, which name nobody
        (void)snprintf(what, sizeof what, "hold/%.*s", n->word.len < 20 ? (int)n->word.len : 20,
                       (const char *)n->word.ptr);
    } else {
        (void)snprintf(what, sizeof what, "%s%s%s%s%s", n->study, n->series[0] != '\0' ? "/" : "",
                       n->series, n->instance[0] != '\0' ? "/" : "", n->instance);
    }
    const struct policy_request request = {.who = policy_connection(r->peer->address),
                                           .action = r->route->action,
                                           .what = what,
                                           .where = r->route->door};
    struct policy_decision decision;
    if (audit_ask(archive_audit(r->server->archive), &request, &decision)) {
        return true;
    }
    web_answer_failure(r, MHD_HTTP_FORBIDDEN, E_DENIED, decision.reason, decision.clause);
    return false;
}

bool web_dispatch_find(struct web_request *r) {
    return host_is_ours(r) && target_is_good(r) && find_route(r) && origin_is_good(r);
}

bool web_dispatch_waits(const struct web_request *r) {
    return policy_action_custody(r->route->action);
}

bool web_dispatch_ask(struct web_request *r) {
    if (!policy_allows(r)) {
        return false;
    }
    if (r->match == WEB_MATCH_OTHER_METHOD) {
        answer_method(r);
        return false;
    }
    return true;
}
