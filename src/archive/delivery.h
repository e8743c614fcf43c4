// SPDX-License-Identifier: Apache-2.0
// Deliveries: what arrives together, shares a key, and is judged together (gate/delivery.h). Each
// door says what that is: one run of `maclab import` over the same paths; what one DICOM peer or
// one STOW-RS client sends until it has been quiet for a while. A delivery's key (store/store.h) is
// made with it; from it come the key of the pseudonyms and those of everything that lies encrypted.
// It is destroyed when nothing of the delivery is held any more, or when its time is over: then
// what was held cannot be read any more, by anybody, and the pseudonyms lead nowhere.
//
//   open     something may arrive; a killed run is taken up again
//   ended    nothing arrives any more; holds may wait for a person
//   decided  no hold waits; the key is gone, the certificate is final
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/slice.h"
#include "gate/identity.h"
#include "store/seal.h"

struct archive;
struct arena;
struct buf;
struct db;
struct delivery_uses;
struct err;
struct gate_profile;
struct gate_tally;

// X(state, word). Values are in the catalogue: never renumbered.
#define DELIVERY_STATE_LIST(X)                                                                     \
    X(OPEN, "open")                                                                                \
    X(ENDED, "ended")                                                                              \
    X(DECIDED, "decided")
enum delivery_state {
#define X(name, word) DELIVERY_##name,
    DELIVERY_STATE_LIST(X)
#undef X
        DELIVERY_STATE_COUNT
};
const char *delivery_state_word(int state);

#define DELIVERY_LABEL_MAX 64
#define DELIVERY_QUIET_DEFAULT (120 * CLOCK_SECOND)

// A delivery that is worked on, with its keys in locked memory.
struct delivery {
    char id[SEAL_DELIVERY_LEN + 1];
    struct seal_key *seal;
    struct gate_key *gate;
    struct delivery_uses *uses; // private
};

// Who and where from: `door` is "import", "stow" or "dimse"; `source` is what tells two of them
// apart (paths, an address, an AE title; kept as a keyed hash only), `label` what people may see of
// it. `quiet`: one that is open and had its last arrival within is taken up; 0: any open one is.
// Its row and its key are durable when it returns.
struct delivery_from {
    const char *door;
    struct slice source;
    const char *label;
    usec quiet;
};
int delivery_take(struct archive *a, const struct delivery_from *from, struct delivery **ret_d,
                  struct err *e);
// One that is known, for what is held of it. E_NOT_FOUND: its key was destroyed.
int delivery_load(struct archive *a, const char *id, struct delivery **ret_d, struct err *e);
void delivery_free(struct delivery *d); // keys wiped; NULL allowed

// Something arrived just now (the time from which it is quiet).
int delivery_touch(struct archive *a, const char *id, struct err *e);
// Adds what one passage found.
int delivery_add_tally(struct archive *a, const char *id, const struct gate_tally *tally,
                       struct err *e);
// Nothing arrives any more.
int delivery_end(struct archive *a, const char *id, struct err *e);
// Ends open ones of `door` that have been quiet so long and that nobody works on.
int delivery_end_quiet(struct archive *a, const char *door, usec quiet, struct err *e);

// After a decision: where an ended delivery has nothing that waits any more, its key is destroyed
// and its certificate made anew. Else the certificate says how many wait.
int delivery_settle(struct archive *a, const char *id, struct err *e);
// Settles ended ones in which nothing waits and whose key is there: whatever decided was cut off
// before it did.
int delivery_settle_ended(struct archive *a, struct err *e);
// At start and hourly: what is past its time. Its key goes first, then the files, then the holds
// are "expired". Files of holds that no row names (a killed intake's) go, too. *ret_count holds.
int delivery_expire(struct archive *a, uint64_t *ret_count, struct err *e);

// What became of a file that is known (by store_source_mac).
enum source_verdict { SOURCE_RELEASED, SOURCE_HELD, SOURCE_REFUSED };
struct source_row {
    struct hash mac;
    char delivery[SEAL_DELIVERY_LEN + 1];
    int verdict; // enum source_verdict
    char sop_instance[65], study[65], series[65];
    char patient[GATE_PSEUDONYM_MAX];
    int64_t hold;
};
int source_find(struct db *db, const struct hash *mac, struct source_row *ret_row,
                struct err *e); // 1, 0
// Inside a transaction; a row of that file is replaced.
int source_put(struct db *writer, const struct source_row *row, struct err *e);
// Instances of a series that were released or are held, in other runs.
int source_count_series(struct db *db, const char *series, uint32_t *ret_count, struct err *e);

// Whether these pixels (store_pixel_mac) are here from another delivery.
int pixels_find(struct db *db, const struct hash *digest, const char *delivery, bool *ret_known,
                struct err *e);
int pixels_put(struct db *writer, const struct hash *digest, const char *sop_instance,
               const char *delivery, struct err *e);

// For people.
struct delivery_row {
    char id[SEAL_DELIVERY_LEN + 1];
    char door[8];
    char label[DELIVERY_LABEL_MAX + 1];
    int state;
    usec begun, ended, expires;
    bool key_gone, has_certificate;
    uint64_t files, released, held, refused;
};
// Newest first; `decided`: those where nothing waits and nothing arrives any more, else the others;
// negative: all. *ret_total counts without limit and offset. Memory from `m`.
int delivery_list(struct db *db, int decided, uint64_t offset, uint64_t limit, struct arena *m,
                  struct delivery_row **ret_rows, size_t *ret_count, uint64_t *ret_total,
                  struct err *e);
int delivery_find(struct db *db, const char *id, struct delivery_row *ret_row, struct err *e);
// Calls visit with each count, in order of its name ("kind:person-name").
int delivery_counts(struct db *db, const char *id,
                    int (*visit)(struct slice what, int64_t count, void *context), void *context,
                    struct err *e);
// Appends the certificate. E_NOT_FOUND: there is none yet.
int delivery_certificate(struct db *db, const char *id, bool pdf, struct buf *out, struct err *e);
