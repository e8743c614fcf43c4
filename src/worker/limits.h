// SPDX-License-Identifier: Apache-2.0
// The limits of jobs with their defaults filled in: what a child allows itself at most, and what
// the parent sets for one job.
#pragma once

#include "worker/sandbox.h"
#include "worker/worker.h"

static inline struct sandbox_limits limits_of(const struct worker_job *j) {
    return (struct sandbox_limits){
        .memory_bytes = j->memory_bytes != 0 ? j->memory_bytes : WORKER_MEMORY_DEFAULT,
        .out_bytes = j->out_bytes != 0 ? j->out_bytes : WORKER_OUT_BYTES_DEFAULT};
}

static inline struct sandbox_limits limits_most(const struct worker_job *jobs, size_t count) {
    struct sandbox_limits most = {0, 0};
    for (size_t i = 0; i < count; i++) {
        struct sandbox_limits one = limits_of(&jobs[i]);
        most.memory_bytes =
            one.memory_bytes > most.memory_bytes ? one.memory_bytes : most.memory_bytes;
        most.out_bytes = one.out_bytes > most.out_bytes ? one.out_bytes : most.out_bytes;
    }
    return most;
}

static inline uint32_t limits_timeout_ms(const struct worker_job *j) {
    uint32_t wanted = j->timeout_ms != 0 ? j->timeout_ms : WORKER_TIMEOUT_MS_DEFAULT;
    return wanted < WORKER_TIMEOUT_MS_MAX ? wanted : WORKER_TIMEOUT_MS_MAX;
}
