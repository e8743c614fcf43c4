// SPDX-License-Identifier: Apache-2.0
// Finding the end of the chain again, in the file it ends in or the ones before.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"
#include "policy/audit_files.h"
#include "policy/audit_line.h"

// Looks from the end of the file for its last good line. false: there is none. *ret_end is where it
// ends (0: none).
bool audit_tail_of(struct slice file, struct audit_line *ret_line, size_t *ret_end);

// The last good line of the newest file that has one; all zero where none has.
int audit_tail_find(int dir_fd, const struct audit_files *files, struct audit_line *ret_line,
                    struct err *e);
