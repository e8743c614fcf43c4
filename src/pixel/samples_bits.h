// SPDX-License-Identifier: Apache-2.0
// Samples in cells of other widths, and how many bits of them an encoder must keep so that the same
// bytes come back. Private to the codecs and encoders.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct px_frame;

// `count` bytes at the front of `samples` to little-endian words, in place, and back (the low
// bytes).
void px_samples_widen(uint8_t *samples, size_t count);
void px_samples_narrow(uint8_t *samples, size_t count);

// Bits stored where every sample is what px_decode makes of that many bits: zeros above them, or
// the sign. Bits allocated otherwise: overlays in unused bits, samples that do not begin at bit 0,
// padding values outside the declared range are kept too. Integers of 8, 16 and 32 bits.
unsigned px_samples_precision(const struct px_frame *f);
