// SPDX-License-Identifier: Apache-2.0
// Reading what is in the archive: where an instance's bytes and frames lie, precomputed metadata.
// Nothing here parses a file.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/slice.h"

struct archive;
struct arena;
struct buf;
struct db;
struct err;

// What a URL names: study, then optionally series, then optionally instance ("" when not given).
struct retrieve_path {
    const char *study;
    const char *series;
    const char *instance;
};

struct retrieve_instance {
    struct hash object;
    uint64_t len;         // of the object in bytes
    uint64_t body_offset; // of the data set in it
    char study[65], series[65], instance[65], sop_class[65], syntax[65];
    uint32_t frames; // 0 when it has no pixels
    uint32_t rows, columns, samples, bits_allocated;
    uint64_t instance_number; // for order; UINT64_MAX when absent
};

// All instances below the path, in series and instance number order. Memory from `a`. E_NOT_FOUND
// when the path names nothing.
int retrieve_list(struct db *db, const struct retrieve_path *path, struct arena *a,
                  struct retrieve_instance **ret_list, size_t *ret_count, struct err *e);

// One instance by the row number that search_ids gives. 1, or 0 when it is there no more.
int retrieve_by_id(struct db *db, int64_t id, struct retrieve_instance *ret_instance,
                   struct err *e);

// Frames and bulk values of objects with a deflated data set (1.2.840.10008.1.2.1.99) lie in no
// range of the file: E_NOT_ACCEPTABLE; archive_decode and archive_bulk (jobs.h) give them.

// One frame's stored bytes in the object: `count` ranges (more than one when fragments lie between
// item headers). frame from 1. E_NOT_FOUND beyond the last.
struct retrieve_range {
    uint64_t offset, len;
};
int retrieve_frame(struct db *db, const struct hash *object, uint32_t frame, struct arena *a,
                   struct retrieve_range **ret_ranges, size_t *ret_count, struct err *e);

// The stored bytes of one bulk value as metadata names it ("7FE00010", "00540100/1/…"): where they
// lie.
int retrieve_bulk(struct db *db, const struct hash *object, const char *bulk_path,
                  struct retrieve_range *ret_range, struct err *e);
// The same place, counted in the inflated data set: for archive_bulk.
int retrieve_bulk_inflated(struct db *db, const struct hash *object, const char *bulk_path,
                           struct retrieve_range *ret_range, struct err *e);

// DICOM JSON metadata of all instances below the path as one JSON array, gzip-compressed (assembled
// from stored pieces without inflating them) or plain. `out` bounds its size (E_LIMIT).
// E_NOT_FOUND.
int retrieve_metadata(struct db *db, const struct retrieve_path *path, bool gzip, struct buf *out,
                      struct err *e);
