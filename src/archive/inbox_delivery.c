// SPDX-License-Identifier: Apache-2.0
// Which delivery an arrival belongs to, and when a delivery is whole: when its peer has been quiet
// for a while.
#include <string.h>

#include "archive/archive.h"
#include "archive/inbox_priv.h"
#include "base/cleanup.h"
#include "base/mem.h"

static struct inbox_delivery *find_peer(struct inbox *b, const char *peer) {
    for (struct inbox_delivery *d = b->deliveries; d != NULL; d = d->next) {
        if (!d->over && strcmp(d->peer, peer) == 0) {
            return d;
        }
    }
    return NULL;
}

static struct inbox_delivery *find_id(struct inbox *b, const char *id) {
    for (struct inbox_delivery *d = b->deliveries; d != NULL; d = d->next) {
        if (strcmp(d->delivery->id, id) == 0) {
            return d;
        }
    }
    return NULL;
}

static void arrive(struct inbox *b, struct inbox_delivery *d) {
    d->arriving++;
    d->last = clock_monotonic(b->pace);
}

// Puts a delivery into the list, or finds it there; `taken` is used up.
static struct inbox_delivery *enter(struct inbox *b, struct delivery *taken, const char *peer,
                                    bool arrives) {
    struct inbox_delivery *fresh = mem_zalloc(sizeof *fresh);
    (void)pthread_mutex_lock(&b->lock);
    struct inbox_delivery *d = find_id(b, taken->id);
    if (d == NULL && fresh != NULL) {
        d = steal(fresh);
        d->delivery = steal(taken);
        (void)snprintf(d->peer, sizeof d->peer, "%s", peer);
        d->last = clock_monotonic(b->pace);
        d->next = b->deliveries;
        b->deliveries = d;
    }
    if (d != NULL && arrives) {
        arrive(b, d);
    }
    (void)pthread_mutex_unlock(&b->lock);
    delivery_free(taken);
    mem_free(fresh);
    return d;
}

static struct inbox_delivery *join(struct inbox *b, const char *peer) {
    (void)pthread_mutex_lock(&b->lock);
    struct inbox_delivery *d = find_peer(b, peer);
    if (d != NULL) {
        arrive(b, d);
    }
    (void)pthread_mutex_unlock(&b->lock);
    return d;
}

static int begin(struct inbox *b, const char *peer, struct inbox_delivery **ret_d, struct err *e) {
    struct delivery *taken;
    const struct delivery_from from = {
        .door = "dimse", .source = slice_str(peer), .label = peer, .quiet = 0};
    *ret_d = join(b, peer);
    if (*ret_d != NULL) {
        return E_OK;
    }
    int rc = delivery_take(b->archive, &from, &taken, e);
    if (rc == E_OK) {
        *ret_d = enter(b, taken, peer, true);
        rc = *ret_d == NULL ? err_set(e, E_MEMORY, "delivery") : E_OK;
    }
    return rc;
}

int inbox_delivery_begin(struct inbox *b, const char *peer, struct inbox_delivery **ret_d,
                         struct err *e) {
    *ret_d = join(b, peer);
    if (*ret_d != NULL) {
        return E_OK;
    }
    (void)pthread_mutex_lock(&b->taking);
    int rc = begin(b, peer, ret_d, e);
    (void)pthread_mutex_unlock(&b->taking);
    return rc;
}

void inbox_delivery_end(struct inbox *b, struct inbox_delivery *d) {
    if (d != NULL) {
        (void)pthread_mutex_lock(&b->lock);
        d->arriving--;
        d->last = clock_monotonic(b->pace);
        (void)pthread_mutex_unlock(&b->lock);
    }
}

int inbox_delivery_of(struct inbox *b, const char *id, const char *peer,
                      struct inbox_delivery **ret_d, struct err *e) {
    (void)pthread_mutex_lock(&b->lock);
    *ret_d = find_id(b, id);
    (void)pthread_mutex_unlock(&b->lock);
    if (*ret_d != NULL) {
        return E_OK;
    }
    struct delivery *loaded;
    int rc = delivery_load(b->archive, id, &loaded, e);
    if (rc == E_OK) {
        *ret_d = enter(b, loaded, peer, false);
        rc = *ret_d == NULL ? err_set(e, E_MEMORY, "delivery") : E_OK;
    }
    return rc;
}

void inbox_delivery_count(struct inbox *b, const char *id, int change) {
    struct inbox_delivery *d = find_id(b, id);
    if (d != NULL) {
        d->waiting = change < 0 ? d->waiting - 1 : d->waiting + 1;
    }
}

struct inbox_delivery *inbox_delivery_due(struct inbox *b) {
    usec now = clock_monotonic(b->pace);
    bool many = b->waiting.count >= b->options.backlog_max / 2;
    struct inbox_delivery *due = NULL;
    for (struct inbox_delivery *d = b->deliveries; d != NULL; d = d->next) {
        bool quiet = d->arriving == 0 && now - d->last >= b->options.quiet;
        bool largest = many && (due == NULL || d->waiting > due->waiting);
        if (d->waiting > 0 && (quiet || largest)) {
            due = d;
        }
        if (d->waiting > 0 && quiet) {
            return d;
        }
    }
    return due;
}

// One that is over, out of the list; NULL: none.
static struct inbox_delivery *take_quiet(struct inbox *b) {
    usec now = clock_monotonic(b->pace);
    for (struct inbox_delivery **at = &b->deliveries; *at != NULL; at = &(*at)->next) {
        struct inbox_delivery *d = *at;
        if (d->arriving == 0 && d->waiting == 0 && now - d->last >= b->options.quiet) {
            *at = d->next;
            return d;
        }
    }
    return NULL;
}

static void close_one(struct inbox *b, struct inbox_delivery *d) {
    struct err e = {0};
    if (delivery_end(b->archive, d->delivery->id, &e) != E_OK ||
        delivery_settle(b->archive, d->delivery->id, &e) != E_OK) {
        inbox_trouble(b, &e); // the next opening ends it
    }
    delivery_free(d->delivery);
    mem_free(d);
}

// Those of which nothing lay here when the inbox was opened: judged by a server that was killed
// before it could end them.
static void close_forgotten(struct inbox *b) {
    struct err e = {0};
    (void)pthread_mutex_lock(&b->taking);
    if (delivery_end_quiet(b->archive, "dimse", b->options.quiet, &e) != E_OK) {
        inbox_trouble(b, &e);
    }
    (void)pthread_mutex_unlock(&b->taking);
}

// `taking` keeps an arrival from taking up the one that is being ended.
void inbox_deliveries_close(struct inbox *b) {
    close_forgotten(b);
    for (;;) {
        (void)pthread_mutex_lock(&b->taking);
        (void)pthread_mutex_lock(&b->lock);
        struct inbox_delivery *d = take_quiet(b);
        (void)pthread_mutex_unlock(&b->lock);
        if (d != NULL) {
            close_one(b, d);
        }
        (void)pthread_mutex_unlock(&b->taking);
        if (d == NULL) {
            return;
        }
    }
}

void inbox_deliveries_free(struct inbox *b) {
    for (struct inbox_delivery *d; (d = b->deliveries) != NULL;) {
        struct err ignored = {0};
        b->deliveries = d->next;
        (void)delivery_touch(b->archive, d->delivery->id, &ignored); // quiet from now on
        delivery_free(d->delivery);
        mem_free(d);
    }
}
