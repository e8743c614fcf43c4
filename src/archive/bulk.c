// SPDX-License-Identifier: Apache-2.0
// An entry: length of the path (2 bytes), a flag (1), the path, offset and length (8 each).
#include "archive/bulk.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"

#define ENTRY_HEAD 3
#define ENTRY_TAIL 16

void bulk_put(struct buf *table, const struct bulk_entry *entry) {
    uint8_t head[ENTRY_HEAD];
    num_put_le16(head, (uint16_t)entry->path.len);
    head[2] = entry->fragments;
    buf_put(table, head, sizeof head);
    buf_put_slice(table, entry->path);
    uint8_t tail[ENTRY_TAIL];
    num_put_le64(tail, entry->offset);
    num_put_le64(tail + 8, entry->len);
    buf_put(table, tail, sizeof tail);
}

int bulk_next(struct slice *rest, struct bulk_entry *ret_entry, struct err *e) {
    if (rest->len == 0) {
        return 0;
    }
    size_t path = rest->len < ENTRY_HEAD ? 0 : num_le16(rest->ptr);
    size_t len = ENTRY_HEAD + path + ENTRY_TAIL;
    if (path == 0 || rest->len < len) {
        return err_set(e, E_CORRUPT, "bulk table");
    }
    const uint8_t *tail = rest->ptr + ENTRY_HEAD + path;
    ret_entry->path = slice_of(rest->ptr + ENTRY_HEAD, path);
    ret_entry->fragments = rest->ptr[2] != 0;
    ret_entry->offset = num_le64(tail);
    ret_entry->len = num_le64(tail + 8);
    *rest = slice_from(*rest, len);
    return 1;
}
