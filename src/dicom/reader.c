// SPDX-License-Identifier: Apache-2.0
// The event reader (PS3.5 7): one cursor over the bytes and an explicit stack of levels, each with
// the bound of its bytes. Every step takes at least one byte or ends a level, so reading is linear
// in the input. What it forgives is what reader.h lists as oddities: chosen where DCMTK and pydicom
// both understand such files; everything else is refused with its place.
#include "dicom/reader.h"

#include <stdio.h>

#include "base/err.h"
#include "base/num.h"
#include "dicom/dict.h"

enum level_kind { LEVEL_TOP, LEVEL_ITEM, LEVEL_SEQUENCE, LEVEL_FRAGMENTS };
enum reader_state { STATE_READING = 0, STATE_ENDED = 1 }; // an error's code when negative

#define HEADER_LEN 8
#define WIDE_HEADER_LEN 12
#define TAG_PIXEL_DATA DCM_TAG(0x7FE0, 0x0010)
#define TAG_PIXEL_REPRESENTATION DCM_TAG(0x0028, 0x0103)

struct head {
    dcm_tag tag;
    enum dcm_vr vr;
    enum dcm_encoding encoding;
    uint32_t length;
    uint8_t size; // bytes before the value
};

static const bool wide_vr[DCM_VR_COUNT] = {
#define X(name, unit, wide, class, pad, longest) [DCM_VR_##name] = wide,
    DCM_VR_LIST(X)
#undef X
};

const char *dcm_oddity_words(enum dcm_oddity which) {
    static const char *const words[DCM_ODDITY_COUNT] = {
#define X(name, text) [DCM_ODDITY_BIT_##name] = text,
        DCM_ODDITY_LIST(X)
#undef X
    };
    return (unsigned)which < DCM_ODDITY_COUNT ? words[which] : "an oddity not in the list";
}

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
    r->state = STATE_READING;
    r->levels[0] = (struct dcm_reader_level){
        .end = input.len, .encoding = encoding, .outside = encoding, .kind = LEVEL_TOP};
}

// --- where the reader stands ---

#define PATH_STEPS_SHOWN 3 // at each end of a path that is too long

static size_t add_step(char *out, size_t used, const struct dcm_reader_level *sequence,
                       bool in_item) {
    char tag[DCM_TAG_TEXT_LEN + 1];
    (void)dcm_tag_text(sequence->tag, tag);
    int len = in_item ? snprintf(out + used, DCM_PATH_MAX - used, "%s[%u].", tag, sequence->index)
                      : snprintf(out + used, DCM_PATH_MAX - used, "%s.", tag);
    size_t room = DCM_PATH_MAX - 1 - used;
    return used + (len < 0 ? 0 : (size_t)len < room ? (size_t)len : room);
}

char *dcm_reader_path(const struct dcm_reader *r, dcm_tag tag, char out[DCM_PATH_MAX]) {
    size_t used = 0;
    unsigned steps = (r->depth + 1u) / 2;
    for (unsigned i = 0; i < steps; i++) {
        unsigned level = 2 * i + 1;
        if (steps > 2 * PATH_STEPS_SHOWN && i == PATH_STEPS_SHOWN) {
            used += (size_t)snprintf(out + used, DCM_PATH_MAX - used, "..");
            i = steps - PATH_STEPS_SHOWN;
            level = 2 * i + 1;
        }
        bool counted = level < r->depth || r->levels[level].kind == LEVEL_FRAGMENTS;
        used = add_step(out, used, &r->levels[level], counted);
    }
    char last[DCM_TAG_TEXT_LEN + 1];
    (void)snprintf(out + used, DCM_PATH_MAX - used, "%s", dcm_tag_text(tag, last));
    return out;
}

// Finishes an error that the caller has set: its place, and that it stays.
static int refuse(struct dcm_reader *r, dcm_tag tag, uint64_t at, struct err *e) {
    char path[DCM_PATH_MAX];
    r->state = e->code;
    (void)err_at(e, r->base + at);
    return err_in(e, dcm_reader_path(r, tag, path));
}

