// SPDX-License-Identifier: Apache-2.0
#include "web/threads.h"

#include <pthread.h>

#include "base/err.h"
#include "base/mem.h"
#include "web/request.h"

#define THREADS_MAX 16u
#define STACK_BYTES ((size_t)512 * 1024)

struct web_threads {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct web_request *first, *last;
    size_t queued, queue_max;
    bool stopping;
    void (*run)(struct web_request *r);
    pthread_t threads[THREADS_MAX];
    unsigned count;
};

// NULL when stopping and nothing is left.
static struct web_request *take(struct web_threads *t) {
    pthread_mutex_lock(&t->lock);
    while (t->first == NULL && !t->stopping) {
        pthread_cond_wait(&t->work, &t->lock);
    }
    struct web_request *r = t->first;
    if (r != NULL) {
        t->first = r->next_job;
        t->last = t->first == NULL ? NULL : t->last;
        t->queued--;
    }
    pthread_mutex_unlock(&t->lock);
    return r;
}

static void *work(void *argument) {
    struct web_threads *t = argument;
    struct web_request *r;
    while ((r = take(t)) != NULL) {
        t->run(r);
    }
    return NULL;
}

static int spawn(struct web_threads *t, unsigned count, struct err *e) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int failed = 0;
    while (failed == 0 && t->count < count && t->count < THREADS_MAX) {
        failed = pthread_create(&t->threads[t->count], &attributes, work, t);
        t->count += failed == 0;
    }
    pthread_attr_destroy(&attributes);
    return failed == 0 ? E_OK : err_set_errno(e, failed, "start a thread");
}

int web_threads_start(unsigned count, size_t queue_max, void (*run)(struct web_request *r),
                      struct web_threads **ret_threads, struct err *e) {
    struct web_threads *t = mem_zalloc(sizeof *t);
    if (t == NULL) {
        return err_set(e, E_MEMORY, "threads");
    }
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->work, NULL);
    t->queue_max = queue_max;
    t->run = run;
    int rc = spawn(t, count, e);
    if (rc != E_OK) {
        web_threads_stop(t);
        return rc;
    }
    *ret_threads = t;
    return E_OK;
}

bool web_threads_push(struct web_threads *t, struct web_request *r) {
    pthread_mutex_lock(&t->lock);
    bool room = t->queued < t->queue_max && !t->stopping;
    if (room) {
        r->next_job = NULL;
        if (t->last == NULL) {
            t->first = r;
        } else {
            t->last->next_job = r;
        }
        t->last = r;
        t->queued++;
        pthread_cond_signal(&t->work);
    }
    pthread_mutex_unlock(&t->lock);
    return room;
}

void web_threads_join(struct web_threads *t) {
    if (t == NULL) {
        return;
    }
    pthread_mutex_lock(&t->lock);
    t->stopping = true;
    pthread_cond_broadcast(&t->work);
    pthread_mutex_unlock(&t->lock);
    for (unsigned i = 0; i < t->count; i++) {
        pthread_join(t->threads[i], NULL);
    }
    t->count = 0;
}

void web_threads_stop(struct web_threads *t) {
    if (t == NULL) {
        return;
    }
    web_threads_join(t);
    pthread_cond_destroy(&t->work);
    pthread_mutex_destroy(&t->lock);
    mem_free(t);
}
