// SPDX-License-Identifier: Apache-2.0
// Bytes at rest that nobody has vetted: encrypted as they arrive, in chunks of 64 KiB, each with
// AES-256-GCM under a key of its item. The item's key is HMAC-SHA-256 of the delivery's key over
// the delivery's name, the item's number and a random salt that stands before the first chunk; the
// nonce is the chunk's number, and whether it is the last one is authenticated with it. So a chunk
// that was changed, exchanged, moved to another item or delivery, repeated or left out is found,
// and so is an end cut off.
//
//   file   "MLseal1\n", 16 bytes of salt, chunk, chunk …, last chunk (perhaps empty)
//   chunk  up to 65536 bytes encrypted, 16 bytes of tag
//
// Why AES-GCM by OpenSSL and not libsodium's secretstream: a file of 530 kB took 0.13 ms against
// 0.34 ms on one machine with instructions for AES, and an acknowledgement by C-STORE waits for it.
//
// Keys live in memory that is neither swapped nor dumped (sodium_malloc) and are wiped. A
// delivery's key on disk is wrapped (XChaCha20-Poly1305) by the folder's, which binds it to the
// delivery's name.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/slice.h"

struct err;
struct seal_writer;

#define SEAL_KEY_LEN 32
#define SEAL_CHUNK ((size_t)65536)
#define SEAL_TAG_LEN 16
#define SEAL_HEAD_LEN 24
#define SEAL_WRAPPED_LEN 72
#define SEAL_DELIVERY_LEN 16 // characters of a delivery's name

struct seal_key {
    uint8_t bytes[SEAL_KEY_LEN];
};
struct seal_key *seal_key_new(void);    // random; NULL when there is no locked memory
void seal_key_free(struct seal_key *k); // wiped; NULL allowed

// A key for another purpose, from which this one cannot be told.
void seal_key_derive(const struct seal_key *k, const char *purpose, uint8_t out[SEAL_KEY_LEN]);
// HMAC-SHA-256 of a hash: what is kept of a file to know it again, useless without the key.
struct hash seal_mac(const struct seal_key *k, const char *purpose, struct slice bytes);

int seal_wrap(const struct seal_key *by, const struct seal_key *k, const char *delivery,
              uint8_t out[SEAL_WRAPPED_LEN], struct err *e);
// E_CORRUPT: not wrapped by that key, or for another delivery.
int seal_unwrap(const struct seal_key *by, struct slice wrapped, const char *delivery,
                struct seal_key **ret_key, struct err *e);

// What an item is called; part of its key.
struct seal_name {
    char delivery[SEAL_DELIVERY_LEN + 1];
    uint64_t number;
};

// The key may go when it returns.
int seal_writer_new(const struct seal_key *k, const struct seal_name *name,
                    struct seal_writer **ret_writer, struct err *e);
void seal_writer_free(struct seal_writer *w); // NULL allowed
// What they give to `fd` goes to its end. After a negative return the file is worth nothing.
int seal_write(struct seal_writer *w, int fd, const void *bytes, size_t len, struct err *e);
int seal_end(struct seal_writer *w, int fd, struct err *e);

// Length of the file that holds `plain` bytes, and back (E_CORRUPT: no such length).
uint64_t seal_file_len(uint64_t plain);
int seal_plain_len(uint64_t file_len, uint64_t *ret_plain, struct err *e);

// Decrypts the first `file_len` bytes of `from` to `put`, in order. E_CORRUPT where the bytes are
// not those that were written: what `put` was given before is then to be forgotten.
int seal_read(const struct seal_key *k, const struct seal_name *name, int from, uint64_t file_len,
              int (*put)(void *context, struct slice bytes, struct err *e), void *context,
              struct err *e);

// The same as a file in memory without a name, open for reading only.
int seal_read_memory(const struct seal_key *k, const struct seal_name *name, int from,
                     uint64_t file_len, int *ret_fd, uint64_t *ret_len, struct err *e);
