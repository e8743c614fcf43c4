// SPDX-License-Identifier: Apache-2.0
// Reads of one study that follow each other, to be counted instead of written (audit_count_reads).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/hash.h"
#include "policy/policy.h"

// A read that was written, and how often it was made again.
struct audit_repeat {
    struct hash key;
    usec since;
    uint64_t seq; // of its line; 0: none
    uint64_t times;
};
#define AUDIT_REPEATS 256 // so many in a table

// What makes two reads alike.
struct hash audit_repeat_key(struct hash_stream *hashing, const struct policy_request *request);

// The one place in the table for a key.
static inline struct audit_repeat *audit_repeat_slot(struct audit_repeat *table,
                                                     const struct hash *key) {
    return &table[key->bytes[0]];
}

// Whether the read is like one that was written within the window before `now`; counts it then.
bool audit_repeat_count(struct audit_repeat *table, const struct hash *key, usec window, usec now);
