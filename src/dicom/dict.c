// SPDX-License-Identifier: Apache-2.0
#include "dicom/dict.h"

#include "dicom/dict_table.h"

#define DICT_COUNT (sizeof dict_entries / sizeof dict_entries[0])

static const struct dcm_dict_entry *find_exact(dcm_tag tag) {
    size_t low = 0;
    size_t high = DICT_EXACT_COUNT;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (dict_entries[middle].tag < tag) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < DICT_EXACT_COUNT && dict_entries[low].tag == tag ? &dict_entries[low] : NULL;
}

static const struct dcm_dict_entry *find_masked(dcm_tag tag) {
    for (size_t i = DICT_EXACT_COUNT; i < DICT_COUNT; i++) {
        if ((tag & dict_entries[i].mask) == dict_entries[i].tag) {
            return &dict_entries[i];
        }
    }
    return NULL;
}

const struct dcm_dict_entry *dcm_dict_find(dcm_tag tag) {
    const struct dcm_dict_entry *entry = find_exact(tag);
    return entry != NULL || dcm_tag_is_private(tag) ? entry : find_masked(tag);
}

const struct dcm_dict_entry *dcm_dict_find_keyword(struct slice keyword) {
    size_t low = 0;
    size_t high = sizeof dict_by_keyword / sizeof dict_by_keyword[0];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct dcm_dict_entry *entry = &dict_entries[dict_by_keyword[middle]];
        int order = slice_cmp(slice_str(entry->keyword), keyword);
        if (order == 0) {
            return entry;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

enum dcm_vr dcm_dict_vr(dcm_tag tag) {
    if (dcm_tag_is_group_length(tag)) {
        return DCM_VR_UL;
    }
    if (dcm_tag_is_private(tag)) {
        return dcm_tag_is_private_creator(tag) ? DCM_VR_LO : DCM_VR_UN;
    }
    const struct dcm_dict_entry *entry = dcm_dict_find(tag);
    if (entry == NULL || entry->vr == DCM_VR_NONE) {
        return DCM_VR_UN;
    }
    return entry->vr2 == DCM_VR_OW ? DCM_VR_OW : entry->vr;
}
