// SPDX-License-Identifier: Apache-2.0
// The connections, and the watch over them: one that has not brought its header fields, its body or
// taken its answer by its deadline is shut down (a slow client must not hold a place for ever).
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/clock.h"

struct err;
struct sockaddr;

#define WEB_ADDRESS_TEXT 64

struct web_peer {
    struct web_peer *next, *previous;
    int fd;
    _Atomic usec deadline; // monotonic; 0: none
    char address[WEB_ADDRESS_TEXT];
};

struct web_peers {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t watch;
    bool watching, stopping;
    struct web_peer *first;
    const struct clock *clock;
    atomic_uint count;
    atomic_ullong ended; // by the watch
};

int web_peers_start(struct web_peers *p, const struct clock *clock, struct err *e);
void web_peers_stop(struct web_peers *p); // every peer must be gone

// NULL when memory is short.
struct web_peer *web_peer_new(struct web_peers *p, int fd, const struct sockaddr *address);
void web_peer_free(struct web_peers *p, struct web_peer *peer);

// From now on the peer has `seconds` and the time that `bytes` may take. seconds 0: no deadline.
void web_peer_allow(struct web_peers *p, struct web_peer *peer, unsigned seconds,
                    unsigned long long bytes);
