// SPDX-License-Identifier: Apache-2.0
// How an instance enters that is acknowledged before its verdict (C-STORE): durable in the inbox,
// then success to the sender, then the same way as every intake, in the background: worker, gate,
// object, row (intake.h). Recovery, at inbox_open: what was acknowledged is taken up where a killed
// server left it, what was not is removed.
//
//   arrives      file of the inbox with its receipt, one sync        → success to the sender
//   recorded     rows of custody, a transaction a batch; the receipts are cut off
//   judged       when the peer has been quiet for a while, all of its delivery together
//   (delivery.h) decided      custody says what became of it; released ones leave the inbox, held
//   ones wait
//                for a person elsewhere (hold.h), others stay until somebody disposes of them
//                (custody.h)
//
// What a peer sends until it has been quiet for `quiet` is one delivery, whatever the number of its
// associations: faces, pseudonyms, relative days and names are matters of all its files. A peer
// that is never quiet is judged when it fills half of the backlog. Where arrivals are too many, or
// the disk is nearly full, nothing more is taken (E_FULL).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/custody.h"
#include "base/clock.h"

struct archive;
struct err;
struct inbox;
struct inbox_arrival;

#define INBOX_BACKLOG_MAX 20000         // acknowledged and not yet judged
#define INBOX_SPARE ((uint64_t)2 << 30) // bytes that stay free on the disk
#define INBOX_SYNCERS 4                 // threads for inbox_end_later

struct inbox_options {
    struct archive *archive; // outlives it
    uint64_t backlog_max;    // 0: INBOX_BACKLOG_MAX
    uint64_t spare_bytes;    // 0: INBOX_SPARE
    usec quiet;              // 0: the archive's
    // For the log, on a thread of the inbox: a verdict other than released, and what keeps the
    // inbox from its work (it is tried again).
    void (*decided)(void *context, const struct custody_row *row);
    void (*trouble)(void *context, const struct err *why);
    void *context;
};
int inbox_open(const struct inbox_options *options, struct inbox **ret_inbox, struct err *e);
// What is not judged yet waits for the next opening. No arrival may be under way. NULL allowed.
void inbox_close(struct inbox *b);

// What the command and the presentation context say of an instance.
struct inbox_sender {
    const char *peer; // AE title
    const char *sop_class, *sop_instance, *syntax;
};
// E_FULL: over a limit, try later. Writes preamble and meta information; what follows is the data
// set. The names are read once.
int inbox_begin(struct inbox *b, const struct inbox_sender *sender,
                struct inbox_arrival **ret_arrival, struct err *e);
// After a negative return it is to be abandoned.
int inbox_write(struct inbox_arrival *a, struct slice bytes, struct err *e);
// Durable when E_OK, and queued for its verdict. The arrival is gone either way.
int inbox_end(struct inbox_arrival *a, struct err *e);
// The same in two steps, for a sender that does not wait for each response.
void inbox_end_later(struct inbox_arrival *a);
bool inbox_is_done(struct inbox_arrival *a);            // inbox_wait would not wait
int inbox_wait(struct inbox_arrival *a, struct err *e); // as inbox_end
void inbox_abandon(struct inbox_arrival *a);            // NULL allowed

// A sender's question, everything acknowledged before the call included.
int inbox_ask(struct inbox *b, struct slice sop_class, struct slice sop_instance,
              enum custody_answer *ret_answer, struct err *e);

// Waits until nothing waits for a verdict (tests).
void inbox_settle(struct inbox *b);

uint64_t inbox_backlog(struct inbox *b); // acknowledged and not yet judged
struct inbox_counts {
    uint64_t backlog, backlog_bytes; // acknowledged and not yet judged
    uint64_t arrivals, bytes;        // acknowledged since the inbox was opened
    uint64_t released, held, refused, conflict;
    uint64_t turned_away; // E_FULL answers
    usec oldest;          // when the one that waits longest arrived; 0: none waits
};
void inbox_counts(struct inbox *b, struct inbox_counts *ret_counts);
