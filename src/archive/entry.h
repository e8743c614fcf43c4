// SPDX-License-Identifier: Apache-2.0
// One arrival on its way through an intake: examined in a worker, then committed with others. These
// two steps know nothing of threads; intake.c runs them.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <sys/stat.h>

#include "archive/hold.h"
#include "archive/intake.h"
#include "archive/record.h"
#include "base/buf.h"
#include "base/hash.h"
#include "gate/delivery.h"
#include "store/store.h"

struct archive;
struct delivery;
struct store_inbox;

// What waits behind the gate for its verdict: in memory, or encrypted in the delivery's folder.
struct entry_out {
    int fd;           // -1: none, or encrypted
    bool over;        // nobody writes to it any more
    uint64_t counted; // bytes of memory that are counted for it
    uint64_t number;  // of `item`, for its key
    struct store_item item;
};

// What the gate said of one that a person is to decide on; texts as hold.h has them.
struct entry_hold {
    bool wanted;
    struct hold_row row;
    struct buf texts;
    struct gate_slice slice;
};

struct entry {
    struct entry *next;
    uint64_t sequence; // of arrival within its intake
    // Where it comes from, one of: a file that is open, one by its path, an encrypted item, an
    // arrival of the inbox, a hold.
    int source;
    char *path;
    struct stat path_stat;
    struct store_item item; // behind the gate: what becomes the object
    struct store_inbox *inbox;
    uint64_t number;
    int64_t hold_id; // 0: none yet
    struct gate_orders orders;
    bool has_orders;
    bool wants_defaced; // released only without the face
    bool mac_known;
    bool passed;        // the gate looked at it once
    uint64_t in_memory; // decrypted for that, counted
    struct hash mac;    // store_source_mac
    // Behind the gate.
    bool gated;
    struct entry_out out;
    struct entry_hold held;
    uint64_t out_len;
    bool has_pixels;
    struct hash pixels; // store_pixel_mac
    char patient[GATE_PSEUDONYM_MAX];
    struct hash hash; // of the file that becomes the object
    uint64_t len;
    struct buf answer; // of the worker; record borrows from it
    struct record record;
    struct intake_result result;
    bool decided; // result is final
    int kept;     // reads the file after its promotion, also when another process removes it; -1
};

struct entry *entry_new(uint64_t tag); // NULL when memory is short
void entry_free(struct entry *e);      // removes it from quarantine; NULL allowed

void entry_decide(struct entry *entry, enum intake_verdict verdict, const struct err *why);

// Copies the source, when there is one, into quarantine. A file whose bytes the archive has needs
// no worker: decides DUPLICATE. Decides FAILED when it cannot be copied.
void entry_arrive(struct archive *a, struct store_delivery *delivery, struct entry *entry);

// Runs the gate and extraction in a worker; writes the file anew where its meta information asks
// for it. Decides REFUSED or FAILED, or leaves a record.
void entry_examine(struct archive *a, struct store_delivery *delivery, struct entry *entry);

// --- the gate's side (gated.c)

uint64_t entry_number(void); // random: nothing else has it

// The file as it came, for reading only.
int entry_open_in(struct archive *a, const struct delivery *d, struct entry *entry, int *ret_fd,
                  struct err *e);
// Finds the file's mark and decides what is known already: DUPLICATE, or HELD as it is.
int entry_recognise(struct archive *a, const struct delivery *d, struct entry *entry,
                    struct err *e);
// Takes over the gate's verdict: decides REFUSED, or leaves it to the next two.
void entry_take_verdict(struct archive *a, struct entry *entry, const struct gate_passed *p);
// What the gate wrote becomes the item. Decides FAILED.
void entry_take_out(struct archive *a, const struct delivery *d, struct store_delivery *folder,
                    struct entry *entry);
// Encrypts one that is held among what is held; durable with store_held_sync. Decides FAILED.
void entry_keep_held(struct archive *a, const struct delivery *d, struct entry *entry);
// Rows of what is held and refused: one sync, one transaction. Decides HELD or FAILED.
void entries_hold(struct archive *a, const struct delivery *d, struct entry **entries,
                  size_t count);
// In the transaction that makes an instance visible: what is kept of its source and pixels, and its
// hold's end.
int entry_record(struct db *writer, const struct entry *entry, const char *delivery, usec now,
                 struct err *e);

// Decides all: promotes, syncs once, commits once (again for instances of one UID in the batch).
// `d` NULL: they did not pass the gate.
void entries_commit(struct archive *a, const struct delivery *d, struct entry **entries,
                    size_t count);
