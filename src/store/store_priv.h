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

// Objects lie in FOLDERS_PER_LEVEL × FOLDERS_PER_LEVEL folders, by the first two bytes of their
// hash.
#define STORE_LEVEL 256
#define STORE_FOLDERS (STORE_LEVEL * STORE_LEVEL)

struct store {
    char *dir;
    int data_fd, objects_fd, quarantine_fd, held_fd, cache_fd;
    int server_lock, sweep_lock;
    pthread_mutex_t locking; // the two above and the next
    bool server_held, intake_held, sweep_held;

    pthread_mutex_t keys; // the next two, loaded when they are first wanted
    struct seal_key *sources, *wrapping;

    pthread_mutex_t promoting;        // the next two
    bool unsynced;                    // something was promoted since the last sync began
    uint8_t known[STORE_FOLDERS / 8]; // folders that were seen

    pthread_mutex_t syncing; // one sync at a time; taken before `promoting`
    struct err sync_error;   // code not E_OK: no sync will succeed any more
    atomic_uint cache_number;
    atomic_uint_least64_t cache_max;
    atomic_uint_least64_t cache_written; // since the last trim began
};

int quarantine_sweep(struct store *s, struct err *e);

// Another name of folder/from among what is held; one that is there already is replaced.
int held_link(struct store *s, int folder, const char *from, const struct seal_name *to,
              struct err *e);

// Where a sealed item lies: folder descriptor and name (at least QUARANTINE_NAME_MAX bytes).
#define QUARANTINE_NAME_MAX 24
int quarantine_place(const struct store_item *i, char *ret_name);
// The item's file has moved away: the item is used up.
void quarantine_forget(struct store_item *i);
