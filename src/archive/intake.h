// SPDX-License-Identifier: Apache-2.0
// How an instance enters: gate (gate/delivery.h, in the sandbox) → what it wrote → worker
// (extraction) → object → catalogue row. A batch shares one sync and one transaction; nothing is
// acknowledged before both. What the gate holds is encrypted among what is held (store/held.h) and
// has its row (hold.h) in the same way. Verdicts are told at intake_finish, because the gate judges
// what arrived together as a whole.
//
// An instance that was made by this process from nothing (`maclab demo`) concerns no person: it
// enters by intake_open_made_here through the structural gate alone. No door of the outside leads
// there.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/slice.h"

struct archive;
struct delivery;
struct gate_orders;
struct hold_row;
struct intake;
struct store_inbox;

enum intake_verdict {
    INTAKE_STORED,    // new in the archive, durable
    INTAKE_DUPLICATE, // the same instance with the same content was there: a quiet success
    INTAKE_HELD,      // safe with us, for a person to decide; durable
    INTAKE_CONFLICT,  // another object has this SOP Instance UID: refused, the first stays
    INTAKE_REFUSED,   // nothing that may be kept; why says where
    INTAKE_FAILED     // our side: disk, database; nothing was kept, may be tried again
};
#define INTAKE_VERDICTS (INTAKE_FAILED + 1)

struct intake_result {
    enum intake_verdict verdict;
    uint64_t tag; // as given by the caller at intake_add: finds the input again
    char sop_class[65];
    char sop_instance[65]; // as the archive has or would have it
    char study[65];
    char series[65];
    char sent_instance[65]; // as it came: for the answer to its sender and nothing else
    struct hash object;     // STORED, DUPLICATE: the object with the content
    struct err why;         // for every verdict but STORED and DUPLICATE
    char reason[32];        // HELD, REFUSED by the gate: its code ("pixels-cut"); else ""
    int64_t hold;           // HELD: its number
    uint32_t findings;      // noticed by the gate and recorded, though the instance was stored
};
const char *intake_verdict_word(enum intake_verdict verdict); // "stored", "duplicate" …

typedef void (*intake_done)(const struct intake_result *result, void *context);

#define INTAKE_BATCH_MAX 256     // instances a transaction
#define INTAKE_IN_FLIGHT_MAX 192 // files of one intake behind the gate without a result

// A run of the passage. Results come through `done`, in any order, on the thread that calls add or
// finish. Not thread-safe; several intakes may run at once, also of one delivery. `d` outlives it.
// NULL is for folders of the structural gate (archive.h) only: E_DENIED elsewhere.
int intake_open(struct archive *a, struct delivery *d, intake_done done, void *context,
                struct intake **ret_intake, struct err *e);

// For what this process itself has made.
int intake_open_made_here(struct archive *a, intake_done done, void *context,
                          struct intake **ret_intake, struct err *e);

// From now on only instances of that study (one that a STOW-RS URL names, PS3.18 10.5.1) are taken:
// others are refused with E_MISMATCH.
void intake_only_study(struct intake *i, const char *study_uid);

// From now on what a worker has read of a file must pass this, too: an error refuses it with that
// error. It is called on threads of the intake; the result's tag and UIDs are known.
typedef int (*intake_expectation)(const struct intake_result *result, void *context, struct err *e);
void intake_expect(struct intake *i, intake_expectation expectation, void *context);

// At most so many files are looked at at once (0: as many as there are threads).
void intake_pace(struct intake *i, unsigned at_once);

// A negative return of these means that the intake itself cannot go on (no memory); what is wrong
// with one file is its result.

// A file that is there (it is copied to quarantine, never changed or moved). It is read from its
// present offset to its end by and by: the caller may close `fd` but not move that offset.
int intake_add_fd(struct intake *i, int fd, uint64_t tag, struct err *e);

// The same of a file that is opened when it is wanted, so that a run may have more files than a
// process may have open. It must not change meanwhile: it fails then. `name`: the path below what
// somebody named, which the gate searches for identifiers; NULL.
int intake_add_path(struct intake *i, const char *path, const char *name, uint64_t tag,
                    struct err *e);

// An arrival of the inbox (store/inbox.h), under its delivery's key; its file stays where it is.
// `source` is its store_source_mac.
int intake_add_arrival(struct intake *i, struct store_inbox *files, uint64_t number, uint64_t len,
                       const struct hash *source, uint64_t tag, struct err *e);

// One that is held, once more, with a person's orders (copied). STORED: its hold is released.
// `defaced`: held again unless the gate removed a face from it.
int intake_add_hold(struct intake *i, const struct hold_row *hold, const struct gate_orders *orders,
                    bool defaced, uint64_t tag, struct err *e);

// A stream: begin, write…, end. One at a time.
int intake_begin(struct intake *i, uint64_t tag, struct err *e);
int intake_write(struct intake *i, const void *bytes, size_t len, struct err *e);
int intake_end(struct intake *i, struct err *e);
void intake_abandon(struct intake *i); // the stream broke off: forget it

// Everything added has its result when this returns. More may be added then: the gate judges it by
// itself, under the same key.
int intake_finish(struct intake *i, struct err *e);
void intake_close(struct intake *i); // NULL allowed
