// SPDX-License-Identifier: Apache-2.0
// How an instance enters: quarantine → worker (gate and extraction in the sandbox) → object →
// catalogue row. A batch shares one sync and one transaction; nothing is acknowledged before both.
// Until the gate issue lands the gate is structural: it proves that the file is a whole,
// well-formed DICOM instance, and keeps its UIDs.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/slice.h"

struct archive;
struct intake;
struct store_item;

enum intake_verdict {
    INTAKE_STORED,    // new in the archive, durable
    INTAKE_DUPLICATE, // the same instance with the same content was there: a quiet success
    INTAKE_CONFLICT,  // another object has this SOP Instance UID: refused, the first stays
    INTAKE_REFUSED,   // not a whole DICOM instance; why says where
    INTAKE_FAILED     // our side: disk, database; nothing was kept, may be tried again
};

struct intake_result {
    enum intake_verdict verdict;
    uint64_t tag; // as given by the caller at intake_add: finds the input again
    char sop_class[65];
    char sop_instance[65];
    char study[65];
    char series[65];
    struct hash object; // STORED, DUPLICATE: the object with the content
    struct err why;     // for every verdict but STORED and DUPLICATE
    char reason[32];    // REFUSED by the gate: its code ("pixels-cut"); else ""
    uint32_t findings;  // noticed by the gate and recorded, though the instance was stored
};
const char *intake_verdict_word(enum intake_verdict verdict); // "stored", "duplicate" …

typedef void (*intake_done)(const struct intake_result *result, void *context);

#define INTAKE_BATCH_MAX 256     // instances a transaction
#define INTAKE_IN_FLIGHT_MAX 192 // files of one intake in quarantine without a result

// A run: one delivery. Results come through `done`, in any order, on the thread that calls add or
// finish. Not thread-safe; several intakes may run at once.
int intake_open(struct archive *a, intake_done done, void *context, struct intake **ret_intake,
                struct err *e);

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

// A sealed item of the inbox (store/inbox.h): taken over, its file stays where it is.
int intake_add_item(struct intake *i, struct store_item *item, uint64_t tag, struct err *e);

// A stream: begin, write…, end. One at a time.
int intake_begin(struct intake *i, uint64_t tag, struct err *e);
int intake_write(struct intake *i, const void *bytes, size_t len, struct err *e);
int intake_end(struct intake *i, struct err *e);
void intake_abandon(struct intake *i); // the stream broke off: forget it

// Everything added has its result when this returns.
int intake_finish(struct intake *i, struct err *e);
void intake_close(struct intake *i); // NULL allowed
