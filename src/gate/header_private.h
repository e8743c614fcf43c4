// SPDX-License-Identifier: Apache-2.0
// Private attributes (PS3.15 E.3.10): all go, unless the profile retains safe ones; then those of
// Table E.3.10-1 stay, by creator and element, with the VR of the table and a value that fits it.
// What a block says of itself ((0008,0303), (gggg,0004)) counts for nothing.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gate/header_walk.h"

#define GATE_PRIVATE_BLOCKS_MAX 64

// Blocks of one data set: who reserved which, and whether anything of it stays.
struct gate_private_blocks {
    struct {
        uint16_t group;
        uint8_t block;
        bool used;
        struct slice creator;
    } list[GATE_PRIVATE_BLOCKS_MAX];
    uint32_t count;
};

void gate_private_begin(struct gate_walk *w, const struct dcm_dataset *d,
                        struct gate_private_blocks *blocks);
// true when the element stays.
bool gate_private_clean(struct gate_walk *w, struct dcm_node *n,
                        struct gate_private_blocks *blocks);
