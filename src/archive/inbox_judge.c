// SPDX-License-Identifier: Apache-2.0
// The background side of the inbox: rows of custody, then a delivery through an intake, then what
// became of each. A delivery waits until its peer is quiet. In a folder that keeps what is sent
// (archive.h) nothing is judged together; there, because two cores serve senders and workers alike,
// judging waits while arrivals come in, until some have waited long or many wait, and works with
// one worker then, and with all of them where the backlog is half full.
#include <stdio.h>
#include <time.h>

#include "archive/archive.h"
#include "archive/archive_priv.h"
#include "archive/inbox_priv.h"
#include "archive/intake.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "db/db.h"
#include "gate/gate.h"
#include "store/store.h"

#define BATCH 128
#define RECORDED_AT_ONCE 256
#define QUIET (CLOCK_SECOND / 20)   // without an arrival: nobody is hindered
#define PATIENCE (2 * CLOCK_SECOND) // longest wait for a verdict to begin while arrivals come in
#define MANY 512
#define LOOK_AGAIN (CLOCK_SECOND / 50)
#define IDLE_LOOK (2 * CLOCK_SECOND) // for wishes
#define PAUSE_MAX (30 * CLOCK_SECOND)
#define FAILURES_MAX 20

struct batch {
    struct inbox *inbox;
    struct delivery *delivery; // of all of them; NULL: of several, as they were sent
    struct inbox_note **notes;
    struct custody_row *rows; // what became of them
    bool *decided;
    size_t count, cap;
};

static void done(struct batch *batch) {
    mem_free(batch->notes);
    mem_free(batch->rows);
    mem_free(batch->decided);
    *batch = (struct batch){.inbox = batch->inbox};
}

static bool make_room(struct batch *batch, size_t cap) {
    done(batch);
    batch->notes = mem_array(cap, sizeof(struct inbox_note *));
    batch->rows = mem_array(cap, sizeof *batch->rows);
    batch->decided = mem_array(cap, sizeof *batch->decided);
    batch->cap = batch->notes != NULL && batch->rows != NULL && batch->decided != NULL ? cap : 0;
    return batch->cap > 0;
}

// --- recording

static void row_from_note(struct custody_row *row, const struct inbox_note *note) {
    memset(row, 0, sizeof *row);
    row->number = note->number;
    row->received = note->received;
    memcpy(row->peer, note->peer, sizeof row->peer);
    memcpy(row->sop_class, note->sop_class, sizeof row->sop_class);
    row->instance_key = note->instance_key;
    row->arrival = note->arrival;
    memcpy(row->delivery, note->delivery, sizeof row->delivery);
    row->bytes = note->bytes;
    row->state = CUSTODY_WAITING;
}

static size_t gather(const struct inbox_list *l, struct inbox_note **notes, size_t count) {
    for (struct inbox_note *n = l->first; n != NULL && count < RECORDED_AT_ONCE; n = n->next) {
        if (!n->recorded) {
            notes[count++] = n;
        }
    }
    return count;
}

static int add_rows(struct inbox *b, struct inbox_note **notes, size_t count, struct err *e) {
    struct db *writer = archive_writer(b->archive);
    int rc = db_begin(writer, e);
    for (size_t i = 0; rc == E_OK && i < count; i++) {
        struct custody_row row;
        row_from_note(&row, notes[i]);
        rc = custody_add(writer, &row, e);
    }
    rc = rc == E_OK ? db_commit(writer, e) : rc;
    archive_writer_done(b->archive);
    return rc;
}

// A note is freed only by the judge, and only when it is recorded: what is gathered here stays.
static int record_some(struct inbox *b, size_t *ret_count, struct err *e) {
    struct inbox_note *notes[RECORDED_AT_ONCE];
    (void)pthread_mutex_lock(&b->lock);
    size_t count =
        b->unrecorded == 0 ? 0 : gather(&b->waiting, notes, gather(&b->judging, notes, 0));
    (void)pthread_mutex_unlock(&b->lock);
    int rc = count > 0 ? add_rows(b, notes, count, e) : E_OK;
    (void)pthread_mutex_lock(&b->lock);
    for (size_t i = 0; rc == E_OK && i < count; i++) {
        notes[i]->recorded = true;
        b->unrecorded--;
    }
    (void)pthread_mutex_unlock(&b->lock);
    *ret_count = count;
    return rc;
}

