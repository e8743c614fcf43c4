// SPDX-License-Identifier: Apache-2.0
// Identifiers of responses, element by element in ascending order, in the encoding of their
// presentation context, text in a character set. No tree is built: a search may have many answers.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/charset.h"
#include "dicom/reader.h"
#include "dicom/tag.h"
#include "dicom/vr.h"

struct buf;

#define ANSWER_DEPTH_MAX 4

struct answer {
    struct buf *out;
    enum dcm_encoding encoding;
    const struct dcm_charset *charset;
    bool lacking; // a text could not be said in the character set: the answer is void
    size_t open[ANSWER_DEPTH_MAX]; // where the lengths of sequences and items stand
    unsigned depth;
};

// One element from text in UTF-8, values apart by backslashes, whatever its VR (numbers in decimal;
// what is none is left empty). Padded as PS3.5 6.2.
void answer_put(struct answer *a, dcm_tag tag, enum dcm_vr vr, struct slice utf8);
void answer_put_str(struct answer *a, dcm_tag tag, enum dcm_vr vr, const char *ascii);
// A sequence; each item begins and ends in it. Lengths are explicit.
void answer_begin_sequence(struct answer *a, dcm_tag tag);
void answer_begin_item(struct answer *a);
void answer_end(struct answer *a); // of the item or sequence begun last
