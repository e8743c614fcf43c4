// SPDX-License-Identifier: Apache-2.0
#include "web/peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "web/server.h"

#define WATCH_EVERY_S 1

static void end_late(struct web_peers *p) {
    usec now = clock_monotonic(p->clock);
    for (struct web_peer *peer = p->first; peer != NULL; peer = peer->next) {
        usec deadline = atomic_load_explicit(&peer->deadline, memory_order_relaxed);
        if (deadline != 0 && now > deadline) {
            (void)shutdown(peer->fd, SHUT_RDWR);
            atomic_store_explicit(&peer->deadline, 0, memory_order_relaxed);
            atomic_fetch_add_explicit(&p->ended, 1, memory_order_relaxed);
        }
    }
}

static void *watch(void *argument) {
    struct web_peers *p = argument;
    pthread_mutex_lock(&p->lock);
    while (!p->stopping) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += WATCH_EVERY_S;
        (void)pthread_cond_timedwait(&p->wake, &p->lock, &until);
        end_late(p);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

int web_peers_start(struct web_peers *p, const struct clock *clock, struct err *e) {
    *p = (struct web_peers){.clock = clock};
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&p->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    int failed = pthread_create(&p->watch, NULL, watch, p);
    if (failed != 0) {
        return err_set_errno(e, failed, "start the watch over connections");
    }
    p->watching = true;
    return E_OK;
}

void web_peers_stop(struct web_peers *p) {
    if (!p->watching) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->watch, NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    p->watching = false;
}

static void write_address(const struct sockaddr *address, char out[WEB_ADDRESS_TEXT]) {
    const void *from = NULL;
    if (address != NULL && address->sa_family == AF_INET) {
        from = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    } else if (address != NULL && address->sa_family == AF_INET6) {
        from = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    }
    if (from == NULL || inet_ntop(address->sa_family, from, out, WEB_ADDRESS_TEXT) == NULL) {
        (void)snprintf(out, WEB_ADDRESS_TEXT, "unknown");
    }
}

struct web_peer *web_peer_new(struct web_peers *p, int fd, const struct sockaddr *address) {
    struct web_peer *peer = mem_zalloc(sizeof *peer);
    if (peer == NULL) {
        return NULL;
    }
    peer->fd = fd;
    write_address(address, peer->address);
    web_peer_allow(p, peer, WEB_IDLE_S, 0);
    pthread_mutex_lock(&p->lock);
    peer->next = p->first;
    if (p->first != NULL) {
        p->first->previous = peer;
    }
    p->first = peer;
    pthread_mutex_unlock(&p->lock);
    atomic_fetch_add(&p->count, 1);
    return peer;
}

void web_peer_free(struct web_peers *p, struct web_peer *peer) {
    if (peer == NULL) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    if (peer->previous != NULL) {
        peer->previous->next = peer->next;
    } else {
        p->first = peer->next;
    }
    if (peer->next != NULL) {
        peer->next->previous = peer->previous;
    }
    pthread_mutex_unlock(&p->lock);
    atomic_fetch_sub(&p->count, 1);
    mem_free(peer);
}

void web_peer_allow(struct web_peers *p, struct web_peer *peer, unsigned seconds,
                    unsigned long long bytes) {
    usec deadline = 0;
    if (seconds > 0) {
        unsigned long long extra = bytes / WEB_SLOWEST_BYTES_S;
        deadline = clock_monotonic(p->clock) + ((usec)seconds + (usec)extra) * CLOCK_SECOND;
    }
    atomic_store_explicit(&peer->deadline, deadline, memory_order_relaxed);
}
