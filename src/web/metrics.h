// SPDX-License-Identifier: Apache-2.0
// Counters for /metrics in the Prometheus text form (version 0.0.4). Only sums: nothing in them
// names a person, a study or a client.
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "web/route.h"

struct buf;

#define WEB_METRIC_ROUTES_MAX 64
#define WEB_METRIC_STATUSES 24
#define WEB_METRIC_BUCKETS 10
#define WEB_METRIC_VERDICTS 6

struct web_route_metrics {
    atomic_ullong statuses[WEB_METRIC_STATUSES];
    atomic_ullong bytes;
    atomic_ullong duration_us;
    atomic_ullong buckets[WEB_METRIC_BUCKETS]; // not yet summed up
};

struct web_metrics {
    struct web_route_metrics routes[WEB_METRIC_ROUTES_MAX]; // the last one: no route matched
    atomic_ullong verdicts[WEB_METRIC_VERDICTS];            // by enum intake_verdict
};

// `route` is the row's number, or WEB_METRIC_ROUTES_MAX - 1.
void web_metrics_count(struct web_metrics *m, size_t route, unsigned status, uint64_t bytes,
                       usec duration);

// The lines of the routes and verdicts.
void web_metrics_write(const struct web_metrics *m, const struct web_route *routes, size_t count,
                       struct buf *out);

// "# HELP", "# TYPE" and one value.
void web_metrics_gauge(struct buf *out, const char *name, const char *help, const char *type,
                       uint64_t value);
