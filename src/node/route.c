// SPDX-License-Identifier: Apache-2.0
// The threads that send. Each has a connection of its own to the catalogue and takes what is due.
#include "node/route.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "archive/archive.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "db/db.h"
#include "dimse/association.h"
#include "dimse/stream.h"
#include "node/node.h"
#include "node/route_attempt.h"

struct sender {
    struct route *route;
    pthread_t thread;
    bool running;
    struct db *db;
    struct rng random;
    struct dimse_association *open; // under the route's lock
};

struct route {
    struct node *node;
    pthread_mutex_t lock;
    pthread_cond_t work;
    atomic_bool stopping;
    bool woken;
    usec tidied;
    struct sender senders[ROUTE_SENDERS];
};

static usec now_of(const struct route *r) { return clock_now(node_clock(r->node)); }

static bool is_stopping(void *context) {
    struct sender *s = context;
    return atomic_load(&s->route->stopping);
}

static void note_open(void *context, struct dimse_association *a) {
    struct sender *s = context;
    pthread_mutex_lock(&s->route->lock);
    s->open = a;
    if (a != NULL && atomic_load(&s->route->stopping)) {
        dimse_stream_break(dimse_association_stream(a));
    }
    pthread_mutex_unlock(&s->route->lock);
}

// Whether there is another attempt, and when; the words say so.
static enum route_event weigh(struct sender *s, struct route_attempt *a, usec *ret_next_at) {
    struct err e = {0};
    usec now = now_of(s->route), since = a->task.fruitless_since;
    unsigned attempts = a->task.attempts;
    (void)route_queue_patience(s->db, &a->task, &attempts, &since, &e);
    if (route_gives_up(attempts + 1, since, now)) {
        char why[ROUTE_WORDS_MAX + 1];
        (void)snprintf(why, sizeof why, "%s", a->words);
        (void)snprintf(a->words, sizeof a->words, "Given up after %u attempts. The last: %.240s",
                       attempts + 1, why);
        return ROUTE_GAVE_UP;
    }
    *ret_next_at = now + route_wait(attempts + 1, &s->random);
    return ROUTE_BROKE_OFF;
}

static void log_end(const struct route_attempt *a, enum route_event event) {
    const struct route_task *t = &a->task;
    char id[48];
    (void)snprintf(id, sizeof id, "route %lld.%lld", (long long)t->order, (long long)t->id);
    if (a->words[0] == '\0') {
        log_line(LOG_INFO, "%s to %s: done", id, t->station);
    } else {
        log_line(event == ROUTE_REFUSED || event == ROUTE_GAVE_UP ? LOG_ERROR : LOG_WARNING,
                 "%s to %s: %s", id, t->station, a->words);
    }
}

static void send_one(struct sender *s, const struct route_task *task) {
    struct route_attempt a = {.node = s->route->node,
                              .db = s->db,
                              .task = *task,
                              .opened = note_open,
                              .stopping = is_stopping,
                              .context = s};
    struct err e = {0};
    usec next_at = 0;
    enum route_event event = route_attempt_run(&a);
    note_open(s, NULL);
    if (event == ROUTE_BROKE_OFF) {
        event = weigh(s, &a, &next_at);
    }
    if (event == ROUTE_RESTARTED) {
        a.words[0] = '\0';
        next_at = now_of(s->route);
    }
    log_end(&a, event);
    if (event != ROUTE_CALLED_OFF &&
        route_queue_end(s->db, task, event, a.words, next_at, now_of(s->route), &e) != E_OK) {
        log_failure(LOG_ERROR, "route", "writing down how an attempt ended", &e);
    }
}

static void wait_for_work(struct route *r, usec wait) {
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += wait / CLOCK_SECOND;
    until.tv_nsec += (wait % CLOCK_SECOND) * 1000;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&r->lock);
    if (!r->woken && !atomic_load(&r->stopping)) {
        (void)pthread_cond_timedwait(&r->work, &r->lock, &until);
    }
    r->woken = false;
    pthread_mutex_unlock(&r->lock);
}

static void tidy(struct sender *s) {
    struct route *r = s->route;
    struct err e = {0};
    usec now = now_of(r);
    pthread_mutex_lock(&r->lock);
    bool due = now - r->tidied >= ROUTE_TIDY_EVERY;
    r->tidied = due ? now : r->tidied;
    pthread_mutex_unlock(&r->lock);
    if (due && route_queue_tidy(s->db, now, &e) != E_OK) {
        log_failure(LOG_WARNING, "route", "removing old orders", &e);
    }
}

static void *run(void *context) {
    struct sender *s = context;
    bool troubled = false;
    while (!is_stopping(s)) {
        struct route_task task;
        struct err e = {0};
        usec next_at = 0, wait = ROUTE_LOOK_MS * 1000;
        int rc = route_queue_claim(s->db, ROUTE_PER_STATION, now_of(s->route), &task, &next_at, &e);
        if (rc == 1) {
            send_one(s, &task);
            route_wake(s->route); // the station is free for another
            continue;
        }
        if (rc < 0 && !troubled) { // once, not every second
            log_failure(LOG_ERROR, "route", "looking for what is due", &e);
        }
        troubled = rc < 0;
        tidy(s);
        usec left = next_at - now_of(s->route);
        wait_for_work(s->route, next_at > 0 && left > 0 && left < wait ? left : wait);
    }
    return NULL;
}

static int start_sender(struct route *r, struct sender *s, struct err *e) {
    s->route = r;
    s->random = rng_kernel();
    int rc = archive_writer_new(node_archive(r->node), &s->db, e);
    rc = rc == E_OK ? db_relax(s->db, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    int failed = pthread_create(&s->thread, NULL, run, s);
    s->running = failed == 0;
    return failed == 0 ? E_OK : err_set_errno(e, failed, "start a thread");
}

int route_start(struct node *n, struct route **ret_route, struct err *e) {
    struct route *r = mem_zalloc(sizeof *r);
    if (r == NULL) {
        return err_set(e, E_MEMORY, "routes");
    }
    r->node = n;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->work, NULL);
    struct db *db = archive_writer(node_archive(n));
    int rc = route_queue_restart(db, now_of(r), e);
    archive_writer_done(node_archive(n));
    for (size_t i = 0; i < ROUTE_SENDERS && rc == E_OK; i++) {
        rc = start_sender(r, &r->senders[i], e);
    }
    if (rc != E_OK) {
        route_stop(r);
        return rc;
    }
    *ret_route = r;
    return E_OK;
}

void route_wake(struct route *r) {
    if (r == NULL) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    r->woken = true;
    pthread_cond_broadcast(&r->work);
    pthread_mutex_unlock(&r->lock);
}

static void break_off(struct route *r) {
    atomic_store(&r->stopping, true);
    pthread_mutex_lock(&r->lock);
    pthread_cond_broadcast(&r->work);
    for (size_t i = 0; i < ROUTE_SENDERS; i++) {
        if (r->senders[i].open != NULL) {
            dimse_stream_break(dimse_association_stream(r->senders[i].open));
        }
    }
    pthread_mutex_unlock(&r->lock);
}

void route_stop(struct route *r) {
    if (r == NULL) {
        return;
    }
    break_off(r);
    for (size_t i = 0; i < ROUTE_SENDERS; i++) {
        if (r->senders[i].running) {
            (void)pthread_join(r->senders[i].thread, NULL);
        }
        db_close(r->senders[i].db);
    }
    pthread_cond_destroy(&r->work);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}
