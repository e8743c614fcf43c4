// SPDX-License-Identifier: Apache-2.0
// The bulk table of an instance: where the values lie that its metadata names by BulkDataURI
// instead of holding them (PS3.18 F.2.6), so that serving one is a seek.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct buf;
struct err;

#define BULK_INLINE_MAX 1024u // bytes of a value that stays in the metadata

struct bulk_entry {
    struct slice path; // "00540100/1/7FE00010", as dcm_bulk_element.path
    uint64_t offset;   // of its first byte in the file (of the inflated data set when deflated)
    uint64_t len;
    bool fragments; // encapsulated pixel data: item headers are counted
};

// The path under which the fragments of a frame lie, one entry each, when there is more than one.
#define BULK_FRAME_PATH "frame/%u"

void bulk_put(struct buf *table, const struct bulk_entry *entry);

// The next entry: 1, 0 at the end, E_CORRUPT. Start with *rest = the table.
int bulk_next(struct slice *rest, struct bulk_entry *ret_entry, struct err *e);
