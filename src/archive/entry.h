// SPDX-License-Identifier: Apache-2.0
// One arrival on its way through an intake: examined in a worker, then committed with others. These
// two steps know nothing of threads; intake.c runs them.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "archive/intake.h"
#include "archive/record.h"
#include "base/buf.h"
#include "base/hash.h"
#include "store/store.h"

struct archive;

struct entry {
    struct entry *next;
    uint64_t sequence; // of arrival within its intake
    int source;        // a file to be copied to quarantine first; -1: it is there
    struct store_item item;
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

// Decides all: promotes, syncs once, commits once (again for instances of one UID in the batch).
void entries_commit(struct archive *a, struct entry **entries, size_t count);
