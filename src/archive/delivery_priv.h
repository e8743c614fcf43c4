// SPDX-License-Identifier: Apache-2.0
// What the files of delivery.h share.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct archive;
struct db;
struct err;
struct store;

#define DELIVERY_USES_MAX 1024 // deliveries that are worked on at once

struct delivery_uses *delivery_uses_new(void);
void delivery_uses_free(struct delivery_uses *u); // NULL allowed
bool delivery_in_use(struct archive *a, const char *id);

// write() inside a transaction of the writer.
int delivery_write(struct archive *a, int (*write)(struct db *db, void *context, struct err *e),
                   void *context, struct err *e);

// Text cut to fit, with a NUL.
void delivery_copy(char *out, size_t size, struct slice text);

// Removes what lies among what is held and has no row: a killed intake's. Where no intake runs.
int delivery_sweep_held(struct store *store, struct db *db, struct err *e);
