// SPDX-License-Identifier: Apache-2.0
// DATA/held: what waits for a person, each a file named DELIVERY.NUMBER, encrypted under its
// delivery's key (seal.h). No sweep of the store looks in here: what lies here goes when the
// archive says so, or becomes unreadable when the delivery's key goes. Nobody reads here but
// through store_held_open, which asks for the key.
#pragma once

#include <stdint.h>

#include "store/seal.h"

struct err;
struct store;
struct store_item;

// Moves a sealed, encrypted item here; used up. Its bytes are on disk, its name is after
// store_held_sync.
int store_held_take(struct store *s, struct store_item *i, const struct seal_name *name,
                    struct err *e);
// Encrypts a copy of a whole file (from its beginning, wherever its offset stands); as above.
int store_held_copy(struct store *s, const struct seal_key *k, const struct seal_name *name,
                    int from_fd, struct err *e);
int store_held_sync(struct store *s, struct err *e);

// In memory, open for reading only. E_NOT_FOUND; E_CORRUPT.
int store_held_open(struct store *s, const struct seal_key *k, const struct seal_name *name,
                    int *ret_fd, uint64_t *ret_len, struct err *e);
int store_held_remove(struct store *s, const struct seal_name *name, struct err *e); // absent: E_OK
// Of strange files in the folder the name is passed over. A visit that answers non-zero ends it and
// is returned.
int store_held_each(struct store *s, int (*visit)(const struct seal_name *name, void *context),
                    void *context, struct err *e);
