// SPDX-License-Identifier: Apache-2.0
// Tags (PS3.5 7.1): group in the high, element in the low 16 bits. Constants such as
// DCM_PatientName are generated from data/ into dicom/tags.h.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

typedef uint32_t dcm_tag;

#define DCM_TAG(group, element) ((dcm_tag)(((uint32_t)(group) << 16) | (uint32_t)(element)))

static inline uint16_t dcm_tag_group(dcm_tag t) { return (uint16_t)(t >> 16); }
static inline uint16_t dcm_tag_element(dcm_tag t) { return (uint16_t)(t & 0xFFFF); }
static inline bool dcm_tag_is_private(dcm_tag t) { return (dcm_tag_group(t) & 1) != 0; }
static inline bool dcm_tag_is_group_length(dcm_tag t) { return dcm_tag_element(t) == 0; }

// Groups of commands, file meta information and directories, which no data set has (PS3.5 7.1).
static inline bool dcm_tag_is_outside(dcm_tag t) { return dcm_tag_group(t) < 0x0008; }

// (gggg,0010) to (gggg,00FF) of an odd group: names the owner of a block (PS3.5 7.8.1).
static inline bool dcm_tag_is_private_creator(dcm_tag t) {
    return dcm_tag_is_private(t) && dcm_tag_element(t) >= 0x10 && dcm_tag_element(t) <= 0xFF;
}

#define DCM_TAG_ITEM DCM_TAG(0xFFFE, 0xE000)
#define DCM_TAG_ITEM_END DCM_TAG(0xFFFE, 0xE00D)
#define DCM_TAG_SEQUENCE_END DCM_TAG(0xFFFE, 0xE0DD)

#define DCM_TAG_TEXT_LEN 11
// "(0010,0010)" with capital digits, and a NUL. Returns `out`.
char *dcm_tag_text(dcm_tag t, char out[DCM_TAG_TEXT_LEN + 1]);

// "00100010", "(0010,0010)", "0010,0010" or a keyword of the dictionary such as "PatientName".
bool dcm_tag_parse(struct slice text, dcm_tag *ret_tag);
