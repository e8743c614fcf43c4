// SPDX-License-Identifier: Apache-2.0
// Objects on disk: immutable files named by the SHA-256 of their bytes (DATA/objects/ab/cd/<hash>)
// and the quarantine, where what arrives waits for its verdict out of reach of every reader. What
// an object means is the archive's business. S3 will take the same calls. Folders are made with
// mode 0700, files with 0600. What the gate has not released is written sealed only (seal.h), under
// a key that is not in this folder in clear: items of a delivery, arrivals of the inbox (inbox.h),
// and what is held for a person (held.h). Items that are not sealed hold what the gate gave, on its
// way to become an object. Every call but those on one delivery's items is safe in many threads;
// items of one delivery may be worked on by several threads, one thread an item.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/slice.h"

struct err;
struct seal_key;
struct seal_name;
struct seal_writer;
struct store;

// Opens DIR (made when absent, mode 0700) with objects/ quarantine/ held/ cache/ keys/. E_IO names
// a folder that cannot be written.
int store_open(const char *data_dir, struct store **ret_store, struct err *e);
void store_close(struct store *s); // NULL allowed; its deliveries must be closed before

// Only one server at a time may hold the folder; intake (import, server) takes a shared lock so
// that the start-up sweep, which needs it alone, never sees half an intake. E_LOCKED says who
// (pid). Locks end with store_close or the process. Taking one that is held already is no error.
int store_lock_server(struct store *s, struct err *e);
// Waits up to half a minute for a sweep of another process.
int store_lock_intake(struct store *s, struct err *e);
// Where it is alone, everything in quarantine belongs to dead deliveries and is removed at once.
// Not alone while this store holds the intake lock itself: sweep first.
int store_try_sweep_lock(struct store *s, bool *ret_alone, struct err *e);
void store_unlock_sweep(struct store *s);

// A secret of the folder, DATA/keys/<name> (mode 0600): made of random bytes, durable, when there
// is none. E_CORRUPT when it has another length.
int store_key(struct store *s, const char *name, void *ret_bytes, size_t len, struct err *e);

// The same as a key in locked memory; the caller's.
int store_seal_key(struct store *s, const char *name, struct seal_key **ret_key, struct err *e);

// What is kept of a file to know it when it comes again: HMAC of its hash under a key of this
// folder (keys/sources), so that nobody without the key can ask whether a file of theirs was here.
int store_source_mac(struct store *s, const struct hash *plain, struct hash *ret_mac,
                     struct err *e);
// The same for the digest of an image's pixels.
int store_pixel_mac(struct store *s, const uint8_t digest[HASH_LEN], struct hash *ret_mac,
                    struct err *e);

// The key of a delivery: DATA/keys/delivery-<name>, wrapped by the folder's (keys/quarantine), a
// file of its own and no row of the catalogue, so that it can be overwritten in its place, no
// journal or backup of the catalogue has it, and nothing that reads the catalogue can reach it.
// Made: durable when it returns. Loaded: E_NOT_FOUND when it was destroyed. Destroyed: overwritten,
// synced, removed; absent: E_OK.
int store_delivery_key_make(struct store *s, const char *delivery, struct seal_key **ret_key,
                            struct err *e);
int store_delivery_key_load(struct store *s, const char *delivery, struct seal_key **ret_key,
                            struct err *e);
int store_delivery_key_destroy(struct store *s, const char *delivery, struct err *e);

// Bytes that may still be written to the folder's file system.
int store_free_bytes(struct store *s, uint64_t *ret_bytes, struct err *e);

// --- quarantine -----------------------------------------------------------------------------
struct store_delivery; // one arrival: an import run, a STOW request, an association

// Takes the intake lock when it is not held yet.
int store_delivery_open(struct store *s, struct store_delivery **ret_delivery, struct err *e);
// Removes what is left of it. NULL allowed.
void store_delivery_close(struct store_delivery *d);
const char *store_delivery_id(const struct store_delivery *d);

