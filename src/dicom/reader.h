// SPDX-License-Identifier: Apache-2.0
// The event reader: walks an encoded data set (PS3.5 7) without copying and without recursion. The
// tree (dataset.h), the dump and the archive's extraction all stand on it. It does not read the
// Part 10 preamble and meta information: part10.h does, and hands the rest to this.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/tag.h"
#include "dicom/vr.h"

struct err;

#define DCM_NESTING_MAX 32                   // levels of sequences
#define DCM_ELEMENTS_MAX ((uint64_t)8000000) // in one data set, items and fragments counted
#define DCM_LENGTH_UNDEFINED 0xFFFFFFFFu
#define DCM_PATH_MAX 160

// How a data set is encoded (PS3.5 Annex A). Deflated data sets are inflated before they come here.
enum dcm_encoding { DCM_IMPLICIT_LE, DCM_EXPLICIT_LE, DCM_EXPLICIT_BE };

enum dcm_event {
    DCM_EVENT_END = 0,        // the data set is complete; every further call says so again
    DCM_EVENT_ELEMENT,        // any element but a sequence; value is set
    DCM_EVENT_SEQUENCE_BEGIN, // value is empty; length as declared
    DCM_EVENT_ITEM_BEGIN,
    DCM_EVENT_ITEM_END,
    DCM_EVENT_SEQUENCE_END,
    DCM_EVENT_FRAGMENTS_BEGIN, // encapsulated pixel data (PS3.5 A.4)
    DCM_EVENT_FRAGMENT,        // value is one item's bytes; the first is the Basic Offset Table
    DCM_EVENT_FRAGMENTS_END
};

// What the file had that the standard does not allow and the reader could still understand. Each
// sets a bit in dcm_reader.oddities; structural refusals are errors instead.
#define DCM_ODDITY_LIST(X)                                                                         \
    X(UNORDERED, "elements out of order")                                                          \
    X(DUPLICATE, "an element twice in one data set")                                               \
    X(ODD_LENGTH, "a value of odd length")                                                         \
    X(UNKNOWN_VR, "VR letters that the standard does not have")                                    \
    X(IMPLICIT_IN_EXPLICIT, "implicit VR inside an explicit VR data set")                          \
    X(EXPLICIT_IN_IMPLICIT, "explicit VR inside an implicit VR data set")                          \
    X(ITEM_OUTSIDE, "a delimiter outside of a sequence")                                           \
    X(MISSING_DELIMITER, "an item of undefined length ends with the input")                        \
    X(ITEM_OVERRUN, "an item longer than its sequence, at the end of the input")                   \
    X(TRAILING, "bytes behind the data set")

enum dcm_oddity {
#define X(name, words) DCM_ODDITY_BIT_##name,
    DCM_ODDITY_LIST(X)
#undef X
        DCM_ODDITY_COUNT
};
#define DCM_ODDITY(name) (1u << DCM_ODDITY_BIT_##name)
const char *dcm_oddity_words(enum dcm_oddity which);

// One event. Valid until the bytes under the reader go; slices point into them.
struct dcm_element {
    dcm_tag tag;
    // As written; for implicit VR from the dictionary (UN when unknown; SS for "US or SS" where
    // Pixel Representation says signed). Every SEQUENCE_BEGIN says SQ, also where UN was written:
    // of undefined length (PS3.5 6.2.2), or of defined length with a tag that the dictionary knows
    // as SQ and a value that is a whole sequence in implicit VR.
    enum dcm_vr vr;
    enum dcm_encoding encoding; // of this element (UN of undefined length holds implicit VR)
    uint32_t length;            // as declared; DCM_LENGTH_UNDEFINED possible
    uint64_t offset;            // of the first byte of its tag, from the start of the input
    uint64_t end;               // behind the value; END events: behind the structure
    struct slice value; // in the byte order of `encoding`; END events: all between header and
                        // delimiter
    uint32_t index;     // ITEM_*, FRAGMENT: number within its sequence from 0
    uint16_t depth;     // sequences (or fragments) around it: 0 for elements of the top level
    uint8_t header;     // bytes from the tag to the value: 8 or 12
};

struct dcm_reader_level {
    dcm_tag tag;                // of the sequence
    uint64_t end;               // in input; of what is around it when undefined
    uint64_t offset;            // in input, of its tag
    uint64_t content;           // in input, behind its header
    uint32_t index;             // of the current item or fragment; of itself for an item
    uint32_t length;            // as declared
    enum dcm_encoding encoding; // inside
    uint8_t kind;               // private to reader.c
    bool undefined;
    bool started;              // an element was read in it
    bool signed_pixels;        // Pixel Representation is 1
    enum dcm_vr vr;            // of the element that began it
    enum dcm_encoding outside; // encoding of the element that began it
    dcm_tag last_tag;          // for order
};

struct dcm_reader {
    struct slice input;
    uint64_t base;    // added to every offset reported
    uint64_t at;      // next unread byte of input
    uint64_t stop_at; // UINT64_MAX; set after init to end before the first top-level tag >= it, the
                      // bytes of which need not be there
    uint64_t count;
    uint32_t oddities; // DCM_ODDITY bits so far
    uint32_t guesses;  // how often one of them decided how to read on
    uint16_t depth;    // levels in use
    bool literal;      // private: no second reading of what does not fit
    bool zeros_seen;   // private
    int state;         // private; sticky after an error
    struct dcm_reader_level levels[2 * DCM_NESTING_MAX + 2];
};

// `base` is where input begins in its file (reported offsets count from the file's start).
void dcm_reader_init(struct dcm_reader *r, struct slice input, enum dcm_encoding encoding,
                     uint64_t base);

// The next event (enum dcm_event, 0 at the end) or a negative error with offset and tag path; the
// error is sticky. *ret_element is written for every event but END.
int dcm_reader_next(struct dcm_reader *r, struct dcm_element *ret_element, struct err *e);

// After SEQUENCE_BEGIN, ITEM_BEGIN or FRAGMENTS_BEGIN: go to the matching END event without
// reporting what is inside (defined lengths are jumped over without looking). Returns as
// dcm_reader_next.
int dcm_reader_skip(struct dcm_reader *r, struct dcm_element *ret_element, struct err *e);

// Where the reader stands: "(0040,A730)[2].(0040,A043)". Returns `out`.
char *dcm_reader_path(const struct dcm_reader *r, dcm_tag tag, char out[DCM_PATH_MAX]);
