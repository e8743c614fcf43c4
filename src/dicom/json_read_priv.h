// SPDX-License-Identifier: Apache-2.0
// What the two files of the DICOM JSON reader share: json_read.c walks, json_read_value.c makes
// values.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "dicom/dataset.h"
#include "dicom/json_read.h"

struct json_token;

struct dcm_json_level {
    struct dcm_dataset *dataset;
    dcm_tag sequence; // open at this level
    uint32_t items;
    uint32_t unordered;
    dcm_tag last;
};

struct dcm_json_reader {
    struct arena *arena;
    struct json_in *in;
    const struct dcm_json_read_options *options;
    struct buf value;  // of the element being read, as DICOM wants it
    struct buf text;   // of one string
    bool beyond_ascii; // some text needs ISO_IR 192
    unsigned depth;
    struct dcm_json_level levels[DCM_NESTING_MAX + 1];
};

// Ends an error with its place: the tag path here and an offset in the text. Returns e->code.
int dcm_json_place(struct dcm_json_reader *r, dcm_tag tag, uint64_t offset, struct err *e);
int dcm_json_refuse(struct dcm_json_reader *r, dcm_tag tag, const struct json_token *t, int code,
                    const char *what, struct err *e);

// Appends the value that begins with `t` to r->value; of a PN goes behind its object.
int dcm_json_take_text(struct dcm_json_reader *r, dcm_tag tag, enum dcm_vr vr,
                       const struct json_token *t, struct err *e);
int dcm_json_take_binary(struct dcm_json_reader *r, dcm_tag tag, enum dcm_vr vr,
                         const struct json_token *t, struct err *e);
