// SPDX-License-Identifier: Apache-2.0
#include "node/calls.h"

#include "base/err.h"
#include "base/mem.h"
#include "dimse/stream.h"

void calls_init(struct calls *c) {
    *c = (struct calls){0};
    (void)pthread_mutex_init(&c->lock, NULL);
}

void calls_done(struct calls *c) {
    for (size_t i = 0; i < c->count; i++) {
        dimse_stream_let_go(c->list[i]);
    }
    mem_free(c->list);
    (void)pthread_mutex_destroy(&c->lock);
}

static void forget_closed(struct calls *c) {
    size_t kept = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (dimse_stream_is_closed(c->list[i])) {
            dimse_stream_let_go(c->list[i]);
        } else {
            c->list[kept++] = c->list[i];
        }
    }
    c->count = kept;
}

static int note(struct calls *c, struct dimse_stream *s, struct err *e) {
    if (c->over) {
        return err_set(e, E_CANCELLED, "the server stops");
    }
    forget_closed(c);
    if (c->count == c->cap) {
        size_t cap = c->cap == 0 ? 16 : 2 * c->cap;
        struct dimse_stream **list = mem_realloc(c->list, cap * sizeof(struct dimse_stream *));
        if (list == NULL) {
            return err_set(e, E_MEMORY, "connection to a peer");
        }
        c->list = list;
        c->cap = cap;
    }
    c->list[c->count++] = dimse_stream_hold(s);
    return E_OK;
}

int calls_note(struct calls *c, struct dimse_stream *s, struct err *e) {
    (void)pthread_mutex_lock(&c->lock);
    int rc = note(c, s, e);
    (void)pthread_mutex_unlock(&c->lock);
    return rc;
}

void calls_break(struct calls *c) {
    (void)pthread_mutex_lock(&c->lock);
    c->over = true;
    for (size_t i = 0; i < c->count; i++) {
        dimse_stream_break(c->list[i]);
    }
    (void)pthread_mutex_unlock(&c->lock);
}
