// SPDX-License-Identifier: Apache-2.0
// The event reader (PS3.5 7): one cursor over the bytes and an explicit stack of levels, each with
// the bound of its bytes. Every step takes at least one byte or ends a level, so reading is linear
// in the input. What it forgives is what reader.h lists as oddities: chosen where DCMTK and pydicom
// both understand such files; everything else is refused with its place.
#include "dicom/reader.h"

#include "base/err.h"
#include "dicom/dict.h"
#include "dicom/reader_priv.h"

#define TAG_PIXEL_DATA DCM_TAG(0x7FE0, 0x0010)
#define TAG_PIXEL_REPRESENTATION DCM_TAG(0x0028, 0x0103)

void dcm_reader_init(struct dcm_reader *r, struct slice input, enum dcm_encoding encoding,
                     uint64_t base) {
    r->input = input;
    r->base = base;
    r->at = 0;
    r->count = 0;
    r->oddities = 0;
    r->guesses = 0;
    r->stop_at = UINT64_MAX;
    r->depth = 0;
    r->literal = false;
    r->zeros_seen = false;
    r->state = DCM_READING;
    r->levels[0] = (struct dcm_reader_level){
        .end = input.len, .encoding = encoding, .outside = encoding, .kind = DCM_LEVEL_TOP};
}

// --- levels ---

static uint16_t depth_outside(const struct dcm_reader *r, const struct dcm_reader_level *level) {
    unsigned index = (unsigned)(level - r->levels);
    return (uint16_t)(index / 2); // top 0; sequence 1 → 0; its item 2 → 1
}

// Ends the innermost level and fills the END event; r->at is behind it already.
// `delimiter_len` bytes before r->at are the delimiter.
static int end_level(struct dcm_reader *r, struct dcm_element *ret_element,
                     unsigned delimiter_len) {
    static const int events[] = {[DCM_LEVEL_TOP] = DCM_EVENT_END,
                                 [DCM_LEVEL_ITEM] = DCM_EVENT_ITEM_END,
                                 [DCM_LEVEL_SEQUENCE] = DCM_EVENT_SEQUENCE_END,
                                 [DCM_LEVEL_FRAGMENTS] = DCM_EVENT_FRAGMENTS_END};
    const struct dcm_reader_level *level = &r->levels[r->depth];
    *ret_element = (struct dcm_element){
        .tag = level->tag,
        .vr = level->vr,
        .encoding = level->outside,
        .length = level->length,
        .offset = r->base + level->offset,
        .end = r->base + r->at,
        .value = slice_of(r->input.ptr + level->content, r->at - delimiter_len - level->content),
        .index = level->index,
        .depth = depth_outside(r, level),
        .header = (uint8_t)(level->content - level->offset)};
    r->depth--;
    return events[level->kind];
}

static int count_one(struct dcm_reader *r, dcm_tag tag, struct err *e) {
    if (++r->count <= DCM_ELEMENTS_MAX) {
        return E_OK;
    }
    (void)err_set(e, E_LIMIT, "more than %llu elements", (unsigned long long)DCM_ELEMENTS_MAX);
    return dcm_reader_refuse(r, tag, r->at, e);
}

// --- beginning of sequences, items and fragments ---

static int begin_level(struct dcm_reader *r, const struct dcm_head *h, enum dcm_level_kind kind,
                       enum dcm_encoding inside, struct dcm_element *ret_element, struct err *e) {
    const struct dcm_reader_level *around = &r->levels[r->depth];
    bool undefined = h->length == DCM_LENGTH_UNDEFINED;
    if (r->depth / 2 >= DCM_NESTING_MAX) {
        (void)err_set(e, E_NESTING, "more than %d sequences inside each other", DCM_NESTING_MAX);
        return dcm_reader_refuse(r, h->tag, r->at, e);
    }
    uint64_t at = r->at;
    r->at += h->size;
    struct dcm_reader_level *level = &r->levels[++r->depth];
    *level = (struct dcm_reader_level){.tag = h->tag,
                                       .end = undefined ? around->end : r->at + h->length,
                                       .offset = at,
                                       .content = r->at,
                                       .length = h->length,
                                       .encoding = inside,
                                       .kind = (uint8_t)kind,
                                       .undefined = undefined,
                                       .signed_pixels = around->signed_pixels,
                                       .vr = h->vr,
                                       .outside = h->encoding};
    ret_element->value = slice_of(r->input.ptr + r->at, 0);
    return kind == DCM_LEVEL_SEQUENCE ? DCM_EVENT_SEQUENCE_BEGIN : DCM_EVENT_FRAGMENTS_BEGIN;
}

