// SPDX-License-Identifier: Apache-2.0
// Lines of the audit log that somebody else may have written: recognising one reads nothing outside
// of it, and what is recognised has the hash it says.
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "policy/audit_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    // In memory of its own, so that a sanitizer sees a step beyond the end.
    struct buf line;
    buf_init(&line, len + 1);
    buf_put(&line, data, len);
    struct audit_line l;
    bool good = audit_line_parse(buf_slice(&line), &l);
    if (good) {
        const uint8_t *tail = memrchr(line.data, ',', line.len);
        struct hash h = hash_of(slice_of(line.data, (size_t)(tail - line.data)));
        assert(hash_eq(&h, &l.hash));
    }
    struct slice half = slice_first(buf_slice(&line), len / 2);
    (void)audit_line_seals(slice_from(buf_slice(&line), len / 2), half);
    buf_done(&line);
    return 0;
}
