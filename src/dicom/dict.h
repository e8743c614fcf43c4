// SPDX-License-Identifier: Apache-2.0
// The data dictionary (PS3.6 edition 2026d), generated at build from data/dictionary.csv.
#pragma once

#include <stdbool.h>

#include "base/slice.h"
#include "dicom/tag.h"
#include "dicom/vr.h"

struct dcm_dict_entry {
    dcm_tag tag;
    dcm_tag
        mask; // 0xFFFFFFFF, or with zero digits where the standard writes x (50xx, 60xx, 7Fxx …)
    enum dcm_vr vr;  // first when the standard allows several
    enum dcm_vr vr2; // second, or DCM_VR_NONE (US or SS, OB or OW)
    uint16_t vm_min;
    uint16_t vm_max; // 0: unbounded
    uint8_t vm_step; // 2-2n: 2
    bool retired;
    const char *keyword;
    const char *name;
};

// NULL when the standard has no such attribute. Private creators and group lengths are known by
// rule.
const struct dcm_dict_entry *dcm_dict_find(dcm_tag tag);
const struct dcm_dict_entry *dcm_dict_find_keyword(struct slice keyword);

// VR for implicit VR data sets (PS3.5 A.1): UN for unknown and private; LO for private creators; UL
// for group lengths; of two allowed VRs the one that bytes can stay under (OW for pixel data, US).
enum dcm_vr dcm_dict_vr(dcm_tag tag);