// Is the value, of defined length, a whole sequence in implicit VR? Reads it once with a reader of
// its own; a literal one, inside of which nothing is written as UN, so this does not nest.
static bool is_implicit_sequence(struct slice value) {
    if (value.len < DCM_HEADER_LEN || dcm_tag_at(value.ptr, DCM_IMPLICIT_LE) != DCM_TAG_ITEM) {
        return false;
    }
    struct dcm_reader r;
    struct dcm_element element;
    struct err e = {0};
    dcm_reader_init(&r, value, DCM_IMPLICIT_LE, 0);
    r.literal = true;
    struct dcm_head whole = {DCM_TAG(0, 0), DCM_VR_SQ, DCM_IMPLICIT_LE, (uint32_t)value.len, 0};
    (void)begin_level(&r, &whole, DCM_LEVEL_SEQUENCE, DCM_IMPLICIT_LE, &element, &e);
    int event;
    do {
        event = dcm_reader_next(&r, &element, &e);
    } while (event > 0 && (event != DCM_EVENT_SEQUENCE_END || element.depth > 0));
    return event == DCM_EVENT_SEQUENCE_END && r.oddities == 0;
}

// UN of defined length with a tag that is known to be a sequence (PS3.5 6.2.2).
static bool un_holds_sequence(const struct dcm_reader *r, const struct dcm_head *h) {
    return dcm_dict_vr(h->tag) == DCM_VR_SQ &&
           is_implicit_sequence(slice_of(r->input.ptr + r->at + h->size, h->length));
}

// Undefined length: a sequence, encapsulated pixel data (PS3.5 A.4), or refused.
static int undefined_length(struct dcm_reader *r, struct dcm_head *h, enum dcm_encoding inside,
                            struct dcm_element *ret_element, struct err *e) {
    bool pixels = h->tag == TAG_PIXEL_DATA && (h->vr == DCM_VR_OB || h->vr == DCM_VR_OW);
    if (pixels) {
        enum dcm_encoding fragments =
            h->encoding == DCM_EXPLICIT_BE ? DCM_EXPLICIT_BE : DCM_EXPLICIT_LE;
        h->vr = h->encoding == DCM_IMPLICIT_LE ? DCM_VR_OB : h->vr;
        return begin_level(r, h, DCM_LEVEL_FRAGMENTS, fragments, ret_element, e);
    }
    if (h->vr == DCM_VR_UN) {
        h->vr = DCM_VR_SQ;
        return begin_level(r, h, DCM_LEVEL_SEQUENCE, DCM_IMPLICIT_LE, ret_element, e);
    }
    if (h->vr == DCM_VR_SQ) {
        return begin_level(r, h, DCM_LEVEL_SEQUENCE, inside, ret_element, e);
    }
    char text[DCM_TAG_TEXT_LEN + 1];
    (void)err_set(e, E_SYNTAX, "%s has undefined length, which its VR %s does not allow",
                  dcm_tag_text(h->tag, text), dcm_vr_info(h->vr)->name);
    return dcm_reader_refuse(r, h->tag, r->at, e);
}

static void note_order(struct dcm_reader *r, struct dcm_reader_level *level, dcm_tag tag) {
    if (tag <= level->last_tag && level->started) {
        r->oddities |= tag == level->last_tag ? DCM_ODDITY(DUPLICATE) : DCM_ODDITY(UNORDERED);
    }
    level->last_tag = tag;
    level->started = true;
}

static void note_pixel_representation(struct dcm_reader_level *level, struct slice value,
                                      enum dcm_encoding encoding) {
    if (value.len >= 2) {
        level->signed_pixels = value.ptr[encoding == DCM_EXPLICIT_BE ? 1 : 0] == 1;
    }
}

static void fill(const struct dcm_reader *r, const struct dcm_head *h,
                 struct dcm_element *element) {
    element->tag = h->tag;
    element->vr = h->vr;
    element->encoding = h->encoding;
    element->length = h->length;
    element->offset = r->base + r->at;
    element->index = 0;
    element->depth = (uint16_t)(r->depth / 2);
    element->header = h->size;
    element->end = element->offset + h->size;
}