static int too_short(struct dcm_reader *r, dcm_tag tag, uint64_t at, const char *what,
                     uint64_t declared, uint64_t available, struct err *e) {
    char text[DCM_TAG_TEXT_LEN + 1];
    bool input_ends = r->at + available >= r->input.len;
    (void)err_set(e, input_ends ? E_TRUNCATED : E_SYNTAX,
                  "%s %s declares %llu bytes, %llu are left%s", what, dcm_tag_text(tag, text),
                  (unsigned long long)declared, (unsigned long long)available,
                  input_ends ? "" : " in the item or sequence around it");
    return refuse(r, tag, at, e);
}

// Fewer bytes than a header has; `after` is what stands before them.
static int cut_header(struct dcm_reader *r, dcm_tag after, uint64_t available, struct err *e) {
    char text[DCM_TAG_TEXT_LEN + 1];
    bool input_ends = r->levels[r->depth].end >= r->input.len;
    (void)err_set(e, input_ends ? E_TRUNCATED : E_SYNTAX,
                  "%llu bytes are left behind %s where more of a header should be",
                  (unsigned long long)available, dcm_tag_text(after, text));
    return refuse(r, after, r->at, e);
}

static int not_expected(struct dcm_reader *r, dcm_tag tag, const char *where, struct err *e) {
    char text[DCM_TAG_TEXT_LEN + 1];
    (void)err_set(e, E_SYNTAX, "%s %s", dcm_tag_text(tag, text), where);
    return refuse(r, tag, r->at, e);
}

// Notes that the standard's rules alone did not tell how to read on.
static void guess(struct dcm_reader *r, uint32_t oddity) {
    r->oddities |= oddity;
    r->guesses++;
}

// --- levels ---

static dcm_tag tag_at(const uint8_t *p, enum dcm_encoding encoding) {
    return encoding == DCM_EXPLICIT_BE ? DCM_TAG(num_be16(p), num_be16(p + 2))
                                       : DCM_TAG(num_le16(p), num_le16(p + 2));
}

static uint32_t length_at(const uint8_t *p, enum dcm_encoding encoding) {
    return encoding == DCM_EXPLICIT_BE ? num_be32(p) : num_le32(p);
}

static uint16_t depth_outside(const struct dcm_reader *r, const struct dcm_reader_level *level) {
    unsigned index = (unsigned)(level - r->levels);
    return (uint16_t)(index / 2); // top 0; sequence 1 → 0; its item 2 → 1
}

// Ends the innermost level and fills the END event; r->at is behind it already.
// `delimiter_len` bytes before r->at are the delimiter.
static int end_level(struct dcm_reader *r, struct dcm_element *ret_element,
                     unsigned delimiter_len) {
    static const int events[] = {[LEVEL_TOP] = DCM_EVENT_END,
                                 [LEVEL_ITEM] = DCM_EVENT_ITEM_END,
                                 [LEVEL_SEQUENCE] = DCM_EVENT_SEQUENCE_END,
                                 [LEVEL_FRAGMENTS] = DCM_EVENT_FRAGMENTS_END};
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
    return refuse(r, tag, r->at, e);
}

// --- headers of elements ---

// Could an element stand at `at`, behind one with `tag`? A guess, asked only where VR letters are
// not of the standard.
static bool plausible_next(const struct dcm_reader *r, const struct dcm_reader_level *level,
                           dcm_tag tag, uint64_t at) {
    if (at >= level->end) {
        return at == level->end;
    }
    if (level->end - at < HEADER_LEN) {
        return false;
    }
    const uint8_t *p = r->input.ptr + at;
    dcm_tag next = tag_at(p, level->encoding);
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
    const uint8_t *p = r->input.ptr + r->at + HEADER_LEN;
    return fits(r, level, HEADER_LEN, HEADER_LEN) && tag_at(p, DCM_IMPLICIT_LE) == DCM_TAG_ITEM;
}

static void implicit_head(struct head *h, const uint8_t *p) {
    h->encoding = DCM_IMPLICIT_LE;
    h->length = num_le32(p + 4);
    h->size = HEADER_LEN;
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
    return fits(r, level, HEADER_LEN, length) &&
           plausible_next(r, level, tag, r->at + HEADER_LEN + length);
}

