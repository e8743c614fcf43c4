// SPDX-License-Identifier: Apache-2.0
#include "worker/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "worker/sanitizers.h"

static void release(scmp_filter_ctx *filter) { seccomp_release(*filter); }

// No argument of these lets a process reach anything it does not hold already.
static const int plain[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(preadv),
    SCMP_SYS(pwritev),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(brk),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
#if SANITIZED
    SCMP_SYS(sigaltstack),
    SCMP_SYS(sched_yield),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(getrusage),
    SCMP_SYS(getrlimit),
    SCMP_SYS(prlimit64),
#endif
};

static int allow_plain(scmp_filter_ctx filter) {
    int rc = 0;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0] && rc == 0; i++) {
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain[i], 0);
    }
    return rc;
}

// Private mappings only (shared anonymous ones escape RLIMIT_DATA), never executable.
static int allow_memory(scmp_filter_ctx filter) {
    int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                              SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_TYPE, MAP_PRIVATE));
    return rc != 0 ? rc
                   : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

// abort() of this process, so that a failed assertion is told from a forbidden call.
static int allow_abort(scmp_filter_ctx filter) {
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 2,
                            SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()),
                            SCMP_A2(SCMP_CMP_EQ, SIGABRT));
}

#if defined(__x86_64__) || defined(__aarch64__)
static long *result_slot(ucontext_t *context, const long **ret_arguments) {
#if defined(__x86_64__)
    static long arguments[4];
    arguments[0] = (long)context->uc_mcontext.gregs[REG_RDI];
    arguments[1] = (long)context->uc_mcontext.gregs[REG_RSI];
    arguments[2] = (long)context->uc_mcontext.gregs[REG_RDX];
    arguments[3] = (long)context->uc_mcontext.gregs[REG_R10];
    *ret_arguments = arguments;
    return (long *)&context->uc_mcontext.gregs[REG_RAX];
#else
    *ret_arguments = (const long *)context->uc_mcontext.regs;
    return (long *)&context->uc_mcontext.regs[0];
#endif
}

// glibc 2.33 to 2.38 make fstat(fd) of newfstatat(fd, "", …), which could also be asked for any
// path; seccomp cannot look at the string. The call is trapped instead and made here as the fstat
// it means.
static void on_trapped_call(int number, siginfo_t *info, void *context) {
    (void)number;
    const long *arguments;
    long *result = result_slot(context, &arguments);
    int saved = errno;
    if (info->si_syscall != SYS_newfstatat || arguments[3] != AT_EMPTY_PATH) {
        _exit(127);
    }
    long rc = syscall(SYS_fstat, (int)arguments[0], arguments[2]);
    *result = rc == 0 ? 0 : -errno;
    errno = saved;
}

static int trap_fstatat(scmp_filter_ctx filter) {
    struct sigaction action = {.sa_sigaction = on_trapped_call, .sa_flags = SA_SIGINFO};
    if (sigaction(SIGSYS, &action, NULL) != 0) {
        return -errno;
    }
    return seccomp_rule_add(filter, SCMP_ACT_TRAP, SCMP_SYS(newfstatat), 1,
                            SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH));
}
#else
static int trap_fstatat(scmp_filter_ctx filter) {
    (void)filter;
    return 0;
}
#endif

int syscalls_restrict(struct err *e) {
    CLEANUP(release) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL) {
        return err_set(e, E_UNSUPPORTED, "no seccomp filters here");
    }
    int rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (rc == 0 && !SANITIZED_THREADS) {
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    }
    rc = rc == 0 ? allow_plain(filter) : rc;
    rc = rc == 0 ? allow_memory(filter) : rc;
    rc = rc == 0 ? allow_abort(filter) : rc;
    rc = rc == 0 ? trap_fstatat(filter) : rc;
    rc = rc == 0 ? seccomp_load(filter) : rc;
    return rc == 0 ? E_OK
                   : err_set(e, E_UNSUPPORTED, "cannot close the system calls: %s",
                             strerrordesc_np(-rc));
}
