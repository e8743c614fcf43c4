// SPDX-License-Identifier: Apache-2.0
// What a worker does to itself before it reads its first request: limits, no privileges, no paths,
// no descriptors but its own, few system calls. In that order, because each step needs calls that a
// later one takes away.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

// Address space beyond a job's private memory: the program, its libraries and a mapped input file.
#define SANDBOX_MAPPED_BYTES ((uint64_t)64 << 30)
// No job may bring the process so far; the pool recycles a child long before (spawn.h).
#define SANDBOX_CPU_SECONDS 7200
#define SANDBOX_DESCRIPTORS 16

struct sandbox_limits {
    uint64_t memory_bytes; // private memory: the hard limit; the parent lowers the soft one a job
    uint64_t out_bytes;    // length of a written file: likewise
};

// Keeps descriptors 0 to `last_fd`. *ret_landlock_abi: 0 where the kernel has no Landlock.
int sandbox_enter(const struct sandbox_limits *limits, int last_fd, int *ret_landlock_abi,
                  struct err *e);
