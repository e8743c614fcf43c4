// SPDX-License-Identifier: Apache-2.0
// Value representations of edition 2026d (PS3.5 6.2) and how each is laid out.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

// X(name, bytes a unit, header length field of 4 bytes, class, pad byte, longest text in characters
// or 0) unit: the size that byte order and "multiple of" rules go by; 1 for text.
#define DCM_VR_LIST(X)                                                                             \
    X(AE, 1, 0, TEXT, ' ', 16)                                                                     \
    X(AS, 1, 0, TEXT, ' ', 4)                                                                      \
    X(AT, 2, 0, BINARY, 0, 0)                                                                      \
    X(CS, 1, 0, TEXT, ' ', 16)                                                                     \
    X(DA, 1, 0, TEXT, ' ', 18)                                                                     \
    X(DS, 1, 0, TEXT, ' ', 16)                                                                     \
    X(DT, 1, 0, TEXT, ' ', 54)                                                                     \
    X(FD, 8, 0, BINARY, 0, 0)                                                                      \
    X(FL, 4, 0, BINARY, 0, 0)                                                                      \
    X(IS, 1, 0, TEXT, ' ', 12)                                                                     \
    X(LO, 1, 0, TEXT, ' ', 64)                                                                     \
    X(LT, 1, 0, TEXT, ' ', 10240)                                                                  \
    X(OB, 1, 1, BULK, 0, 0)                                                                        \
    X(OD, 8, 1, BULK, 0, 0)                                                                        \
    X(OF, 4, 1, BULK, 0, 0)                                                                        \
    X(OL, 4, 1, BULK, 0, 0)                                                                        \
    X(OV, 8, 1, BULK, 0, 0)                                                                        \
    X(OW, 2, 1, BULK, 0, 0)                                                                        \
    X(PN, 1, 0, TEXT, ' ', 194)                                                                    \
    X(SH, 1, 0, TEXT, ' ', 16)                                                                     \
    X(SL, 4, 0, BINARY, 0, 0)                                                                      \
    X(SQ, 1, 1, SEQUENCE, 0, 0)                                                                    \
    X(SS, 2, 0, BINARY, 0, 0)                                                                      \
    X(ST, 1, 0, TEXT, ' ', 1024)                                                                   \
    X(SV, 8, 1, BINARY, 0, 0)                                                                      \
    X(TM, 1, 0, TEXT, ' ', 28)                                                                     \
    X(UC, 1, 1, TEXT, ' ', 0)                                                                      \
    X(UI, 1, 0, TEXT, 0, 64)                                                                       \
    X(UL, 4, 0, BINARY, 0, 0)                                                                      \
    X(UN, 1, 1, BULK, 0, 0)                                                                        \
    X(UR, 1, 1, TEXT, ' ', 0)                                                                      \
    X(US, 2, 0, BINARY, 0, 0)                                                                      \
    X(UT, 1, 1, TEXT, ' ', 0)                                                                      \
    X(UV, 8, 1, BINARY, 0, 0)

enum dcm_vr {
    DCM_VR_NONE, // items and delimiters; and "not known"
#define X(name, unit, wide, class, pad, longest) DCM_VR_##name,
    DCM_VR_LIST(X)
#undef X
        DCM_VR_COUNT
};

enum dcm_vr_class {
    DCM_VR_CLASS_NONE,
    DCM_VR_CLASS_TEXT,
    DCM_VR_CLASS_BINARY,
    DCM_VR_CLASS_BULK,
    DCM_VR_CLASS_SEQUENCE
};

struct dcm_vr_info {
    char name[3]; // "??" for DCM_VR_NONE
    uint8_t unit;
    bool wide; // explicit VR: two reserved bytes and a 32-bit length
    enum dcm_vr_class class;
    uint8_t pad;
    uint16_t longest;
};

const struct dcm_vr_info *dcm_vr_info(enum dcm_vr vr);

// Two capital letters to VR; DCM_VR_NONE when the standard has no such VR.
enum dcm_vr dcm_vr_parse(const uint8_t letters[2]);

// Text whose bytes depend on Specific Character Set: LO LT PN SH ST UC UT (PS3.5 6.1.2.2).
bool dcm_vr_uses_charset(enum dcm_vr vr);

// Text in which a backslash separates values (not LT ST UT UR).
bool dcm_vr_splits(enum dcm_vr vr);
