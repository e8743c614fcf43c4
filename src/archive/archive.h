// SPDX-License-Identifier: Apache-2.0
// The archive of one data folder: opens store, catalogue and worker pool together. Intake
// (intake.h), search (search.h), retrieval (retrieve.h) and verification (verify.h) work on it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct archive;
struct audit;
struct clock;
struct db;
struct err;
struct gate_profile;
struct gate_reader;
struct store;
struct worker_pool;

struct archive_options {
    const char *data_dir;
    unsigned workers;           // children; 0: one a processor, at least 2
    bool server;                // take the server lock (one a folder)
    const struct clock *clock;  // NULL: the system's
    const char *worker_program; // what runs as `PROGRAM worker`; NULL: this program
    bool no_workers;            // tables only: nothing may be taken in, rendered or decoded
    // Only for the program of the tests that sends instances through all doors and wants them back
    // bit for bit (cli/main_as_sent.c, never installed): the structural gate alone. Its folders
    // carry the mark DATA/as-sent; neither program opens the other's but for its tables.
    bool as_sent;
    const char *program; // what certificates name: "MacLab 0.1.0 (revision)"; NULL: "MacLab"
    int64_t
        quiet; // microseconds after which what a sender sends is another delivery; 0: the default
    const char *profile; // a de-identification profile; NULL: DATA/profile.json, else the built-in
};

// Makes the folder when it is absent. E_LOCKED: another server has it. E_CORRUPT: the catalogue is
// damaged, or missing while objects are there: nothing was changed. Removes what killed intakes
// left.
int archive_open(const struct archive_options *options, struct archive **ret_archive,
                 struct err *e);
void archive_close(struct archive *a); // NULL allowed

struct store *archive_store(struct archive *a);
struct worker_pool *archive_workers(struct archive *a);
struct audit *archive_audit(struct archive *a);

// What the gate of this folder goes by. Never NULL but without workers or as_sent.
const struct gate_profile *archive_profile(const struct archive *a);
bool archive_is_as_sent(const struct archive *a);
int64_t archive_quiet(const struct archive *a); // microseconds

// A catalogue connection for the calling thread, from a small pool; give it back. E_DATABASE when
// the catalogue's file was removed or replaced meanwhile.
int archive_reader(struct archive *a, struct db **ret_db, struct err *e);
void archive_reader_done(struct archive *a, struct db *db);

// The one writing connection, for one thread at a time (others wait), until archive_writer_done,
// which rolls back what was not committed. For tables of one's own: those of the catalogue are
// written inside this folder only. Short work; nothing that waits for a peer.
struct db *archive_writer(struct archive *a);
void archive_writer_done(struct archive *a);

// A writing connection of one's own, for a thread that writes tables of its own all the time and
// must not keep intakes waiting for the one above. To be closed with db_close.
int archive_writer_new(struct archive *a, struct db **ret_db, struct err *e);
