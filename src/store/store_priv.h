// SPDX-License-Identifier: Apache-2.0
// What the files of this folder share. Not for others.
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

#define STORE_DIR_MODE 0700
#define STORE_FILE_MODE 0600

// Objects lie in FOLDERS_PER_LEVEL × FOLDERS_PER_LEVEL folders, by the first two bytes of their hash.
#define STORE_LEVEL 256
#define STORE_FOLDERS (STORE_LEVEL * STORE_LEVEL)

// Up to so many new files are synced one by one, with their folders; more by one syncfs() of the
// file system. See the measurement in objects.c.
#define STORE_SYNC_FILES_MAX 16

struct store_pending {
    int files[STORE_SYNC_FILES_MAX];
    unsigned file_count;
    bool many; // more than fit
    bool any;
    bool top;                                // objects/ has new names
    uint8_t level1[STORE_LEVEL / 8];         // objects/ab has
    uint8_t level2[STORE_FOLDERS / 8];       // objects/ab/cd has
    uint16_t touched[STORE_SYNC_FILES_MAX * 2]; // the set bits of level2 while !many
    unsigned touched_count;
};

struct store {
    char *dir;
    int data_fd, objects_fd, quarantine_fd, cache_fd;
    int server_lock, sweep_lock;
    pthread_mutex_t locking; // the two above and the next
    bool server_held, intake_held, sweep_held;

    pthread_mutex_t promoting;       // pending, known
    struct store_pending *pending;   // since the last sync
    uint8_t known[STORE_FOLDERS / 8]; // folders that were seen

    pthread_mutex_t syncing; // one sync at a time; taken before `promoting`
    struct store_pending *spare;
    struct err sync_error; // code not E_OK: no sync will succeed any more
    atomic_uint cache_number;
};

static inline bool store_bit(const uint8_t *bits, unsigned at) {
    return (bits[at / 8] >> (at % 8) & 1) != 0;
}

static inline void store_set_bit(uint8_t *bits, unsigned at) {
    bits[at / 8] = (uint8_t)(bits[at / 8] | 1U << (at % 8));
}

int quarantine_sweep(struct store *s, struct err *e);

// Where a sealed item lies: folder descriptor and name (at least QUARANTINE_NAME_MAX bytes).
#define QUARANTINE_NAME_MAX 24
int quarantine_place(const struct store_item *i, char *ret_name);
// The item's file has moved away: its descriptor is handed over, the item is used up.
int quarantine_take(struct store_item *i);
