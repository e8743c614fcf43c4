// SPDX-License-Identifier: Apache-2.0
// Landlock (Linux 5.13 and later) by system call: this process loses every path of the file system,
// and where the kernel knows them TCP, abstract sockets and signals to outside processes. The
// rights of each ABI version are asked for only when the kernel has that version.
#pragma once

struct err;

// Denies everything the kernel can deny. The ABI version used, 0 where the kernel has no Landlock
// (or it is switched off), negative on failure. Needs PR_SET_NO_NEW_PRIVS.
int landlock_deny_all(struct err *e);
