// SPDX-License-Identifier: Apache-2.0
// Shared by the files of the event reader: reader.c walks, reader_head.c reads the headers of
// elements, reader_place.c says where and why reading ended.
#pragma once

#include "base/num.h"
#include "dicom/reader.h"

struct err;

enum dcm_level_kind { DCM_LEVEL_TOP, DCM_LEVEL_ITEM, DCM_LEVEL_SEQUENCE, DCM_LEVEL_FRAGMENTS };
enum dcm_reader_state { DCM_READING = 0, DCM_ENDED = 1 }; // an error's code when negative

#define DCM_HEADER_LEN 8
#define DCM_WIDE_HEADER_LEN 12

// The header of an element.
struct dcm_head {
    dcm_tag tag;
    enum dcm_vr vr;
    enum dcm_encoding encoding;
    uint32_t length;
    uint8_t size; // bytes before the value
};

static inline dcm_tag dcm_tag_at(const uint8_t *p, enum dcm_encoding encoding) {
    return encoding == DCM_EXPLICIT_BE ? DCM_TAG(num_be16(p), num_be16(p + 2))
                                       : DCM_TAG(num_le16(p), num_le16(p + 2));
}

static inline uint32_t dcm_length_at(const uint8_t *p, enum dcm_encoding encoding) {
    return encoding == DCM_EXPLICIT_BE ? num_be32(p) : num_le32(p);
}

extern const bool dcm_wide_vr[DCM_VR_COUNT]; // two reserved bytes and a 32-bit length

// The header that nearly every element of an explicit little-endian file has, read without a call;
// false for every other one.
static inline bool dcm_short_head(const struct dcm_reader_level *level, const uint8_t *p,
                                  struct dcm_head *h) {
    enum dcm_vr vr = dcm_vr_parse(p + 4);
    if (level->encoding != DCM_EXPLICIT_LE || vr == DCM_VR_NONE || dcm_wide_vr[vr]) {
        return false;
    }
    h->vr = vr;
    h->encoding = DCM_EXPLICIT_LE;
    h->length = num_le16(p + 6);
    h->size = DCM_HEADER_LEN;
    return true;
}

// Notes that the standard's rules alone did not tell how to read on.
static inline void dcm_reader_guess(struct dcm_reader *r, uint32_t oddity) {
    r->oddities |= oddity;
    r->guesses++;
}

// Reads the header at r->at, of which `left` bytes (at least DCM_HEADER_LEN) are in the level, and
// leaves r->at where it is. h->tag is set by the caller. May change level->encoding at its first
// element.
int dcm_reader_head(struct dcm_reader *r, struct dcm_reader_level *level, const uint8_t *p,
                    uint64_t left, struct dcm_head *h, struct err *e);

// Errors. Each ends the reading and returns its code, with the place `at` in the input and the
// path.

// Finishes an error that the caller has set.
int dcm_reader_refuse(struct dcm_reader *r, dcm_tag tag, uint64_t at, struct err *e);

// `what` with `tag` at `at` declares more bytes than there are; r->at is behind its header.
int dcm_reader_too_short(struct dcm_reader *r, dcm_tag tag, uint64_t at, const char *what,
                         uint64_t declared, uint64_t available, struct err *e);

// Fewer bytes than a header has; `after` is what stands before them.
int dcm_reader_cut_header(struct dcm_reader *r, dcm_tag after, uint64_t available, struct err *e);

// "(gggg,eeee) stands where …".
int dcm_reader_not_expected(struct dcm_reader *r, dcm_tag tag, const char *where, struct err *e);

// The innermost level, a structure of undefined length, ends without a delimiter.
int dcm_reader_no_delimiter(struct dcm_reader *r, const char *what, struct err *e);
