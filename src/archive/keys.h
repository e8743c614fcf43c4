// SPDX-License-Identifier: Apache-2.0
// From a value's text to what the catalogue compares: folded text, numbers for dates, times and
// whole numbers, words for the catalogue page.
#pragma once

#include <stdint.h>

#include "base/slice.h"

struct buf;

// yyyymmdd; 0 when the text is empty or no date. Of several values the first.
int64_t key_date(struct slice text);

// Microseconds since midnight of the first instant; -1 when there is none.
int64_t key_time(struct slice text);

// INT64_MAX when there is none.
int64_t key_number(struct slice text);

// Appends the text folded, runs of white space as one space.
void key_fold(struct buf *out, struct slice text);

// The same for person names: each component group without trailing ^ and spaces around components.
void key_name(struct buf *out, struct slice text);

// Calls each(word) for every word of a folded text: runs of letters and digits (all beyond ASCII
// are), cut at KEY_WORD_MAX bytes.
#define KEY_WORD_MAX 64
void key_words(struct slice folded, void (*each)(struct slice word, void *context), void *context);
