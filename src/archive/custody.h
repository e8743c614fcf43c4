// SPDX-License-Identifier: Apache-2.0
// What the archive has taken charge of: a row of the catalogue for each instance that was
// acknowledged to a sender before its verdict, and what became of it. A sender asks by its own
// UIDs, also when the archive has given new ones since; the UIDs themselves are not kept: a row has
// HMAC-SHA256 of the SOP Instance UID under a key of the data folder (keys/custody), so that nobody
// without the folder's key can look somebody's UID up.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/slice.h"

struct archive;
struct db;
struct err;
struct store;

// X(state, word). Values are in the catalogue: never renumbered.
#define CUSTODY_STATE_LIST(X)                                                                      \
    X(WAITING, "waiting")   /* for its verdict, in the inbox */                                    \
    X(RELEASED, "released") /* in the archive, or its content was there already */                 \
    X(HELD, "held")         /* for a person to decide; in the inbox */                             \
    X(REFUSED, "refused")   /* not an instance that can be kept; in the inbox until disposed of */ \
    X(CONFLICT, "conflict") /* another object has its UID; in the inbox until disposed of */       \
    X(DISPOSED, "disposed") /* a person removed it from the inbox */                               \
    X(RETRY, "retry")       /* a person wants it judged once more */                               \
    X(DISPOSING, "disposing") /* a person wants it removed from the inbox */
enum custody_state {
#define X(name, word) CUSTODY_##name,
    CUSTODY_STATE_LIST(X)
#undef X
        CUSTODY_STATE_COUNT
};
const char *custody_state_word(int state); // "unknown" for others

#define CUSTODY_REASON_MAX 32
#define CUSTODY_WORDS_MAX 200

struct custody_row {
    uint64_t number; // of the arrival (store/inbox.h)
    usec received, decided;
    char peer[17];
    char sop_class[65];
    struct hash instance_key;
    struct hash arrival; // store_source_mac of the file as it arrived
    uint64_t bytes;
    int state; // enum custody_state
    struct hash object;
    char delivery[17];                 // archive/delivery.h; its key opens the file
    int64_t hold;                      // HELD: archive/hold.h; 0: none (damaged)
    char reason[CUSTODY_REASON_MAX];   // code for machines: the gate's, or "mismatch" …
    char words[CUSTODY_WORDS_MAX + 1]; // with a place, never with a value
};

// The folder's key, made when there is none.
struct custody_key {
    uint8_t bytes[32];
};
int custody_key_load(struct store *s, struct custody_key *ret_key, struct err *e);
struct hash custody_instance_key(const struct custody_key *key, struct slice sop_instance);

// Inside a transaction: what became of every arrival of that hold.
int custody_decide_hold(struct db *writer, int64_t hold, enum custody_state state, usec decided,
                        const struct hash *object, const char *reason, const char *words,
                        struct err *e);

// Inside a transaction of the writer. A row whose number is there stays as it is.
int custody_add(struct db *writer, const struct custody_row *row, struct err *e);
// State, decided, object, reason, words of that number.
int custody_decide(struct db *writer, const struct custody_row *row, struct err *e);

int custody_find(struct db *db, uint64_t number, struct custody_row *ret_row,
                 struct err *e);                                      // 1, 0
int custody_last(struct db *db, uint64_t *ret_number, struct err *e); // highest; 0: none
// Calls visit with each row in one of the states (bits 1 << state), oldest first.
int custody_each(struct db *db, unsigned states, int (*visit)(const struct custody_row *, void *),
                 void *context, struct err *e);

// A person's wish for one that is held, refused or in conflict: CUSTODY_RETRY or
// CUSTODY_DISPOSING. The server that owns the inbox, or the next one, fulfils it. E_NOT_FOUND;
// E_CONFLICT: it is not in such a state.
int custody_wish(struct archive *a, uint64_t number, enum custody_state wish, struct err *e);

// What may be answered to a sender that asks whether we have it (PS3.4 J.3.3). A released instance
// that was deleted since is unknown.
enum custody_answer {
    CUSTODY_SAFE,     // durable, in the archive
    CUSTODY_WAITS,    // durable, its verdict is to come
    CUSTODY_UNKNOWN,  // never taken, or gone
    CUSTODY_OTHER,    // taken with another SOP class
    CUSTODY_NOT_KEPT, // taken, then refused
    CUSTODY_PERSON,   // durable for now: a person is to decide whether it is kept
};
int custody_ask(struct db *db, const struct hash *instance_key, struct slice sop_class,
                enum custody_answer *ret_answer, struct err *e);
