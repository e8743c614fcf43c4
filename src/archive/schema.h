// SPDX-License-Identifier: Apache-2.0
// The catalogue's tables, version by version. Text of a version that was released never changes: a
// change is a new version.
#pragma once

#include <stddef.h>

#include "db/db.h"

extern const struct db_migration schema_migrations[];
extern const size_t schema_migration_count;

// Brings a catalogue to the last version.
int schema_bring(struct db *d, struct err *e);
