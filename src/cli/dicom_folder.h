// SPDX-License-Identifier: Apache-2.0
// Instances that are received, as Part 10 files of a folder, each named by its SOP Instance UID. A
// file has its name when it is on disk, never before; what a kill leaves has no name, or one that
// begins with a dot where the file system cannot do without. Nothing is parsed: the data set goes
// from the PDU buffer to the file. Memory does not depend on sizes.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dimse/user.h"

struct err;

struct folder;

struct folder_options {
    const char *path;      // made where it is absent
    const char *source_ae; // of the meta information (PS3.10 7.1); NULL: the association's peer
    // Each file is synced and named before its status is sent: for what a peer hands over. Without,
    // threads do it behind, and folder_finish is when all is on disk.
    bool sync_first;
    bool no_sync; // files get their names when they are whole; the system writes them when it likes
    // Told of each file that has its name, or failed (rc != E_OK); one at a time, from any thread.
    void (*stored)(void *context, const char *sop_instance, uint64_t bytes, int rc,
                   const struct err *why);
    void *context;
};
int folder_open(const struct folder_options *options, struct folder **ret_folder, struct err *e);
// Waits until all that was taken is on disk. The first failure, E_OK: there was none.
int folder_finish(struct folder *f, struct err *e);
void folder_close(struct folder *f); // NULL allowed; finishes

// Whether the instance is there; whether no instance is.
bool folder_has(const struct folder *f, const char *sop_instance);
bool folder_empty(const struct folder *f);

// Who takes the C-STORE requests of one association; by one thread.
struct receiver;
int receiver_open(struct folder *f, const struct dimse_association *a,
                  struct receiver **ret_receiver, struct err *e);
void receiver_close(struct receiver *i); // NULL allowed
struct dimse_sink receiver_sink(struct receiver *i);
