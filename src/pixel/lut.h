// SPDX-License-Identifier: Apache-2.0
// Look-up tables out of a data set (PS3.3 C.11.1.1, C.11.2.1.1, C.7.6.3.1.5): descriptor and data
// as real files write them: 8-bit entries in bytes or words, wrong bit depths, implicit VR.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pixel/image.h"

struct arena;
struct dcm_dataset;
struct dcm_node;
struct err;

// The descriptor's three words. Entry count 0 means 65536.
struct px_lut_descriptor {
    uint32_t count;
    int32_t first;
    uint8_t bits;
};
// `may_be_negative`: the values that go in can be, so a first of 65535 means -1 whatever its VR.
int px_lut_descriptor(const struct dcm_node *node, bool may_be_negative,
                      struct px_lut_descriptor *ret_descriptor, struct err *e);

// Entries of (gggg,eeee) LUT Data for a descriptor, 16 bits each, in `a`. *ret_largest (may be
// NULL) is the largest.
int px_lut_entries(struct arena *a, const struct dcm_node *data,
                   const struct px_lut_descriptor *descriptor, const uint16_t **ret_entries,
                   uint16_t *ret_largest, struct err *e);

// An item of Modality LUT Sequence or VOI LUT Sequence.
int px_lut_read(struct arena *a, const struct dcm_dataset *item, bool may_be_negative,
                struct px_lut *ret_lut, struct err *e);

// Text of at most `most` bytes, cut at a character of UTF-8 or ASCII; empty when absent.
void px_text_copy(const struct dcm_dataset *d, uint32_t tag, uint32_t index, char *out,
                  uint32_t most);