static int take_value(struct dcm_reader *r, struct dcm_reader_level *level,
                      const struct dcm_head *h, struct dcm_element *element) {
    element->value = slice_of(r->input.ptr + r->at + h->size, h->length);
    r->at += h->size + h->length;
    element->end = r->base + r->at;
    if (h->length & 1) {
        r->oddities |= DCM_ODDITY(ODD_LENGTH);
    }
    if (h->tag == TAG_PIXEL_REPRESENTATION) {
        note_pixel_representation(level, element->value, h->encoding);
    }
    return DCM_EVENT_ELEMENT;
}

static int read_element(struct dcm_reader *r, struct dcm_reader_level *level, const uint8_t *p,
                        dcm_tag tag, uint64_t left, struct dcm_element *ret_element,
                        struct err *e) {
    struct dcm_head h = {.tag = tag};
    int rc = dcm_short_head(level, p, &h) ? E_OK : dcm_reader_head(r, level, p, left, &h, e);
    if (rc != E_OK || (rc = count_one(r, tag, e)) != E_OK) {
        return rc;
    }
    enum dcm_encoding inside = level->encoding;
    note_order(r, level, h.tag);
    fill(r, &h, ret_element);
    if (h.length == DCM_LENGTH_UNDEFINED) {
        rc = undefined_length(r, &h, inside, ret_element, e);
        ret_element->vr = h.vr;
        return rc;
    }
    if (h.length > left - h.size) {
        r->at += h.size;
        return dcm_reader_too_short(r, h.tag, r->at - h.size, "element", h.length, left - h.size,
                                    e);
    }
    if (h.vr == DCM_VR_UN && h.encoding != DCM_IMPLICIT_LE && un_holds_sequence(r, &h)) {
        h.vr = DCM_VR_SQ;
        inside = DCM_IMPLICIT_LE;
    }
    if (h.vr == DCM_VR_SQ) {
        ret_element->vr = h.vr;
        return begin_level(r, &h, DCM_LEVEL_SEQUENCE, inside, ret_element, e);
    }
    return take_value(r, level, &h, ret_element);
}

// --- ends and oddities between elements ---

static bool all_zero(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != 0) {
            return false;
        }
    }
    return true;
}

// Zeros behind the last element of the top level: padding of the medium or the file.
static int end_of_top(struct dcm_reader *r, bool trailing) {
    if (trailing) {
        r->oddities |= DCM_ODDITY(TRAILING);
        r->at = r->input.len;
    }
    r->state = DCM_ENDED;
    return DCM_EVENT_END;
}

// Looks once, so that reading stays linear.
static bool ends_in_zeros(struct dcm_reader *r, const struct dcm_reader_level *level,
                          const uint8_t *p, uint64_t left) {
    bool look = level->kind == DCM_LEVEL_TOP && !r->zeros_seen;
    r->zeros_seen = true;
    return look && all_zero(slice_of(p, left));
}

// No byte is left for elements in this level.
static int end_of_elements(struct dcm_reader *r, struct dcm_reader_level *level,
                           struct dcm_element *ret_element, struct err *e) {
    if (level->kind == DCM_LEVEL_TOP) {
        return end_of_top(r, false);
    }
    if (level->undefined) {
        // Where bytes follow the sequence, DCMTK reads on into them and pydicom does not.
        if (level[-1].undefined || level->end != r->input.len) {
            return dcm_reader_no_delimiter(r, "item", e);
        }
        dcm_reader_guess(r, DCM_ODDITY(MISSING_DELIMITER));
    }
    return end_level(r, ret_element, 0);
}

enum delimiter_answer { DELIMITER_SKIPPED = -1000 };

// A tag of group FFFE among elements. DELIMITER_SKIPPED: read on.
static int delimiter(struct dcm_reader *r, struct dcm_reader_level *level, dcm_tag tag,
                     uint64_t left, struct dcm_element *ret_element, struct err *e) {
    if (tag == DCM_TAG_ITEM_END && level->kind == DCM_LEVEL_ITEM && level->undefined) {
        r->at += DCM_HEADER_LEN;
        return end_level(r, ret_element, DCM_HEADER_LEN);
    }
    bool last_of_item =
        level->kind == DCM_LEVEL_ITEM && !level->undefined && left == DCM_HEADER_LEN;
    if (tag == DCM_TAG_ITEM_END && (last_of_item || level->kind == DCM_LEVEL_TOP)) {
        dcm_reader_guess(r, DCM_ODDITY(ITEM_OUTSIDE));
        r->at += DCM_HEADER_LEN;
        return DELIMITER_SKIPPED;
    }
    return dcm_reader_not_expected(r, tag, "stands where an element should be", e);
}

