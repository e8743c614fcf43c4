// SPDX-License-Identifier: Apache-2.0
// The coded character sets behind charset.c: one code to a code point and back. Sets of one byte
// and of two (94 by 94), and the variable-length GBK and GB18030. Tables are generated at build.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum dcm_set {
    DCM_SET_NONE,
    DCM_SET_ASCII,    // ISO-IR 6
    DCM_SET_ROMAN,    // ISO-IR 14: yen for backslash, overline for tilde
    DCM_SET_KATAKANA, // ISO-IR 13
    DCM_SET_8859_1,
    DCM_SET_8859_2,
    DCM_SET_8859_3,
    DCM_SET_8859_4,
    DCM_SET_8859_5,
    DCM_SET_8859_6,
    DCM_SET_8859_7,
    DCM_SET_8859_8,
    DCM_SET_8859_9,
    DCM_SET_8859_15,
    DCM_SET_THAI,
    DCM_SET_JIS0208, // from here on two bytes
    DCM_SET_JIS0212,
    DCM_SET_KSC5601,
    DCM_SET_GB2312
};

static inline bool dcm_set_is_double(enum dcm_set s) { return s >= DCM_SET_JIS0208; }

// One-byte sets: `byte` without its high bit, 0x20 to 0x7F. Two-byte sets: both bytes without their
// high bits, 0x21 to 0x7E. 0 when the set has no such code.
uint32_t dcm_set_decode(enum dcm_set s, uint8_t byte);
uint32_t dcm_set_decode_pair(enum dcm_set s, uint8_t first, uint8_t second);

// Writes one or two bytes without high bits; 0 when the set lacks the character.
size_t dcm_set_encode(enum dcm_set s, uint32_t code_point, uint8_t ret_bytes[2]);

// GBK or GB18030: bytes of the first character (1, 2 or 4), or 0 when it is not well formed or not
// assigned.
size_t dcm_gb_decode(bool gb18030, struct slice s, uint32_t *ret_code_point);
size_t dcm_gb_encode(bool gb18030, uint32_t code_point, uint8_t ret_bytes[4]);
