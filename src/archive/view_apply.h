// SPDX-License-Identifier: Apache-2.0
// An instance as a view shows it: the data set that is stored with some attributes replaced, at the
// top and wherever they stand in items of sequences, as pieces in order. What was not touched is
// not copied: pixel data and the like stay slices of the bytes given. Private attributes are left
// alone. Only for objects of the archive, which the gate has released.
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/slice.h"
#include "dicom/reader.h"

struct err;
struct view;

#define VIEW_PIECES_MAX 65536
#define VIEW_HEAD_MAX ((size_t)256 << 20) // memory for one instance's elements

// Zero-initialise. Pieces point into `arena` and into the bytes they were made of.
struct view_pieces {
    struct arena arena;
    struct slice *pieces;
    size_t count;
    size_t copied; // bytes that are not slices of those given
};
void view_pieces_done(struct view_pieces *p);
static inline void cleanup_view_pieces(struct view_pieces *p) { view_pieces_done(p); }

// `body` is the whole data set in `encoding` (not deflated). Text is put in the data set's
// character set; where that lacks a character, all of its text moves to UTF-8. An attribute that
// the study does not have is added at the top, unless the text that stands for it is empty. `v`
// NULL, or nothing to replace in that study: one piece, the body itself.
int view_apply(const struct view *v, struct slice study_uid, struct slice body,
               enum dcm_encoding encoding, struct view_pieces *ret_pieces, struct err *e);
