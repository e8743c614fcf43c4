// SPDX-License-Identifier: Apache-2.0
// What happens to a request before its handler: Host, target, route, Origin, policy. Nothing
// reaches a handler but through here.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "web/route.h"

struct web_request;

extern const struct web_route web_routes[];
extern const size_t web_route_count;

// Everything but the question to policy. false: the answer is made.
bool web_dispatch_find(struct web_request *r);

// Asks policy and the audit log. true: r->route may be run (or r is OPTIONS, answered). A decision
// about custody waits for the disk: web_dispatch_waits tells before.
bool web_dispatch_ask(struct web_request *r);
bool web_dispatch_waits(const struct web_request *r);