// VR letters that the standard does not have: two capitals are a VR of a later edition, which has a
// 32-bit length (PS3.5 7.1.2); old writers put others before a 16-bit length.
static int unknown_vr_head(struct dcm_reader *r, struct dcm_reader_level *level, const uint8_t *p,
                           uint64_t left, struct head *h, struct err *e) {
    bool big = level->encoding == DCM_EXPLICIT_BE;
    uint32_t narrow = big ? num_be16(p + 6) : num_le16(p + 6);
    bool capitals = p[4] >= 'A' && p[4] <= 'Z' && p[5] >= 'A' && p[5] <= 'Z';
    h->vr = DCM_VR_UN;
    h->encoding = level->encoding;
    if (capitals && narrow == 0 && left >= WIDE_HEADER_LEN) {
        uint32_t length = length_at(p + 8, level->encoding);
        if (fits(r, level, WIDE_HEADER_LEN, length)) {
            h->length = length;
            h->size = WIDE_HEADER_LEN;
            guess(r, DCM_ODDITY(UNKNOWN_VR));
            return E_OK;
        }
    }
    if (!capitals && implicit_inside(r, level, p, h->tag)) {
        implicit_head(h, p);
        guess(r, DCM_ODDITY(IMPLICIT_IN_EXPLICIT));
        if (!level->started) {
            level->encoding = DCM_IMPLICIT_LE;
        }
        return E_OK;
    }
    if (fits(r, level, HEADER_LEN, narrow) &&
        plausible_next(r, level, h->tag, r->at + HEADER_LEN + narrow)) {
        h->length = narrow;
        h->size = HEADER_LEN;
        guess(r, DCM_ODDITY(UNKNOWN_VR));
        return E_OK;
    }
    (void)err_set(e, E_SYNTAX, "bytes %02X %02X where a VR should be, and no reading of them fits",
                  p[4], p[5]);
    return refuse(r, h->tag, r->at, e);
}

// The first element of an implicit data set or item that can only be explicit.
static bool explicit_inside(const struct dcm_reader *r, const struct dcm_reader_level *level,
                            const uint8_t *p) {
    enum dcm_vr vr = dcm_vr_parse(p + 4);
    uint32_t length = num_le32(p + 4);
    if (vr == DCM_VR_NONE || fits(r, level, HEADER_LEN, length)) {
        return false;
    }
    if (wide_vr[vr]) {
        return fits(r, level, WIDE_HEADER_LEN, 0) && num_le16(p + 6) == 0;
    }
    return fits(r, level, HEADER_LEN, num_le16(p + 6));
}

static int explicit_head(struct dcm_reader *r, struct dcm_reader_level *level, const uint8_t *p,
                         uint64_t left, struct head *h, struct err *e) {
    enum dcm_vr vr = dcm_vr_parse(p + 4);
    if (__builtin_expect(vr == DCM_VR_NONE, 0)) {
        return unknown_vr_head(r, level, p, left, h, e);
    }
    bool big = level->encoding == DCM_EXPLICIT_BE;
    h->vr = vr;
    h->encoding = level->encoding;
    if (!wide_vr[vr]) {
        h->length = big ? num_be16(p + 6) : num_le16(p + 6);
        h->size = HEADER_LEN;
        return E_OK;
    }
    if (left < WIDE_HEADER_LEN) {
        return cut_header(r, h->tag, left - HEADER_LEN, e);
    }
    h->length = big ? num_be32(p + 8) : num_le32(p + 8);
    h->size = WIDE_HEADER_LEN;
    return E_OK;
}

