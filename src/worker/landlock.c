// SPDX-License-Identifier: Apache-2.0
#include "worker/landlock.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

// Written out, because the build machine's headers may be older than the kernel that runs.
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

#define CREATE_RULESET_VERSION 1U

struct ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net; // since ABI 4
    uint64_t scoped;             // since ABI 6
};

#define FS_ABI_1 ((UINT64_C(1) << 13) - 1) // execute … make symbolic link
#define FS_REFER (UINT64_C(1) << 13)       // ABI 2
#define FS_TRUNCATE (UINT64_C(1) << 14)    // ABI 3
#define FS_IOCTL_DEV (UINT64_C(1) << 15)   // ABI 5
#define NET_TCP UINT64_C(3)                // ABI 4: bind, connect
#define SCOPE_ALL UINT64_C(3)              // ABI 6: abstract sockets, signals

static struct ruleset everything(int abi) {
    struct ruleset r = {.handled_access_fs = FS_ABI_1};
    r.handled_access_fs |= abi >= 2 ? FS_REFER : 0;
    r.handled_access_fs |= abi >= 3 ? FS_TRUNCATE : 0;
    r.handled_access_fs |= abi >= 5 ? FS_IOCTL_DEV : 0;
    r.handled_access_net = abi >= 4 ? NET_TCP : 0;
    r.scoped = abi >= 6 ? SCOPE_ALL : 0;
    return r;
}

static size_t ruleset_len(int abi) {
    size_t fields = abi >= 6 ? 3 : abi >= 4 ? 2 : 1;
    return fields * sizeof(uint64_t);
}

int landlock_deny_all(struct err *e) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    if (abi < 0) {
        return errno == ENOSYS || errno == EOPNOTSUPP
                   ? 0
                   : err_set_errno(e, errno, "cannot ask for Landlock");
    }
    struct ruleset rules = everything((int)abi);
    CLEANUP(cleanup_fd)
    int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, ruleset_len((int)abi), 0);
    if (fd < 0) {
        return err_set_errno(e, errno, "cannot make a Landlock rule set");
    }
    if (syscall(SYS_landlock_restrict_self, fd, 0) != 0) {
        return err_set_errno(e, errno, "cannot enter Landlock");
    }
    return (int)abi;
}
