// SPDX-License-Identifier: Apache-2.0
#include "gate/header_vr.h"

#include "dicom/vr.h"

static bool is_number(enum dcm_vr vr) { return dcm_vr_info(vr)->class == DCM_VR_CLASS_BINARY; }
static bool is_text(enum dcm_vr vr) { return dcm_vr_info(vr)->class == DCM_VR_CLASS_TEXT; }
static bool is_bulk(enum dcm_vr vr) {
    return dcm_vr_info(vr)->class == DCM_VR_CLASS_BULK && vr != DCM_VR_UN;
}

static void take(struct dcm_node *n, enum dcm_vr vr) {
    n->vr = vr;
    n->changed = true;
}

// UN holds what implicit VR little endian would (PS3.5 6.2.2 note 2), whatever is around it.
static bool settle_unknown(struct dcm_node *n, enum dcm_vr vr) {
    if (n->value.len == 0 && n->item_count == 0) {
        take(n, vr);
        return true;
    }
    if (vr == DCM_VR_SQ || vr == DCM_VR_NONE || n->fragment_count > 0 ||
        n->value.len % dcm_vr_info(vr)->unit != 0) {
        return false;
    }
    if (dcm_vr_info(vr)->unit > 1) {
        if (n->encoding == DCM_EXPLICIT_BE) {
            return false;
        }
        n->encoding = DCM_EXPLICIT_LE;
    }
    take(n, vr);
    return true;
}

bool gate_vr_settle(struct dcm_node *n, const struct gate_rule *r) {
    enum dcm_vr vr = (enum dcm_vr)r->vr;
    enum dcm_vr vr2 = (enum dcm_vr)r->vr2;
    if (n->vr == vr || (vr2 != DCM_VR_NONE && n->vr == vr2)) {
        return true;
    }
    if (n->vr == DCM_VR_UN || n->vr == DCM_VR_NONE) {
        return settle_unknown(n, vr);
    }
    if (n->vr == DCM_VR_SQ || vr == DCM_VR_SQ) {
        bool nothing = n->item_count == 0 && n->value.len == 0;
        if (nothing) {
            take(n, vr);
        }
        return nothing;
    }
    if (is_text(n->vr) && is_text(vr)) {
        take(n, vr);
        return true;
    }
    bool decimal = vr == DCM_VR_DS || vr == DCM_VR_IS;
    if (is_number(n->vr)) {
        return is_number(vr) || decimal || vr2 == DCM_VR_OW || is_bulk(vr);
    }
    if (is_bulk(n->vr) && n->fragment_count == 0) {
        return is_bulk(vr) || vr2 == DCM_VR_OW;
    }
    // Text where a binary number belongs: DS and IS are checked like numbers.
    return is_number(vr) && (n->vr == DCM_VR_DS || n->vr == DCM_VR_IS);
}
