// SPDX-License-Identifier: Apache-2.0
// DATA/inbox: arrivals that are acknowledged to their sender before they have a verdict. Each is a
// file of its own, named by a number that is never given again: the bytes, encrypted as they arrive
// under the key of their delivery (seal.h), and behind them a receipt, in clear, that says what is
// known of them and nothing that names anybody. Bytes and receipt become durable by one fdatasync;
// a file without a whole receipt was not acknowledged. No sweep looks in here: what is in the inbox
// goes only when its owner removes it.
//
// How the receipt became a part of the file, 530 kB each, this program's own instances a second on
// one disk (one thread / four): a new file and fdatasync 1070/2000; a file whose name was made
// durable beforehand, and fdatasync 1700/2400; appending to one log for each thread, and fdatasync
// 1600/2400. Of the two equal ones the file needs no copy to become an object: it is linked.
//
// One process owns the inbox. Calls are safe in many threads, an arrival is one thread's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/slice.h"

struct buf;
struct err;
struct seal_key;
struct seal_writer;
struct store;
struct store_inbox;

#define STORE_RECEIPT_MAX 1024

// E_LOCKED: another process owns it. Numbers are given from `first` (from 1), or behind the highest
// that lies there.
int store_inbox_open(struct store *s, struct store_inbox **ret_inbox, struct err *e);
void store_inbox_first(struct store_inbox *b, uint64_t first);
void store_inbox_close(struct store_inbox *b); // NULL allowed

// Makes names durable ahead of the arrivals that will use them (a few milliseconds), for a thread
// that nobody waits for; an arrival that finds none makes its own. false: some could not be made.
bool store_inbox_prepare(struct store_inbox *b);
bool store_inbox_wants(struct store_inbox *b); // there are few

// --- one that arrives
struct store_arrival {
    struct store_inbox *inbox; // NULL: over
    uint64_t number;
    int fd;
    uint64_t len;
    uint64_t started; // bytes that the disk was told of
    struct hash_stream *hashing;
    struct seal_writer *sealing;
};
// Under that delivery's key, which may go when it returns.
int store_arrival_begin(struct store_inbox *b, const struct seal_key *k, const char *delivery,
                        struct store_arrival *ret_arrival, struct err *e);
// After a negative return of write, seal or sync it is to be abandoned.
int store_arrival_write(struct store_arrival *a, const void *bytes, size_t len, struct err *e);
// *ret_source is store_source_mac of the bytes' hash.
int store_arrival_seal(struct store_arrival *a, struct slice receipt, struct hash *ret_source,
                       struct err *e);
int store_arrival_sync(struct store_arrival *a, struct err *e); // durable; any thread
void store_arrival_keep(struct store_arrival *a);               // closes it
void store_arrival_abandon(struct store_arrival *a); // removes it; nothing when it is over

// --- those that lie there
// Calls visit with each, lowest number first; of files of no length none. A visit that answers
// non-zero ends it and is returned.
int store_inbox_each(struct store_inbox *b, int (*visit)(uint64_t number, void *context),
                     void *context, struct err *e);
// Length of the file, with the receipt where it has one. E_NOT_FOUND.
int store_inbox_size(struct store_inbox *b, uint64_t number, uint64_t *ret_len, struct err *e);
// 1 and the receipt with the length of the bytes and their store_source_mac; 0: it has none.
// E_CORRUPT for one that an earlier version of this program left, in clear. The bytes are not
// looked at.
int store_inbox_receipt(struct store_inbox *b, uint64_t number, struct buf *receipt,
                        uint64_t *ret_len, struct hash *ret_source, struct err *e);
// Removes the receipt (what lies behind `len` bytes of plain text).
int store_inbox_cut(struct store_inbox *b, uint64_t number, uint64_t len, struct err *e);
// The `len` bytes decrypted, as a file in memory, open for reading only. E_CORRUPT unless they are
// those that arrived.
int store_inbox_open_plain(struct store_inbox *b, uint64_t number, const struct seal_key *k,
                           const char *delivery, uint64_t len, int *ret_fd, struct err *e);
// A second name of the file, without its receipt, among what is held (held.h). Not durable until
// store_held_sync.
int store_inbox_hold(struct store_inbox *b, uint64_t number, const char *delivery, uint64_t len,
                     struct err *e);
int store_inbox_remove(struct store_inbox *b, uint64_t number, struct err *e); // absent: E_OK
