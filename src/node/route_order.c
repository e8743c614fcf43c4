// SPDX-License-Identifier: Apache-2.0
// Orders: checked against peers and policy before they are in the queue.
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "base/err.h"
#include "db/db.h"
#include "node/peers.h"
#include "node/route.h"
#include "policy/audit.h"

#define WHERE_MAX 160 // of an audit line

static int check_station(struct archive *a, const char *aet, struct err *e) {
    struct node_peer peer;
    if (node_peer_find(a, aet, &peer, e) != E_OK) {
        return e->code;
    }
    if ((peer.may & NODE_MAY_RECEIVE) == 0) {
        return err_set(e, E_DENIED,
                       "%s may not be sent studies: its entry among the peers does not "
                       "allow it to receive",
                       aet);
    }
    return E_OK;
}

static int check_stations(struct archive *a, const struct route_order *o, struct err *e) {
    int rc = E_OK;
    for (size_t i = 0; i < o->station_count && rc == E_OK; i++) {
        rc = check_station(a, o->stations[i], e);
    }
    return rc;
}

// "cli route to ONE TWO", or how many where they are too many for a line.
static void where_text(const char *door, const struct route_order *o, char out[WHERE_MAX]) {
    int len = snprintf(out, WHERE_MAX, "%s to", door);
    for (size_t i = 0; i < o->station_count && len > 0 && len < WHERE_MAX; i++) {
        len += snprintf(out + len, (size_t)(WHERE_MAX - len), " %s", o->stations[i]);
    }
    if (len < 0 || len >= WHERE_MAX) {
        (void)snprintf(out, WHERE_MAX, "%.80s to %zu stations", door, o->station_count);
    }
}

static int ask_policy(struct archive *a, const struct policy_subject *who, const char *door,
                      const struct route_order *o, struct err *e) {
    char where[WHERE_MAX];
    char what[2 * (DCM_UID_MAX + 1) + 1];
    where_text(door, o, where);
    for (size_t i = 0; i < o->item_count; i++) {
        const struct route_item *item = &o->items[i];
        (void)snprintf(what, sizeof what, "%s%s%s", item->study, item->series[0] != '\0' ? "/" : "",
                       item->series);
        const struct policy_request request = {.who = *who,
                                               .action = POLICY_ROUTE_ORDER,
                                               .what = what,
                                               .where = where,
                                               .why = "training"};
        struct policy_decision decision;
        if (!audit_ask(archive_audit(a), &request, &decision)) {
            return err_set(e, E_DENIED, "%s (clause %s)", decision.reason, decision.clause);
        }
    }
    return E_OK;
}

int route_order_put(struct archive *a, const struct policy_subject *who, const char *door,
                    struct route_order *order, usec now, int64_t *ret_order, struct err *e) {
    struct db *db;
    int rc = check_stations(a, order, e);
    if (rc == E_OK) {
        rc = archive_reader(a, &db, e);
    }
    if (rc == E_OK) {
        rc = route_queue_check(db, order, e);
        archive_reader_done(a, db);
    }
    if (rc == E_OK) {
        rc = ask_policy(a, who, door, order, e);
    }
    if (rc == E_OK) {
        order->who = who->name;
        db = archive_writer(a);
        rc = route_queue_add(db, order, now, ret_order, e);
        archive_writer_done(a);
    }
    return rc;
}

int route_order_cancel(struct archive *a, int64_t order, int64_t task, usec now, size_t *ret_moved,
                       struct err *e) {
    struct db *db = archive_writer(a);
    int rc = route_queue_cancel(db, order, task, now, ret_moved, e);
    archive_writer_done(a);
    return rc;
}

int route_order_again(struct archive *a, int64_t order, int64_t task, usec now, size_t *ret_moved,
                      struct err *e) {
    struct db *db = archive_writer(a);
    int rc = route_queue_again(db, order, task, now, ret_moved, e);
    archive_writer_done(a);
    return rc;
}
