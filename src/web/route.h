// SPDX-License-Identifier: Apache-2.0
// The doors of the web face: a row each with method, path, policy action, handler and where the
// handler runs. The dispatcher asks policy before any handler; a row without an action does not
// compile (tests/checks/no_action.py tries). Path words in braces are named: {study} {series}
// {instance} must be UIDs; {frames}, {aet}, {order}, {hold} and {delivery} are any one word; {rest}
// is everything that follows.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "policy/policy.h"

struct web_request;
struct web_url;

enum web_method { WEB_GET, WEB_POST, WEB_PUT, WEB_DELETE, WEB_OPTIONS, WEB_METHOD_OTHER };

enum web_where {
    WEB_HERE,      // on the event thread: never waits
    WEB_CATALOGUE, // on a thread for questions to the catalogue
    WEB_RENDER,    // on a thread that waits for a worker
    WEB_NETWORK,   // on a thread that waits for a peer of the DICOM network
    WEB_BODY,      // on a thread for questions to the catalogue, behind a small JSON body
    WEB_STREAM     // reads the request's body on a thread of its own
};

typedef void (*web_handler)(struct web_request *r);

struct web_route {
    enum web_method method;
    const char *path;
    const char *door; // for the audit log: "http GET /…"
    enum policy_action action;
    web_handler handle;
    enum web_where where;
};

// Makes the row of a table from X(method, path, action, handler, where).
#define WEB_ROUTE_ROW(method, path, action, handler, where)                                        \
    {WEB_##method, path,       "http " #method " " path, POLICY_CHECKED(POLICY_##action),          \
     handler,      WEB_##where},

#define WEB_UID_TEXT 65
struct web_names {
    char study[WEB_UID_TEXT];
    char series[WEB_UID_TEXT];
    char instance[WEB_UID_TEXT];
    struct slice frames; // .ptr NULL when the path has none
    struct slice word;   // {aet}, {order} …, decoded; .ptr NULL when the path has none
    struct slice rest; // from the first byte of the matched part of the path to its end, undecoded
};

enum web_match {
    WEB_MATCH,
    WEB_MATCH_NOTHING,      // 404
    WEB_MATCH_OTHER_METHOD, // 405; *ret_route is the first row of that path
    WEB_MATCH_BAD_UID       // 400
};

// Looks the path up in `routes`. On WEB_MATCH *ret_names holds the path's words.
enum web_match web_route_find(const struct web_route *routes, size_t count, enum web_method method,
                              const struct web_url *url, const struct web_route **ret_route,
                              struct web_names *ret_names);

// "GET, HEAD, OPTIONS": the methods of a path, for Allow.
#define WEB_ALLOW_MAX 64
void web_route_allow(const struct web_route *routes, size_t count, const struct web_url *url,
                     char out[WEB_ALLOW_MAX]);
