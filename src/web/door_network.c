// SPDX-License-Identifier: Apache-2.0
// The DICOM node as its page shows it: where it listens, what is open, what waits in the inbox, who
// was turned away and why.
#include <microhttpd.h>

#include "archive/inbox.h"
#include "base/buf.h"
#include "base/json.h"
#include "node/node.h"
#include "node/strangers.h"
#include "web/json_time.h"
#include "web/routes.h"
#include "web/server_priv.h"

#define NETWORK_BODY_MAX ((size_t)256 * 1024)

static void write_counts(struct json *j, const struct node_counts *c) {
    json_name(j, "associations");
    json_begin_object(j);
    json_member_i64(j, "open", (int64_t)c->plain.open + c->secure.open);
    json_member_i64(j, "accepted", (int64_t)(c->plain.accepted + c->secure.accepted));
    json_member_i64(j, "rejected", (int64_t)(c->plain.rejected + c->secure.rejected));
    json_member_i64(j, "aborted", (int64_t)(c->plain.aborted + c->secure.aborted));
    json_end_object(j);
    json_name(j, "turned_away");
    json_begin_object(j);
    json_member_i64(j, "calling", (int64_t)c->refused_calling);
    json_member_i64(j, "called", (int64_t)c->refused_called);
    json_member_i64(j, "address", (int64_t)c->refused_address);
    json_member_i64(j, "certificate", (int64_t)c->refused_certificate);
    json_member_i64(j, "identity", (int64_t)c->refused_identity);
    json_end_object(j);
}

static void write_inbox(struct json *j, struct inbox *inbox) {
    struct inbox_counts c = {0};
    if (inbox != NULL) {
        inbox_counts(inbox, &c);
    }
    json_name(j, "inbox");
    json_begin_object(j);
    json_member_i64(j, "backlog", (int64_t)c.backlog);
    json_member_i64(j, "backlog_bytes", (int64_t)c.backlog_bytes);
    json_member_i64(j, "held", (int64_t)c.held);
    web_json_time(j, "oldest", c.oldest);
    json_end_object(j);
}

static void write_strangers(struct json *j, struct strangers *strangers) {
    struct stranger list[STRANGERS_MAX];
    size_t count = strangers == NULL ? 0 : strangers_list(strangers, list);
    json_name(j, "strangers");
    json_begin_array(j);
    for (size_t i = 0; i < count; i++) {
        json_begin_object(j);
        json_member_str(j, "calling", list[i].calling);
        json_member_str(j, "called", list[i].called);
        json_member_str(j, "address", list[i].address);
        json_member_str(j, "why", list[i].why);
        web_json_time(j, "first", list[i].first);
        web_json_time(j, "last", list[i].last);
        json_member_i64(j, "times", (int64_t)list[i].times);
        json_end_object(j);
    }
    json_end_array(j);
}

void web_network_get(struct web_request *r) {
    const struct web_dicom *d = &r->server->dicom;
    struct node_counts counts = {0};
    struct buf body;
    struct json j;
    buf_init(&body, NETWORK_BODY_MAX);
    json_init(&j, &body);
    if (d->node != NULL) {
        node_counts(d->node, &counts);
    }
    json_begin_object(&j);
    json_member_bool(&j, "running", d->node != NULL);
    json_member_str(&j, "aet", d->node != NULL ? node_aet(d->node) : NULL);
    json_member_str(&j, "address", d->address);
    json_member_str(&j, "tls_address", d->tls_address);
    write_counts(&j, &counts);
    write_inbox(&j, d->node == NULL ? NULL : node_inbox(d->node));
    write_strangers(&j, d->node == NULL ? NULL : node_strangers(d->node));
    web_json_time(&j, "now", clock_now(r->server->clock));
    json_end_object(&j);
    web_answer_buf(r, MHD_HTTP_OK, "application/json", &body);
    web_answer_no_store(r);
}