static int read_head(struct dcm_reader *r, struct dcm_reader_level *level, const uint8_t *p,
                     uint64_t left, struct head *h, struct err *e) {
    if (level->encoding != DCM_IMPLICIT_LE) {
        return explicit_head(r, level, p, left, h, e);
    }
    if (!level->started && !r->literal && explicit_inside(r, level, p)) {
        guess(r, DCM_ODDITY(EXPLICIT_IN_IMPLICIT));
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

// --- beginning of sequences, items and fragments ---

static int begin_level(struct dcm_reader *r, const struct head *h, enum level_kind kind,
                       enum dcm_encoding inside, struct dcm_element *ret_element, struct err *e) {
    const struct dcm_reader_level *around = &r->levels[r->depth];
    bool undefined = h->length == DCM_LENGTH_UNDEFINED;
    if (r->depth / 2 >= DCM_NESTING_MAX) {
        (void)err_set(e, E_NESTING, "more than %d sequences inside each other", DCM_NESTING_MAX);
        return refuse(r, h->tag, r->at, e);
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
    return kind == LEVEL_SEQUENCE ? DCM_EVENT_SEQUENCE_BEGIN : DCM_EVENT_FRAGMENTS_BEGIN;
}

// Is the value, of defined length, a whole sequence in implicit VR? Reads it once with a reader of
// its own; a literal one, inside of which nothing is written as UN, so this does not nest.
static bool is_implicit_sequence(struct slice value) {
    if (value.len < HEADER_LEN || tag_at(value.ptr, DCM_IMPLICIT_LE) != DCM_TAG_ITEM) {
        return false;
    }
    struct dcm_reader r;
    struct dcm_element element;
    struct err e = {0};
    dcm_reader_init(&r, value, DCM_IMPLICIT_LE, 0);
    r.literal = true;
    struct head whole = {DCM_TAG(0, 0), DCM_VR_SQ, DCM_IMPLICIT_LE, (uint32_t)value.len, 0};
    (void)begin_level(&r, &whole, LEVEL_SEQUENCE, DCM_IMPLICIT_LE, &element, &e);
    int event;
    do {
        event = dcm_reader_next(&r, &element, &e);
    } while (event > 0 && (event != DCM_EVENT_SEQUENCE_END || element.depth > 0));
    return event == DCM_EVENT_SEQUENCE_END && r.oddities == 0;
}

// UN of defined length with a tag that is known to be a sequence (PS3.5 6.2.2).
static bool un_holds_sequence(const struct dcm_reader *r, const struct head *h) {
    return dcm_dict_vr(h->tag) == DCM_VR_SQ &&
           is_implicit_sequence(slice_of(r->input.ptr + r->at + h->size, h->length));
}

// Undefined length: a sequence, encapsulated pixel data (PS3.5 A.4), or refused.
static int undefined_length(struct dcm_reader *r, struct head *h, enum dcm_encoding inside,
                            struct dcm_element *ret_element, struct err *e) {
    bool pixels = h->tag == TAG_PIXEL_DATA && (h->vr == DCM_VR_OB || h->vr == DCM_VR_OW);
    if (pixels) {
        enum dcm_encoding fragments =
            h->encoding == DCM_EXPLICIT_BE ? DCM_EXPLICIT_BE : DCM_EXPLICIT_LE;
        h->vr = h->encoding == DCM_IMPLICIT_LE ? DCM_VR_OB : h->vr;
        return begin_level(r, h, LEVEL_FRAGMENTS, fragments, ret_element, e);
    }
    if (h->vr == DCM_VR_UN) {
        h->vr = DCM_VR_SQ;
        return begin_level(r, h, LEVEL_SEQUENCE, DCM_IMPLICIT_LE, ret_element, e);
    }
    if (h->vr == DCM_VR_SQ) {
        return begin_level(r, h, LEVEL_SEQUENCE, inside, ret_element, e);
    }
    char text[DCM_TAG_TEXT_LEN + 1];
    (void)err_set(e, E_SYNTAX, "%s has undefined length, which its VR %s does not allow",
                  dcm_tag_text(h->tag, text), dcm_vr_info(h->vr)->name);
    return refuse(r, h->tag, r->at, e);
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

static void fill(const struct dcm_reader *r, const struct head *h, struct dcm_element *element) {
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

static int take_value(struct dcm_reader *r, struct dcm_reader_level *level, const struct head *h,
                      struct dcm_element *element) {
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
    struct head h = {.tag = tag};
    int rc = read_head(r, level, p, left, &h, e);
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
        return too_short(r, h.tag, r->at - h.size, "element", h.length, left - h.size, e);
    }
    if (h.vr == DCM_VR_UN && h.encoding != DCM_IMPLICIT_LE && un_holds_sequence(r, &h)) {
        h.vr = DCM_VR_SQ;
        inside = DCM_IMPLICIT_LE;
    }
    if (h.vr == DCM_VR_SQ) {
        ret_element->vr = h.vr;
        return begin_level(r, &h, LEVEL_SEQUENCE, inside, ret_element, e);
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
    r->state = STATE_ENDED;
    return DCM_EVENT_END;
}

// Looks once, so that reading stays linear.
static bool ends_in_zeros(struct dcm_reader *r, const struct dcm_reader_level *level,
                          const uint8_t *p, uint64_t left) {
    bool look = level->kind == LEVEL_TOP && !r->zeros_seen;
    r->zeros_seen = true;
    return look && all_zero(slice_of(p, left));
}

static int no_delimiter(struct dcm_reader *r, const struct dcm_reader_level *level,
                        const char *what, struct err *e) {
    char text[DCM_TAG_TEXT_LEN + 1];
    bool input_ends = level->end >= r->input.len;
    (void)err_set(e, input_ends ? E_TRUNCATED : E_SYNTAX, "%s %s of undefined length has no end",
                  what, dcm_tag_text(level->tag, text));
    dcm_tag tag = level->tag;
    uint64_t at = r->at;
    r->depth--;
    return refuse(r, tag, at, e);
}

// No byte is left for elements in this level.
static int end_of_elements(struct dcm_reader *r, struct dcm_reader_level *level,
                           struct dcm_element *ret_element, struct err *e) {
    if (level->kind == LEVEL_TOP) {
        return end_of_top(r, false);
    }
    if (level->undefined) {
        // Where bytes follow the sequence, DCMTK reads on into them and pydicom does not.
        if (level[-1].undefined || level->end != r->input.len) {
            return no_delimiter(r, level, "item", e);
        }
        guess(r, DCM_ODDITY(MISSING_DELIMITER));
    }
    return end_level(r, ret_element, 0);
}

enum delimiter_answer { DELIMITER_SKIPPED = -1000 };

// A tag of group FFFE among elements. DELIMITER_SKIPPED: read on.
static int delimiter(struct dcm_reader *r, struct dcm_reader_level *level, dcm_tag tag,
                     uint64_t left, struct dcm_element *ret_element, struct err *e) {
    if (tag == DCM_TAG_ITEM_END && level->kind == LEVEL_ITEM && level->undefined) {
        r->at += HEADER_LEN;
        return end_level(r, ret_element, HEADER_LEN);
    }
    bool last_of_item = level->kind == LEVEL_ITEM && !level->undefined && left == HEADER_LEN;
    if (tag == DCM_TAG_ITEM_END && (last_of_item || level->kind == LEVEL_TOP)) {
        guess(r, DCM_ODDITY(ITEM_OUTSIDE));
        r->at += HEADER_LEN;
        return DELIMITER_SKIPPED;
    }
    return not_expected(r, tag, "stands where an element should be", e);
}

static int next_in_elements(struct dcm_reader *r, struct dcm_reader_level *level,
                            struct dcm_element *ret_element, struct err *e) {
    for (;;) {
        uint64_t left = level->end - r->at;
        if (left == 0) {
            return end_of_elements(r, level, ret_element, e);
        }
        const uint8_t *p = r->input.ptr + r->at;
        if (left < HEADER_LEN) {
            if (level->kind == LEVEL_TOP && all_zero(slice_of(p, left))) {
                return end_of_top(r, true);
            }
            return cut_header(r, level->started ? level->last_tag : level->tag, left, e);
        }
        dcm_tag tag = tag_at(p, level->encoding);
        if (tag >= r->stop_at && level->kind == LEVEL_TOP) {
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
    guess(r, DCM_ODDITY(ITEM_OVERRUN));
    return true;
}

static int begin_item(struct dcm_reader *r, struct dcm_reader_level *level, uint32_t length,
                      struct dcm_element *ret_element, struct err *e) {
    int rc = count_one(r, DCM_TAG_ITEM, e);
    if (rc != E_OK) {
        return rc;
    }
    uint64_t left = level->end - r->at - HEADER_LEN;
    bool undefined = length == DCM_LENGTH_UNDEFINED;
    bool fits_in = undefined || length <= left;
    if (!fits_in && !cut_to_input(r, level)) {
        r->at += HEADER_LEN;
        return too_short(r, DCM_TAG_ITEM, r->at - HEADER_LEN, "item", length, left, e);
    }
    uint64_t end = undefined || !fits_in ? level->end : r->at + HEADER_LEN + length;
    uint32_t index = level->started ? level->index + 1 : 0;
    level->index = index;
    level->started = true;
    struct head h = {DCM_TAG_ITEM, DCM_VR_NONE, level->encoding, length, HEADER_LEN};
    fill(r, &h, ret_element);
    ret_element->depth = (uint16_t)((r->depth + 1) / 2);
    ret_element->index = index;
    uint64_t at = r->at;
    r->at += HEADER_LEN;
    ret_element->value = slice_of(r->input.ptr + r->at, 0);
    r->levels[++r->depth] = (struct dcm_reader_level){.tag = DCM_TAG_ITEM,
                                                      .end = end,
                                                      .offset = at,
                                                      .content = r->at,
                                                      .index = index,
                                                      .length = length,
                                                      .encoding = level->encoding,
                                                      .kind = LEVEL_ITEM,
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
        return level->undefined ? no_delimiter(r, level, "sequence", e)
                                : end_level(r, ret_element, 0);
    }
    if (left < HEADER_LEN) {
        return cut_header(r, DCM_TAG_ITEM, left, e);
    }
    const uint8_t *p = r->input.ptr + r->at;
    dcm_tag tag = tag_at(p, level->encoding);
    if (tag == DCM_TAG_ITEM) {
        return begin_item(r, level, length_at(p + 4, level->encoding), ret_element, e);
    }
    bool last = !level->undefined && left == HEADER_LEN;
    if (tag == DCM_TAG_SEQUENCE_END && (level->undefined || last)) {
        if (last) {
            guess(r, DCM_ODDITY(ITEM_OUTSIDE));
        }
        r->at += HEADER_LEN;
        return end_level(r, ret_element, HEADER_LEN);
    }
    return not_expected(r, tag, "stands where an item should begin", e);
}

// --- fragments of encapsulated pixel data (PS3.5 A.4) ---

static int take_fragment(struct dcm_reader *r, struct dcm_reader_level *level, uint32_t length,
                         struct dcm_element *ret_element, struct err *e) {
    int rc = count_one(r, DCM_TAG_ITEM, e);
    if (rc != E_OK) {
        return rc;
    }
    uint64_t left = level->end - r->at - HEADER_LEN;
    level->index = level->started ? level->index + 1 : 0;
    level->started = true;
    if (length > left) {
        r->at += HEADER_LEN;
        return too_short(r, DCM_TAG_ITEM, r->at - HEADER_LEN, "fragment", length, left, e);
    }
    struct head h = {DCM_TAG_ITEM, level->vr, level->encoding, length, HEADER_LEN};
    fill(r, &h, ret_element);
    ret_element->depth = (uint16_t)((r->depth + 1) / 2);
    ret_element->index = level->index;
    ret_element->value = slice_of(r->input.ptr + r->at + HEADER_LEN, length);
    r->at += HEADER_LEN + length;
    ret_element->end = r->base + r->at;
    r->oddities |= (length & 1) ? DCM_ODDITY(ODD_LENGTH) : 0;
    return DCM_EVENT_FRAGMENT;
}

static int next_fragment(struct dcm_reader *r, struct dcm_reader_level *level,
                         struct dcm_element *ret_element, struct err *e) {
    uint64_t left = level->end - r->at;
    if (left == 0) {
        return no_delimiter(r, level, "pixel data", e);
    }
    if (left < HEADER_LEN) {
        return cut_header(r, DCM_TAG_ITEM, left, e);
    }
    const uint8_t *p = r->input.ptr + r->at;
    dcm_tag tag = tag_at(p, level->encoding);
    if (tag == DCM_TAG_ITEM) {
        return take_fragment(r, level, length_at(p + 4, level->encoding), ret_element, e);
    }
    if (tag == DCM_TAG_SEQUENCE_END) {
        r->at += HEADER_LEN;
        return end_level(r, ret_element, HEADER_LEN);
    }
    return not_expected(r, tag, "stands where a fragment should begin", e);
}

// --- the reader's face ---

int dcm_reader_next(struct dcm_reader *r, struct dcm_element *ret_element, struct err *e) {
    if (__builtin_expect(r->state != STATE_READING, 0)) {
        return r->state == STATE_ENDED
                   ? DCM_EVENT_END
                   : err_set(e, r->state, "reading stopped at an earlier error");
    }
    struct dcm_reader_level *level = &r->levels[r->depth];
    switch (level->kind) {
    case LEVEL_SEQUENCE:
        return next_in_sequence(r, level, ret_element, e);
    case LEVEL_FRAGMENTS:
        return next_fragment(r, level, ret_element, e);
    default:
        return next_in_elements(r, level, ret_element, e);
    }
}

int dcm_reader_skip(struct dcm_reader *r, struct dcm_element *ret_element, struct err *e) {
    const struct dcm_reader_level *level = &r->levels[r->depth];
    if (r->state == STATE_READING && level->kind != LEVEL_TOP && !level->undefined) {
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
