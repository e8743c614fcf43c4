// SPDX-License-Identifier: Apache-2.0
#include "archive/keeper.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

#include "archive/archive.h"
#include "archive/archive_priv.h"
#include "archive/delivery.h"
#include "archive/delivery_priv.h"
#include "base/err.h"
#include "base/mem.h"

struct keeper {
    struct archive *archive;
    void (*trouble)(const struct err *why);
    pthread_mutex_t lock;
    pthread_cond_t stop;
    bool stopping;
    bool troubled;
    pthread_t thread;
    bool runs;
};

static bool wait_a_while(struct keeper *k) {
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += KEEPER_LOOK_SECONDS;
    (void)pthread_mutex_lock(&k->lock);
    while (!k->stopping && pthread_cond_timedwait(&k->stop, &k->lock, &until) == 0) {
    }
    bool goes_on = !k->stopping;
    (void)pthread_mutex_unlock(&k->lock);
    return goes_on;
}

static void tell(struct keeper *k, int rc, const struct err *why) {
    if (rc != E_OK && !k->troubled) {
        k->trouble(why);
    }
    k->troubled = rc != E_OK;
}

static void *run(void *context) {
    struct keeper *k = context;
    for (unsigned seconds = 0; wait_a_while(k); seconds += KEEPER_LOOK_SECONDS) {
        struct err e = {0};
        uint64_t count = 0;
        int rc = delivery_end_quiet(k->archive, "stow", archive_quiet(k->archive), &e);
        rc = rc == E_OK ? delivery_settle_ended(k->archive, &e) : rc;
        if (rc == E_OK && seconds >= KEEPER_EXPIRE_SECONDS) {
            seconds = 0;
            rc = delivery_expire(k->archive, &count, &e);
        }
        tell(k, rc, &e);
    }
    return NULL;
}

int keeper_start(struct archive *a, void (*trouble)(const struct err *why),
                 struct keeper **ret_keeper, struct err *e) {
    uint64_t count = 0;
    sigset_t all, before;
    int rc = delivery_expire(a, &count, e);
    struct keeper *k = rc == E_OK ? mem_zalloc(sizeof *k) : NULL;
    if (k == NULL) {
        return rc == E_OK ? err_set(e, E_MEMORY, "keeper") : rc;
    }
    k->archive = a;
    k->trouble = trouble;
    (void)pthread_mutex_init(&k->lock, NULL);
    (void)pthread_cond_init(&k->stop, NULL);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    k->runs = pthread_create(&k->thread, NULL, run, k) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!k->runs) {
        keeper_stop(k);
        return err_set(e, E_MEMORY, "no thread for the keeper");
    }
    *ret_keeper = k;
    return E_OK;
}

void keeper_stop(struct keeper *k) {
    if (k == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&k->lock);
    k->stopping = true;
    (void)pthread_cond_broadcast(&k->stop);
    (void)pthread_mutex_unlock(&k->lock);
    if (k->runs) {
        (void)pthread_join(k->thread, NULL);
    }
    (void)pthread_cond_destroy(&k->stop);
    (void)pthread_mutex_destroy(&k->lock);
    mem_free(k);
}
