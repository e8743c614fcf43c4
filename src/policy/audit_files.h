// SPDX-License-Identifier: Apache-2.0
// The files of an audit log, in the order of the chain.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define AUDIT_DIR "audit"
#define AUDIT_NAME_MAX 16 // "2026-12.jsonl"
#define AUDIT_LOCK "lock"
#define AUDIT_HEAD "head"

struct audit_files {
    char (*names)[AUDIT_NAME_MAX]; // owned
    uint64_t *lens;                // owned; as of the listing
    size_t count;
};

// Oldest first.
int audit_files_list(int dir_fd, struct audit_files *ret_files, struct err *e);
void audit_files_done(struct audit_files *f);
