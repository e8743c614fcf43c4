// SPDX-License-Identifier: Apache-2.0
#include "web/metrics_dicom.h"

#include <stdint.h>

#include "archive/inbox.h"
#include "base/buf.h"
#include "base/clock.h"
#include "node/node.h"
#include "node/service.h"
#include "web/metrics.h"

static void head(struct buf *out, const char *name, const char *help, const char *type) {
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void labelled(struct buf *out, const char *name, const char *label, const char *value,
                     uint64_t number) {
    buf_printf(out, "%s{%s=\"%s\"} %llu\n", name, label, value, (unsigned long long)number);
}

static void write_associations(struct buf *out, const struct node_counts *c) {
    static const char total[] = "maclab_dicom_associations_total";
    static const char turned[] = "maclab_dicom_turned_away_total";
    head(out, total, "Associations by how they went.", "counter");
    labelled(out, total, "result", "accepted", c->plain.accepted + c->secure.accepted);
    labelled(out, total, "result", "rejected", c->plain.rejected + c->secure.rejected);
    labelled(out, total, "result", "aborted", c->plain.aborted + c->secure.aborted);
    web_metrics_gauge(out, "maclab_dicom_associations_open", "Associations open.", "gauge",
                      c->plain.open + c->secure.open);
    head(out, turned, "Associations rejected by the list of peers.", "counter");
    labelled(out, turned, "reason", "called", c->refused_called);
    labelled(out, turned, "reason", "calling", c->refused_calling);
    labelled(out, turned, "reason", "address", c->refused_address);
    labelled(out, turned, "reason", "certificate", c->refused_certificate);
    labelled(out, turned, "reason", "identity", c->refused_identity);
}

static void write_requests(struct buf *out, const struct node_counts *c) {
    static const char requests[] = "maclab_dicom_requests_total";
    static const char refused[] = "maclab_dicom_requests_refused_total";
    head(out, requests, "DIMSE requests by service.", "counter");
    for (size_t i = 0; i < c->rows; i++) {
        labelled(out, requests, "service", node_service_row(i)->name, c->requests[i]);
    }
    head(out, refused, "Requests that policy or the peer's entry did not allow.", "counter");
    for (size_t i = 0; i < c->rows; i++) {
        labelled(out, refused, "service", node_service_row(i)->name, c->failures[i]);
    }
}

static void write_inbox(struct buf *out, struct node *node) {
    static const char verdicts[] = "maclab_inbox_verdicts_total";
    struct inbox_counts c;
    inbox_counts(node_inbox(node), &c);
    usec age = c.oldest == 0 ? 0 : clock_now(node_clock(node)) - c.oldest;
    web_metrics_gauge(out, "maclab_inbox_arrivals_total", "Instances acknowledged.", "counter",
                      c.arrivals);
    web_metrics_gauge(out, "maclab_inbox_bytes_total", "Bytes of them.", "counter", c.bytes);
    web_metrics_gauge(out, "maclab_inbox_turned_away_total",
                      "Instances refused for want of room (A700).", "counter", c.turned_away);
    web_metrics_gauge(out, "maclab_inbox_backlog", "Instances that wait for their verdict.",
                      "gauge", c.backlog);
    web_metrics_gauge(out, "maclab_inbox_backlog_bytes", "Bytes of them.", "gauge",
                      c.backlog_bytes);
    web_metrics_gauge(out, "maclab_inbox_oldest_seconds", "How long the oldest of them waits.",
                      "gauge", age > 0 ? (uint64_t)(age / CLOCK_SECOND) : 0);
    head(out, verdicts, "Verdicts about acknowledged instances.", "counter");
    labelled(out, verdicts, "verdict", "released", c.released);
    labelled(out, verdicts, "verdict", "held", c.held);
    labelled(out, verdicts, "verdict", "refused", c.refused);
    labelled(out, verdicts, "verdict", "conflict", c.conflict);
}

void web_metrics_dicom(struct buf *out, struct node *node) {
    struct node_counts counts;
    if (node != NULL) {
        node_counts(node, &counts);
        write_associations(out, &counts);
        write_requests(out, &counts);
        write_inbox(out, node);
    }
}
