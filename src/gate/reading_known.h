// SPDX-License-Identifier: Apache-2.0
// Readings by the digest of their crop: the same caption stands in every image of a series. What
// was read may name somebody: it is wiped before its memory is given back. Not for two threads at
// once.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "gate/reading.h"

#define GATE_KNOWN_MAX (1U << 16) // readings; when full it starts empty again

struct gate_known {                // zero-initialise
    struct gate_known_slot *slots; // owned; open addressing, a power of two
    uint32_t cap, count;
};
void gate_known_done(struct gate_known *k); // wiped; as zero-initialised

bool gate_known_find(const struct gate_known *k, const struct hash *digest,
                     struct gate_reading *ret_reading);
// Forgets it where memory is short: then it is read again.
void gate_known_add(struct gate_known *k, const struct hash *digest,
                    const struct gate_reading *reading);
