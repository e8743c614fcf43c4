// SPDX-License-Identifier: Apache-2.0
// The answer of a worker that hostile bytes took over: the server reads it and stays whole.
#include "archive/bulk.h"
#include "archive/record.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "pixel/frames_pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct record r;
    struct err e = {0};
    if (record_read(slice_of(data, len), &r, &e) != E_OK) {
        return 0;
    }
    struct arena a;
    struct px_frames frames;
    struct bulk_entry entry;
    struct slice rest = r.bulk_table;
    arena_init(&a, (size_t)16 << 20);
    (void)px_frames_unpack(&a, r.frame_table, &frames, &e);
    while (bulk_next(&rest, &entry, &e) == 1) {
    }
    struct buf again;
    buf_init(&again, (size_t)16 << 20);
    record_write(&r, &again);
    buf_done(&again);
    arena_done(&a);
    return 0;
}
