// SPDX-License-Identifier: Apache-2.0
// The delivery as a whole: its threads, its order of steps, its verdicts.
#include "gate/delivery.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "gate/delivery_priv.h"

#define PROFILE_MAX ((size_t)512 << 10)
#define ORDERS_MAX ((size_t)16 << 20)

// --- threads -------------------------------------------------------------------------------------

static void *run(void *context) {
    struct gate_delivery *d = context;
    (void)pthread_mutex_lock(&d->lock);
    for (;;) {
        struct task *t = d->first;
        if (t == NULL && d->closing) {
            break;
        }
        if (t == NULL) {
            (void)pthread_cond_wait(&d->work, &d->lock);
            continue;
        }
        d->first = t->next;
        d->last = d->first == NULL ? &d->first : d->last;
        d->queued--;
        d->running++;
        (void)pthread_cond_signal(&d->room);
        (void)pthread_mutex_unlock(&d->lock);
        t->run(d, t->subject);
        mem_free(t);
        (void)pthread_mutex_lock(&d->lock);
        d->running--;
        if (d->running == 0 && d->first == NULL) {
            (void)pthread_cond_broadcast(&d->idle);
        }
    }
    (void)pthread_mutex_unlock(&d->lock);
    return NULL;
}

bool delivery_submit(struct gate_delivery *d, void (*what)(struct gate_delivery *d, void *subject),
                     void *subject) {
    struct task *t = mem_zalloc(sizeof *t);
    if (t == NULL) {
        return false;
    }
    *t = (struct task){.run = what, .subject = subject};
    (void)pthread_mutex_lock(&d->lock);
    while (d->queued >= DELIVERY_QUEUE_MAX) {
        (void)pthread_cond_wait(&d->room, &d->lock);
    }
    *d->last = t;
    d->last = &t->next;
    d->queued++;
    (void)pthread_cond_signal(&d->work);
    (void)pthread_mutex_unlock(&d->lock);
    return true;
}

void delivery_wait(struct gate_delivery *d) {
    (void)pthread_mutex_lock(&d->lock);
    while (d->first != NULL || d->running > 0) {
        (void)pthread_cond_wait(&d->idle, &d->lock);
    }
    (void)pthread_mutex_unlock(&d->lock);
}

// While workers judge, as many threads open files and wait for readings.
static unsigned runners_wanted(unsigned at_once) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned wanted = at_once != 0 ? at_once : 3 * (processors < 2 ? 2 : (unsigned)processors);
    return wanted < DELIVERY_RUNNERS_MAX ? wanted : DELIVERY_RUNNERS_MAX;
}

