// SPDX-License-Identifier: Apache-2.0
// Whether a connection comes from a host. Numeric addresses are compared; names are looked up and
// remembered for a while, so that a slow or silent name server does not hold up each association:
// what was found is used while one thread looks again.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "dimse/stream.h"

#define RESOLVE_NAMES_MAX 256
#define RESOLVE_ADDRESSES_MAX 16
#define RESOLVE_GOOD_FOR (60 * CLOCK_SECOND)
#define RESOLVE_BAD_FOR (10 * CLOCK_SECOND)

struct resolved {
    char host[DIMSE_HOST_MAX + 1];
    unsigned char addresses[RESOLVE_ADDRESSES_MAX][16]; // IPv6, or IPv4 mapped into it
    size_t count;
    usec looked; // monotonic; 0: never
    bool looking;
};

struct resolver {
    const struct clock *clock;
    pthread_mutex_t lock;
    struct resolved *names; // RESOLVE_NAMES_MAX, made when the first is needed
    size_t count;
};
void resolver_init(struct resolver *r, const struct clock *clock);
void resolver_done(struct resolver *r);

// `address`: numeric, as of a connection. An IPv4 address and the same mapped into IPv6 are equal;
// so are all loopback addresses.
bool resolver_matches(struct resolver *r, const char *host, const char *address);
