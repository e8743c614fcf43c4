// SPDX-License-Identifier: Apache-2.0
// What inbox.c (arriving), inbox_judge.c (recording, judging) and inbox_recover.c share.
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/delivery.h"
#include "archive/inbox.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/slice.h"
#include "store/inbox.h"

struct buf;

// One that was acknowledged and has no verdict yet.
struct inbox_note {
    struct inbox_note *next;
    uint64_t number, bytes;
    usec received;
    struct hash instance_key, arrival;
    char delivery[SEAL_DELIVERY_LEN + 1];
    char peer[17];
    char sop_class[65];
    bool recorded; // custody has its row
    bool found;    // it lay there when the inbox was opened
    unsigned failures;
};

struct inbox_list {
    struct inbox_note *first;
    struct inbox_note **end;
    size_t count;
};

// A delivery that arrives or waits, of one peer.
struct inbox_delivery {
    struct inbox_delivery *next;
    struct delivery *delivery;
    char peer[17];
    bool over;         // new arrivals are of another
    unsigned arriving; // begun and not ended
    size_t waiting;    // notes that wait or are judged
    usec last;         // monotonic: the last arrival
};

struct inbox {
    struct inbox_options options;
    struct archive *archive;
    const struct clock *clock; // of the archive
    const struct clock *pace;  // the system's, for what waits
    struct store_inbox *files;
    struct custody_key key;

    pthread_mutex_t taking;    // one delivery is begun at a time; taken before `lock`
    pthread_mutex_t recording; // one transaction of new rows at a time; taken before `lock`

    pthread_mutex_t lock;   // of everything below
    pthread_cond_t news;    // for the judge
    pthread_cond_t settled; // nothing waits any more
    struct inbox_list waiting;
    struct inbox_list judging; // of the batch under way
    size_t unrecorded;         // of both, without a row
    struct inbox_delivery *deliveries;
    unsigned arriving; // begun and not ended
    usec last_arrival; // monotonic
    struct inbox_counts counts;
    bool stopping;
    bool judge_runs;
    pthread_t judge;

    pthread_t preparer; // of names
    bool preparer_runs;
    pthread_cond_t few_names; // with `lock`

    pthread_mutex_t sync_lock; // of what follows
    pthread_cond_t sync_work, sync_done;
    struct inbox_arrival *sync_first, **sync_end;
    pthread_t syncers[INBOX_SYNCERS];
    size_t syncer_count;
    bool sync_stopping;
};

// The receipt of an arrival (store/inbox.h).
void inbox_receipt_put(struct buf *out, const struct inbox_note *note);
bool inbox_receipt_read(struct slice receipt, struct inbox_note *note);

void inbox_list_init(struct inbox_list *l);
void inbox_list_add(struct inbox_list *l, struct inbox_note *note);
struct inbox_note *inbox_list_take(struct inbox_list *l);

void inbox_trouble(struct inbox *b, const struct err *why);

// Rows of custody for everything that waits.
int inbox_record(struct inbox *b, struct err *e);
// Takes up what lies there, before any thread runs.
int inbox_recover(struct inbox *b, struct err *e);
// Fulfils wishes (custody_wish): notes of what is to be judged again are queued.
void inbox_fulfil(struct inbox *b);
// Queues a note; the inbox owns it from here on.
void inbox_queue(struct inbox *b, struct inbox_note *note);

// --- deliveries (inbox_delivery.c)

// The one that the peer's arrivals belong to now, counted as arriving.
int inbox_delivery_begin(struct inbox *b, const char *peer, struct inbox_delivery **ret_d,
                         struct err *e);
void inbox_delivery_end(struct inbox *b, struct inbox_delivery *d); // an arrival is over
// Of a note that was found, or was queued a while ago; NULL with E_NOT_FOUND: its key is gone.
int inbox_delivery_of(struct inbox *b, const char *id, const char *peer,
                      struct inbox_delivery **ret_d, struct err *e);
// With the lock held: the one that is due, with waiting notes; NULL. *ret_wait: until it may be.
struct inbox_delivery *inbox_delivery_due(struct inbox *b);
// With the lock held: counts a note of it.
void inbox_delivery_count(struct inbox *b, const char *id, int change);
// Ends those that are quiet and wait for nothing.
void inbox_deliveries_close(struct inbox *b);
void inbox_deliveries_free(struct inbox *b);

void *inbox_judge_run(void *inbox);
