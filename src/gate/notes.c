// SPDX-License-Identifier: Apache-2.0
#include "gate/notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"

const char *gate_kind_code(enum gate_kind kind) {
    static const char *const codes[] = {
#define X(name, code, words) code,
        GATE_KIND_LIST(X)
#undef X
    };
    return (unsigned)kind < GATE_KIND_COUNT ? codes[kind] : "unknown";
}

const char *gate_kind_words(enum gate_kind kind) {
    static const char *const sentences[] = {
#define X(name, code, words) words,
        GATE_KIND_LIST(X)
#undef X
    };
    return (unsigned)kind < GATE_KIND_COUNT ? sentences[kind] : "";
}

const char *gate_done_code(enum gate_done done) {
    static const char *const codes[] = {
#define X(name, code) code,
        GATE_DONE_LIST(X)
#undef X
    };
    return (unsigned)done < GATE_DONE_COUNT ? codes[done] : "left";
}

void gate_notes_init(struct gate_notes *n, struct arena *a) {
    memset(n, 0, sizeof *n);
    n->arena = a;
}

// Doubles the room; the old lines stay in the arena, which goes with the instance.
static bool grow(struct gate_notes *n) {
    uint32_t cap = n->cap == 0 ? 64 : n->cap * 2;
    struct gate_line *lines = arena_array(n->arena, cap, sizeof *lines);
    if (lines == NULL) {
        return false;
    }
    if (n->count > 0) {
        memcpy(lines, n->lines, n->count * sizeof *lines);
    }
    n->lines = lines;
    n->cap = cap;
    return true;
}

// NULL: counted, not listed.
static struct gate_line *new_line(struct gate_notes *n, enum gate_kind kind, enum gate_done done) {
    n->kinds[kind] += done != GATE_DONE_KEPT;
    if (n->count == GATE_NOTES_MAX || (n->count == n->cap && !grow(n))) {
        n->dropped++;
        return NULL;
    }
    struct gate_line *line = &n->lines[n->count++];
    line->kind = kind;
    line->done = done;
    return line;
}

void gate_notes_add(struct gate_notes *n, enum gate_kind kind, enum gate_done done,
                    const char *where, ...) {
    struct gate_line *line = new_line(n, kind, done);
    if (line == NULL) {
        return;
    }
    va_list arguments;
    va_start(arguments, where);
    (void)vsnprintf(line->where, sizeof line->where, where, arguments);
    va_end(arguments);
}

void gate_notes_put(struct gate_notes *n, enum gate_kind kind, enum gate_done done,
                    struct slice where) {
    struct gate_line *line = new_line(n, kind, done);
    if (line != NULL) {
        size_t len = where.len < sizeof line->where ? where.len : sizeof line->where - 1;
        memcpy(line->where, where.ptr, len);
        line->where[len] = '\0';
    }
}
