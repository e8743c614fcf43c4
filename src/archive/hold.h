// SPDX-License-Identifier: Apache-2.0
// Holds: instances that the gate did not release nor refuse, until a person decides (clauses C1b,
// N5, N11 to N14). Each has its file, encrypted (store/held.h), and a row without a value of the
// data set. This header is the rows and the states; hold_room.h shows and decides.
//
//   held ──release──▶ released          the passage again, with the person's orders
//    │  └─release──▶ second-needed      where two persons must look: the first one
//    │     second-needed ──release──▶ released     by another person
//    ├──refuse──▶ refused               the file is destroyed
//    ├──return──▶ returned              the same, with a note for the sender
//    └──(time)──▶ expired               its delivery's key was destroyed
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/slice.h"
#include "gate/gate.h"
#include "gate/identity.h"
#include "store/seal.h"

struct arena;
struct db;
struct err;

// X(state, word). Values are in the catalogue: never renumbered.
#define HOLD_STATE_LIST(X)                                                                         \
    X(HELD, "held")                                                                                \
    X(SECOND, "second-needed")                                                                     \
    X(RELEASED, "released")                                                                        \
    X(REFUSED, "refused")                                                                          \
    X(RETURNED, "returned")                                                                        \
    X(EXPIRED, "expired")
enum hold_state {
#define X(name, word) HOLD_##name,
    HOLD_STATE_LIST(X)
#undef X
        HOLD_STATE_COUNT
};
const char *hold_state_word(int state);

enum hold_event { HOLD_RELEASE_FIRST, HOLD_RELEASE, HOLD_REFUSE, HOLD_RETURN, HOLD_EXPIRE };
// The table of the drawing above. E_CONFLICT: that is over, or cannot be.
int hold_move(enum hold_state from, enum hold_event event, enum hold_state *ret_to, struct err *e);

struct hold_row {
    int64_t id;
    char delivery[SEAL_DELIVERY_LEN + 1];
    uint64_t number;
    struct hash source;
    uint64_t custody; // the arrival's number; 0: none
    int state;        // enum hold_state
    usec since, decided, expires;
    char sop_instance[65], sop_class[65], study[65], series[65];
    char patient[GATE_PSEUDONYM_MAX];
    char modality[17];
    uint32_t frames, rows, columns;
    uint64_t bytes;
    struct slice reasons; // codes with spaces between
    uint16_t points;
    struct slice risk, findings, boxes; // JSON lists
    struct slice slice;                 // struct gate_slice; empty where it is not known
    struct slice draft;                 // JSON list; empty: none
    int64_t draft_version;
    char first_by[128];
    struct slice first_order; // JSON object; empty
    uint64_t series_held;     // how many of its series wait
};

// Whether a reason is among `reasons`.
bool hold_has_reason(const struct hold_row *row, enum gate_reason reason);

struct seal_name hold_name(const struct hold_row *row);

// Inside a transaction of the writer. id, state, series_held and the person's fields are not read.
int hold_put(struct db *writer, const struct hold_row *row, int64_t *ret_id, struct err *e);
// After a passage that did not release it: what is held against it now.
int hold_update(struct db *writer, const struct hold_row *row, struct err *e);
int hold_set_state(struct db *writer, int64_t id, enum hold_state state, usec decided,
                   struct err *e);
int hold_set_first(struct db *writer, int64_t id, const char *who, struct slice order,
                   struct err *e);
// E_CONFLICT unless its version is still `version`; *ret_version is the new one.
int hold_set_draft(struct db *writer, int64_t id, int64_t version, struct slice draft,
                   int64_t *ret_version, struct err *e);

// Texts in `m`. E_NOT_FOUND.
int hold_find(struct db *db, int64_t id, struct arena *m, struct hold_row *ret_row, struct err *e);

struct hold_filter {
    struct slice reason, delivery, modality, series, study; // .ptr NULL: any
    uint64_t offset, limit;
};
// Those that wait, oldest first. *ret_total without offset and limit.
int hold_list(struct db *db, const struct hold_filter *filter, struct arena *m,
              struct hold_row **ret_rows, size_t *ret_count, uint64_t *ret_total, struct err *e);
// How many of those wait for each reason (by enum gate_reason).
int hold_reasons(struct db *db, const struct hold_filter *filter,
                 uint64_t counts[GATE_REASON_COUNT], struct err *e);
int hold_count_waiting(struct db *db, const char *delivery, uint64_t *ret_count, struct err *e);

// Decisions, appended.
struct hold_decision {
    int64_t hold;
    char delivery[SEAL_DELIVERY_LEN + 1];
    usec at;
    const char *who, *what, *reason, *clause, *choice, *consent, *outcome;
};
int hold_decision_put(struct db *writer, const struct hold_decision *d, struct err *e);
// Of one hold, or with hold 0 of a whole delivery; oldest first. Memory from `m`.
int hold_decisions(struct db *db, int64_t hold, const char *delivery, struct arena *m,
                   struct hold_decision **ret_list, size_t *ret_count, struct err *e);
