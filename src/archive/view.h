// SPDX-License-Identifier: Apache-2.0
// How somebody sees the archive: which studies there are for him, and what stands in the place of
// some of their attributes (an alias for the name, a neutral description, comments). Answers of
// searches, their matching (search.h) and instances on their way out (view_apply.h) go through it;
// what is stored stays as it is. NULL for a view means everything as it is stored. A view is made,
// filled, and then only read, by any number of threads.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "dicom/tag.h"
#include "dicom/vr.h"

struct err;
struct view;

#define VIEW_STUDIES_MAX 10000
#define VIEW_VALUES_MAX 64           // attributes of one study
#define VIEW_TEXT_MAX ((size_t)4096) // bytes of one value
#define VIEW_MEMORY_MAX ((size_t)64 << 20)

// One replaced attribute: UTF-8, values apart by backslashes; empty: shown as empty.
struct view_value {
    dcm_tag tag;
    enum dcm_vr vr;
    struct slice text;
};

// `whole`: every study is there; otherwise only those of view_add. NULL when memory is short.
struct view *view_new(bool whole);
void view_free(struct view *v); // NULL allowed

// E_LIMIT. A study that is there already: E_OK.
int view_add(struct view *v, struct slice study_uid, struct err *e);
// Replaces the attribute in one study (which is added), or, study_uid empty, in all of the view
// that have no value of their own. Texts are copied. E_ARGUMENT for what cannot be replaced: UIDs,
// private attributes, what is no text, what describes pixels; and for text that the VR does not
// allow.
int view_replace(struct view *v, struct slice study_uid, dcm_tag tag, struct slice text,
                 struct err *e);

// Of NULL: true.
bool view_shows(const struct view *v, struct slice study_uid);
bool view_is_whole(const struct view *v);
// What stands for the attribute in that study; NULL: what is stored.
const struct view_value *view_value(const struct view *v, struct slice study_uid, dcm_tag tag);
// Whether some study of the view has something else there than what is stored.
bool view_replaces(const struct view *v, dcm_tag tag);
// Whether anything is replaced in that study.
bool view_changes(const struct view *v, struct slice study_uid);

// The studies that were named, in order of UID; values beyond `index` are NULL / empty.
size_t view_study_count(const struct view *v);
struct slice view_study(const struct view *v, size_t index);
const struct view_value *view_study_value(const struct view *v, size_t index, dcm_tag tag);
// The value of a study that was not named (whole views); NULL: what is stored.
const struct view_value *view_default(const struct view *v, dcm_tag tag);

// All values of a study, its own first; `out` has room for 2 * VIEW_VALUES_MAX. Returns their
// number.
size_t view_values(const struct view *v, struct slice study_uid,
                   const struct view_value *out[2 * VIEW_VALUES_MAX]);
