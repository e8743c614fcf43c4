// SPDX-License-Identifier: Apache-2.0
#include "web/metrics.h"

#include "archive/intake.h"
#include "base/buf.h"

static const unsigned status_codes[WEB_METRIC_STATUSES] = {
    200, 202, 204, 206, 304, 400, 403, 404, 405, 406, 409, 412,
    413, 414, 415, 416, 421, 431, 499, 500, 501, 503, 507, 0 /* any other */};

static const usec bucket_us[WEB_METRIC_BUCKETS - 1] = {100,   300,    1000,   3000,   10000,
                                                       30000, 100000, 300000, 1000000};
static const char *const bucket_text[WEB_METRIC_BUCKETS] = {
    "0.0001", "0.0003", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1", "+Inf"};

static size_t status_index(unsigned status) {
    size_t i = 0;
    while (status_codes[i] != status && status_codes[i] != 0) {
        i++;
    }
    return i;
}

void web_metrics_count(struct web_metrics *m, size_t route, unsigned status, uint64_t bytes,
                       usec duration) {
    struct web_route_metrics *row = &m->routes[route];
    size_t bucket = 0;
    while (bucket < WEB_METRIC_BUCKETS - 1 && duration > bucket_us[bucket]) {
        bucket++;
    }
    atomic_fetch_add_explicit(&row->statuses[status_index(status)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&row->bytes, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&row->duration_us, (unsigned long long)duration,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&row->buckets[bucket], 1, memory_order_relaxed);
}

static const char *method_text(const struct web_route *route) {
    return route != NULL && route->method == WEB_POST ? "POST" : "GET";
}

static void write_requests(const struct web_route_metrics *row, const struct web_route *route,
                           struct buf *out) {
    for (size_t i = 0; i < WEB_METRIC_STATUSES; i++) {
        unsigned long long n = atomic_load_explicit(&row->statuses[i], memory_order_relaxed);
        if (n > 0) {
            buf_printf(
                out, "maclab_http_requests_total{method=\"%s\",route=\"%s\",status=\"%u\"} %llu\n",
                method_text(route), route == NULL ? "none" : route->path, status_codes[i], n);
        }
    }
}

static void write_durations(const struct web_route_metrics *row, const struct web_route *route,
                            struct buf *out) {
    const char *method = method_text(route);
    const char *path = route == NULL ? "none" : route->path;
    unsigned long long sum = 0;
    for (size_t i = 0; i < WEB_METRIC_BUCKETS; i++) {
        sum += atomic_load_explicit(&row->buckets[i], memory_order_relaxed);
    }
    if (sum == 0) {
        return;
    }
    unsigned long long upto = 0;
    for (size_t i = 0; i < WEB_METRIC_BUCKETS; i++) {
        upto += atomic_load_explicit(&row->buckets[i], memory_order_relaxed);
        buf_printf(
            out, "maclab_http_duration_seconds_bucket{method=\"%s\",route=\"%s\",le=\"%s\"} %llu\n",
            method, path, bucket_text[i], upto);
    }
    unsigned long long us = atomic_load_explicit(&row->duration_us, memory_order_relaxed);
    buf_printf(out, "maclab_http_duration_seconds_sum{method=\"%s\",route=\"%s\"} %llu.%06llu\n",
               method, path, us / 1000000, us % 1000000);
    buf_printf(out, "maclab_http_duration_seconds_count{method=\"%s\",route=\"%s\"} %llu\n", method,
               path, upto);
    buf_printf(out, "maclab_http_answer_bytes_total{method=\"%s\",route=\"%s\"} %llu\n", method,
               path, atomic_load_explicit(&row->bytes, memory_order_relaxed));
}

static void write_verdicts(const struct web_metrics *m, struct buf *out) {
    static const char *const names[WEB_METRIC_VERDICTS] = {
        [INTAKE_STORED] = "stored",   [INTAKE_DUPLICATE] = "duplicate",
        [INTAKE_HELD] = "held",       [INTAKE_CONFLICT] = "conflict",
        [INTAKE_REFUSED] = "refused", [INTAKE_FAILED] = "failed"};
    buf_put_str(out, "# HELP maclab_intake_total Instances received over HTTP, by verdict.\n"
                     "# TYPE maclab_intake_total counter\n");
    for (size_t i = 0; i < WEB_METRIC_VERDICTS; i++) {
        buf_printf(out, "maclab_intake_total{verdict=\"%s\"} %llu\n", names[i],
                   atomic_load_explicit(&m->verdicts[i], memory_order_relaxed));
    }
}

void web_metrics_write(const struct web_metrics *m, const struct web_route *routes, size_t count,
                       struct buf *out) {
    buf_put_str(out, "# HELP maclab_http_requests_total Requests answered.\n"
                     "# TYPE maclab_http_requests_total counter\n");
    for (size_t i = 0; i < count; i++) {
        write_requests(&m->routes[i], &routes[i], out);
    }
    write_requests(&m->routes[WEB_METRIC_ROUTES_MAX - 1], NULL, out);
    buf_put_str(out,
                "# HELP maclab_http_duration_seconds From the header fields to the last byte.\n"
                "# TYPE maclab_http_duration_seconds histogram\n");
    for (size_t i = 0; i < count; i++) {
        write_durations(&m->routes[i], &routes[i], out);
    }
    write_verdicts(m, out);
}

void web_metrics_gauge(struct buf *out, const char *name, const char *help, const char *type,
                       uint64_t value) {
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name,
               (unsigned long long)value);
}
