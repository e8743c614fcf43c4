// SPDX-License-Identifier: Apache-2.0
// Sandboxed children that parse what nobody has vetted. The parent keeps a warm pool; a job goes to a
// child as a request blob and up to two descriptors over a socket pair, the answer comes back the
// same way. A child has no network, no paths, bounded memory and CPU, and dies with its parent. When
// it crashes, hangs or runs out, the job gets a verdict (E_CRASHED, E_TIMEOUT, E_MEMORY) and the pool
// a new child. The table of jobs is handed in: this floor knows none of them by name.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#define WORKER_FDS_MAX 2
#define WORKER_REQUEST_MAX ((size_t)1 << 20)
#define WORKER_ANSWER_MAX ((size_t)64 << 20)

// Runs in the child. `in` is readable, `out` writable (or -1). Appends the answer; a negative return
// with *e goes back to the caller as it is.
struct worker_job {
    const char *name;
    int (*run)(struct slice request, int in, int out, struct buf *answer, struct err *e);
    uint32_t timeout_ms;
    size_t memory_bytes;
};

struct worker_pool;

struct worker_options {
    const struct worker_job *jobs;
    size_t job_count;
    unsigned size;            // children kept warm
    unsigned jobs_per_child;  // recycled after so many; 0: default
    const char *program;      // what is executed as `program worker`; NULL: /proc/self/exe
};

int worker_pool_start(const struct worker_options *options, struct worker_pool **ret_pool,
                      struct err *e);
void worker_pool_stop(struct worker_pool *pool); // NULL allowed; ends the children

// Waits for a free child, runs job number `job`, appends its answer. Thread-safe. `in`, `out` stay the
// caller's (-1: none).
int worker_run(struct worker_pool *pool, size_t job, struct slice request, int in, int out,
               struct buf *answer, struct err *e);

struct worker_counts {
    uint64_t jobs, crashes, timeouts, recycled;
    unsigned children;
};
struct worker_counts worker_pool_counts(struct worker_pool *pool);

// The child's main: sandboxes itself, serves until the socket closes. The command `maclab worker`.
int worker_main(const struct worker_job *jobs, size_t job_count);
