// SPDX-License-Identifier: Apache-2.0
// The parent's side of reading.h: which crops are new, in which batches they go to the children,
// and what becomes of a batch that kills its child.
#include "gate/reading.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "gate/reading_known.h"
#include "gate/reading_wire.h"
#include "worker/worker.h"

#define PROGRAM_NAME "maclab-reader"
#define THREADS_MAX 16U
#define ABOUT_MAX 128
#define CALL_MEMORY ((size_t)512 << 20)
#ifndef MACLAB_LIBEXEC
#define MACLAB_LIBEXEC "/usr/local/libexec"
#endif

struct gate_reader {
    char program[PATH_MAX];
    unsigned size;
    pthread_mutex_t lock; // of all below
    struct worker_pool *pool;
    struct err missing; // E_UNSUPPORTED once that is known
    char about[ABOUT_MAX];
    struct gate_known known;
};

// The children's table: what runs is in the other program.
static const struct worker_job jobs[GATE_READING_JOB_COUNT] = {
    [GATE_READING_READ] = {.name = "read",
                           .timeout_ms = GATE_READING_TIMEOUT_MS,
                           .memory_bytes = GATE_READING_MEMORY},
    [GATE_READING_ABOUT] = {.name = "about", .memory_bytes = GATE_READING_MEMORY}};

// --- finding and starting the program

static bool beside(char *out, size_t size) {
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0) {
        return false;
    }
    self[len] = '\0';
    char *slash = strrchr(self, '/');
    if (slash == NULL) {
        return false;
    }
    int n = snprintf(out, size, "%.*s/%s", (int)(slash - self), self, PROGRAM_NAME);
    return n > 0 && (size_t)n < size && access(out, X_OK) == 0;
}

static void locate(const char *program, char *out, size_t size) {
    if (program != NULL) {
        (void)snprintf(out, size, "%s", program);
    } else if (!beside(out, size)) {
        (void)snprintf(out, size, "%s/%s", MACLAB_LIBEXEC, PROGRAM_NAME);
    }
}

int gate_reader_open(const char *program, unsigned size, struct gate_reader **ret_reader,
                     struct err *e) {
    struct gate_reader *r = mem_zalloc(sizeof *r);
    if (r == NULL) {
        return err_set(e, E_MEMORY, "reader");
    }
    locate(program, r->program, sizeof r->program);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    r->size = size != 0 ? size : (processors > 1 ? (unsigned)processors : 1);
    r->size = r->size < THREADS_MAX ? r->size : THREADS_MAX;
    (void)pthread_mutex_init(&r->lock, NULL);
    *ret_reader = r;
    return E_OK;
}

