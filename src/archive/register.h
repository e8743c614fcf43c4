// SPDX-License-Identifier: Apache-2.0
// Rows of new instances: one transaction a batch. Patients, studies and series are made when first
// met; counts, lists, words and facets are brought up to date in the same transaction. Where a
// later instance contradicts the study or series it belongs to, the first stands and a finding is
// recorded. A series UID that two studies use makes two series.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/slice.h"

struct archive;
struct db;
struct err;
struct record;

// An instance that is in the catalogue.
struct register_known {
    int64_t id;
    struct hash object;
    uint64_t bytes;
    uint64_t body_offset;
    char sop_class[65], study[65], series[65], sop_instance[65];
    char syntax[65];
};

// By SOP Instance UID, or by its object. 1 when it is there, 0 when not.
int register_find(struct db *db, struct slice sop_instance, struct register_known *ret_known,
                  struct err *e);
int register_find_object(struct db *db, const struct hash *object, struct register_known *ret_known,
                         struct err *e);

// A transaction under way.
struct register_batch;

int register_begin(struct db *db, usec now, struct register_batch **ret_batch, struct err *e);

// E_CONFLICT: an instance with this UID is there (another process was faster); the batch goes on.
int register_add(struct register_batch *b, const struct record *r, const struct hash *object,
                 uint64_t bytes, struct err *e);

// Writes counts and lists and commits, or rolls back. The batch is gone either way.
int register_commit(struct register_batch *b, struct err *e);
void register_rollback(struct register_batch *b); // NULL allowed