int inbox_record(struct inbox *b, struct err *e) {
    size_t count = 0;
    int rc;
    (void)pthread_mutex_lock(&b->recording);
    do {
        rc = record_some(b, &count, e);
    } while (rc == E_OK && count == RECORDED_AT_ONCE);
    (void)pthread_mutex_unlock(&b->recording);
    return rc;
}

// --- deciding

static void decide(struct batch *batch, size_t at, enum custody_state state, const char *reason,
                   const char *words, const struct err *where) {
    struct custody_row *row = &batch->rows[at];
    row->state = (int)state;
    row->decided = clock_now(batch->inbox->clock);
    (void)snprintf(row->reason, sizeof row->reason, "%s", reason);
    if (where != NULL && where->path[0] != '\0') {
        (void)snprintf(row->words, sizeof row->words, "%.120s at %.70s", words, where->path);
    } else {
        (void)snprintf(row->words, sizeof row->words, "%.*s", (int)sizeof row->words - 1, words);
    }
    batch->decided[at] = true;
}

// The gate's sentences hold no value of the data set; those of the reader may.
static const char *words_of(const struct intake_result *result) {
    for (int i = GATE_REASON_NONE + 1; i < GATE_REASON_COUNT; i++) {
        if (strcmp(gate_reason_code((enum gate_reason)i), result->reason) == 0) {
            return gate_reason_words((enum gate_reason)i);
        }
    }
    return err_words(result->why.code);
}

// What a worker could not judge is for a person, not against the sender.
static bool is_for_a_person(int code) {
    return code == E_CRASHED || code == E_TIMEOUT || code == E_MEMORY || code == E_LIMIT;
}

static void refuse(struct batch *batch, size_t at, const struct intake_result *result) {
    if (result->why.code == E_MISMATCH && result->reason[0] == '\0') {
        decide(batch, at, CUSTODY_REFUSED, "mismatch",
               "the data set is not the instance that the command named", &result->why);
    } else if (is_for_a_person(result->why.code)) {
        decide(batch, at, CUSTODY_HELD, "not-judged", words_of(result), &result->why);
    } else {
        decide(batch, at, CUSTODY_REFUSED, result->reason[0] != '\0' ? result->reason : "refused",
               words_of(result), &result->why);
    }
}

// Ours failed: it is tried again, but not for ever.
static void count_failure(struct batch *batch, size_t at, const struct err *why) {
    struct inbox_note *note = batch->notes[at];
    inbox_trouble(batch->inbox, why);
    if (++note->failures >= FAILURES_MAX && why->code != E_FULL) {
        decide(batch, at, CUSTODY_HELD, "failed", "it could not be judged, again and again", NULL);
    }
}

static void take_result(const struct intake_result *result, void *context) {
    struct batch *batch = context;
    size_t at = (size_t)result->tag;
    switch (result->verdict) {
    case INTAKE_STORED:
    case INTAKE_DUPLICATE:
        batch->rows[at].object = result->object;
        decide(batch, at, CUSTODY_RELEASED, "", "", NULL);
        break;
    case INTAKE_HELD:
        batch->rows[at].hold = result->hold;
        decide(batch, at, CUSTODY_HELD, result->reason, words_of(result), NULL);
        break;
    case INTAKE_CONFLICT:
        decide(batch, at, CUSTODY_CONFLICT, "conflict",
               "a different object with this SOP Instance UID is in the archive and stays", NULL);
        break;
    case INTAKE_REFUSED:
        refuse(batch, at, result);
        break;
    case INTAKE_FAILED:
        count_failure(batch, at, &result->why);
        break;
    }
}

