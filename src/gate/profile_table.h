// SPDX-License-Identifier: Apache-2.0
// What a profile says beyond its options, as plain old data: edits of attributes and private
// attributes that a School holds for safe. Between profile.c and rules.c.
#pragma once

#include <stdint.h>

#include "dicom/tag.h"

#define GATE_PROFILE_EDITS_MAX 1024
#define GATE_PROFILE_PRIVATES_MAX 256
#define GATE_PROFILE_PHRASES_MAX 4096
#define GATE_CREATOR_MAX 64

struct gate_profile_edit {
    dcm_tag tag;
    uint32_t how; // enum gate_how
};

struct gate_profile_private {
    uint16_t group;
    uint8_t element;
    uint8_t vr;
    char creator[GATE_CREATOR_MAX + 1];
};

struct gate_profile_table {
    const struct gate_profile_edit *edits; // by tag
    uint32_t edit_count;
    const struct gate_profile_private *privates;
    uint32_t private_count;
};