// Signals are for the threads that were there before.
static int start_runners(struct gate_delivery *d, struct err *e) {
    sigset_t all, before;
    unsigned wanted = runners_wanted(d->options.at_once);
    int rc = 0;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    while (rc == 0 && d->runner_count < wanted) {
        rc = pthread_create(&d->runners[d->runner_count], NULL, run, d);
        d->runner_count += rc == 0;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return d->runner_count > 0 ? E_OK : err_set_errno(e, rc, "cannot start a thread");
}

// --- new and free

int gate_delivery_new(const struct gate_delivery_options *options, struct gate_delivery **ret_d,
                      struct err *e) {
    struct gate_delivery *d = mem_zalloc(sizeof *d);
    if (d == NULL) {
        return err_set(e, E_MEMORY, "delivery");
    }
    d->options = *options;
    d->last = &d->first;
    (void)pthread_mutex_init(&d->lock, NULL);
    (void)pthread_cond_init(&d->work, NULL);
    (void)pthread_cond_init(&d->room, NULL);
    (void)pthread_cond_init(&d->idle, NULL);
    buf_init(&d->profile, PROFILE_MAX);
    d->key = options->key == NULL ? gate_key_new() : gate_key_copy(options->key);
    int rc = d->key == NULL ? err_set(e, E_MEMORY, "no locked memory for the key") : E_OK;
    rc = rc == E_OK ? gate_profile_pack(options->profile, &d->profile, e) : rc;
    rc = rc == E_OK ? buf_check(&d->profile, "profile", e) : rc;
    rc = rc == E_OK ? start_runners(d, e) : rc;
    if (rc != E_OK) {
        gate_delivery_free(d);
        return rc;
    }
    *ret_d = d;
    return E_OK;
}

static void free_item(struct item *item) {
    gate_wire_wipe(&item->answer);
    buf_done(&item->answer);
    buf_done(&item->order_bytes);
    buf_done(&item->mask_bytes);
    mem_free(item->masks);
    arena_done(&item->arena);
    mem_free(item->name);
    mem_free(item);
}

void gate_delivery_free(struct gate_delivery *d) {
    if (d == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&d->lock);
    d->closing = true;
    (void)pthread_cond_broadcast(&d->work);
    (void)pthread_mutex_unlock(&d->lock);
    for (unsigned i = 0; i < d->runner_count; i++) {
        (void)pthread_join(d->runners[i], NULL);
    }
    for (uint32_t i = 0; i < d->count; i++) {
        free_item(d->items[i]);
    }
    mem_free(d->items);
    delivery_patients_free(d);
    gate_key_destroy(d->key);
    buf_done(&d->profile);
    (void)pthread_mutex_destroy(&d->lock);
    (void)pthread_cond_destroy(&d->work);
    (void)pthread_cond_destroy(&d->room);
    (void)pthread_cond_destroy(&d->idle);
    mem_free(d);
}

// --- adding

static int copy_orders(struct item *item, const struct gate_orders *from, struct err *e) {
    item->orders = *from;
    struct gate_edit *edits = arena_array(&item->arena, from->edit_count + 1, sizeof *edits);
    for (uint32_t i = 0; edits != NULL && i < from->edit_count; i++) {
        edits[i] = from->edits[i];
        edits[i].mask = arena_copy(&item->arena, from->edits[i].mask);
        if (edits[i].mask.ptr == NULL) {
            edits = NULL;
        }
    }
    item->orders.edits = edits;
    return edits == NULL ? err_set(e, E_MEMORY, "orders") : E_OK;
}

static int add_item(struct gate_delivery *d, struct item *item, struct err *e) {
    if (d->count == d->cap) {
        uint32_t cap = d->cap == 0 ? 256 : d->cap * 2;
        struct item **items = mem_realloc(d->items, cap * sizeof(struct item *));
        if (items == NULL) {
            return err_set(e, E_MEMORY, "delivery");
        }
        d->items = items;
        d->cap = cap;
    }
    d->items[d->count++] = item;
    return E_OK;
}

int gate_delivery_add(struct gate_delivery *d, uint64_t tag, const char *name,
                      const struct gate_orders *orders, struct err *e) {
    struct item *item = mem_zalloc(sizeof *item);
    if (item == NULL) {
        return err_set(e, E_MEMORY, "delivery");
    }
    item->tag = tag;
    arena_init(&item->arena, ORDERS_MAX);
    buf_init(&item->answer, DELIVERY_ANSWER_MAX);
    buf_init(&item->order_bytes, ORDERS_MAX);
    buf_init(&item->mask_bytes, ORDERS_MAX);
    item->name = name == NULL ? NULL : mem_strdup(name);
    int rc = name != NULL && item->name == NULL ? err_set(e, E_MEMORY, "delivery") : E_OK;
    rc = rc == E_OK && orders != NULL ? copy_orders(item, orders, e) : rc;
    rc = rc == E_OK ? add_item(d, item, e) : rc;
    if (rc != E_OK) {
        free_item(item);
        return rc;
    }
    return delivery_submit(d, delivery_pass, item) ? E_OK : err_set(e, E_MEMORY, "delivery");
}

uint64_t gate_delivery_passed(struct gate_delivery *d) {
    (void)pthread_mutex_lock(&d->lock);
    uint64_t done = d->done_items;
    (void)pthread_mutex_unlock(&d->lock);
    return done;
}

// --- verdicts
// --------------------------------------------------------------------------------------

static void object(struct gate_passed *p, enum gate_verdict verdict, enum gate_reason reason) {
    p->verdict = verdict > p->verdict ? verdict : p->verdict;
    for (uint32_t i = 0; i < p->reason_count; i++) {
        if (p->reasons[i] == reason) {
            return;
        }
    }
    if (p->reason_count < GATE_REASONS_MAX) {
        p->reasons[p->reason_count++] = reason;
    }
}

// What a person who looked at the instance may set aside. Not: text or names that are still there,
// and what could not be cleaned.
static bool may_lift(enum gate_reason reason) {
    switch (reason) {
    case GATE_REASON_TEXT_UNSURE:
    case GATE_REASON_PIXELS_UNREADABLE:
    case GATE_REASON_FACE:
    case GATE_REASON_FACE_UNSURE:
    case GATE_REASON_FACE_REMOVED:
    case GATE_REASON_RENDERING:
    case GATE_REASON_RISK:
    case GATE_REASON_SAME_PIXELS:
    case GATE_REASON_TWO_PERSONS:
        return true;
    default:
        return false;
    }
}

static void lift(struct gate_passed *p) {
    uint32_t left = 0;
    for (uint32_t i = 0; i < p->reason_count; i++) {
        if (!may_lift(p->reasons[i])) {
            p->reasons[left++] = p->reasons[i];
        }
    }
    p->reason_count = left;
    if (left == 0 && p->out_len > 0) {
        p->verdict = GATE_RELEASED;
    }
}

static int ask_known(struct gate_delivery *d, const struct item *item, struct gate_passed *p,
                     struct err *e) {
    const struct gate_door *door = d->options.door;
    bool known = false;
    if (door->known == NULL || !p->examined || p->verdict == GATE_REFUSED) {
        return E_OK;
    }
    int rc = door->known(door->context, item->tag, p, &known, e);
    if (rc == E_OK && known) {
        object(p, GATE_HELD, GATE_REASON_SAME_PIXELS);
    }
    return rc;
}

static int conclude(struct gate_delivery *d, const struct item *item, struct gate_passed *p,
                    struct err *e) {
    for (uint32_t i = 0; i < item->extra_count; i++) {
        object(p, GATE_HELD, item->extra[i]);
    }
    int rc = ask_known(d, item, p, e);
    if (d->options.profile->two_persons && p->verdict == GATE_RELEASED) {
        object(p, GATE_HELD, GATE_REASON_TWO_PERSONS);
    }
    if (item->orders.released_by_person && p->verdict == GATE_HELD) {
        lift(p);
    }
    if (p->verdict == GATE_RELEASED && p->out_len == 0) {
        object(p, GATE_HELD, GATE_REASON_CLEANING_FAILED);
    }
    return rc;
}

static void count(struct gate_delivery *d, const struct gate_passed *p) {
    struct gate_tally *t = &d->tally;
    t->released += p->verdict == GATE_RELEASED;
    t->held += p->verdict == GATE_HELD;
    t->refused += p->verdict == GATE_REFUSED;
    for (uint32_t i = 0; i < p->reason_count; i++) {
        t->reasons[p->reasons[i]]++;
    }
    for (uint32_t i = 0; i < p->line_count; i++) {
        t->kinds[p->lines[i].kind] += p->lines[i].done != GATE_DONE_KEPT;
    }
    t->risk_max = p->risk.points > t->risk_max ? p->risk.points : t->risk_max;
    t->frames_examined += p->examined ? p->frames : 0;
    if (p->verdict != GATE_RELEASED) {
        return;
    }
    t->bytes += p->out_len;
    for (int i = 0; i < 13; i++) {
        t->methods[i] += p->methods >> i & 1;
    }
    for (uint32_t i = 0; i < p->edit_count; i++) {
        t->boxes_blacked += p->edits[i].kind == GATE_EDIT_BLACK;
        t->frames_defaced += p->edits[i].kind == GATE_EDIT_MASK;
    }
}

static void decide(struct gate_delivery *d, struct item *item) {
    const struct gate_door *door = d->options.door;
    struct gate_passed p;
    struct arena a;
    struct err e = item->why;
    arena_init(&a, DELIVERY_ANSWER_MAX * 2);
    int rc = item->failed ? item->why.code : delivery_answer(item, &a, &p, &e);
    rc = rc == E_OK ? conclude(d, item, &p, &e) : rc;
    if (rc != E_OK || p.verdict != GATE_RELEASED) {
        door->drop_out(door->context, item->tag);
    }
    d->tally.files++;
    if (rc != E_OK) {
        d->tally.failed++;
        door->failed(door->context, item->tag, &e);
    } else {
        p.out_len = p.verdict == GATE_RELEASED ? p.out_len : 0;
        count(d, &p);
        door->decided(door->context, item->tag, &p);
    }
    arena_done(&a);
}

static int compare_uids(const void *a, const void *b) {
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y);
}

