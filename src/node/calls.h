// SPDX-License-Identifier: Apache-2.0
// Connections that the node has opened to peers, so that it can end while one of them stays silent.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct dimse_stream;
struct err;

struct calls {
    pthread_mutex_t lock; // all below
    struct dimse_stream **list;
    size_t count, cap;
    bool over;
};
void calls_init(struct calls *c);
void calls_done(struct calls *c); // nobody calls any more
// The stream stays its caller's, who closes it as ever. E_CANCELLED behind calls_break, E_MEMORY.
int calls_note(struct calls *c, struct dimse_stream *s, struct err *e);
// Whoever waits for a peer gets E_CANCELLED, and so do later calls.
void calls_break(struct calls *c);
