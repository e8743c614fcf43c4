// SPDX-License-Identifier: Apache-2.0
// The system calls a worker may make (seccomp, by libseccomp). Reading and writing descriptors it
// holds, private memory that is not executable, the clock, random numbers, ending. Everything else
// ends the process at once (SIGSYS).
#pragma once

struct err;

// Closes the doors for the calling thread and, but under ThreadSanitizer, all others. E_UNSUPPORTED
// when the kernel has no seccomp filters: a worker must then not run.
int syscalls_restrict(struct err *e);
