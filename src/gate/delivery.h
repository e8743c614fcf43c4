// SPDX-License-Identifier: Apache-2.0
// A delivery: files that arrive together, share a key, and are judged together, because faces,
// pseudonyms, relative days and a patient's names are matters of all its files. Runs the jobs of
// instance.h in a worker pool, several at once; knows nothing of folders, archives or doors: where
// bytes come from and go to is its caller's (`maclab deid` and archive/intake.c).
//
//   add      each file is passed at once (look, clean, write); most are final then
//   finish   what must be known of all: uncertain boxes are read, series are tried for faces,
//            day zero and names found elsewhere are applied; files that they change are passed
//            again; then each has its verdict and, released, its bytes
//
// The key: made here unless given; in locked memory only; destroyed by gate_delivery_free.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/instance.h"

struct clock;
struct err;
struct gate_delivery;
struct worker_pool;

// Calls of the caller, on threads of the delivery, several at once unless said otherwise.
struct gate_door {
    // A descriptor open for reading only on the input `tag` (of gate_delivery_add): again when it
    // is needed again.
    int (*open_in)(void *context, uint64_t tag, int *ret_fd, struct err *e);
    // A new file to be written for it (read-write), and what becomes of it: on every passage a new
    // one; the former was dropped. Descriptors are closed by the delivery.
    int (*open_out)(void *context, uint64_t tag, int *ret_fd, struct err *e);
    void (*drop_out)(void *context, uint64_t tag);
    // The same file again, open for reading only: what was written is searched once more for names
    // that other instances told. NULL: such instances pass again as a whole.
    int (*open_written)(void *context, uint64_t tag, int *ret_fd, struct err *e);
    // A passage of `tag` is over: its files are read and written no more, unless it passes again.
    // On any thread. NULL: nobody asks.
    void (*passed)(void *context, uint64_t tag);
    // How many instances of this series (new UID) were released earlier under the same key, in
    // another run: slices that come one by one are one volume all the same. NULL: none.
    uint32_t (*earlier)(void *context, const char *series_uid);
    // Whether the same pixels are known under another identity already (clause: never silently
    // doubled). NULL: never.
    int (*known)(void *context, uint64_t tag, const struct gate_passed *p, bool *ret_known,
                 struct err *e);
    // The final verdict; p's arrays are valid during the call. Released: the file of open_out holds
    // p->out_len bytes, checked; else it was dropped. In the order of gate_delivery_add, during
    // gate_delivery_finish, on its thread.
    void (*decided)(void *context, uint64_t tag, const struct gate_passed *p);
    // A failure of our side (disk, no worker): not a verdict. In the same order, on that thread.
    void (*failed)(void *context, uint64_t tag, const struct err *why);
    void *context;
};

struct gate_delivery_options {
    struct worker_pool *pool;   // its table of jobs begins with gate_jobs
    struct gate_reader *reader; // NULL: what is uncertain stays uncertain
    const struct gate_profile *profile;
    const struct gate_key *key; // NULL: a fresh one
    unsigned at_once;           // files in passage; 0: enough to keep two children a processor busy
    bool hold_doubles; // equal pixels of two patients of this delivery: the later ones are held
    const struct gate_door *door;
    // A scratch file without a name for volumes.
    int (*scratch)(void *context, int *ret_fd, struct err *e);
};
int gate_delivery_new(const struct gate_delivery_options *options, struct gate_delivery **ret_d,
                      struct err *e);
void gate_delivery_free(struct gate_delivery *d); // NULL allowed

// Orders of a person for one file, before it is added (copied).
struct gate_orders {
    const struct gate_edit *edits;
    uint32_t edit_count;
    bool released_by_person; // holds that a person may lift are lifted (not refusals, not
                             // TEXT_LEFT, not an identifier in the pixels)
    bool key_images_only, consent;
};
// `name`: path relative to what was given, for the search; may be NULL. Waits while too many are in
// passage.
int gate_delivery_add(struct gate_delivery *d, uint64_t tag, const char *name,
                      const struct gate_orders *orders, struct err *e);
// First passages that are over, for a progress bar. Thread-safe.
uint64_t gate_delivery_passed(struct gate_delivery *d);
// Every file has its verdict when this returns.
int gate_delivery_finish(struct gate_delivery *d, struct err *e);

// Counts for the certificate.
struct gate_tally {
    uint64_t files, released, held, refused, failed, bytes;
    uint64_t kinds[GATE_KIND_COUNT];
    uint64_t reasons[GATE_REASON_COUNT];
    uint64_t methods[13]; // instances that claim each
    uint64_t frames_examined, boxes_blacked, frames_defaced;
    uint64_t patients, studies, series;
    uint16_t risk_max;
};
void gate_delivery_tally(const struct gate_delivery *d, struct gate_tally *ret_tally);
