// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648 section 4): encoding in pieces, strict decoding.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct buf;

// Up to two bytes wait for the third. Zero-initialise.
struct base64 {
    uint8_t carry[3];
    uint8_t count;
};

// Appends what is complete; base64_end appends the rest with padding and starts anew.
void base64_put(struct base64 *b, struct slice bytes, struct buf *out);
void base64_end(struct base64 *b, struct buf *out);

// Appends the bytes. false, with `out` as it was, for other characters than the alphabet's, for
// padding that is missing or misplaced, and for set bits that no byte has.
bool base64_decode(struct slice text, struct buf *out);
