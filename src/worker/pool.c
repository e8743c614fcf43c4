// SPDX-License-Identifier: Apache-2.0
// The parent's side: the pool of worker.h. One thread, the keeper, starts and reaps children,
// because a child dies with the thread that started it; threads that run jobs take a ready child,
// use it alone and give it back or hand it to the keeper to be replaced.
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "worker/exchange.h"
#include "worker/limits.h"
#include "worker/process.h"

#define HELLO_USEC (10 * CLOCK_SECOND)
#define BACK_OFF_MS_FIRST 50U
#define BACK_OFF_MS_MAX 5000U
#define START_FAILURES_MAX 5 // so many in a row, and waiting jobs are told why
#define CHILD_BUSY_MAX                                                                             \
    (1800 * CLOCK_SECOND) // far from SANDBOX_CPU_SECONDS even after a longest job
#define DYING_MS 500
#define RETIRING_MS 1000

_Static_assert(CHILD_BUSY_MAX / CLOCK_SECOND + WORKER_TIMEOUT_MS_MAX / 1000 < SANDBOX_CPU_SECONDS,
               "a healthy child never meets its processor limit");

struct worker_pool {
    struct worker_options options;
    pthread_t keeper;
    pthread_mutex_t lock;
    pthread_cond_t free_child; // a child became idle, or none ever will
    pthread_cond_t work;       // for the keeper
    struct process *idle;      // last used first: its caches are warm
    struct process *retired;   // for the keeper to reap
    unsigned alive;            // idle and busy
    unsigned busy;
    unsigned start_failures; // in a row
    bool stopping;
    struct err start_error;
    struct worker_counts counts;
};

static struct timespec after_ms(unsigned ms) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_nsec -= 1000000000L;
        t.tv_sec++;
    }
    return t;
}

// --- the keeper: called with the lock held, which they give up meanwhile ------------------------

static void reap_retired(struct worker_pool *p) {
    while (p->retired != NULL) {
        struct process *one = p->retired;
        p->retired = one->next;
        (void)pthread_mutex_unlock(&p->lock);
        process_dismiss(one);
        process_end(one, RETIRING_MS, NULL);
        (void)pthread_mutex_lock(&p->lock);
    }
}

static int start_one(const struct worker_options *o, struct process **ret_process, struct err *e) {
    struct process *one;
    if (process_start(o->program, &one, e) != E_OK) {
        return err_context(e, "a worker did not start");
    }
    usec deadline = clock_monotonic(clock_system()) + HELLO_USEC;
    int rc = process_hello(one, o->job_count, deadline, e);
    if (rc == E_OK) {
        *ret_process = one;
        return E_OK;
    }
    // A refusal says why itself; a death without a word is known by its status only.
    bool silent = rc == E_CRASHED || rc == E_SYNTAX;
    process_end(one, silent ? DYING_MS : 0, silent ? e : NULL);
    return err_context(e, "a worker did not start");
}

static void add_child(struct worker_pool *p) {
    struct process *one = NULL;
    struct err e = {0};
    (void)pthread_mutex_unlock(&p->lock);
    int rc = start_one(&p->options, &one, &e);
    (void)pthread_mutex_lock(&p->lock);
    if (rc == E_OK) {
        one->next = p->idle;
        p->idle = one;
        p->alive++;
        p->start_failures = 0;
        p->counts.landlock_abi = one->landlock_abi;
        (void)pthread_cond_signal(&p->free_child);
        return;
    }
    p->start_error = e;
    p->start_failures++;
    (void)pthread_cond_broadcast(&p->free_child);
}

static void keeper_wait(struct worker_pool *p) {
    if (p->start_failures == 0) {
        (void)pthread_cond_wait(&p->work, &p->lock);
        return;
    }
    unsigned shift = p->start_failures < 8 ? p->start_failures - 1 : 7;
    unsigned ms = BACK_OFF_MS_FIRST << shift;
    struct timespec until = after_ms(ms < BACK_OFF_MS_MAX ? ms : BACK_OFF_MS_MAX);
    (void)pthread_cond_clockwait(&p->work, &p->lock, CLOCK_MONOTONIC, &until);
}

