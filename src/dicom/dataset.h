// SPDX-License-Identifier: Apache-2.0
// The data set as a tree in an arena, built on the event reader. Values borrow from the bytes that
// were read; changed values live in the arena. An element remembers the bytes it was read from, so
// that what was not touched is written back exactly as it was (writer.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "dicom/reader.h"
#include "dicom/tag.h"
#include "dicom/vr.h"

struct arena;
struct err;

struct dcm_fragment {
    struct slice bytes;
    uint64_t offset; // of the item's tag in the file
};

struct dcm_node;

struct dcm_dataset {
    struct arena *arena;
    struct dcm_node *nodes; // in file order
    uint32_t count;
    uint32_t cap;
    bool sorted;                // ascending tags, so look-ups are by bisection
    bool changed;               // here or anywhere below
    bool guessed;               // something in it was read by a guess (dcm_reader.guesses)
    bool undefined;             // an item of undefined length
    struct dcm_dataset *parent; // NULL at the top
    enum dcm_encoding encoding; // of the bytes it was read from
    struct slice raw;           // its content's bytes; empty when made by hand
};

struct dcm_node {
    dcm_tag tag;
    enum dcm_vr vr;
    enum dcm_encoding encoding; // of value and raw
    bool changed;               // or read by a guess: written anew when its data set is
    bool undefined;             // sequence or fragments of undefined length
    uint64_t offset;            // of the element in the file; 0 when made by hand
    struct slice value;         // in `encoding`'s byte order; empty for sequences and fragments
    struct slice raw;           // the whole element as read, header included; empty when made
    struct dcm_dataset **items; // SQ
    uint32_t item_count;
    struct dcm_fragment *fragments; // encapsulated pixel data: [0] is the Basic Offset Table
    uint32_t fragment_count;
};

// Parses a whole data set. `stop_at` ends the tree before the first top-level tag >= it (0: read
// all). Memory comes from `a`, within its limit (E_LIMIT). *ret_oddities (may be NULL) as
// dcm_reader.oddities.
int dcm_dataset_read(struct arena *a, struct slice input, enum dcm_encoding encoding, uint64_t base,
                     dcm_tag stop_at, struct dcm_dataset **ret_dataset, uint32_t *ret_oddities,
                     struct err *e);

// An empty one; `encoding` is what put functions store. NULL when memory is short.
struct dcm_dataset *dcm_dataset_new(struct arena *a, enum dcm_encoding encoding);

// NULL when absent. A private element is found by its creator, wherever its block lies
// (PS3.5 7.8.1): `group` odd, `element` the low byte.
const struct dcm_node *dcm_get(const struct dcm_dataset *d, dcm_tag tag);
const struct dcm_node *dcm_get_private(const struct dcm_dataset *d, uint16_t group,
                                       const char *creator, uint8_t element);

// Item `index` of a sequence, or NULL.
const struct dcm_dataset *dcm_item(const struct dcm_node *sequence, uint32_t index);
// sequence tag then item 0: NULL when either is absent.
const struct dcm_dataset *dcm_first_item(const struct dcm_dataset *d, dcm_tag sequence);

// Reading values. Text comes without padding; `index` counts values split at backslashes (or units
// of binary values). Each answers false when absent, empty or not of that kind.
bool dcm_text(const struct dcm_dataset *d, dcm_tag tag, uint32_t index, struct slice *ret_text);
bool dcm_int(const struct dcm_dataset *d, dcm_tag tag, uint32_t index, int64_t *ret_value);
bool dcm_double(const struct dcm_dataset *d, dcm_tag tag, uint32_t index, double *ret_value);
uint32_t dcm_value_count(const struct dcm_node *n); // VM as present; 0 when empty

// The same for a node in hand.
bool dcm_node_text(const struct dcm_node *n, uint32_t index, struct slice *ret_text);
bool dcm_node_int(const struct dcm_node *n, uint32_t index, int64_t *ret_value);
bool dcm_node_double(const struct dcm_node *n, uint32_t index, double *ret_value);

// Changing moves nodes: no pointer to a node of `d` outlives it (items stay where they are).
// A value is copied into the arena, padded to even length with the VR's pad byte, put at
// its place in tag order, and every data set above is marked changed. Too long for the VR's length
// field or against the VR's unit: E_VALUE.
int dcm_put(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, struct slice value, struct err *e);
int dcm_put_str(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, const char *text,
                struct err *e);
// US SS UL SL UV SV AT, IS and DS from numbers, in the data set's byte order.
int dcm_put_ints(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, const int64_t *values,
                 uint32_t count, struct err *e);
// FL FD, and DS as text of at most 16 characters that keeps as many digits as fit.
int dcm_put_doubles(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, const double *values,
                    uint32_t count, struct err *e);
// Borrowed, not copied: `value` must outlive the data set (pixel data).
int dcm_put_borrowed(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr, struct slice value,
                     struct err *e);
// An item at the end of a sequence, made when absent.
int dcm_add_item(struct dcm_dataset *d, dcm_tag sequence, struct dcm_dataset **ret_item,
                 struct err *e);
// Encapsulated pixel data: fragment 0 is the Basic Offset Table (may be empty). Borrowed.
int dcm_put_fragments(struct dcm_dataset *d, dcm_tag tag, enum dcm_vr vr,
                      const struct slice *fragments, uint32_t count, struct err *e);
// true when it was there.
bool dcm_remove(struct dcm_dataset *d, dcm_tag tag);
// Takes item `index` (from 0) out of a sequence, the last one together with the sequence. true when
// it was there. The item itself stays valid.
bool dcm_remove_item(struct dcm_dataset *d, dcm_tag sequence, uint32_t index);
