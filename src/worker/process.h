// SPDX-License-Identifier: Apache-2.0
// One worker child seen from the parent: started by posix_spawn (safe in a program of many threads:
// no memory is copied and nothing of ours runs between fork and exec), watched, limited and ended
// by pid descriptor where the kernel has them.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/err.h"
#include "worker/sandbox.h"

struct process {
    pid_t pid;
    int pidfd;  // -1: the kernel has none
    int socket; // our end
    uint64_t serial;
    unsigned jobs_done;
    usec busy; // sum over its jobs
    struct sandbox_limits now;
    unsigned landlock_abi;
    struct process *next; // in the pool's lists
};

// Starts `program worker` with an empty environment and its end of the socket pair as descriptor 3.
// NULL: this program. The calling thread must outlive the child (PR_SET_PDEATHSIG follows the
// thread).
int process_start(const char *program, struct process **ret_process, struct err *e);

// Waits for the word of the child that its sandbox is closed and that it has `job_count` jobs.
int process_hello(struct process *p, size_t job_count, usec deadline, struct err *e);

// Sets the soft limits of the next job (nothing when they are in force already).
int process_limit(struct process *p, const struct sandbox_limits *limits, struct err *e);

// Tells a child that waits for requests to end.
void process_dismiss(struct process *p);

// How it ended; for a child that is dead or about to be. Waits up to grace_ms for it to end by
// itself, then kills it, reaps it and frees everything. Puts the verdict into *e (E_CRASHED,
// E_MEMORY, E_TIMEOUT) when `e` is not NULL.
void process_end(struct process *p, int grace_ms, struct err *e);
