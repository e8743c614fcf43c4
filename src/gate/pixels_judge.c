// SPDX-License-Identifier: Apache-2.0
// The table. "Trusted" text has letters enough and a reader sure enough; what is not counts as
// nothing read. A technique word counts only where the reader saw about as many glyphs as the
// detector did: "L" out of a line of twelve is not a marker. "Known place": an island of a
// radiograph's margin, or where the device is known to write: no anatomy lies there. "Suspect": the
// header gives reason to expect writing.
//
//                identifier   technique   text          nothing                        not read
//   sure         black        keep        black         black                          black
//   likely       black        keep        black         black when of five glyphs or   open; black
//   in a
//                                                       more, static, suspect or in    known place
//                                                       a known place; else keep
//   maybe        black        keep        trusted:      keep; black in a known place   open; black
//   in a
//                                         black                                        known place
//   bar code     black (maybe: open)
//   in a mask    black        keep        trusted:      keep                           sure: open;
//   else (SEG, dose)                           black                                        keep
//
// A box over a twentieth of the frame that nobody read as text is open instead of black: that much
// may be anatomy.
#include "gate/pixels_judge.h"

#include <string.h>

#define GLYPHS_OF_A_LINE 5u
#define LARGE_PART 20u
#define TRUSTED_LETTERS 3u
#define TRUSTED_CONFIDENCE 40u
#define MASK_CONFIDENCE 60u
#define HARDLY_READ 20u // confidence below which short text is the reader's fancy

static unsigned letters_of(const struct gate_reading *r) {
    unsigned count = 0;
    for (const char *p = r->text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        count +=
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c >= 0xC0;
    }
    return count;
}

static bool trusted(const struct gate_reading *r, unsigned confidence) {
    return letters_of(r) >= TRUSTED_LETTERS && r->confidence >= confidence;
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
    if (m == GATE_MEANS_TEXT && b->sure == GATE_MAYBE && !trusted(r, TRUSTED_CONFIDENCE)) {
        return GATE_MEANS_NOTHING;
    }
    if (m == GATE_MEANS_TEXT && b->sure == GATE_LIKELY && r->confidence < HARDLY_READ &&
        letters < TRUSTED_LETTERS) {
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
    bool text = m == GATE_MEANS_IDENTIFIER || (m == GATE_MEANS_TEXT && trusted(r, MASK_CONFIDENCE));
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
    bool line = b->glyphs >= GLYPHS_OF_A_LINE || b->shape == GATE_SHAPE_STATIC || look->suspect;
    if (b->sure == GATE_SURE || known || (b->sure == GATE_LIKELY && line)) {
        return is_large(look, b) ? GATE_JUDGED_OPEN : GATE_JUDGED_BLACK;
    }
    return GATE_JUDGED_KEEP;
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