static int next_in_elements(struct dcm_reader *r, struct dcm_reader_level *level,
                            struct dcm_element *ret_element, struct err *e) {
    for (;;) {
        uint64_t left = level->end - r->at;
        if (left == 0) {
            return end_of_elements(r, level, ret_element, e);
        }
        const uint8_t *p = r->input.ptr + r->at;
        if (left < DCM_HEADER_LEN) {
            if (level->kind == DCM_LEVEL_TOP && all_zero(slice_of(p, left))) {
                return end_of_top(r, true);
            }
            return dcm_reader_cut_header(r, level->started ? level->last_tag : level->tag, left, e);
        }
        dcm_tag tag = dcm_tag_at(p, level->encoding);
        if (tag >= r->stop_at && level->kind == DCM_LEVEL_TOP) {
            return end_of_top(r, false);
        }
        if (__builtin_expect(dcm_tag_group(tag) == 0xFFFE, 0)) {
            int rc = delimiter(r, level, tag, left, ret_element, e);
            if (rc != DELIMITER_SKIPPED) {
                return rc;
            }
            continue;
        }
        if (__builtin_expect(tag == 0 && level->started, 0) && ends_in_zeros(r, level, p, left)) {
            return end_of_top(r, true);
        }
        return read_element(r, level, p, tag, left, ret_element, e);
    }
}

// --- items of sequences ---

// An item that would end behind the input, in a sequence that ends with the input: its elements may
// still be whole. Anywhere else DCMTK and pydicom find different elements in such an item.
static bool cut_to_input(struct dcm_reader *r, const struct dcm_reader_level *level) {
    if (level->undefined || level->end != r->input.len) {
        return false;
    }
    dcm_reader_guess(r, DCM_ODDITY(ITEM_OVERRUN));
    return true;
}

static int begin_item(struct dcm_reader *r, struct dcm_reader_level *level, uint32_t length,
                      struct dcm_element *ret_element, struct err *e) {
    int rc = count_one(r, DCM_TAG_ITEM, e);
    if (rc != E_OK) {
        return rc;
    }
    uint64_t left = level->end - r->at - DCM_HEADER_LEN;
    bool undefined = length == DCM_LENGTH_UNDEFINED;
    bool fits_in = undefined || length <= left;
    if (!fits_in && !cut_to_input(r, level)) {
        r->at += DCM_HEADER_LEN;
        return dcm_reader_too_short(r, DCM_TAG_ITEM, r->at - DCM_HEADER_LEN, "item", length, left,
                                    e);
    }
    uint64_t end = undefined || !fits_in ? level->end : r->at + DCM_HEADER_LEN + length;
    uint32_t index = level->started ? level->index + 1 : 0;
    level->index = index;
    level->started = true;
    struct dcm_head h = {DCM_TAG_ITEM, DCM_VR_NONE, level->encoding, length, DCM_HEADER_LEN};
    fill(r, &h, ret_element);
    ret_element->depth = (uint16_t)((r->depth + 1) / 2);
    ret_element->index = index;
    uint64_t at = r->at;
    r->at += DCM_HEADER_LEN;
    ret_element->value = slice_of(r->input.ptr + r->at, 0);
    r->levels[++r->depth] = (struct dcm_reader_level){.tag = DCM_TAG_ITEM,
                                                      .end = end,
                                                      .offset = at,
                                                      .content = r->at,
                                                      .index = index,
                                                      .length = length,
                                                      .encoding = level->encoding,
                                                      .kind = DCM_LEVEL_ITEM,
                                                      .undefined = undefined,
                                                      .signed_pixels = level->signed_pixels,
                                                      .vr = DCM_VR_NONE,
                                                      .outside = level->encoding};
    return DCM_EVENT_ITEM_BEGIN;
}

