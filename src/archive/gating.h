// SPDX-License-Identifier: Apache-2.0
// One run of entries through the gate (gate/delivery.h): where it gets their bytes, where it
// writes, and what it is told of the archive. What the gate writes lies in memory until it is
// decided; over GATING_MEMORY_MAX what is finished is encrypted into the delivery's folder and
// waits there, so that nothing which is not released is ever on disk in clear.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct archive;
struct delivery;
struct entry;
struct err;
struct gating;
struct store_delivery;

#define GATING_MEMORY_MAX ((uint64_t)512 << 20) // of what waits for its verdict
#define GATING_FILE_MAX ((uint64_t)4 << 30)     // of one file: larger ones are refused
#define GATING_IN_MEMORY_MAX                                                                       \
    ((uint64_t)1 << 30) // of arrivals decrypted at once; one alone may
                        // have GATING_FILE_MAX

struct gating_options {
    struct archive *archive;
    const struct delivery *delivery;
    struct store_delivery *folder;
    unsigned at_once; // 0: as gate/delivery.h
    // Has its verdict: entry->decided, or entry->held.wanted, or it is released. On the thread that
    // calls gating_finish, in the order of gating_add.
    void (*decided)(void *context, struct entry *entry);
    void *context;
};
int gating_new(const struct gating_options *options, struct gating **ret_gating, struct err *e);
// `name`: searched for identifiers; NULL. The entry is lent until decided or gating_free.
int gating_add(struct gating *g, struct entry *entry, const char *name, struct err *e);
int gating_finish(struct gating *g, struct err *e);
void gating_free(struct gating *g); // NULL allowed

// Lets go of what the gate wrote for it.
void gating_drop(struct gating *g, struct entry *entry);