static uint64_t count_distinct(struct gate_delivery *d, const char **uids, bool series) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->count; i++) {
        const char *uid = series ? d->items[i]->series : d->items[i]->study;
        if (uid[0] != '\0') {
            uids[n++] = uid;
        }
    }
    qsort(uids, n, sizeof *uids, compare_uids);
    uint64_t distinct = n > 0;
    for (uint32_t i = 1; i < n; i++) {
        distinct += strcmp(uids[i - 1], uids[i]) != 0;
    }
    return distinct;
}

static void count_groups(struct gate_delivery *d) {
    const char **uids = mem_array(d->count + 1, sizeof *uids);
    if (uids != NULL) {
        d->tally.studies = count_distinct(d, uids, false);
        d->tally.series = count_distinct(d, uids, true);
        mem_free(uids);
    }
}

static int pass_again(struct gate_delivery *d, struct err *e) {
    for (uint32_t i = 0; i < d->count; i++) {
        struct item *item = d->items[i];
        if (item->again && !delivery_submit(d, delivery_pass, item)) {
            return err_set(e, E_MEMORY, "delivery");
        }
        item->again = false;
    }
    delivery_wait(d);
    return E_OK;
}

int gate_delivery_finish(struct gate_delivery *d, struct err *e) {
    delivery_wait(d);
    int rc = delivery_group(d, e);
    rc = rc == E_OK ? delivery_faces(d, e) : rc;
    rc = rc == E_OK ? pass_again(d, e) : rc;
    rc = rc == E_OK ? delivery_doubles(d, e) : rc;
    if (rc != E_OK) {
        return rc;
    }
    count_groups(d);
    for (uint32_t i = 0; i < d->count; i++) {
        decide(d, d->items[i]);
    }
    return E_OK;
}

void gate_delivery_tally(const struct gate_delivery *d, struct gate_tally *ret_tally) {
    *ret_tally = d->tally;
}
