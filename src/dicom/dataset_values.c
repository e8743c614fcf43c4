// SPDX-License-Identifier: Apache-2.0
// Reading values (PS3.5 6.2): text without padding, numbers of every VR that holds some. A value
// stored as UN is understood by the VR that the dictionary gives its tag (PS3.5 6.2.2). It knows
// nothing of character sets: text is bytes (charset.h).
#include "dicom/dataset.h"

#include <math.h>
#include <string.h>

#include "base/num.h"
#include "dicom/dict.h"

static enum dcm_vr vr_of(const struct dcm_node *n) {
    return n->vr == DCM_VR_UN ? dcm_dict_vr(n->tag) : n->vr;
}

// UN keeps little endian in every transfer syntax.
static bool is_big(const struct dcm_node *n) {
    return n->encoding == DCM_EXPLICIT_BE && n->vr != DCM_VR_UN;
}

static bool is_text(enum dcm_vr vr) { return dcm_vr_info(vr)->class == DCM_VR_CLASS_TEXT; }

// Leading spaces count in LT ST UT UC, and do not belong into UR and UI.
static bool trims_front(enum dcm_vr vr) {
    return vr != DCM_VR_LT && vr != DCM_VR_ST && vr != DCM_VR_UT && vr != DCM_VR_UC;
}

static struct slice without_padding(struct slice s, enum dcm_vr vr) {
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\0')) {
        s.len--;
    }
    while (trims_front(vr) && s.len > 0 && s.ptr[0] == ' ') {
        s = slice_from(s, 1);
    }
    return s;
}

// The `index`-th part between backslashes; false when there are fewer.
static bool part(struct slice whole, uint32_t index, struct slice *ret_part) {
    struct slice rest = whole;
    struct slice piece;
    for (uint32_t i = 0; slice_split(&rest, '\\', &piece); i++) {
        if (i == index) {
            *ret_part = piece;
            return true;
        }
    }
    return false;
}

bool dcm_node_text(const struct dcm_node *n, uint32_t index, struct slice *ret_text) {
    enum dcm_vr vr = n == NULL ? DCM_VR_NONE : vr_of(n);
    if (!is_text(vr)) {
        return false;
    }
    struct slice piece = n->value;
    if (dcm_vr_splits(vr) ? !part(n->value, index, &piece) : index > 0) {
        return false;
    }
    piece = without_padding(piece, vr);
    if (piece.len == 0) {
        return false;
    }
    *ret_text = piece;
    return true;
}

uint32_t dcm_value_count(const struct dcm_node *n) {
    if (n == NULL) {
        return 0;
    }
    enum dcm_vr vr = vr_of(n);
    if (n->items != NULL) {
        return n->item_count;
    }
    if (!is_text(vr)) {
        return (uint32_t)(n->value.len / dcm_vr_info(vr)->unit / (vr == DCM_VR_AT ? 2 : 1));
    }
    if (without_padding(n->value, vr).len == 0) {
        return 0;
    }
    uint32_t count = 1;
    for (size_t i = 0; dcm_vr_splits(vr) && i < n->value.len; i++) {
        count += n->value.ptr[i] == '\\';
    }
    return count;
}

static uint64_t unit_at(const uint8_t *p, unsigned size, bool big) {
    switch (size) {
    case 1:
        return *p;
    case 2:
        return big ? num_be16(p) : num_le16(p);
    case 4:
        return big ? num_be32(p) : num_le32(p);
    default:
        return big ? num_be64(p) : num_le64(p);
    }
}

// The bytes of value `index` of units of `size` bytes, NULL when there are fewer.
static const uint8_t *unit_bytes(const struct dcm_node *n, uint32_t index, unsigned size) {
    uint64_t from = (uint64_t)index * size;
    return from + size <= n->value.len ? n->value.ptr + from : NULL;
}

