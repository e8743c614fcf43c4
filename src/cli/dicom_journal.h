// SPDX-License-Identifier: Apache-2.0
// The journal of `maclab store --resume`: one line for each file that a peer has taken with a
// success status, so that a second run does not send it again. Text: a first line that names the
// peer, then "SOP Instance UID, size, modification time in ns", with tabs. A file that was changed
// since is another file. A line that a kill cut off is not there.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/dicom_files.h"

struct err;
struct journal;

// Makes it where it is absent. E_CONFLICT: the journal is of another peer; E_SYNTAX: it is none.
// E_LOCKED: another run is writing it.
int journal_open(const char *path, const char *peer, struct journal **ret_journal, struct err *e);
// Synced and closed. NULL allowed.
int journal_close(struct journal *j, struct err *e);

bool journal_has(const struct journal *j, const struct send_file *f);
// In one write; the caller keeps threads apart.
int journal_add(struct journal *j, const struct send_file *f, struct err *e);
