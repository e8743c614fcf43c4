// SPDX-License-Identifier: Apache-2.0
#include "dicom/vr.h"

static const struct dcm_vr_info infos[DCM_VR_COUNT] = {
    [DCM_VR_NONE] = {"??", 1, false, DCM_VR_CLASS_NONE, 0, 0},
#define X(name, unit, wide, class, pad, longest)                                                   \
    [DCM_VR_##name] = {#name, unit, wide, DCM_VR_CLASS_##class, pad, longest},
    DCM_VR_LIST(X)
#undef X
};

const struct dcm_vr_info *dcm_vr_info(enum dcm_vr vr) {
    return &infos[(unsigned)vr < DCM_VR_COUNT ? vr : DCM_VR_NONE];
}

// VR of two capital letters, by (first - 'A') * 26 + (second - 'A').
#define LETTERS 26
#define AT(a, b) (((a) - 'A') * LETTERS + ((b) - 'A'))
static const uint8_t by_letters[LETTERS * LETTERS] = {
    [AT('A', 'E')] = DCM_VR_AE, [AT('A', 'S')] = DCM_VR_AS, [AT('A', 'T')] = DCM_VR_AT,
    [AT('C', 'S')] = DCM_VR_CS, [AT('D', 'A')] = DCM_VR_DA, [AT('D', 'S')] = DCM_VR_DS,
    [AT('D', 'T')] = DCM_VR_DT, [AT('F', 'D')] = DCM_VR_FD, [AT('F', 'L')] = DCM_VR_FL,
    [AT('I', 'S')] = DCM_VR_IS, [AT('L', 'O')] = DCM_VR_LO, [AT('L', 'T')] = DCM_VR_LT,
    [AT('O', 'B')] = DCM_VR_OB, [AT('O', 'D')] = DCM_VR_OD, [AT('O', 'F')] = DCM_VR_OF,
    [AT('O', 'L')] = DCM_VR_OL, [AT('O', 'V')] = DCM_VR_OV, [AT('O', 'W')] = DCM_VR_OW,
    [AT('P', 'N')] = DCM_VR_PN, [AT('S', 'H')] = DCM_VR_SH, [AT('S', 'L')] = DCM_VR_SL,
    [AT('S', 'Q')] = DCM_VR_SQ, [AT('S', 'S')] = DCM_VR_SS, [AT('S', 'T')] = DCM_VR_ST,
    [AT('S', 'V')] = DCM_VR_SV, [AT('T', 'M')] = DCM_VR_TM, [AT('U', 'C')] = DCM_VR_UC,
    [AT('U', 'I')] = DCM_VR_UI, [AT('U', 'L')] = DCM_VR_UL, [AT('U', 'N')] = DCM_VR_UN,
    [AT('U', 'R')] = DCM_VR_UR, [AT('U', 'S')] = DCM_VR_US, [AT('U', 'T')] = DCM_VR_UT,
    [AT('U', 'V')] = DCM_VR_UV,
};

enum dcm_vr dcm_vr_parse(const uint8_t letters[2]) {
    bool capitals =
        letters[0] >= 'A' && letters[0] <= 'Z' && letters[1] >= 'A' && letters[1] <= 'Z';
    return capitals ? (enum dcm_vr)by_letters[AT(letters[0], letters[1])] : DCM_VR_NONE;
}

bool dcm_vr_uses_charset(enum dcm_vr vr) {
    return vr == DCM_VR_LO || vr == DCM_VR_LT || vr == DCM_VR_PN || vr == DCM_VR_SH ||
           vr == DCM_VR_ST || vr == DCM_VR_UC || vr == DCM_VR_UT;
}

bool dcm_vr_splits(enum dcm_vr vr) {
    return dcm_vr_info(vr)->class == DCM_VR_CLASS_TEXT && vr != DCM_VR_LT && vr != DCM_VR_ST &&
           vr != DCM_VR_UT && vr != DCM_VR_UR;
}