// PS3.4 B.2.3: the command names the instance that the data set is. Only here is the data set read.
static int expect(const struct intake_result *result, void *context, struct err *e) {
    const struct batch *batch = context;
    const struct inbox_note *note = batch->notes[result->tag];
    struct hash key = custody_instance_key(&batch->inbox->key, slice_str(result->sent_instance));
    if (!hash_eq(&key, &note->instance_key)) {
        err_set(e, E_MISMATCH, "another SOP Instance UID than the command's");
        return err_in(e, "(0008,0018)");
    }
    if (strcmp(result->sop_class, note->sop_class) != 0) {
        err_set(e, E_MISMATCH, "another SOP Class UID than the command's");
        return err_in(e, "(0008,0016)");
    }
    return E_OK;
}

// --- a batch

static void open_failed(struct batch *batch, size_t at, int rc, const struct err *why) {
    if (rc == E_CORRUPT) {
        decide(batch, at, CUSTODY_HELD, "damaged", "its bytes are not those that were received",
               NULL);
    } else if (rc == E_NOT_FOUND) {
        decide(batch, at, CUSTODY_REFUSED, "expired",
               "the key of its delivery was destroyed before it was judged", NULL);
    } else {
        count_failure(batch, at, why);
    }
}

// As it was sent: decrypted to memory, which the intake copies.
static int add_plain(struct batch *batch, size_t at, struct intake *intake, struct err *e) {
    struct inbox *b = batch->inbox;
    const struct inbox_note *note = batch->notes[at];
    struct inbox_delivery *d;
    struct err why = {0};
    CLEANUP(cleanup_fd) int fd = -1;
    int rc = inbox_delivery_of(b, note->delivery, note->peer, &d, &why);
    rc = rc == E_OK ? store_inbox_open_plain(b->files, note->number, d->delivery->seal,
                                             d->delivery->id, note->bytes, &fd, &why)
                    : rc;
    if (rc != E_OK) {
        open_failed(batch, at, rc, &why);
        return E_OK;
    }
    return intake_add_fd(intake, fd, at, e);
}

// Whether its bytes are what arrived is looked at before they count for the whole delivery.
static int add_arrival(struct batch *batch, size_t at, struct intake *intake, struct err *e) {
    struct inbox *b = batch->inbox;
    const struct inbox_note *note = batch->notes[at];
    struct err why = {0};
    if (note->found) {
        CLEANUP(cleanup_fd) int fd = -1;
        int rc = store_inbox_open_plain(b->files, note->number, batch->delivery->seal,
                                        batch->delivery->id, note->bytes, &fd, &why);
        if (rc != E_OK) {
            open_failed(batch, at, rc, &why);
            return E_OK;
        }
    }
    return intake_add_arrival(intake, b->files, note->number, note->bytes, &note->arrival, at, e);
}

static void refuse_orphans(struct batch *batch) {
    struct err none = {0};
    for (size_t i = 0; i < batch->count; i++) {
        open_failed(batch, i, E_NOT_FOUND, &none);
    }
}

static int judge_items(struct batch *batch, unsigned pace, struct err *e) {
    struct intake *intake;
    if (batch->delivery == NULL && !archive_is_as_sent(batch->inbox->archive)) {
        refuse_orphans(batch);
        return E_OK;
    }
    int rc = intake_open(batch->inbox->archive, batch->delivery, take_result, batch, &intake, e);
    if (rc != E_OK) {
        return rc;
    }
    intake_expect(intake, expect, batch);
    intake_pace(intake, pace);
    for (size_t i = 0; rc == E_OK && i < batch->count; i++) {
        rc = archive_is_as_sent(batch->inbox->archive) ? add_plain(batch, i, intake, e)
                                                       : add_arrival(batch, i, intake, e);
    }
    struct err second = {0};
    int finished = intake_finish(intake, &second);
    if (rc == E_OK && finished != E_OK) {
        *e = second;
        rc = finished;
    }
    intake_close(intake);
    return rc;
}

static int write_verdicts(struct batch *batch, struct err *e) {
    struct inbox *b = batch->inbox;
    struct db *writer = archive_writer(b->archive);
    int rc = db_begin(writer, e);
    for (size_t i = 0; rc == E_OK && i < batch->count; i++) {
        rc = batch->decided[i] ? custody_decide(writer, &batch->rows[i], e) : E_OK;
    }
    rc = rc == E_OK ? db_commit(writer, e) : rc;
    archive_writer_done(b->archive);
    return rc;
}

