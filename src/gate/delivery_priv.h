// SPDX-License-Identifier: Apache-2.0
// Between the files of delivery.h: one input and what is known of it until its verdict.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "gate/delivery.h"

#define DELIVERY_RUNNERS_MAX 16
#define DELIVERY_QUEUE_MAX 256u // added and not yet begun
#define DELIVERY_ANSWER_MAX ((size_t)64 << 20)
#define DELIVERY_REQUEST_MAX ((size_t)1 << 20)
#define DELIVERY_EXTRA_MAX 8

struct patient;

struct item {
    uint64_t tag;
    char *name; // owned
    struct gate_orders orders;
    struct buf order_bytes; // what orders.edits and their masks lie in
    struct arena arena;     // of orders
    struct buf answer;      // gate_passed_pack of the last passage, without crops and terms
    bool begun;             // a file was made for it
    bool passed;            // answer is one
    bool failed;            // ours; why
    struct err why;
    // Of the answer, for grouping.
    enum gate_verdict verdict;
    bool written;
    bool is_double;
    struct gate_origin origin;
    char sop_instance[DCM_UID_MAX + 1], study[DCM_UID_MAX + 1], series[DCM_UID_MAX + 1];
    struct gate_slice slice;
    uint32_t frames;
    bool examined;
    uint8_t pixel_digest[32];
    struct hash terms; // digest of the pack that it told
    struct patient *patient;
    // For the next passage.
    bool again;
    struct gate_edit *masks; // owned, one a frame; their bytes in mask_bytes
    uint32_t mask_count;
    struct buf mask_bytes;
    bool defaced;
    // What the delivery objects to.
    enum gate_reason extra[DELIVERY_EXTRA_MAX];
    uint32_t extra_count;
};

struct patient {
    char name[GATE_PSEUDONYM_MAX];
    bool has_day;
    int32_t first_day, last_day;
    uint32_t packs; // distinct ones
    struct hash last_pack;
    struct arena arena; // of the subject
    struct gate_subject *subject;
    struct buf terms; // all packs as one
    struct patient *next;
};

struct task {
    void (*run)(struct gate_delivery *d, void *subject);
    void *subject;
    struct task *next;
};

struct gate_delivery {
    struct gate_delivery_options options;
    struct gate_key *key;
    struct buf profile; // packed
    bool reader_gone;   // told so by the reader itself
    pthread_mutex_t lock;
    pthread_cond_t work, room, idle;
    struct task *first, **last;
    uint32_t queued, running;
    uint64_t begun_items, done_items;
    bool closing;
    pthread_t runners[DELIVERY_RUNNERS_MAX];
    unsigned runner_count;
    struct item **items;
    uint32_t count, cap;
    struct patient *patients; // newest first
    struct patient **buckets; // by hash of name
    struct gate_tally tally;
};

// Runs fn(d, subject) on a runner; waits while the queue is full. false: no memory.
bool delivery_submit(struct gate_delivery *d, void (*run)(struct gate_delivery *d, void *subject),
                     void *subject);
// Everything that was submitted is over when this returns.
void delivery_wait(struct gate_delivery *d);

// One passage of one file, readings included; fills the item. Runs on a runner.
void delivery_pass(struct gate_delivery *d, void *item);
// Whether the written file holds a term of its patient's others; sets item->again. On a runner.
void delivery_search(struct gate_delivery *d, void *item);
// worker_run, waiting as long as the pool is busy.
int delivery_run(struct gate_delivery *d, enum gate_job job, struct slice request, int in, int out,
                 struct buf *answer, struct err *e);

// What the item's answer says, without a copy; arrays in `a`.
int delivery_answer(const struct item *item, struct arena *a, struct gate_passed *ret_passed,
                    struct err *e);
void delivery_object(struct item *item, enum gate_reason reason);

// Patients, days and terms from what was passed.
int delivery_group(struct gate_delivery *d, struct err *e);
void delivery_patients_free(struct gate_delivery *d);
// Marks equal pixels of two patients, and different contents that want the same name.
int delivery_doubles(struct gate_delivery *d, struct err *e);
// Volumes: objections, and masks for a second passage.
int delivery_faces(struct gate_delivery *d, struct err *e);
