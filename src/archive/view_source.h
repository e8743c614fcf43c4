// SPDX-License-Identifier: Apache-2.0
// Where views come from. A door asks its source for the view of who is at it; teaching sessions
// will be one. The source here reads tables: a view is bound to the AE title of a peer.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/tag.h"

struct db;
struct err;
struct view;

struct view_source {
    // *ret_view: the caller's, or NULL: everything as it is stored. A failure is no permission: the
    // caller shows nothing.
    int (*open)(void *context, struct db *db, struct slice aet, struct view **ret_view,
                struct err *e);
    void *context;
};

// The rows of view, view_peer, view_study and view_attribute.
extern const struct view_source view_source_tables;

// --- filling the tables: each call within a transaction of the caller or as one of its own

#define VIEW_NAME_MAX 64

// Makes the view, or makes it anew (its studies, attributes and peers are gone then).
int view_rows_make(struct db *db, struct slice name, bool whole, struct err *e);
int view_rows_remove(struct db *db, struct slice name, struct err *e); // absent: E_NOT_FOUND
// Each checks what it is given as view.h does. E_NOT_FOUND: no such view.
int view_rows_add(struct db *db, struct slice name, struct slice study_uid, struct err *e);
// study_uid empty: for every study of the view that has no value of its own.
int view_rows_replace(struct db *db, struct slice name, struct slice study_uid, dcm_tag tag,
                      struct slice text, struct err *e);
// The AE title sees the archive through the view from its next request on. `name` empty: as it is
// stored again.
int view_rows_bind(struct db *db, struct slice aet, struct slice name, struct err *e);
