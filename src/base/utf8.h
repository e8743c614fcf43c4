// SPDX-License-Identifier: Apache-2.0
// UTF-8 (RFC 3629): strict decoding, encoding, and folding of text for searching.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct buf;

// Bytes taken by the first character (1 to 4), or 0 when it is not well formed (overlong forms,
// surrogates and values over U+10FFFF are not).
size_t utf8_decode(struct slice s, uint32_t *ret_code_point);
bool utf8_valid(struct slice s);
void utf8_put(struct buf *out, uint32_t code_point);

// Appends `s` for case- and accent-insensitive comparison: Latin letters lose their accents, Latin,
// Greek and Cyrillic letters become small, ß ss, æ ae, œ oe, ø o, ł l; everything else stays.
// Bytes that are not UTF-8 are passed on as they are.
void utf8_fold(struct buf *out, struct slice s);