// One file in quarantine. Owned by the caller; store_item_done forgets and removes it.
struct store_item {
    struct store_delivery *delivery;
    uint64_t number;
    int fd; // write-only until sealed, then read-only: fit for worker_run
    bool sealed;
    uint64_t len;     // of what was written to it
    struct hash hash; // of that; valid after store_item_seal
    struct hash_stream *hashing;
    struct seal_writer *sealing; // encrypted as it is written; NULL: plain
    bool encrypted;              // never promoted; read with seal.h
};

// After a negative return of write, copy or seal the item is gone, its bytes removed (E_FULL when
// there was no room); store_item_done is then allowed but does nothing. A zeroed item is one that
// is gone.
int store_item_begin(struct store_delivery *d, struct store_item *ret_item, struct err *e);
// The same, encrypted under that name and key (the key may go when it returns).
int store_item_begin_encrypted(struct store_delivery *d, const struct seal_key *k,
                               const struct seal_name *name, struct store_item *ret_item,
                               struct err *e);
int store_item_write(struct store_item *i, const void *bytes, size_t len, struct err *e);
// From where from_fd stands to its end.
int store_item_copy(struct store_item *i, int from_fd, struct err *e);
int store_item_seal(struct store_item *i, struct err *e);
void store_item_done(struct store_item *i);

// Durable in quarantine, name included (for acknowledgements before the verdict).
int store_item_sync(struct store_item *i, struct err *e);

// --- objects --------------------------------------------------------------------------------
// Moves a sealed item to its place as an object (no copy). Not durable until store_sync. *ret_new
// is false when the object was there already (store_sync then covers that one). The item is used
// up; on failure it stays the caller's. E_INTERNAL for one that is encrypted.
int store_promote(struct store *s, struct store_item *i, bool *ret_new, struct err *e);

// Everything promoted before the call, by any thread, is on disk, names included. One call a batch.
// A sync that failed cannot be mended by another: from then on every call fails until the folder is
// opened anew, so that nothing is acknowledged that the disk may not have.
int store_sync(struct store *s, struct err *e);

int store_object_open(struct store *s, const struct hash *hash, int *ret_fd, struct err *e);
int store_object_remove(struct store *s, const struct hash *hash, struct err *e); // absent: E_OK
// Calls visit for each object file in order of hash; stray files (temporary names, wrong
// folder) are reported with hash NULL. A visit that answers non-zero ends it and is returned.
int store_objects_each(struct store *s,
                       int (*visit)(const struct hash *hash, const char *path, void *context),
                       void *context, struct err *e);
// Re-hashes one object: E_CORRUPT when its bytes are not what its name says.
int store_object_verify(struct store *s, const struct hash *hash, uint64_t *ret_len, struct err *e);

// --- cache (may be deleted at any time) --------------------------------------------------------
// Any key; the file is named by its hash. *ret_len is the value's length: the file is longer.
// E_NOT_FOUND when it is not there or not whole.
int store_cache_get(struct store *s, const char *key, int *ret_fd, uint64_t *ret_len);
// Best effort. Keeps the cache near its limit by removing the oldest values, now and then, on the
// calling thread; writes nothing (E_FULL) when the file system is down to STORE_CACHE_SPARE bytes.
int store_cache_put(struct store *s, const char *key, struct slice bytes);
// The first `len` bytes of a file as a value, which comes back as from store_cache_get. E_FULL,
// E_IO as above; also when it was not kept.
int store_cache_copy(struct store *s, const char *key, int from_fd, uint64_t len, int *ret_fd);
#define STORE_CACHE_MAX ((uint64_t)2 << 30)
#define STORE_CACHE_SPARE ((uint64_t)1 << 30)
void store_cache_limit(struct store *s, uint64_t max_bytes); // instead of STORE_CACHE_MAX

// A file without a name on the folder's file system, for reading and writing; it goes with its last
// descriptor.
int store_scratch_open(struct store *s, int *ret_fd, struct err *e);
// Another one that holds the first `len` bytes of `from_fd`.
int store_scratch_copy(struct store *s, int from_fd, uint64_t len, int *ret_fd, struct err *e);
