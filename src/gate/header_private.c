// SPDX-License-Identifier: Apache-2.0
#include "gate/header_private.h"

#include "dicom/value.h"
#include "gate/header_vr.h"

static struct gate_rule rule_of(dcm_tag tag, enum dcm_vr vr) {
    static const uint8_t how_by_vr[DCM_VR_COUNT] = {
        [DCM_VR_AT] = GATE_HOW_NUMBER, [DCM_VR_CS] = GATE_HOW_TERM,   [DCM_VR_DS] = GATE_HOW_NUMBER,
        [DCM_VR_FD] = GATE_HOW_NUMBER, [DCM_VR_FL] = GATE_HOW_NUMBER, [DCM_VR_IS] = GATE_HOW_NUMBER,
        [DCM_VR_LO] = GATE_HOW_WORDS,  [DCM_VR_LT] = GATE_HOW_WORDS,  [DCM_VR_SH] = GATE_HOW_WORDS,
        [DCM_VR_SL] = GATE_HOW_NUMBER, [DCM_VR_SS] = GATE_HOW_NUMBER, [DCM_VR_ST] = GATE_HOW_WORDS,
        [DCM_VR_SV] = GATE_HOW_NUMBER, [DCM_VR_UC] = GATE_HOW_WORDS,  [DCM_VR_UI] = GATE_HOW_UID,
        [DCM_VR_UL] = GATE_HOW_NUMBER, [DCM_VR_US] = GATE_HOW_NUMBER, [DCM_VR_UT] = GATE_HOW_WORDS,
        [DCM_VR_UV] = GATE_HOW_NUMBER, [DCM_VR_SQ] = GATE_HOW_ITEMS};
    return (struct gate_rule){
        .tag = tag, .vr = (uint8_t)vr, .basic = GATE_BASIC_X, .how = how_by_vr[vr]};
}

static struct slice creator_of(const struct gate_private_blocks *blocks, dcm_tag tag,
                               uint32_t *ret_block) {
    for (uint32_t i = 0; i < blocks->count; i++) {
        if (blocks->list[i].group == dcm_tag_group(tag) &&
            blocks->list[i].block == (uint8_t)(dcm_tag_element(tag) >> 8)) {
            *ret_block = i;
            return blocks->list[i].creator;
        }
    }
    return (struct slice){NULL, 0};
}

// Whether the table or the profile has it, whatever its value is.
static bool is_safe(const struct gate_walk *w, const struct gate_private_blocks *blocks,
                    const struct dcm_node *n, enum dcm_vr *ret_vr, uint32_t *ret_block) {
    struct slice creator = creator_of(blocks, n->tag, ret_block);
    return creator.len > 0 && gate_private_find(w->c->profile, dcm_tag_group(n->tag), creator,
                                                (uint8_t)(dcm_tag_element(n->tag) & 0xFF), ret_vr);
}

void gate_private_begin(struct gate_walk *w, const struct dcm_dataset *d,
                        struct gate_private_blocks *blocks) {
    if (!w->c->profile->keep_safe_private) {
        return;
    }
    for (uint32_t i = 0; i < d->count; i++) {
        const struct dcm_node *n = &d->nodes[i];
        if (dcm_tag_is_private_creator(n->tag) && blocks->count < GATE_PRIVATE_BLOCKS_MAX) {
            blocks->list[blocks->count].group = dcm_tag_group(n->tag);
            blocks->list[blocks->count].block = (uint8_t)dcm_tag_element(n->tag);
            blocks->list[blocks->count].creator = dcm_value_trim(DCM_VR_LO, n->value);
            blocks->count++;
        }
    }
    for (uint32_t i = 0; i < d->count && blocks->count > 0; i++) {
        enum dcm_vr vr;
        uint32_t block;
        if (dcm_tag_is_private(d->nodes[i].tag) && !dcm_tag_is_private_creator(d->nodes[i].tag) &&
            is_safe(w, blocks, &d->nodes[i], &vr, &block)) {
            blocks->list[block].used = true;
        }
    }
}

// A creator that something safe needs; its name is one of the table's, so it tells nothing.
static bool keeps_creator(const struct gate_private_blocks *blocks, const struct dcm_node *n) {
    for (uint32_t i = 0; i < blocks->count; i++) {
        if (blocks->list[i].group == dcm_tag_group(n->tag) &&
            blocks->list[i].block == (uint8_t)dcm_tag_element(n->tag)) {
            return blocks->list[i].used;
        }
    }
    return false;
}

bool gate_private_clean(struct gate_walk *w, struct dcm_node *n,
                        struct gate_private_blocks *blocks) {
    enum dcm_vr vr;
    uint32_t block;
    if (dcm_tag_is_private_creator(n->tag) && keeps_creator(blocks, n)) {
        return true;
    }
    if (blocks->count > 0 && !dcm_tag_is_private_creator(n->tag) &&
        is_safe(w, blocks, n, &vr, &block)) {
        struct gate_rule r = rule_of(n->tag, vr);
        // Sequences and bytes of a vendor are not walked by a table that names attributes.
        if (r.how != GATE_HOW_NONE && vr != DCM_VR_SQ && gate_vr_settle(n, &r) &&
            gate_walk_act(w, n, &r, (enum gate_how)r.how)) {
            w->private_kept = true;
            return true;
        }
    }
    w->private_count++;
    if (w->private_count <= 1 || dcm_tag_is_private_creator(n->tag)) {
        gate_walk_note(w, GATE_KIND_PRIVATE, GATE_DONE_REMOVED, n->tag);
    } else {
        w->c->notes.kinds[GATE_KIND_PRIVATE]++;
    }
    return false;
}
