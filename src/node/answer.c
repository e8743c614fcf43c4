// SPDX-License-Identifier: Apache-2.0
#include "node/answer.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "dicom/value.h"

#define NARROW_MAX 65534u

static void put16(const struct answer *a, uint8_t *p, uint16_t v) {
    if (a->encoding == DCM_EXPLICIT_BE) {
        num_put_be16(p, v);
    } else {
        num_put_le16(p, v);
    }
}

static void put32(const struct answer *a, uint8_t *p, uint32_t v) {
    if (a->encoding == DCM_EXPLICIT_BE) {
        num_put_be32(p, v);
    } else {
        num_put_le32(p, v);
    }
}

static void put_tag(const struct answer *a, uint8_t *p, dcm_tag tag) {
    put16(a, p, dcm_tag_group(tag));
    put16(a, p + 2, dcm_tag_element(tag));
}

// Header with a length of 0. Returns where the length stands.
static size_t put_header(struct answer *a, dcm_tag tag, enum dcm_vr vr) {
    uint8_t bytes[12] = {0};
    const struct dcm_vr_info *info = dcm_vr_info(vr);
    size_t len = 8;
    put_tag(a, bytes, tag);
    if (a->encoding != DCM_IMPLICIT_LE && vr != DCM_VR_NONE) {
        memcpy(bytes + 4, info->name, 2);
        len = info->wide ? 12 : 8;
    }
    buf_put(a->out, bytes, len);
    bool narrow = a->encoding != DCM_IMPLICIT_LE && vr != DCM_VR_NONE && !info->wide;
    return a->out->len - (narrow ? 2 : 4);
}

static void set_length(struct answer *a, size_t at, enum dcm_vr vr, size_t start) {
    if (a->out->failed) {
        return;
    }
    size_t len = a->out->len - start;
    bool narrow = a->encoding != DCM_IMPLICIT_LE && vr != DCM_VR_NONE && !dcm_vr_info(vr)->wide;
    if (narrow && len > NARROW_MAX) { // a list too long to be said: as if it were not known
        a->out->len = start;
        len = 0;
    }
    if (narrow) {
        put16(a, a->out->data + at, (uint16_t)len);
    } else {
        put32(a, a->out->data + at, (uint32_t)len);
    }
}

// --- values

static bool put_number(struct answer *a, enum dcm_vr vr, struct slice text) {
    uint8_t bytes[4];
    int64_t number;
    bool wide = vr == DCM_VR_UL || vr == DCM_VR_SL;
    bool is_signed = vr == DCM_VR_SS || vr == DCM_VR_SL;
    int64_t max = wide ? UINT32_MAX : UINT16_MAX;
    if (!num_parse_i64(slice_trim(text, " "), is_signed ? -(max / 2) - 1 : 0,
                       is_signed ? max / 2 : max, &number)) {
        return false;
    }
    if (wide) {
        put32(a, bytes, (uint32_t)number);
    } else {
        put16(a, bytes, (uint16_t)number);
    }
    buf_put(a->out, bytes, wide ? 4 : 2);
    return true;
}

static bool is_short_number(enum dcm_vr vr) {
    return vr == DCM_VR_US || vr == DCM_VR_SS || vr == DCM_VR_UL || vr == DCM_VR_SL;
}

static void put_numbers(struct answer *a, enum dcm_vr vr, struct slice text) {
    size_t start = a->out->len;
    struct slice part;
    while (text.len > 0 && slice_split(&text, '\\', &part)) {
        if (!put_number(a, vr, part)) {
            a->out->len = start;
            return;
        }
    }
}

static bool is_ascii(struct slice v) {
    for (size_t i = 0; i < v.len; i++) {
        if (v.ptr[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static void put_text(struct answer *a, enum dcm_vr vr, struct slice utf8) {
    struct err ignored = {0};
    size_t start = a->out->len;
    if (is_ascii(utf8)) { // every character set has these; ISO IR 13 aside, where it is as usual
        buf_put_slice(a->out, utf8);
    } else if (!dcm_vr_uses_charset(vr) ||
               dcm_charset_from_utf8(a->charset, vr, utf8, a->out, &ignored) != E_OK) {
        a->lacking = a->lacking || dcm_vr_uses_charset(vr);
        return;
    }
    if ((a->out->len - start) % 2 != 0) {
        buf_put_byte(a->out, dcm_vr_info(vr)->pad);
    }
}

void answer_put(struct answer *a, dcm_tag tag, enum dcm_vr vr, struct slice utf8) {
    vr = vr == DCM_VR_NONE ? DCM_VR_UN : vr;
    size_t at = put_header(a, tag, vr);
    size_t start = a->out->len;
    if (is_short_number(vr)) {
        put_numbers(a, vr, utf8);
    } else if (dcm_vr_info(vr)->class == DCM_VR_CLASS_TEXT) {
        put_text(a, vr, utf8);
    }
    set_length(a, at, vr, start);
}

void answer_put_str(struct answer *a, dcm_tag tag, enum dcm_vr vr, const char *ascii) {
    answer_put(a, tag, vr, slice_str(ascii));
}

// --- structure

void answer_begin_sequence(struct answer *a, dcm_tag tag) {
    a->open[a->depth++] = put_header(a, tag, DCM_VR_SQ);
}

void answer_begin_item(struct answer *a) {
    a->open[a->depth++] = put_header(a, DCM_TAG_ITEM, DCM_VR_NONE);
}

// The length of sequences and items has four bytes, and their content begins behind it.
void answer_end(struct answer *a) {
    size_t at = a->open[--a->depth];
    set_length(a, at, DCM_VR_SQ, at + 4);
}