void gate_reader_close(struct gate_reader *r) {
    if (r == NULL) {
        return;
    }
    worker_pool_stop(r->pool);
    gate_known_done(&r->known);
    (void)pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

void gate_reader_forget(struct gate_reader *r) {
    (void)pthread_mutex_lock(&r->lock);
    gate_known_done(&r->known);
    (void)pthread_mutex_unlock(&r->lock);
}

static int ask_about(struct gate_reader *r, struct err *e) {
    struct buf answer;
    buf_init(&answer, ABOUT_MAX - 1);
    int rc = worker_run(r->pool, GATE_READING_ABOUT, (struct slice){NULL, 0}, -1, -1, &answer, e);
    if (rc == E_OK) {
        for (size_t i = 0; i < answer.len; i++) { // it is shown to people
            uint8_t c = answer.data[i];
            r->about[i] = (char)(c >= 0x20 && c < 0x7F ? c : '?');
        }
    }
    buf_done(&answer);
    return rc;
}

// With the lock held.
static int start(struct gate_reader *r, struct err *e) {
    if (access(r->program, X_OK) != 0) {
        return err_set(e, E_UNSUPPORTED, "no program for reading text (%s): is it installed?",
                       PROGRAM_NAME);
    }
    struct worker_options options = {
        .jobs = jobs, .job_count = GATE_READING_JOB_COUNT, .size = r->size, .program = r->program};
    int rc = worker_pool_start(&options, &r->pool, e);
    rc = rc == E_OK ? ask_about(r, e) : rc;
    if (rc != E_OK) {
        worker_pool_stop(steal(r->pool));
    }
    return rc;
}

static int ensure_started(struct gate_reader *r, struct err *e) {
    (void)pthread_mutex_lock(&r->lock);
    int rc = E_OK;
    if (r->missing.code != E_OK) {
        *e = r->missing;
        rc = e->code;
    } else if (r->pool == NULL) {
        rc = start(r, e);
        if (rc == E_UNSUPPORTED) {
            r->missing = *e;
        }
    }
    (void)pthread_mutex_unlock(&r->lock);
    return rc;
}

int gate_reader_about(struct gate_reader *r, char *out, size_t size, struct err *e) {
    int rc = ensure_started(r, e);
    if (rc == E_OK) {
        (void)snprintf(out, size, "%s", r->about); // written once, before any thread gets here
    }
    return rc;
}

// --- one call

struct item {
    struct hash digest;
    struct slice crop;
    uint32_t number; // of the caller's
};

// New crops in batches: batch i is items[first[i]] to items[first[i + 1] - 1].
struct task {
    struct gate_reader *reader;
    struct item *items;
    struct gate_reading *readings; // by item
    uint32_t count;
    uint32_t *first;
    uint32_t batches;
    atomic_uint next;
    atomic_int failed; // a code that ends the call: 0 while there is none
    struct err why;
};

static bool of_the_crop(int code) {
    return code == E_CRASHED || code == E_TIMEOUT || code == E_MEMORY || code == E_LIMIT ||
           code == E_SYNTAX;
}

static int ask(struct task *t, uint32_t from, uint32_t to, struct err *e) {
    CLEANUP(cleanup_buf) struct buf request = {.max = WORKER_REQUEST_MAX};
    CLEANUP(cleanup_buf) struct buf answer = {.max = WORKER_REQUEST_MAX};
    for (uint32_t i = from; i < to; i++) {
        buf_put_slice(&request, t->items[i].crop);
    }
    if (buf_check(&request, "crops", e) != E_OK) {
        return e->code;
    }
    int rc =
        worker_run(t->reader->pool, GATE_READING_READ, buf_slice(&request), -1, -1, &answer, e);
    return rc == E_OK ? gate_readings_unpack(buf_slice(&answer), t->readings + from, to - from, e)
                      : rc;
}

// What a batch cannot do its crops may do alone; a crop that cannot is unread, not the end.
static int read_batch(struct task *t, uint32_t from, uint32_t to, struct err *e) {
    int rc = ask(t, from, to, e);
    if (rc == E_OK || !of_the_crop(rc)) {
        return rc;
    }
    for (uint32_t i = from; i < to; i++) {
        rc = to - from > 1 ? ask(t, i, i + 1, e) : rc;
        if (rc != E_OK && !of_the_crop(rc)) {
            return rc;
        }
        if (rc != E_OK) {
            t->readings[i] = (struct gate_reading){.text = ""};
        }
    }
    return E_OK;
}

static void *work(void *context) {
    struct task *t = context;
    unsigned i;
    while ((i = atomic_fetch_add(&t->next, 1)) < t->batches && atomic_load(&t->failed) == 0) {
        struct err e = {0};
        int rc = read_batch(t, t->first[i], t->first[i + 1], &e);
        int none = 0;
        if (rc != E_OK && atomic_compare_exchange_strong(&t->failed, &none, rc)) {
            t->why = e;
        }
    }
    return NULL;
}

static void run_threads(struct task *t) {
    pthread_t threads[THREADS_MAX];
    unsigned wanted = t->batches < t->reader->size ? t->batches : t->reader->size;
    unsigned running = 0;
    while (running + 1 < wanted && pthread_create(&threads[running], NULL, work, t) == 0) {
        running++;
    }
    (void)work(t); // this thread does its part, all of it where no other could be had
    for (unsigned i = 0; i < running; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

static void cut_batches(struct task *t) {
    size_t bytes = 0;
    uint32_t crops = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        size_t len = t->items[i].crop.len;
        bool full = crops == GATE_READING_BATCH_CROPS || bytes + len > GATE_READING_BATCH_BYTES;
        if (i == 0 || full) {
            t->first[t->batches++] = i;
            bytes = 0;
            crops = 0;
        }
        bytes += len;
        crops++;
    }
    t->first[t->batches] = t->count;
}

static int read_new(struct task *t, struct err *e) {
    if (t->count == 0) {
        return E_OK;
    }
    if (ensure_started(t->reader, e) != E_OK) {
        return e->code;
    }
    cut_batches(t);
    run_threads(t);
    int failed = atomic_load(&t->failed);
    if (failed != 0) {
        *e = t->why;
    }
    return failed;
}

// --- which crops are new

// A crop that no request could hold, at half its size as often as it takes.
static int fit_crop(struct arena *a, struct gate_crop c, struct slice *ret_crop, struct err *e) {
    while (c.whole.len > GATE_READING_CROP_MAX) {
        uint32_t w = c.width > 1 ? c.width / 2 : 1, h = c.height > 1 ? c.height / 2 : 1;
        size_t len = 4 + (size_t)w * h;
        uint8_t *to = arena_alloc(a, len);
        if (to == NULL) {
            return err_set(e, E_MEMORY, "a crop of %zu bytes", c.whole.len);
        }
        num_put_le16(to, (uint16_t)w);
        num_put_le16(to + 2, (uint16_t)h);
        for (uint32_t y = 0; y < h; y++) {
            for (uint32_t x = 0; x < w; x++) {
                uint32_t x0 = 2 * x, y0 = 2 * y;
                uint32_t x1 = x0 + 1 < c.width ? x0 + 1 : x0, y1 = y0 + 1 < c.height ? y0 + 1 : y0;
                const uint8_t *upper = c.grey + (size_t)y0 * c.width;
                const uint8_t *lower = c.grey + (size_t)y1 * c.width;
                to[4 + (size_t)y * w + x] =
                    (uint8_t)((upper[x0] + upper[x1] + lower[x0] + lower[x1] + 2) / 4);
            }
        }
        c = (struct gate_crop){w, h, to + 4, slice_of(to, len)};
    }
    *ret_crop = c.whole;
    return E_OK;
}

static int by_digest(const void *a, const void *b) {
    const struct item *x = a, *y = b;
    int order = memcmp(x->digest.bytes, y->digest.bytes, HASH_LEN);
    return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}

// All crops, the same ones beside each other.
static int cut_items(struct arena *a, struct slice crops, struct item *items, uint32_t count,
                     struct err *e) {
    for (uint32_t i = 0; i < count; i++) {
        struct gate_crop c;
        if (gate_crop_next(&crops, &c, e) != E_OK) {
            return err_context(e, "crop %u", (unsigned)i);
        }
        items[i] = (struct item){.digest = hash_of(c.whole), .number = i};
        if (fit_crop(a, c, &items[i].crop, e) != E_OK) {
            return e->code;
        }
    }
    if (crops.len > 0) {
        return err_set(e, E_ARGUMENT, "%zu bytes behind the last crop", crops.len);
    }
    qsort(items, count, sizeof *items, by_digest);
    return E_OK;
}

// The first of each crop that is not known goes into the task.
static void choose_new(struct task *t, const struct item *all, uint32_t count) {
    struct gate_reading ignored;
    (void)pthread_mutex_lock(&t->reader->lock);
    for (uint32_t i = 0; i < count; i++) {
        bool again = i > 0 && hash_eq(&all[i].digest, &all[i - 1].digest);
        if (!again && !gate_known_find(&t->reader->known, &all[i].digest, &ignored)) {
            t->items[t->count++] = all[i];
        }
    }
    (void)pthread_mutex_unlock(&t->reader->lock);
}

// Readings by the caller's numbers: this task's, else the known ones. Both lists are in order of
// digest. False where another thread's call had the known ones forgotten meanwhile.
static bool hand_out(struct task *t, const struct item *all, uint32_t count,
                     struct gate_reading *ret_readings) {
    uint32_t next = 0;
    bool whole = true;
    (void)pthread_mutex_lock(&t->reader->lock);
    for (uint32_t i = 0; i < count; i++) {
        while (next < t->count &&
               memcmp(t->items[next].digest.bytes, all[i].digest.bytes, HASH_LEN) < 0) {
            next++;
        }
        struct gate_reading *to = &ret_readings[all[i].number];
        if (next < t->count && hash_eq(&t->items[next].digest, &all[i].digest)) {
            *to = t->readings[next];
        } else {
            whole = gate_known_find(&t->reader->known, &all[i].digest, to) && whole;
        }
    }
    for (uint32_t i = 0; i < t->count; i++) {
        gate_known_add(&t->reader->known, &t->items[i].digest, &t->readings[i]);
    }
    (void)pthread_mutex_unlock(&t->reader->lock);
    return whole;
}

static int read_all(struct arena *a, struct gate_reader *r, struct slice crops,
                    struct gate_reading *ret_readings, uint32_t count, struct err *e) {
    struct item *all = arena_array(a, count, sizeof *all);
    struct task t = {.reader = r,
                     .items = arena_array(a, count, sizeof *t.items),
                     .readings = arena_array(a, count, sizeof *t.readings),
                     .first = arena_array(a, (size_t)count + 1, sizeof *t.first)};
    if (all == NULL || t.items == NULL || t.readings == NULL || t.first == NULL) {
        return err_set(e, E_MEMORY, "%u crops", (unsigned)count);
    }
    if (cut_items(a, crops, all, count, e) != E_OK) {
        return e->code;
    }
    bool whole = false;
    while (!whole) {
        t.count = t.batches = 0;
        atomic_store(&t.next, 0);
        choose_new(&t, all, count);
        if (read_new(&t, e) != E_OK) {
            return e->code;
        }
        whole = hand_out(&t, all, count, ret_readings);
    }
    explicit_bzero(t.readings, count * sizeof *t.readings);
    return E_OK;
}

int gate_reader_read(struct gate_reader *r, struct slice crops, struct gate_reading *ret_readings,
                     uint32_t count, struct err *e) {
    if (count == 0) {
        return E_OK;
    }
    struct arena a;
    arena_init(&a, CALL_MEMORY);
    int rc = read_all(&a, r, crops, ret_readings, count, e);
    arena_done(&a);
    return rc;
}
