// SPDX-License-Identifier: Apache-2.0
// What the archive's own files need of it.
#pragma once

struct archive;
struct clock;
struct db;
struct delivery_uses;
struct gate_reader;
struct hash;

// Removes an object that no row names. It is done under the catalogue's write lock, as an intake's
// last look at its objects is (commit.c), so that none vanishes under a row that is being written.
// What fails is left to the next sweep.
void archive_remove_unnamed(struct archive *a, struct db *writer, const struct hash *object);

// The next opening looks for objects that no row names.
void archive_mark_sweep(struct archive *a);

const struct clock *archive_clock(const struct archive *a);
unsigned archive_worker_count(const struct archive *a);
struct delivery_uses *archive_delivery_uses(struct archive *a);
struct gate_reader *archive_gate_reader(struct archive *a); // NULL: none
const char *archive_program(const struct archive *a);
// One decision on holds at a time.
void archive_deciding(struct archive *a);
void archive_deciding_done(struct archive *a);
