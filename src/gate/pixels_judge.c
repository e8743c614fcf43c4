// SPDX-License-Identifier: Apache-2.0
// The table. A technique word counts only where the reader saw about as many glyphs as the detector
// did: "L" out of a line of twelve is not a marker. Text counts as read where its letters and the
// reader's confidence suffice for how sure the detector is (trust below); what does not is nothing
// read: readers see words in noise. A "line" has room for five glyphs or more, "lone" is a patch as
// wide as high with room for one: that names nobody. "Known place": an island of a radiograph's
// margin, or where the device is known to write: no anatomy lies there. "Suspect": the header gives
// reason to expect writing.
//
//                identifier   technique   text     nothing                        not read
//   sure         black        keep        black    black; lone: keep              black
//   likely       black        keep        black    black in a known place, a      open; black in a
//                                                  suspect or when it stands      known place
//                                                  still; a line: open; else keep
//   maybe        black        keep        black    keep; black in a known place   open; black in a
//                                                                                 known place
//   bar code     black (maybe: open)
//   in a mask    black        keep        black    keep                           sure: open;
//   (SEG, dose)                                                                   else keep
//
// A box over a fifth of the frame that nobody read as text is open instead of black: that much may
// be anatomy.
#include "gate/pixels_judge.h"

#include <string.h>

#define GLYPHS_OF_A_LINE 5u
#define LARGE_PART 5u

// What a reading needs to count as text.
struct trust {
    uint8_t letters, confidence;           // at least, both
    uint8_t few_letters, great_confidence; // or these
};
static const struct trust trusts[] = {
    [GATE_SURE] = {1, 0, 1, 0},
    [GATE_LIKELY] = {3, 35, 2, 90},
    [GATE_MAYBE] = {4, 65, 3, 85},
};
static const struct trust trust_in_mask = {4, 60, 3, 80};

static unsigned letters_of(const struct gate_reading *r) {
    unsigned count = 0;
    for (const char *p = r->text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        count +=
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c >= 0xC0;
    }
    return count;
}

static bool trusted(const struct gate_reading *r, const struct trust *t) {
    unsigned letters = letters_of(r);
    return (letters >= t->letters && r->confidence >= t->confidence) ||
           (letters >= t->few_letters && r->confidence >= t->great_confidence);
}

static bool is_lone(const struct gate_box *b) {
    return b->glyphs <= 1 && b->shape == GATE_SHAPE_TEXT;
}

static bool is_large(const struct gate_look *look, const struct gate_box *b) {
    uint64_t frame = (uint64_t)look->image->rows * look->image->columns;
    return (uint64_t)b->width * b->height * LARGE_PART > frame;
}

// What a reading comes to for this box.
static enum gate_meaning meaning_of(const struct gate_box *b, const struct gate_reading *r,
                                    const struct gate_subject *subject) {
    enum gate_meaning m = gate_reading_means(r, subject);
    unsigned letters = letters_of(r);
    if (m == GATE_MEANS_TECHNIQUE && letters * 2 < b->glyphs) {
        return GATE_MEANS_TEXT;
    }
    const struct trust *trust = is_lone(b) ? &trusts[GATE_MAYBE] : &trusts[b->sure];
    if (m == GATE_MEANS_TEXT && !trusted(r, trust)) {
        return GATE_MEANS_NOTHING;
    }
    return m;
}

static enum gate_judgement in_mask(const struct gate_box *b, const struct gate_reading *r,
                                   const struct gate_subject *subject) {
    if (r == NULL) {
        return b->sure == GATE_SURE ? GATE_JUDGED_OPEN : GATE_JUDGED_KEEP;
    }
    enum gate_meaning m = gate_reading_means(r, subject);
    bool text = m == GATE_MEANS_IDENTIFIER || (m == GATE_MEANS_TEXT && trusted(r, &trust_in_mask));
    return text ? GATE_JUDGED_BLACK : GATE_JUDGED_KEEP;
}

static enum gate_judgement unread(const struct gate_look *look, const struct gate_box *b,
                                  bool known) {
    if (b->sure != GATE_SURE && !known) {
        return GATE_JUDGED_OPEN;
    }
    return is_large(look, b) ? GATE_JUDGED_OPEN : GATE_JUDGED_BLACK;
}

static enum gate_judgement nothing_read(const struct gate_look *look, const struct gate_box *b,
                                        bool known) {
    bool still = b->shape == GATE_SHAPE_STATIC;
    bool expected = known || (b->sure == GATE_LIKELY && !is_lone(b) && (look->suspect || still));
    if ((b->sure == GATE_SURE && !is_lone(b)) || expected) {
        return is_large(look, b) ? GATE_JUDGED_OPEN : GATE_JUDGED_BLACK;
    }
    bool line = b->glyphs >= GLYPHS_OF_A_LINE;
    return b->sure == GATE_LIKELY && line ? GATE_JUDGED_OPEN : GATE_JUDGED_KEEP;
}

enum gate_judgement gate_box_judge(const struct gate_look *look, const struct gate_box *box,
                                   uint8_t traits, const struct gate_reading *reading,
                                   const struct gate_subject *subject) {
    bool known = (traits & (GATE_TRAIT_MARGIN | GATE_TRAIT_DEVICE)) != 0;
    if (box->shape == GATE_SHAPE_CODE) {
        return box->sure == GATE_MAYBE ? GATE_JUDGED_OPEN : GATE_JUDGED_BLACK;
    }
    if (look->matter == GATE_MATTER_MASK) {
        return in_mask(box, reading, subject);
    }
    if (reading == NULL) {
        return unread(look, box, known);
    }
    switch (meaning_of(box, reading, subject)) {
    case GATE_MEANS_TECHNIQUE:
        return GATE_JUDGED_KEEP;
    case GATE_MEANS_NOTHING:
        return nothing_read(look, box, known);
    case GATE_MEANS_TEXT:
    case GATE_MEANS_IDENTIFIER:
    default:
        return GATE_JUDGED_BLACK;
    }
}
