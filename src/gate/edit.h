// SPDX-License-Identifier: Apache-2.0
// Small steps that all cleaning of structured content takes: values as UTF-8 and back, text by
// words, identifiers replaced, elements that nobody asked for removed. `path` is where the data set
// is ("" at the top, else "(0040,A730)[2]"), for notes.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/tag.h"
#include "dicom/vr.h"
#include "gate/context.h"

struct dcm_dataset;
struct dcm_node;
struct err;

#define GATE_PATH_MAX GATE_WHERE_MAX

// "PATH.(gggg,eeee)[index]", cut to fit. Returns `out`.
char *gate_path_item(const char *path, dcm_tag sequence, uint32_t index, char out[GATE_PATH_MAX]);
char *gate_path_element(const char *path, dcm_tag tag, char out[GATE_PATH_MAX]);

// The whole value as UTF-8 without padding, in the arena of the instance; empty when absent or not
// text.
struct slice gate_text_of(const struct gate_context *c, const struct dcm_dataset *d, dcm_tag tag);

// One or several short values (codes of the standard: CS, UI, SH) are the same in every character
// set.
bool gate_is(const struct dcm_dataset *d, dcm_tag tag, const char *text);

// Cleans a text element by words; *ret_kept: bytes left. 0: it has been removed (`keep_element`:
// emptied).
int gate_text_clean(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag, const char *path,
                    size_t *ret_kept, struct err *e);

// Puts UTF-8 text in the character set that applies, dropping what that cannot say.
int gate_text_put(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr,
                  struct slice utf8, struct err *e);

// Every UID of the element by gate_uid (or kept, as the profile says).
int gate_uids_clean(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag, struct err *e);

// The element as the header's rules would have it at this place: dates, names
// (gate_header_clean_item on a data set of its own). *ret_there: something is left.
int gate_by_header(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag, const char *path,
                   bool *ret_there, struct err *e);

// Removes what is not in `allowed` (ascending), what has another VR than the dictionary's, and
// notes it. False when an element is there twice.
bool gate_keep_only(struct gate_context *c, struct dcm_dataset *d, const dcm_tag *allowed,
                    size_t count, const char *path);

// Leaves nothing in it.
void gate_remove_all(struct dcm_dataset *d);

// Removes and notes when it was there.
void gate_drop(struct gate_context *c, struct dcm_dataset *d, dcm_tag tag, enum gate_kind kind,
               const char *path);

// Whether the subject or a recogniser would object to this text: it does not go through the words
// unchanged. `vocabulary`: words must be known, too; else only what the subject knows counts.
bool gate_text_objectionable(const struct gate_context *c, struct slice utf8, bool vocabulary);

// Whether a label made of parts ("LAYER_2", "CT-HEAD1") may stay: each run of letters a known word
// or one of the usual words of labels, each number of at most three digits, nothing of the
// subject's.
bool gate_label_plain(const struct gate_context *c, struct slice utf8);

// The lowest of a mask of enum gate_kind bits; FREE_TEXT for none.
enum gate_kind gate_kind_first(uint32_t kinds);
