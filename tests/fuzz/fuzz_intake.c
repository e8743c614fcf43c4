// SPDX-License-Identifier: Apache-2.0
// What a worker does with an arriving file: gate, extraction, record; and what the server then
// believes. Whatever the gate releases must give a record that the server accepts.
#include <stdlib.h>

#include "archive/extract.h"
#include "archive/record.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "gate/structural.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct arena a;
    struct buf answer;
    struct err e = {0};
    arena_init(&a, (size_t)64 << 20);
    buf_init(&answer, (size_t)64 << 20);
    struct gate_structural *s = arena_new(&a, struct gate_structural);
    if (gate_structural_run(&a, slice_of(data, len), s) != E_OK || s->needs_meta) {
        extract_report(s, &answer);
    } else if (extract_record(&a, s, &answer, &e) != E_OK) {
        buf_clear(&answer); // over a limit: the job fails with the error
    }
    struct record r;
    struct err why = {0};
    if (answer.len > 0 && !answer.failed && record_read(buf_slice(&answer), &r, &why) != E_OK) {
        abort();
    }
    buf_done(&answer);
    arena_done(&a);
    return 0;
}
