// SPDX-License-Identifier: Apache-2.0
// Verification: every object re-hashed, the catalogue held against the store and against itself. It
// only reports; it changes nothing and may run beside a server.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct err;

// X(name, code, what it means)
#define VERIFY_PROBLEM_LIST(X)                                                                     \
    X(CATALOGUE, "catalogue-damaged", "the catalogue's file is damaged")                           \
    X(OBJECT_DAMAGED, "object-damaged", "an object's bytes are not what its name says")            \
    X(OBJECT_MISSING, "object-missing", "the catalogue names an object that is not there")         \
    X(OBJECT_LENGTH, "object-length", "an object is not as long as the catalogue says")            \
    X(OBJECT_UNNAMED, "object-unnamed", "an object that no instance names")                        \
    X(STRAY_FILE, "stray-file", "a file among the objects that is none")                           \
    X(TABLE, "table-outside", "a table of frames or bulk values points outside its object")        \
    X(METADATA, "metadata-damaged", "an instance's metadata is damaged")                           \
    X(COUNT, "count-wrong", "a count of the catalogue is not what its rows are")                   \
    X(QUARANTINE, "quarantine-left", "a delivery is left in quarantine and no intake runs")        \
    X(AUDIT, "audit-broken", "the audit log's chain is broken")

enum verify_problem {
#define X(name, code, words) VERIFY_##name,
    VERIFY_PROBLEM_LIST(X)
#undef X
        VERIFY_PROBLEM_COUNT
};
const char *verify_problem_code(enum verify_problem p);
const char *verify_problem_words(enum verify_problem p);

struct verify_options {
    const char *data_dir;
    unsigned threads; // 0: one a processor
    // Called for each problem, by one thread at a time. `what`: a UID, a hash or a path; `detail`
    // may be "".
    void (*problem)(enum verify_problem problem, const char *what, const char *detail,
                    void *context);
    void (*progress)(uint64_t done, uint64_t total, void *context); // of bytes; may be NULL
    void *context;
};

struct verify_sums {
    uint64_t instances, objects, bytes, audit_lines, problems;
};

// E_OK when it could look at everything, whatever it found.
int verify_run(const struct verify_options *options, struct verify_sums *ret_sums, struct err *e);