static int next_in_sequence(struct dcm_reader *r, struct dcm_reader_level *level,
                            struct dcm_element *ret_element, struct err *e) {
    uint64_t left = level->end - r->at;
    if (left == 0) {
        return level->undefined ? dcm_reader_no_delimiter(r, "sequence", e)
                                : end_level(r, ret_element, 0);
    }
    if (left < DCM_HEADER_LEN) {
        return dcm_reader_cut_header(r, DCM_TAG_ITEM, left, e);
    }
    const uint8_t *p = r->input.ptr + r->at;
    dcm_tag tag = dcm_tag_at(p, level->encoding);
    if (tag == DCM_TAG_ITEM) {
        return begin_item(r, level, dcm_length_at(p + 4, level->encoding), ret_element, e);
    }
    bool last = !level->undefined && left == DCM_HEADER_LEN;
    if (tag == DCM_TAG_SEQUENCE_END && (level->undefined || last)) {
        if (last) {
            dcm_reader_guess(r, DCM_ODDITY(ITEM_OUTSIDE));
        }
        r->at += DCM_HEADER_LEN;
        return end_level(r, ret_element, DCM_HEADER_LEN);
    }
    return dcm_reader_not_expected(r, tag, "stands where an item should begin", e);
}

// --- fragments of encapsulated pixel data (PS3.5 A.4) ---

static int take_fragment(struct dcm_reader *r, struct dcm_reader_level *level, uint32_t length,
                         struct dcm_element *ret_element, struct err *e) {
    int rc = count_one(r, DCM_TAG_ITEM, e);
    if (rc != E_OK) {
        return rc;
    }
    uint64_t left = level->end - r->at - DCM_HEADER_LEN;
    level->index = level->started ? level->index + 1 : 0;
    level->started = true;
    if (length > left) {
        r->at += DCM_HEADER_LEN;
        return dcm_reader_too_short(r, DCM_TAG_ITEM, r->at - DCM_HEADER_LEN, "fragment", length,
                                    left, e);
    }
    struct dcm_head h = {DCM_TAG_ITEM, level->vr, level->encoding, length, DCM_HEADER_LEN};
    fill(r, &h, ret_element);
    ret_element->depth = (uint16_t)((r->depth + 1) / 2);
    ret_element->index = level->index;
    ret_element->value = slice_of(r->input.ptr + r->at + DCM_HEADER_LEN, length);
    r->at += DCM_HEADER_LEN + length;
    ret_element->end = r->base + r->at;
    r->oddities |= (length & 1) ? DCM_ODDITY(ODD_LENGTH) : 0;
    return DCM_EVENT_FRAGMENT;
}

static int next_fragment(struct dcm_reader *r, struct dcm_reader_level *level,
                         struct dcm_element *ret_element, struct err *e) {
    uint64_t left = level->end - r->at;
    if (left == 0) {
        return dcm_reader_no_delimiter(r, "pixel data", e);
    }
    if (left < DCM_HEADER_LEN) {
        return dcm_reader_cut_header(r, DCM_TAG_ITEM, left, e);
    }
    const uint8_t *p = r->input.ptr + r->at;
    dcm_tag tag = dcm_tag_at(p, level->encoding);
    if (tag == DCM_TAG_ITEM) {
        return take_fragment(r, level, dcm_length_at(p + 4, level->encoding), ret_element, e);
    }
    if (tag == DCM_TAG_SEQUENCE_END) {
        r->at += DCM_HEADER_LEN;
        return end_level(r, ret_element, DCM_HEADER_LEN);
    }
    return dcm_reader_not_expected(r, tag, "stands where a fragment should begin", e);
}

// --- the reader's face ---

int dcm_reader_next(struct dcm_reader *r, struct dcm_element *ret_element, struct err *e) {
    if (__builtin_expect(r->state != DCM_READING, 0)) {
        return r->state == DCM_ENDED ? DCM_EVENT_END
                                     : err_set(e, r->state, "reading stopped at an earlier error");
    }
    struct dcm_reader_level *level = &r->levels[r->depth];
    switch (level->kind) {
    case DCM_LEVEL_SEQUENCE:
        return next_in_sequence(r, level, ret_element, e);
    case DCM_LEVEL_FRAGMENTS:
        return next_fragment(r, level, ret_element, e);
    default:
        return next_in_elements(r, level, ret_element, e);
    }
}

int dcm_reader_skip(struct dcm_reader *r, struct dcm_element *ret_element, struct err *e) {
    const struct dcm_reader_level *level = &r->levels[r->depth];
    if (r->state == DCM_READING && level->kind != DCM_LEVEL_TOP && !level->undefined) {
        r->at = level->end;
        return end_level(r, ret_element, 0);
    }
    uint16_t outside = r->depth;
    int event;
    do {
        event = dcm_reader_next(r, ret_element, e);
        if (event > 0 && r->depth > outside && !r->levels[r->depth].undefined) {
            r->at = r->levels[r->depth].end;
        }
    } while (event > 0 && r->depth >= outside);
    return event;
}