static void count_verdict(struct inbox_counts *counts, int state) {
    counts->released += state == CUSTODY_RELEASED;
    counts->held += state == CUSTODY_HELD;
    counts->refused += state == CUSTODY_REFUSED;
    counts->conflict += state == CUSTODY_CONFLICT;
}

static void conclude(struct batch *batch, size_t at) {
    struct inbox *b = batch->inbox;
    struct custody_row *row = &batch->rows[at];
    struct err e = {0};
    if (row->state != CUSTODY_RELEASED && b->options.decided != NULL) {
        b->options.decided(b->options.context, row);
    }
    bool leaves = row->state == CUSTODY_RELEASED || (row->state == CUSTODY_HELD && row->hold != 0);
    if (leaves && store_inbox_remove(b->files, row->number, &e) != E_OK) {
        inbox_trouble(b, &e); // the next opening removes it
    }
}

// Decided notes go, the others wait again.
static void put_back(struct batch *batch) {
    struct inbox *b = batch->inbox;
    (void)pthread_mutex_lock(&b->lock);
    inbox_list_init(&b->judging);
    for (size_t i = 0; i < batch->count; i++) {
        struct inbox_note *note = batch->notes[i];
        if (!batch->decided[i]) {
            inbox_list_add(&b->waiting, note);
            continue;
        }
        inbox_delivery_count(b, note->delivery, -1);
        b->counts.backlog--;
        b->counts.backlog_bytes -= note->bytes;
        count_verdict(&b->counts, batch->rows[i].state);
        mem_free(note);
    }
    if (b->counts.backlog == 0) {
        (void)pthread_cond_broadcast(&b->settled);
    }
    (void)pthread_mutex_unlock(&b->lock);
}

static void take(struct inbox *b, struct batch *batch, struct inbox_note *note) {
    inbox_list_add(&b->judging, note);
    row_from_note(&batch->rows[batch->count], note);
    batch->notes[batch->count++] = note;
}

static void take_any(struct inbox *b, struct batch *batch) {
    if (make_room(batch, BATCH)) {
        while (batch->count < BATCH && b->waiting.count > 0) {
            take(b, batch, inbox_list_take(&b->waiting));
        }
    }
}

// Waits, and its delivery's key is gone. With the lock held.
static struct inbox_note *inbox_orphan(const struct inbox *b) {
    for (struct inbox_note *note = b->waiting.first; note != NULL; note = note->next) {
        bool found = false;
        for (const struct inbox_delivery *d = b->deliveries; d != NULL && !found; d = d->next) {
            found = strcmp(d->delivery->id, note->delivery) == 0;
        }
        if (!found) {
            return note;
        }
    }
    return NULL;
}

static void remove_note(struct inbox_list *l, const struct inbox_note *which) {
    struct inbox_list left;
    inbox_list_init(&left);
    for (struct inbox_note *note; (note = inbox_list_take(l)) != NULL;) {
        if (note != which) {
            inbox_list_add(&left, note);
        }
    }
    *l = left;
    l->end = left.count > 0 ? left.end : &l->first;
}

static void take_orphan(struct inbox *b, struct batch *batch, struct inbox_note *note) {
    if (make_room(batch, 1)) {
        remove_note(&b->waiting, note);
        take(b, batch, note);
    }
}

// All that waits of one delivery.
static void take_delivery(struct inbox *b, struct batch *batch, struct inbox_delivery *d) {
    struct inbox_list others;
    if (!make_room(batch, b->waiting.count)) {
        return;
    }
    batch->delivery = d->delivery;
    inbox_list_init(&others);
    for (struct inbox_note *note; (note = inbox_list_take(&b->waiting)) != NULL;) {
        if (strcmp(note->delivery, d->delivery->id) == 0) {
            take(b, batch, note);
        } else {
            inbox_list_add(&others, note);
        }
    }
    b->waiting = others;
    b->waiting.end = others.count > 0 ? others.end : &b->waiting.first;
}

