// SPDX-License-Identifier: Apache-2.0
// Headers of elements (PS3.5 7.1.2, 7.1.3), and the guesses where VR letters are not of the
// standard or an element is encoded unlike its data set.
#include "dicom/reader_priv.h"

#include "base/err.h"
#include "dicom/dict.h"

const bool dcm_wide_vr[DCM_VR_COUNT] = {
#define X(name, unit, wide, class, pad, longest) [DCM_VR_##name] = wide,
    DCM_VR_LIST(X)
#undef X
};

// Could an element stand at `at`, behind one with `tag`? A guess, asked only where VR letters are
// not of the standard.
static bool plausible_next(const struct dcm_reader *r, const struct dcm_reader_level *level,
                           dcm_tag tag, uint64_t at) {
    if (at >= level->end) {
        return at == level->end;
    }
    if (level->end - at < DCM_HEADER_LEN) {
        return false;
    }
    const uint8_t *p = r->input.ptr + at;
    dcm_tag next = dcm_tag_at(p, level->encoding);
    if (dcm_tag_group(next) == 0xFFFE) {
        return true;
    }
    return next > tag && (dcm_vr_parse(p + 4) != DCM_VR_NONE || dcm_dict_find(next) != NULL);
}

static bool fits(const struct dcm_reader *r, const struct dcm_reader_level *level, uint64_t size,
                 uint64_t length) {
    uint64_t left = level->end - r->at;
    return size <= left && length <= left - size;
}

static bool item_follows(const struct dcm_reader *r, const struct dcm_reader_level *level) {
    const uint8_t *p = r->input.ptr + r->at + DCM_HEADER_LEN;
    return fits(r, level, DCM_HEADER_LEN, DCM_HEADER_LEN) &&
           dcm_tag_at(p, DCM_IMPLICIT_LE) == DCM_TAG_ITEM;
}

static void implicit_head(struct dcm_head *h, const uint8_t *p) {
    h->encoding = DCM_IMPLICIT_LE;
    h->length = num_le32(p + 4);
    h->size = DCM_HEADER_LEN;
    h->vr = dcm_dict_vr(h->tag);
}

// An element of an explicit data set whose VR letters are no capitals, but which makes sense in
// implicit VR: some writers copy implicit elements as they are.
static bool implicit_inside(const struct dcm_reader *r, const struct dcm_reader_level *level,
                            const uint8_t *p, dcm_tag tag) {
    if (level->encoding == DCM_EXPLICIT_BE) {
        return false;
    }
    uint32_t length = num_le32(p + 4);
    if (length == DCM_LENGTH_UNDEFINED) {
        return item_follows(r, level);
    }
    return fits(r, level, DCM_HEADER_LEN, length) &&
           plausible_next(r, level, tag, r->at + DCM_HEADER_LEN + length);
}

// VR letters that the standard does not have: two capitals are a VR of a later edition, which has a
// 32-bit length (PS3.5 7.1.2); old writers put others before a 16-bit length.
static int unknown_vr_head(struct dcm_reader *r, struct dcm_reader_level *level, const uint8_t *p,
                           uint64_t left, struct dcm_head *h, struct err *e) {
    bool big = level->encoding == DCM_EXPLICIT_BE;
    uint32_t narrow = big ? num_be16(p + 6) : num_le16(p + 6);
    bool capitals = p[4] >= 'A' && p[4] <= 'Z' && p[5] >= 'A' && p[5] <= 'Z';
    h->vr = DCM_VR_UN;
    h->encoding = level->encoding;
    if (capitals && narrow == 0 && left >= DCM_WIDE_HEADER_LEN) {
        uint32_t length = dcm_length_at(p + 8, level->encoding);
        if (fits(r, level, DCM_WIDE_HEADER_LEN, length)) {
            h->length = length;
            h->size = DCM_WIDE_HEADER_LEN;
            dcm_reader_guess(r, DCM_ODDITY(UNKNOWN_VR));
            return E_OK;
        }
    }
    if (!capitals && implicit_inside(r, level, p, h->tag)) {
        implicit_head(h, p);
        dcm_reader_guess(r, DCM_ODDITY(IMPLICIT_IN_EXPLICIT));
        if (!level->started) {
            level->encoding = DCM_IMPLICIT_LE;
        }
        return E_OK;
    }
    if (fits(r, level, DCM_HEADER_LEN, narrow) &&
        plausible_next(r, level, h->tag, r->at + DCM_HEADER_LEN + narrow)) {
        h->length = narrow;
        h->size = DCM_HEADER_LEN;
        dcm_reader_guess(r, DCM_ODDITY(UNKNOWN_VR));
        return E_OK;
    }
    (void)err_set(e, E_SYNTAX, "bytes %02X %02X where a VR should be, and no reading of them fits",
                  p[4], p[5]);
    return dcm_reader_refuse(r, h->tag, r->at, e);
}

// The first element of an implicit data set or item that can only be explicit.
static bool explicit_inside(const struct dcm_reader *r, const struct dcm_reader_level *level,
                            const uint8_t *p) {
    enum dcm_vr vr = dcm_vr_parse(p + 4);
    uint32_t length = num_le32(p + 4);
    if (vr == DCM_VR_NONE || fits(r, level, DCM_HEADER_LEN, length)) {
        return false;
    }
    if (dcm_wide_vr[vr]) {
        return fits(r, level, DCM_WIDE_HEADER_LEN, 0) && num_le16(p + 6) == 0;
    }
    return fits(r, level, DCM_HEADER_LEN, num_le16(p + 6));
}

static int explicit_head(struct dcm_reader *r, struct dcm_reader_level *level, const uint8_t *p,
                         uint64_t left, struct dcm_head *h, struct err *e) {
    enum dcm_vr vr = dcm_vr_parse(p + 4);
    if (__builtin_expect(vr == DCM_VR_NONE, 0)) {
        return unknown_vr_head(r, level, p, left, h, e);
    }
    bool big = level->encoding == DCM_EXPLICIT_BE;
    h->vr = vr;
    h->encoding = level->encoding;
    if (!dcm_wide_vr[vr]) {
        h->length = big ? num_be16(p + 6) : num_le16(p + 6);
        h->size = DCM_HEADER_LEN;
        return E_OK;
    }
    if (left < DCM_WIDE_HEADER_LEN) {
        return dcm_reader_cut_header(r, h->tag, left - DCM_HEADER_LEN, e);
    }
    h->length = big ? num_be32(p + 8) : num_le32(p + 8);
    h->size = DCM_WIDE_HEADER_LEN;
    return E_OK;
}

int dcm_reader_head(struct dcm_reader *r, struct dcm_reader_level *level, const uint8_t *p,
                    uint64_t left, struct dcm_head *h, struct err *e) {
    if (level->encoding != DCM_IMPLICIT_LE) {
        return explicit_head(r, level, p, left, h, e);
    }
    if (!level->started && !r->literal && explicit_inside(r, level, p)) {
        dcm_reader_guess(r, DCM_ODDITY(EXPLICIT_IN_IMPLICIT));
        level->encoding = DCM_EXPLICIT_LE;
        return explicit_head(r, level, p, left, h, e);
    }
    implicit_head(h, p);
    if (h->vr == DCM_VR_US && level->signed_pixels) {
        const struct dcm_dict_entry *entry = dcm_dict_find(h->tag);
        h->vr = entry != NULL && entry->vr2 == DCM_VR_SS ? DCM_VR_SS : DCM_VR_US;
    }
    return E_OK;
}
