// SPDX-License-Identifier: Apache-2.0
#include "worker/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/landlock.h"
#include "worker/sanitizers.h"
#include "worker/syscalls.h"

static int limit(int resource, uint64_t value, const char *what, struct err *e) {
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)resource, &now) != 0) {
        return err_set_errno(e, errno, "cannot read the limit of %s", what);
    }
    rlim_t most = now.rlim_max < value ? now.rlim_max : value;
    struct rlimit wanted = {most, most};
    return setrlimit((__rlimit_resource_t)resource, &wanted) == 0
               ? E_OK
               : err_set_errno(e, errno, "cannot limit %s", what);
}

static int set_limits(const struct sandbox_limits *l, struct err *e) {
    const struct {
        int resource;
        uint64_t value;
        const char *what;
    } rows[] = {
        {RLIMIT_CORE, 0, "core files"},
        {RLIMIT_NPROC, 0, "processes"},
        {RLIMIT_NOFILE, SANDBOX_DESCRIPTORS, "open files"},
        {RLIMIT_CPU, SANDBOX_CPU_SECONDS, "processor time"},
        {RLIMIT_FSIZE, l->out_bytes, "file size"},
        {RLIMIT_MEMLOCK, 0, "locked memory"},
#if !SANITIZED
        {RLIMIT_DATA, l->memory_bytes, "private memory"},
        {RLIMIT_AS, l->memory_bytes + SANDBOX_MAPPED_BYTES, "address space"},
#endif
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (limit(rows[i].resource, rows[i].value, rows[i].what, e) != E_OK) {
            return e->code;
        }
    }
    return E_OK;
}

// A server that runs as root has workers without root's powers. Failing is no matter: the other
// walls do not lean on it.
static void drop_capabilities(void) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    (void)syscall(SYS_capset, &head, none);
}

static int set_process(struct err *e) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_DUMPABLE, 0) != 0) {
        return err_set_errno(e, errno, "cannot set up the worker process");
    }
    // A write past the limits is an error of the job, not a death.
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    drop_capabilities();
    return E_OK;
}

static int close_above(int last_fd, struct err *e) {
#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned)last_fd + 1, ~0U, 0) == 0) {
        return E_OK;
    }
#endif
    long most = sysconf(_SC_OPEN_MAX);
    for (int fd = last_fd + 1; fd < most; fd++) {
        (void)close(fd);
    }
    return most > 0 ? E_OK : err_set(e, E_INTERNAL, "number of open files unknown");
}

int sandbox_enter(const struct sandbox_limits *limits, int last_fd, int *ret_landlock_abi,
                  struct err *e) {
    if (close_above(last_fd, e) != E_OK || set_process(e) != E_OK ||
        set_limits(limits, e) != E_OK) {
        return e->code;
    }
    int abi = landlock_deny_all(e);
    if (abi < 0) {
        return abi;
    }
    int rc = syscalls_restrict(e);
    if (rc == E_OK) {
        *ret_landlock_abi = abi;
    }
    return rc;
}
