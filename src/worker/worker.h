// SPDX-License-Identifier: Apache-2.0
// Sandboxed children that parse what nobody has vetted. The parent keeps a warm pool; a job goes to
// a child as a request blob and up to two descriptors over a socket pair, the answer comes back the
// same way. A child has no network, no paths, bounded memory and CPU, and dies with its parent.
// When it crashes, hangs or runs out, the job gets a verdict (E_CRASHED, E_TIMEOUT, E_MEMORY) and
// the pool a new child. The table of jobs is handed in: this floor knows none of them by name.
//
// What a child that was taken over by hostile bytes can still do: answer wrongly, to this job and
// to those that follow in the same child until it is recycled (jobs_per_child = 1 gives each job a
// child of its own), write to standard error, and write to `out`, also after the job when it kept
// the descriptor: what it wrote must be copied before it is hashed and trusted. Answers are parsed
// as hostile.
//
// A job that makes a system call outside the list of syscalls.c dies with "made a forbidden system
// call"; `strace -f -o trace maclab …` shows which. Whatever a library loads on first use (tables,
// configuration, modules) must be loaded by the job's `prepare`, which runs before the doors close.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#define WORKER_FDS_MAX 2
#define WORKER_REQUEST_MAX ((size_t)1 << 20)
#define WORKER_ANSWER_MAX ((size_t)64 << 20)
#define WORKER_TIMEOUT_MS_DEFAULT 30000
#define WORKER_TIMEOUT_MS_MAX 900000
#define WORKER_MEMORY_DEFAULT ((size_t)512 << 20)
#define WORKER_OUT_BYTES_DEFAULT ((uint64_t)4 << 30)
#define WORKER_JOBS_PER_CHILD_DEFAULT 1000
#define WORKER_SIZE_MAX 64
#define WORKER_QUEUE_MS 60000 // longest wait for a free child

// run() runs in the child. `in` is open for reading only, `out` writable (either may be -1). Use
// pread or mmap (private) on `in`: its file offset is shared with the parent. Appends the answer; a
// negative return with *e goes back to the caller as it is, without the answer; 0 and positive
// codes go back with it.
struct worker_job {
    const char *name;
    int (*run)(struct slice request, int in, int out, struct buf *answer, struct err *e);
    uint32_t timeout_ms;   // 0: WORKER_TIMEOUT_MS_DEFAULT; at most WORKER_TIMEOUT_MS_MAX
    size_t memory_bytes;   // private memory; 0: WORKER_MEMORY_DEFAULT. A mapped `in` does not count
    uint64_t out_bytes;    // length that `out` may grow to; 0: WORKER_OUT_BYTES_DEFAULT
    void (*prepare)(void); // once in each child before the sandbox closes; NULL: nothing to load
};

struct worker_pool;

struct worker_options {
    const struct worker_job *jobs;
    size_t job_count;
    unsigned size;           // children kept warm; 0: one a processor, at least 2
    unsigned jobs_per_child; // recycled after so many; 0: default
    const char *program;     // what is executed as `program worker`; NULL: this program itself
};

// Ready when it returns: the first child has closed its sandbox and said so. E_CRASHED, E_TIMEOUT
// or E_UNSUPPORTED (no seccomp) when it did not. The pool reaps only its own children; the program
// must not ignore SIGCHLD nor wait for any child but its own.
int worker_pool_start(const struct worker_options *options, struct worker_pool **ret_pool,
                      struct err *e);
// NULL allowed. Waits for running jobs, ends the children. No worker_run may start from here on.
void worker_pool_stop(struct worker_pool *pool);

// Waits for a free child, runs job number `job`, appends its answer. Thread-safe. `in`, `out` stay
// the caller's (-1: none); `in` must be open for reading only (E_ARGUMENT). On a negative return
// `answer` is as before (its failure flag apart). E_CRASHED: the child died or answered nonsense;
// E_TIMEOUT: it was killed after timeout_ms; E_MEMORY: out of its memory; E_BUSY: no child was free
// for WORKER_QUEUE_MS; E_LIMIT: the answer does not fit `answer`.
int worker_run(struct worker_pool *pool, size_t job, struct slice request, int in, int out,
               struct buf *answer, struct err *e);

struct worker_counts {
    uint64_t jobs, crashes, timeouts, recycled;
    unsigned children;
    unsigned busy;
    unsigned landlock_abi; // of the newest child; 0: the kernel has none
};
struct worker_counts worker_pool_counts(struct worker_pool *pool);

// The child's main: sandboxes itself, serves descriptor 3 until it closes. The command
// `maclab worker`. Returns an exit status; ends the process itself when the parent talks nonsense.
int worker_main(const struct worker_job *jobs, size_t job_count);