static void *keep(void *context) {
    struct worker_pool *p = context;
    (void)pthread_mutex_lock(&p->lock);
    while (!p->stopping || p->busy > 0) {
        reap_retired(p);
        bool wanted = !p->stopping && p->alive < p->options.size;
        if (wanted) {
            add_child(p);
        }
        bool more = p->retired != NULL ||
                    (!p->stopping && p->alive < p->options.size && p->start_failures == 0);
        if (!more && (!p->stopping || p->busy > 0)) {
            keeper_wait(p);
        }
    }
    while (p->idle != NULL) {
        struct process *one = p->idle;
        p->idle = one->next;
        one->next = p->retired;
        p->retired = one;
        p->alive--;
        process_dismiss(one);
    }
    reap_retired(p);
    (void)pthread_mutex_unlock(&p->lock);
    return NULL;
}

// --- start and stop

static unsigned default_size(void) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 2 ? 2 : (unsigned)processors;
}

static void fill_options(struct worker_options *o) {
    o->size = o->size != 0 ? o->size : default_size();
    o->size = o->size < WORKER_SIZE_MAX ? o->size : WORKER_SIZE_MAX;
    o->jobs_per_child = o->jobs_per_child != 0 ? o->jobs_per_child : WORKER_JOBS_PER_CHILD_DEFAULT;
}

// The keeper leaves every signal to the threads of the program.
static int start_keeper(struct worker_pool *p) {
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&p->keeper, NULL, keep, p);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static int wait_first(struct worker_pool *p, struct err *e) {
    (void)pthread_mutex_lock(&p->lock);
    while (p->alive == 0 && p->start_failures == 0) {
        (void)pthread_cond_wait(&p->free_child, &p->lock);
    }
    if (p->alive == 0) {
        *e = p->start_error;
    }
    int rc = p->alive == 0 ? e->code : E_OK;
    (void)pthread_mutex_unlock(&p->lock);
    return rc;
}

int worker_pool_start(const struct worker_options *options, struct worker_pool **ret_pool,
                      struct err *e) {
    struct worker_pool *p = mem_zalloc(sizeof *p);
    if (p == NULL) {
        return err_set(e, E_MEMORY, "worker pool");
    }
    p->options = *options;
    fill_options(&p->options);
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->free_child, NULL);
    (void)pthread_cond_init(&p->work, NULL);
    int rc = start_keeper(p);
    if (rc != 0) {
        mem_free(p);
        return err_set_errno(e, rc, "cannot start the thread that keeps the workers");
    }
    rc = wait_first(p, e);
    if (rc != E_OK) {
        worker_pool_stop(p);
        return rc;
    }
    *ret_pool = p;
    return E_OK;
}

