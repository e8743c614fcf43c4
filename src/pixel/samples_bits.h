// SPDX-License-Identifier: Apache-2.0
// How many bits of a frame's samples an encoder must keep so that the same bytes come back. Private
// to the encoders.
#pragma once

struct px_frame;

// Bits stored where every sample is what px_decode makes of that many bits: zeros above them, or
// the sign. Bits allocated otherwise: overlays in unused bits, samples that do not begin at bit 0,
// padding values outside the declared range are kept too. Integers of 8, 16 and 32 bits.
unsigned px_samples_precision(const struct px_frame *f);
