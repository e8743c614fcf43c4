// SPDX-License-Identifier: Apache-2.0
// What happens to a request before its handler: Host, target, route, Origin, policy. Nothing reaches a
// handler but through here.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "web/route.h"

struct web_request;

extern const struct web_route web_routes[];
extern const size_t web_route_count;

// true: r->route may be run. false: the answer (a refusal, or OPTIONS) is made.
bool web_dispatch(struct web_request *r);