static bool binary_int(const struct dcm_node *n, enum dcm_vr vr, uint32_t index,
                       int64_t *ret_value) {
    unsigned size = vr == DCM_VR_AT ? 4 : dcm_vr_info(vr)->unit;
    const uint8_t *p = unit_bytes(n, index, size);
    if (p == NULL) {
        return false;
    }
    bool big = is_big(n);
    switch (vr) {
    case DCM_VR_AT:
        *ret_value = (int64_t)(unit_at(p, 2, big) << 16 | unit_at(p + 2, 2, big));
        return true;
    case DCM_VR_SS:
        *ret_value = (int16_t)unit_at(p, size, big);
        return true;
    case DCM_VR_SL:
        *ret_value = (int32_t)unit_at(p, size, big);
        return true;
    case DCM_VR_US:
    case DCM_VR_UL:
    case DCM_VR_OB:
    case DCM_VR_OW:
    case DCM_VR_OL:
    case DCM_VR_SV:
        *ret_value = (int64_t)unit_at(p, size, big);
        return true;
    case DCM_VR_UV:
    case DCM_VR_OV: {
        uint64_t value = unit_at(p, size, big);
        *ret_value = (int64_t)value;
        return value <= INT64_MAX;
    }
    default:
        return false;
    }
}

#define EXACT_INT_MAX 9007199254740992.0 // 2^53: every whole number up to it is a double

static bool text_int(const struct dcm_node *n, uint32_t index, int64_t *ret_value) {
    struct slice text;
    double number;
    if (!dcm_node_text(n, index, &text)) {
        return false;
    }
    if (num_parse_i64(text, INT64_MIN, INT64_MAX, ret_value)) {
        return true;
    }
    if (vr_of(n) != DCM_VR_DS || !num_parse_double(text, &number) || number != floor(number) ||
        fabs(number) > EXACT_INT_MAX) {
        return false;
    }
    *ret_value = (int64_t)number;
    return true;
}

bool dcm_node_int(const struct dcm_node *n, uint32_t index, int64_t *ret_value) {
    enum dcm_vr vr = n == NULL ? DCM_VR_NONE : vr_of(n);
    int64_t value;
    bool found = false;
    if (vr == DCM_VR_IS || vr == DCM_VR_DS) {
        found = text_int(n, index, &value);
    } else if (vr != DCM_VR_NONE && n->fragments == NULL) {
        found = binary_int(n, vr, index, &value);
    }
    if (found) {
        *ret_value = value;
    }
    return found;
}

static bool binary_double(const struct dcm_node *n, enum dcm_vr vr, uint32_t index,
                          double *ret_value) {
    unsigned size = dcm_vr_info(vr)->unit;
    const uint8_t *p = unit_bytes(n, index, size);
    if (p == NULL) {
        return false;
    }
    uint64_t bits = unit_at(p, size, is_big(n));
    if (size == sizeof(double)) {
        memcpy(ret_value, &bits, sizeof *ret_value);
        return true;
    }
    uint32_t half = (uint32_t)bits;
    float value;
    memcpy(&value, &half, sizeof value);
    *ret_value = (double)value;
    return true;
}

bool dcm_node_double(const struct dcm_node *n, uint32_t index, double *ret_value) {
    enum dcm_vr vr = n == NULL ? DCM_VR_NONE : vr_of(n);
    struct slice text;
    int64_t whole;
    if (vr == DCM_VR_FL || vr == DCM_VR_FD || vr == DCM_VR_OF || vr == DCM_VR_OD) {
        return binary_double(n, vr, index, ret_value);
    }
    if (vr == DCM_VR_DS || vr == DCM_VR_IS) {
        return dcm_node_text(n, index, &text) && num_parse_double(text, ret_value);
    }
    if (!dcm_node_int(n, index, &whole)) {
        return false;
    }
    *ret_value = (double)whole;
    return true;
}

bool dcm_text(const struct dcm_dataset *d, dcm_tag tag, uint32_t index, struct slice *ret_text) {
    return dcm_node_text(dcm_get(d, tag), index, ret_text);
}

bool dcm_int(const struct dcm_dataset *d, dcm_tag tag, uint32_t index, int64_t *ret_value) {
    return dcm_node_int(dcm_get(d, tag), index, ret_value);
}

bool dcm_double(const struct dcm_dataset *d, dcm_tag tag, uint32_t index, double *ret_value) {
    return dcm_node_double(dcm_get(d, tag), index, ret_value);
}