// true: something was decided.
static bool judge(struct batch *batch, unsigned pace) {
    struct inbox *b = batch->inbox;
    struct err e = {0};
    bool any = false;
    int rc = inbox_record(b, &e);
    if (rc == E_OK && batch->delivery != NULL) {
        rc = delivery_touch(b->archive, batch->delivery->id, &e);
    }
    rc = rc == E_OK ? judge_items(batch, pace, &e) : rc;
    struct err second = {0};
    if (write_verdicts(batch, &second) != E_OK) {
        memset(batch->decided, 0, batch->count * sizeof batch->decided[0]);
        inbox_trouble(b, &second);
    }
    if (rc != E_OK) {
        inbox_trouble(b, &e);
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->decided[i]) {
            any = true;
            conclude(batch, i);
        }
    }
    put_back(batch);
    return any;
}

// --- when

// Whether a batch of what was sent is due, and with how many workers at once (0: all).
static bool is_due_as_sent(const struct inbox *b, unsigned *ret_pace) {
    usec now = clock_monotonic(b->pace);
    size_t waiting = b->waiting.count;
    *ret_pace = 0;
    if (waiting == 0) {
        return false;
    }
    bool quiet = b->arriving == 0 && now - b->last_arrival >= QUIET;
    if (quiet || waiting >= b->options.backlog_max / 2) {
        return true;
    }
    *ret_pace = 1;
    return waiting >= MANY || clock_now(b->clock) - b->waiting.first->received >= PATIENCE;
}

// Receiving comes first: while anybody sends, one worker has to do.
static bool is_due(struct inbox *b, unsigned *ret_pace) {
    if (archive_is_as_sent(b->archive)) {
        return is_due_as_sent(b, ret_pace);
    }
    *ret_pace = b->arriving > 0 ? 1 : 0;
    return inbox_delivery_due(b) != NULL || inbox_orphan(b) != NULL;
}

static void wait_for(struct inbox *b, usec how_long) {
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(how_long / CLOCK_SECOND);
    until.tv_nsec += (long)(how_long % CLOCK_SECOND) * 1000;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    (void)pthread_cond_timedwait(&b->news, &b->lock, &until);
}

static usec longer(usec pause) {
    pause = pause == 0 ? CLOCK_SECOND : 2 * pause;
    return pause < PAUSE_MAX ? pause : PAUSE_MAX;
}

// Called with the lock, which it gives up meanwhile.
static usec work(struct inbox *b, struct batch *batch, unsigned pace, usec pause) {
    struct inbox_delivery *d = archive_is_as_sent(b->archive) ? NULL : inbox_delivery_due(b);
    struct inbox_note *orphan = d == NULL ? inbox_orphan(b) : NULL;
    if (orphan != NULL) {
        take_orphan(b, batch, orphan);
    } else if (d != NULL) {
        take_delivery(b, batch, d);
    } else {
        take_any(b, batch);
    }
    (void)pthread_mutex_unlock(&b->lock);
    bool any = judge(batch, pace);
    (void)pthread_mutex_lock(&b->lock);
    return any ? 0 : longer(pause);
}

static void look_for_wishes(struct inbox *b, usec *looked) {
    usec now = clock_monotonic(b->pace);
    if (*looked == 0 || now - *looked >= IDLE_LOOK) {
        *looked = now;
        (void)pthread_mutex_unlock(&b->lock);
        inbox_fulfil(b);
        inbox_deliveries_close(b);
        (void)pthread_mutex_lock(&b->lock);
    }
}

void *inbox_judge_run(void *inbox) {
    struct inbox *b = inbox;
    struct batch batch = {.inbox = b};
    usec looked = 0, pause = 0, until = 0;
    (void)pthread_mutex_lock(&b->lock);
    while (!b->stopping) {
        unsigned pace = 0;
        usec now = clock_monotonic(b->pace);
        if (now < until) {
            wait_for(b, until - now);
        } else if (is_due(b, &pace)) {
            pause = work(b, &batch, pace, pause);
            until = clock_monotonic(b->pace) + pause;
        } else {
            look_for_wishes(b, &looked);
            if (!b->stopping && !is_due(b, &pace)) {
                wait_for(b, b->waiting.count > 0 ? LOOK_AGAIN : IDLE_LOOK);
            }
        }
    }
    (void)pthread_mutex_unlock(&b->lock);
    done(&batch);
    return NULL;
}