void worker_pool_stop(struct worker_pool *p) {
    if (p == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&p->lock);
    p->stopping = true;
    (void)pthread_cond_broadcast(&p->work);
    (void)pthread_cond_broadcast(&p->free_child);
    (void)pthread_mutex_unlock(&p->lock);
    (void)pthread_join(p->keeper, NULL);
    (void)pthread_cond_destroy(&p->work);
    (void)pthread_cond_destroy(&p->free_child);
    (void)pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

struct worker_counts worker_pool_counts(struct worker_pool *p) {
    (void)pthread_mutex_lock(&p->lock);
    struct worker_counts counts = p->counts;
    counts.children = p->alive;
    counts.busy = p->busy;
    (void)pthread_mutex_unlock(&p->lock);
    return counts;
}

// --- one job

static bool hopeless(const struct worker_pool *p) {
    return p->alive == 0 && p->start_failures >= START_FAILURES_MAX;
}

static int take(struct worker_pool *p, struct process **ret_process, struct err *e) {
    struct timespec until = {0};
    int rc = 0;
    (void)pthread_mutex_lock(&p->lock);
    while (p->idle == NULL && rc == 0 && !p->stopping && !hopeless(p)) {
        until = until.tv_sec == 0 ? after_ms(WORKER_QUEUE_MS) : until;
        rc = pthread_cond_clockwait(&p->free_child, &p->lock, CLOCK_MONOTONIC, &until);
    }
    struct process *one = p->idle;
    if (one != NULL && !p->stopping) {
        p->idle = one->next;
        p->busy++;
        p->counts.jobs++;
        *ret_process = one;
        rc = E_OK;
    } else if (p->stopping) {
        rc = err_set(e, E_CANCELLED, "the workers are being stopped");
    } else if (hopeless(p)) {
        *e = p->start_error;
        rc = e->code;
    } else {
        rc = err_set(e, E_BUSY, "no worker was free for %d s", WORKER_QUEUE_MS / 1000);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return rc;
}

static void give_back(struct worker_pool *p, struct process *one) {
    bool worn = one->jobs_done >= p->options.jobs_per_child || one->busy >= CHILD_BUSY_MAX;
    (void)pthread_mutex_lock(&p->lock);
    p->busy--;
    if (worn) {
        one->next = p->retired;
        p->retired = one;
        p->alive--;
        p->counts.recycled++;
        (void)pthread_cond_signal(&p->work);
    } else {
        one->next = p->idle;
        p->idle = one;
        (void)pthread_cond_signal(&p->free_child);
        if (p->stopping) {
            (void)pthread_cond_signal(&p->work);
        }
    }
    (void)pthread_mutex_unlock(&p->lock);
}

// The child failed with *e: it ends, and *e becomes the verdict of the job.
static int lose(struct worker_pool *p, struct process *one, const struct worker_job *job,
                struct err *e) {
    int what = e->code;
    process_end(one, what == E_CRASHED ? DYING_MS : 0, what == E_CRASHED ? e : NULL);
    if (what == E_TIMEOUT) {
        (void)err_set(e, E_TIMEOUT, "the worker was ended after %.1f s",
                      (double)limits_timeout_ms(job) / 1000);
    } else if (what == E_SYNTAX) {
        e->code = E_CRASHED;
        (void)err_context(e, "the worker answered nonsense and was ended");
    }
    (void)pthread_mutex_lock(&p->lock);
    p->busy--;
    p->alive--;
    p->counts.timeouts += e->code == E_TIMEOUT;
    p->counts.crashes += e->code != E_TIMEOUT;
    (void)pthread_cond_signal(&p->work);
    (void)pthread_mutex_unlock(&p->lock);
    return err_context(e, "%s", job->name);
}

static int converse(struct process *one, size_t job, const struct worker_job *row,
                    struct slice request, int in, int out, struct buf *answer, int *ret_code,
                    struct err *ret_error, struct err *e) {
    struct sandbox_limits limits = limits_of(row);
    struct frame_request head = {.magic = FRAME_REQUEST_MAGIC,
                                 .job = (uint32_t)job,
                                 .serial = ++one->serial,
                                 .len = (uint32_t)request.len,
                                 .has_in = in >= 0,
                                 .has_out = out >= 0};
    usec start = clock_monotonic(clock_system());
    usec deadline = start + (usec)limits_timeout_ms(row) * 1000;
    if (process_limit(one, &limits, e) != E_OK ||
        exchange_send(one->socket, &head, request, in, out, deadline, e) != E_OK ||
        exchange_receive(one->socket, head.serial, deadline, answer, ret_code, ret_error, e) !=
            E_OK) {
        return e->code;
    }
    one->jobs_done++;
    one->busy += clock_monotonic(clock_system()) - start;
    return E_OK;
}

static int check_request(const struct worker_pool *p, size_t job, struct slice request, int in,
                         struct err *e) {
    if (job >= p->options.job_count) {
        return err_set(e, E_ARGUMENT, "no worker job %zu", job);
    }
    if (request.len > WORKER_REQUEST_MAX) {
        return err_set(e, E_LIMIT, "request of %zu bytes to a worker", request.len);
    }
    // A child that was taken over must not be able to change what it was asked about.
    if (in >= 0 && (fcntl(in, F_GETFL) & O_ACCMODE) != O_RDONLY) {
        return err_set(e, E_ARGUMENT, "input of a worker must be open for reading only");
    }
    return E_OK;
}

int worker_run(struct worker_pool *pool, size_t job, struct slice request, int in, int out,
               struct buf *answer, struct err *e) {
    struct process *one = NULL;
    if (check_request(pool, job, request, in, e) != E_OK || take(pool, &one, e) != E_OK) {
        return e->code;
    }
    const struct worker_job *row = &pool->options.jobs[job];
    int code = E_OK;
    struct err told = {0};
    struct err failure = {0};
    if (converse(one, job, row, request, in, out, answer, &code, &told, &failure) != E_OK) {
        (void)lose(pool, one, row, &failure);
        *e = failure;
        return failure.code;
    }
    give_back(pool, one);
    if (code < 0) {
        *e = told;
    }
    return code;
}
