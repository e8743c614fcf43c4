// SPDX-License-Identifier: Apache-2.0
// The hold room: what a person sees of a hold, draws on it and decides. Its file is decrypted to
// memory for each look and parsed in a worker only. Who calls has asked policy: seeing what was not
// cleaned is an action of its own (POLICY_HOLD_LOOK).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "archive/hold.h"

struct archive;
struct arena;
struct buf;
struct err;

struct hold_picture {
    uint32_t frame; // from 1
    uint32_t side;  // longest side; 0: full resolution
    bool result;    // as it would be stored with the boxes as they are; else as it came
};
// Appends a PNG. E_NOT_FOUND beyond the last frame; E_NOT_ACCEPTABLE: there is no picture.
int hold_picture(struct archive *a, const struct hold_row *hold, const struct hold_picture *picture,
                 struct buf *out, struct err *e);

// Appends {"rows":[{"path","tag","keyword","vr","before","after","done"}]}: what was taken away is
// masked ("•••", with its size as short, long or longer) unless `shown`.
int hold_header(struct archive *a, const struct hold_row *hold, bool shown, struct buf *out,
                struct err *e);

// Appends a PNG of the surface of the series that the hold belongs to, as it came or without the
// face. E_NOT_ACCEPTABLE: its slices make no volume.
int hold_face(struct archive *a, const struct hold_row *hold, bool after, struct buf *out,
              struct err *e);

// --- boxes

struct hold_box {
    uint32_t frame; // from 1; 0: every frame
    uint16_t x, y, width, height;
    bool keep; // it is no text or may stay; else it is blacked
};
#define HOLD_BOXES_MAX 1000

// Of JSON [{"frame","x","y","width","height","kind":"black|keep"}]. E_SYNTAX, E_ARGUMENT and
// E_LIMIT name the box. Those that lie outside of the picture are refused.
int hold_boxes_parse(struct slice json, const struct hold_row *hold, struct arena *m,
                     struct hold_box **ret_list, size_t *ret_count, struct err *e);
// What the gate saw: each box with its object of the row's JSON and "by":"gate" in it.
struct hold_seen {
    struct hold_box box;
    struct slice json;
};
int hold_boxes_seen(const struct hold_row *hold, struct arena *m, struct hold_seen **ret_list,
                    size_t *ret_count, struct err *e);
// Those that the gate blacked, of the hold's row.
int hold_boxes_of_gate(const struct hold_row *hold, struct arena *m, struct hold_box **ret_list,
                       size_t *ret_count, struct err *e);
void hold_boxes_write(const struct hold_box *list, size_t count, struct buf *out);

// Keeps them as the hold's draft; with `series` as that of all that are held of its series and
// shape, too. E_CONFLICT: not on `version` any more.
int hold_draft(struct archive *a, const struct hold_row *hold, int64_t version,
               const struct hold_box *list, size_t count, bool series, struct err *e);

// --- decisions

enum hold_verb { HOLD_VERB_RELEASE, HOLD_VERB_REFUSE, HOLD_VERB_RETURN };
enum hold_scope { HOLD_SCOPE_INSTANCE, HOLD_SCOPE_SERIES, HOLD_SCOPE_STUDY };
enum hold_choice {
    HOLD_CHOICE_NONE,
    HOLD_CHOICE_DEFACED,    // what the gate made of the face is good
    HOLD_CHOICE_KEY_IMAGES, // single images, no volume
    HOLD_CHOICE_CONSENT     // the patient agreed; a reference to the document
};
bool hold_verb_parse(struct slice text, enum hold_verb *ret_verb);
bool hold_scope_parse(struct slice text, enum hold_scope *ret_scope);
bool hold_choice_parse(struct slice text, enum hold_choice *ret_choice);
const char *hold_choice_word(enum hold_choice choice); // "" for none

struct hold_wish {
    enum hold_verb verb;
    enum hold_scope scope;
    enum hold_choice choice;
    const char *person;  // as typed; not empty
    const char *reason;  // not empty for refuse and return
    const char *consent; // reference, with HOLD_CHOICE_CONSENT; NULL
};
#define HOLD_TEXT_MAX 400 // of a reason or a reference

// Whether releasing asks for two persons: the profile says so, or the combination of what is left
// may single somebody out, a face was removed, or somebody's consent is relied on (clauses N5,
// N14).
bool hold_needs_second(const struct archive *a, const struct hold_row *hold,
                       enum hold_choice choice);
// Which choices a hold offers, as bits 1 << enum hold_choice.
unsigned hold_choices(const struct hold_row *hold);

struct hold_outcome {
    enum hold_state state; // of the hold that was named
    uint64_t done;         // how many holds went that way
    uint64_t still_held;   // of those that were to be released
};
// Decides, for all of the scope that waits; in each case the decision is appended to the history
// first. Releasing runs the passage again with the drafts as orders: what the gate still objects to
// and nobody may lift stays held. E_ARGUMENT: something is missing. E_DENIED with a clause in the
// text: not this person, not this way. E_CONFLICT: it is decided already. E_NOT_FOUND: its key is
// gone.
int hold_decide(struct archive *a, const struct hold_row *hold, const struct hold_wish *wish,
                struct hold_outcome *ret_outcome, struct err *e);
