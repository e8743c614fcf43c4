// SPDX-License-Identifier: Apache-2.0
// The audit log: decisions and custody as lines of JSON in DIR/audit/YYYY-MM.jsonl, a file a month.
// Each line carries its number, the hash of the line before and its own (a chain), across files,
// processes and restarts. Several processes append under a file lock. Lines of allowed reads are
// with the kernel (one write) when the call returns; refusals and custody are on disk. A line torn
// by a crash is kept and sealed by a note that the next writer puts behind it.
//
// What the chain shows: edits, removals, additions, reordering, and an end cut off before the last
// synced line (DIR/audit/head). What it cannot show: a whole log rewritten by somebody who may
// write to the folder; note the hash that `maclab audit verify` prints elsewhere for that.
//
// Nothing that identifies a person from an image may be in a line. As a second wall texts are
// checked: `what` takes UIDs and lower-case resource names, `where` ends at a question mark, long
// numbers and anything with other characters is written as "(withheld)".
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/slice.h"
#include "policy/policy.h"

struct audit;
struct err;

// Opens (makes) DIR/audit. The clock is kept.
int audit_open(const char *data_dir, const struct clock *clock, struct audit **ret_audit,
               struct err *e);
void audit_close(struct audit *a); // NULL allowed

// For a server: within `window` after an allowed read was written, further ones by the same person
// from the same address, by the same action at the same door, of the same study (`what` up to its
// first slash), are counted instead of written; the count follows in a note that names the line
// ("repeated"). A station that pages through a series then costs two lines, not a thousand. Custody
// and refusals are always written, but for the images of one delivery by DICOM (`what` names it),
// of which the first has its line on disk and the archive's custody records tell each. A crash may
// lose counts, never the first line. 0 (the state after audit_open): every decision has its line.
// Call before threads use `a`.
#define AUDIT_READS_WINDOW (60 * CLOCK_SECOND)
int audit_count_reads(struct audit *a, usec window, struct err *e);

// Thread-safe. A decision that cannot be written is E_IO / E_FULL: the door must then refuse.
int audit_decision(struct audit *a, const struct policy_request *request,
                   const struct policy_decision *decision, struct err *e);

// policy_decide + audit_decision: what every dispatcher calls. false: refused, *ret_decision says
// why (clause S1 when the decision could not be written down).
bool audit_ask(struct audit *a, const struct policy_request *request,
               struct policy_decision *ret_decision);

// Checks the whole chain, oldest file first. E_CORRUPT names file and line of the first break;
// E_NOT_FOUND where there is no log.
int audit_verify(const char *data_dir, uint64_t *ret_lines, struct err *e);

struct audit_summary {
    uint64_t lines; // good ones, notes among them
    unsigned files;
    unsigned sealed;  // torn lines that a note explains
    struct hash last; // of the last line: worth keeping elsewhere
};
int audit_check(const char *data_dir, struct audit_summary *ret_summary, struct err *e);

// Calls visit with each line (without newline), oldest first, good or not. A visit that answers
// non-zero ends it and is returned.
int audit_each(const char *data_dir, int (*visit)(struct slice line, void *context), void *context,
               struct err *e);
