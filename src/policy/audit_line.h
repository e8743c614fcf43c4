// SPDX-License-Identifier: Apache-2.0
// One line of the audit log: how it is made, and how it is recognised. Not for others than audit*.c
// and tests.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "policy/policy.h"

#define AUDIT_LINE_MAX ((size_t)4096)

// What is common to all lines.
struct audit_place {
    uint64_t seq;
    struct hash prev;
    usec time;
};

// Each appends one line with its newline to `out` and gives its hash.
struct hash audit_line_decision(struct buf *out, struct hash_stream *hashing,
                                const struct audit_place *at, const struct policy_request *request,
                                const struct policy_decision *decision);
// The last line of a file: the log goes on in file `next` ("2026-12").
struct hash audit_line_continued(struct buf *out, struct hash_stream *hashing,
                                 const struct audit_place *at, const char *next);
// The bytes between the line before and this one are torn.
struct hash audit_line_sealed(struct buf *out, struct hash_stream *hashing,
                              const struct audit_place *at, struct slice torn);
// Decisions like that of line `of` were made `times` times more.
struct hash audit_line_repeated(struct buf *out, struct hash_stream *hashing,
                                const struct audit_place *at, uint64_t of, uint64_t times);

struct audit_line {
    uint64_t seq;
    struct hash prev;
    struct hash hash;
    bool continued; // such a note
};

// false unless `line` (without newline) has the shape of one and its hash is that of its bytes.
bool audit_line_parse(struct slice line, struct audit_line *ret_line);

// Whether `line` is the note that seals exactly these bytes.
bool audit_line_seals(struct slice line, struct slice torn);
