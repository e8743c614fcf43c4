// SPDX-License-Identifier: Apache-2.0
#include "gate/reading_known.h"

#include "base/mem.h"
#include "base/num.h"

#define FIRST_CAP 256U

struct gate_known_slot {
    struct hash digest;
    struct gate_reading reading;
    bool taken;
};

void gate_known_done(struct gate_known *k) {
    if (k->slots != NULL) {
        explicit_bzero(k->slots, k->cap * sizeof *k->slots);
    }
    mem_free(k->slots);
    *k = (struct gate_known){0};
}

// The slot that has the digest, or the free one where it belongs. There is always a free one.
static struct gate_known_slot *slot_of(struct gate_known_slot *slots, uint32_t cap,
                                       const struct hash *digest) {
    uint32_t at = num_le32(digest->bytes) & (cap - 1);
    while (slots[at].taken && !hash_eq(&slots[at].digest, digest)) {
        at = (at + 1) & (cap - 1);
    }
    return &slots[at];
}

bool gate_known_find(const struct gate_known *k, const struct hash *digest,
                     struct gate_reading *ret_reading) {
    if (k->cap == 0) {
        return false;
    }
    const struct gate_known_slot *slot = slot_of(k->slots, k->cap, digest);
    if (slot->taken) {
        *ret_reading = slot->reading;
    }
    return slot->taken;
}

static bool grow(struct gate_known *k) {
    struct gate_known bigger = {.cap = k->cap != 0 ? 2 * k->cap : FIRST_CAP, .count = k->count};
    bigger.slots = mem_array(bigger.cap, sizeof *bigger.slots);
    if (bigger.slots == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < k->cap; i++) {
        if (k->slots[i].taken) {
            *slot_of(bigger.slots, bigger.cap, &k->slots[i].digest) = k->slots[i];
        }
    }
    gate_known_done(k);
    *k = bigger;
    return true;
}

void gate_known_add(struct gate_known *k, const struct hash *digest,
                    const struct gate_reading *reading) {
    if (k->count >= GATE_KNOWN_MAX) {
        gate_known_done(k);
    }
    if (2 * k->count >= k->cap && !grow(k)) {
        return;
    }
    struct gate_known_slot *slot = slot_of(k->slots, k->cap, digest);
    k->count += !slot->taken;
    *slot = (struct gate_known_slot){*digest, *reading, true};
}
