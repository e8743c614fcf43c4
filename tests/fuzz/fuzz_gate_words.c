// SPDX-License-Identifier: Apache-2.0
// Any text, and any names to look for in it: hits lie inside of the text, go forward, and a cleaned
// text comes out of cleaning as it is. The first line is a name, the second a number, the third a
// place, the rest the text.
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "gate/recognise.h"
#include "gate/subject.h"
#include "gate/words.h"

#define TEXT_MAX 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(bool good) {
    if (!good) {
        abort();
    }
}

static void find_all(const struct gate_subject *s, struct slice text, bool fuzzy) {
    struct gate_hit hit;
    size_t from = 0;
    while (from < text.len && gate_subject_find(s, text, from, fuzzy, &hit)) {
        check(hit.start >= from && hit.end > hit.start && hit.end <= text.len &&
              hit.kind < GATE_KIND_COUNT);
        from = hit.end;
    }
}

static void recognise_all(struct slice text) {
    struct gate_hit hit;
    size_t from = 0;
    while (from < text.len && gate_recognise(text, from, &hit)) {
        check(hit.start >= from && hit.end > hit.start && hit.end <= text.len &&
              hit.kind < GATE_KIND_COUNT);
        from = hit.end;
    }
}

static void clean_twice(const struct gate_subject *s, struct slice text) {
    struct gate_words w = {.subject = s};
    struct buf once, twice;
    buf_init(&once, 4 * TEXT_MAX);
    buf_init(&twice, 4 * TEXT_MAX);
    (void)gate_words_clean(&w, text, &once);
    struct gate_cleaned again = gate_words_clean(&w, buf_slice(&once), &twice);
    check(!once.failed && !twice.failed);
    check(slice_eq(buf_slice(&once), buf_slice(&twice)) && again.dropped == 0);
    check(once.len == 0 || gate_words_safe(&w, buf_slice(&once)));
    buf_done(&once);
    buf_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const enum gate_kind kinds[] = {GATE_KIND_PERSON_NAME, GATE_KIND_PATIENT_ID,
                                           GATE_KIND_INSTITUTION};
    struct slice rest = slice_first(slice_of(data, len), TEXT_MAX), line;
    struct arena a;
    struct err e = {0};
    arena_init(&a, 64 << 20);
    struct gate_subject *s = gate_subject_new(&a);
    check(s != NULL);
    for (int i = 0; i < 3 && slice_split(&rest, '\n', &line); i++) {
        gate_subject_add(s, kinds[i], line);
    }
    struct slice text = rest.ptr != NULL ? rest : slice_of(NULL, 0);
    find_all(s, text, false);
    find_all(s, slice_first(text, 256), true);
    recognise_all(text);
    clean_twice(s, text);
    struct gate_subject *copy = gate_subject_new(&a);
    struct buf packed;
    buf_init(&packed, 1 << 20);
    gate_subject_pack(s, &packed);
    check(gate_subject_unpack(copy, buf_slice(&packed), &e) == E_OK);
    (void)gate_subject_unpack(gate_subject_new(&a), slice_first(slice_of(data, len), 4096), &e);
    buf_done(&packed);
    arena_done(&a);
    return 0;
}
